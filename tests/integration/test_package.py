"""The step `package`: building a Bento of the champion, and its errors."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import bentoml
import mlflow
import pytest
import yaml
from click.testing import CliRunner
from hydra.core.hydra_config import HydraConfig
from mlflow.cli import gc
from mlflow.tracking import MlflowClient

from pipeline import registry, scoring
from pipeline.artifacts import ArtifactError, run_id
from pipeline.packaging import PackagingError
from pipeline.registry import CHAMPION, RegistryError
from pipeline.store import closing_connection
from service import digests
from service.model import PackagedModel
from steps import package, predict, select
from tests.integration.candidates import (
    SharedCandidates,
    command_line_configuration,
    folder_of,
    make_champion,
    predict_in_process,
    restored,
)
from tests.integration.chain import configuration, last_run
from tests.signed_model import save_keys

pytestmark = pytest.mark.usefixtures("shared")


@pytest.fixture(scope="module")
def selected(shared: SharedCandidates) -> str:
    """Select a model as champion; return the name of the registered model."""
    inputs = [f"inputs.splits={shared.splits}", f"inputs.candidates=[{shared.logistic_regression}]"]
    settings = ["select.families=[baseline]", "select.floor.roc_auc=0.5", "select.resamples=20", "select.name=selected"]
    settings += ["select.languages=[en,fr]"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scoring, "predict_in_subprocess", predict_in_process)
        patch.setattr(HydraConfig.instance(), "cfg", None)
        select.main(command_line_configuration(*inputs, *settings))
    return "selected"


@pytest.fixture
def name(selected: str, shared: SharedCandidates) -> str:
    """Register the selected champion again under a name used by one test only."""
    champion = registry.holder(selected, CHAMPION)
    assert champion is not None
    name = f"small_{uuid4().hex}"
    make_champion(shared.logistic_regression, name, **champion.tags)
    return name


def test_the_bento_contains_the_signed_champion_and_its_description(
    selected: str, shared: SharedCandidates, tmp_path: Path
) -> None:
    keys = save_keys(tmp_path / "keys")
    package.main(configuration(f"select.name={selected}", f"package.private_key={keys.private}"))
    tags = last_run().data.tags
    assert tags["bento"].startswith(f"{selected}:")
    folder = Path(bentoml.bentos.get(tags["bento"]).path)
    description = yaml.safe_load((folder / "bento.yaml").read_text(encoding="utf-8"))
    packaged = PackagedModel.load(folder / "src" / "model", keys.public)
    assert packaged.about["digests"]["model"] == tags["model_digest"]
    assert digests.of_code(folder / "src") == tags["code_digest"]
    assert (folder / "src" / "VERSION").read_text(encoding="ascii").strip() == packaged.about["service_version"]
    assert packaged.about["name"] == selected
    assert packaged.about["card"].startswith("#")
    assert 0 < packaged.about["negative_share"] < 1
    assert packaged.about["languages"] == ["en", "fr"]
    assert packaged.about["reliability"]["max_error"] == 0.05
    assert packaged.about["faithfulness"]["pearson"] >= 0.95
    assert packaged.about["faithfulness"]["tweets"] == 60
    assert abs(datetime.now(UTC) - datetime.fromisoformat(packaged.about["trained"])) < timedelta(hours=1)
    assert 0 < packaged.about["validation"]["roc_auc"] <= 1
    assert 0 < packaged.about["test"]["roc_auc"] <= 1
    assert description["labels"] == {
        "name": selected,
        "version": "1",
        "alias": CHAMPION,
        "run_id": run_id(shared.logistic_regression),
        "commit": str(packaged.about["commit"]),
        "threshold": str(packaged.classifier.threshold),
        "runtime": "sklearn",
    }
    tables = {file.name for file in (folder / "src" / "tables").rglob("*.py")}
    assert tables == {"__init__.py", "errors.py", "workbooks.py", "writing.py"}
    assert (folder / "src" / "monitoring" / "crises.py").is_file()
    requirements = description["image"]["python_requirements"]
    assert "scikit-learn==" in requirements
    assert {"psycopg-binary", "sqlalchemy"} <= {line.partition("==")[0] for line in requirements.split()}
    assert not {"mlflow", "pandas", "tensorflow", "torch", "transformers", "hydra"} & {
        line.partition("==")[0].removesuffix("-skinny") for line in requirements.split()
    }


def test_packaging_without_a_champion_is_refused() -> None:
    with pytest.raises(RegistryError, match="nobody has no champion to package. Train one with `make run`"):
        package.main(configuration("select.name=nobody"))


def test_a_version_without_its_files_is_reported_with_the_remedy(name: str, shared: SharedCandidates) -> None:
    folder = folder_of(shared.logistic_regression)
    with restored(folder):
        shutil.rmtree(folder)
        with pytest.raises(PackagingError, match=rf"models:/{name}/1 cannot be read.* train again \(make run\)"):
            package.main(configuration(f"select.name={name}"))
        with pytest.raises(ArtifactError, match=rf"models:/{name}@champion cannot be read.* train again \(make run\)"):
            predict.main(["hello", "--model", f"models:/{name}@champion"])


def test_a_version_without_its_run_is_reported_with_the_remedy(shared: SharedCandidates, name: str) -> None:
    version = registry.holder(name, CHAMPION)
    assert version is not None
    copy = MlflowClient().create_run(mlflow.get_run(version.run_id).info.experiment_id).info.run_id
    with closing_connection(Path(shared.store.removeprefix("sqlite:///"))) as connection:
        connection.execute("UPDATE model_versions SET run_id = ? WHERE name = ?", (copy, name))
    MlflowClient().delete_run(copy)
    result = CliRunner().invoke(gc, ["--backend-store-uri", shared.store, "--run-ids", copy])
    assert result.exit_code == 0, result.output
    with pytest.raises(PackagingError, match=rf"models:/{name}/1 cannot be read: .*{copy}.* train again \(make run\)"):
        package.main(configuration(f"select.name={name}"))


def test_predicting_without_the_requested_model_explains_what_to_do(name: str) -> None:
    with pytest.raises(ArtifactError, match="There is no model nobody in sqlite.*Train one: make run"):
        predict.main(["hello", "--model", "models:/nobody@champion"])
    with pytest.raises(ArtifactError, match=rf"{name} has no version 7 in sqlite.*, only 1\."):
        predict.main(["hello", "--model", f"models:/{name}/7"])
    registry.move(name, CHAMPION, None, "a test")
    with pytest.raises(ArtifactError, match=f"{name} has no champion in .*, only 1 version.* promote -P version="):
        predict.main(["hello", "--model", f"models:/{name}@champion"])


def test_a_model_without_golden_tweets_is_refused(name: str, shared: SharedCandidates) -> None:
    (path,) = folder_of(shared.logistic_regression).rglob("golden.json")
    with restored(path), pytest.raises(PackagingError, match="The model has no golden.json: .* Train it again"):
        path.unlink()
        package.main(configuration(f"select.name={name}"))
    assert registry.aliases(name) == {CHAMPION: "1"}
