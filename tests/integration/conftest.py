"""What the integration tests share: a tracking store of their own, trained candidates, and a chain run once."""

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
from steps import preprocess, split, train_baseline
from tests.conftest import Once
from tests.corpora import save_corpus
from tests.integration.candidates import SharedCandidates, train_shared
from tests.integration.chain import CONF, Chain, configuration, last_run
from tests.sentence_encoder import save_encoder


@contextmanager
def connected(uri: str, folder: Path) -> Iterator[str]:
    """Have MLflow use the experiment `test` of a store, then give it its former store back."""
    before = mlflow.get_tracking_uri()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", uri)
        patch.delenv("MLFLOW_RUN_ID", raising=False)
        mlflow.set_tracking_uri(uri)
        if mlflow.get_experiment_by_name("test") is None:
            mlflow.create_experiment("test", artifact_location=(folder / "artifacts").as_uri())
        mlflow.set_experiment("test")
        yield uri
    mlflow.set_tracking_uri(before)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, new_store: Callable[[Path], str]) -> Iterator[str]:
    """Give the tests of a module a store of their own, then MLflow its former one back."""
    folder = tmp_path_factory.mktemp("store")
    with connected(new_store(folder), folder) as uri:
        yield uri


@pytest.fixture(scope="session")
def candidates_folder(once: Once, new_store: Callable[[Path], str]) -> Path:
    """Train the shared candidates, once for all workers: their splits, and a store with their runs and models."""

    def make(folder: Path) -> None:
        with connected(new_store(folder), folder):
            train_shared(folder)

    return once("candidates", make)


@pytest.fixture(scope="module")
def shared(candidates_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedCandidates]:
    """Give the tests of a module a store of their own that holds the shared candidates."""
    folder = Path(shutil.copytree(candidates_folder, tmp_path_factory.mktemp("candidates") / "store"))
    relocation.replace(folder / "mlflow.db", candidates_folder, folder)
    with connected(stores.sqlite_uri(folder / "mlflow.db"), folder) as uri:
        yield SharedCandidates.read(folder, store=uri)


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Save a picture of a few pixels in the place of each plot: drawing takes half the time of a step on few tweets."""
    savefig, empty = Figure.savefig, Figure(figsize=(0.1, 0.1))
    monkeypatch.setattr(Figure, "savefig", lambda _, file, **settings: savefig(empty, file, **settings))


@pytest.fixture(scope="module")
def chain(store: str) -> Chain:  # noqa: ARG001
    """Run split and preprocess once for the tests of a module."""
    splits = split.main(configuration("data.rows=500"))
    return Chain(splits=splits, corpus=preprocess.main(configuration(f"inputs.splits={splits}")))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a small corpus, for the tests of a module."""
    return save_corpus(tmp_path_factory.mktemp("small") / "corpus")


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a tiny sentence encoder with the signature of the real one."""
    return save_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture
def experiment(store: str, tmp_path: Path) -> Iterator[None]:  # noqa: ARG001
    """Give a test an experiment of its own, where nothing has been made yet."""
    before = mlflow.tracking.fluent._get_experiment_id()
    location = (tmp_path / "artifacts").as_uri()
    mlflow.set_experiment(experiment_id=mlflow.create_experiment(str(tmp_path), artifact_location=location))
    yield
    mlflow.set_experiment(experiment_id=before)


def select(cfg: DictConfig) -> None:
    """Leave behind of the step `select` what decides whether it is run again."""
    with runs.start("select", cfg):
        mlflow.set_tag("aliases", str(registry.aliases(cfg.select.name)))
        mlflow.log_text("what select has said", launch.SUMMARY)


STEPS: dict[str, Callable[[DictConfig], Any]] = {
    "split": split.main,
    "preprocess": preprocess.main,
    "train_baseline": train_baseline.main,
    "select": select,
}


@pytest.fixture
def launched(store: str, undrawn: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:  # noqa: ARG001
    """Run the steps that are launched in this process, which takes no seconds to start; return the list of them."""
    noted = []

    def in_process(step: str, name: str, options: list[str], inputs: Mapping[str, Any]) -> Run:
        noted.append(step)
        uris = [f"inputs.{key}={value}".replace("'", "") for key, value in inputs.items()]
        cfg = compose("config", overrides=[*options, *uris])
        with ThreadPoolExecutor(1) as beside_the_open_run:
            try:
                beside_the_open_run.submit(STEPS[step], cfg).result()
            except (InstantiationException, UserError) as error:
                raise launch.StepError(f"{name} failed") from error
        made = last_run().info.run_id
        MlflowClient().set_tag(made, "mlflow.runName", name)
        MlflowClient().set_tag(made, "mlflow.parentRunId", runs.active().info.run_id)
        return mlflow.get_run(made)

    monkeypatch.setattr(launch, "launch", in_process)
    with initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
        yield noted
