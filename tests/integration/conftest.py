"""What the integration tests share: a tracking store of their own, and a chain run once."""

from collections.abc import Iterator
from pathlib import Path

import mlflow
import pytest

from steps import preprocess, split
from tests.integration.chain import Chain, configuration
from tests.small import save_corpus, save_encoder


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the tests of a module a store of their own (a new one costs seconds), then MLflow its former one back."""
    folder = tmp_path_factory.mktemp("store")
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    before = mlflow.get_tracking_uri()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", uri)
        patch.delenv("MLFLOW_RUN_ID", raising=False)
        mlflow.set_tracking_uri(uri)
        experiment = mlflow.create_experiment("test", artifact_location=(folder / "artifacts").as_uri())
        mlflow.set_experiment(experiment_id=experiment)
        yield uri
    mlflow.set_tracking_uri(before)


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
