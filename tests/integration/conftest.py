"""Fixtures of the integration tests: tracking stores, trained candidates, and the first steps run once per module."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mlflow
import pytest
from hydra import compose, initialize_config_dir
from hydra.errors import InstantiationException
from matplotlib.figure import Figure
from mlflow.entities import Run
from mlflow.tracking import MlflowClient
from omegaconf import DictConfig

from pipeline import launch, registry, relocation, runs
from pipeline import store as stores
from sentiment.inference.errors import UserError
from sentiment.reports import evidently_report
from steps import preprocess, split, train_baseline
from tests.conftest import Once
from tests.corpora import data, save_corpus
from tests.integration.candidates import SharedCandidates, train_shared
from tests.integration.chain import CONF, Chain, configuration, last_run
from tests.sentence_encoder import save_encoder


@contextmanager
def using_store(uri: str, folder: Path, experiment: str = "test") -> Iterator[str]:
    """Use an experiment of a store, with artifacts in `folder` if it is new, then switch MLflow back to its former
    store.
    """
    before = mlflow.get_tracking_uri()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", uri)
        patch.delenv("MLFLOW_RUN_ID", raising=False)
        mlflow.set_tracking_uri(uri)
        if mlflow.get_experiment_by_name(experiment) is None:
            mlflow.create_experiment(experiment, artifact_location=(folder / "artifacts").as_uri())
        mlflow.set_experiment(experiment)
        yield uri
    mlflow.set_tracking_uri(before)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, new_store: Callable[[Path], str]) -> Iterator[str]:
    """Use a new store for the tests of a module."""
    folder = tmp_path_factory.mktemp("store")
    with using_store(new_store(folder), folder) as uri:
        yield uri


@pytest.fixture(scope="session")
def candidates_folder(once: Once, new_store: Callable[[Path], str]) -> Path:
    """Train the shared candidates once for all workers; return the folder of their splits, store and models."""

    def make(folder: Path) -> None:
        with using_store(new_store(folder), folder):
            train_shared(folder)

    return once("candidates", make)


@pytest.fixture(scope="module")
def shared(candidates_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedCandidates]:
    """Use a copy of the store with the shared candidates for the tests of a module."""
    folder = Path(shutil.copytree(candidates_folder, tmp_path_factory.mktemp("candidates") / "store"))
    relocation.replace(folder / "mlflow.db", candidates_folder, folder)
    with using_store(stores.sqlite_uri(folder / "mlflow.db"), folder) as uri:
        yield SharedCandidates.read(folder, store=uri)


@pytest.fixture
def no_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Save an image of a few pixels instead of each plot: drawing takes half the time of a step on few tweets."""
    savefig, empty = Figure.savefig, Figure(figsize=(0.1, 0.1))
    monkeypatch.setattr(Figure, "savefig", lambda _, file, **settings: savefig(empty, file, **settings))


@pytest.fixture
def without_evidently(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write an empty page in place of evidently's report, whose import takes seconds."""
    monkeypatch.setattr(evidently_report, "write", lambda *_, file, **__: file.write_text("", encoding="utf-8"))


@pytest.fixture(scope="module")
def chain(store: str) -> Chain:  # noqa: ARG001
    """Run `split` and `preprocess` once for the tests of a module."""
    splits = split.main(configuration(*data(500)))
    return Chain(splits=splits, corpus=preprocess.main(configuration(f"inputs.splits={splits}")))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a small corpus for the tests of a module."""
    return save_corpus(tmp_path_factory.mktemp("small") / "corpus")


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a tiny sentence encoder with the signature of the real one."""
    return save_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture
def experiment(store: str, tmp_path: Path) -> Iterator[None]:  # noqa: ARG001
    """Use a new, empty experiment for a test."""
    before = mlflow.tracking.fluent._get_experiment_id()
    location = (tmp_path / "artifacts").as_uri()
    mlflow.set_experiment(experiment_id=mlflow.create_experiment(str(tmp_path), artifact_location=location))
    yield
    mlflow.set_experiment(experiment_id=before)


def select(cfg: DictConfig) -> None:
    """Log only the parts of the step `select` that decide whether it is reused."""
    with runs.start("select", cfg):
        mlflow.set_tag("aliases", str(registry.aliases(cfg.select.name)))
        mlflow.log_text("the summary of select", launch.SUMMARY)


STEPS: dict[str, Callable[[DictConfig], Any]] = {
    "split": split.main,
    "preprocess": preprocess.main,
    "train_baseline": train_baseline.main,
    "select": select,
}


@pytest.fixture
def launched_steps(store: str, no_plots: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:  # noqa: ARG001
    """Run launched steps in this process, since starting others takes seconds; return the list of these steps."""
    steps = []

    def in_process(step: str, name: str, options: list[str], inputs: Mapping[str, Any]) -> Run:
        steps.append(step)
        uris = [f"inputs.{key}={value}".replace("'", "") for key, value in inputs.items()]
        cfg = compose("config", overrides=[*options, *uris])
        with ThreadPoolExecutor(1) as executor:  # another thread, as this one has an open run
            try:
                executor.submit(STEPS[step], cfg).result()
            except (InstantiationException, UserError) as error:
                raise launch.StepError(f"{name} failed") from error
        run_id = last_run().info.run_id
        MlflowClient().set_tag(run_id, "mlflow.runName", name)
        MlflowClient().set_tag(run_id, "mlflow.parentRunId", runs.active().info.run_id)
        return mlflow.get_run(run_id)

    monkeypatch.setattr(launch, "launch", in_process)
    with initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
        yield steps
