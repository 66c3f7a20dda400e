"""The step `package`: a Bento of the champion, and what is refused."""

from pathlib import Path
from uuid import uuid4

import pytest
import yaml

from steps import package, select
from tests.integration.candidates import as_started, save_splits, train
from tests.integration.chain import configuration, last_run

pytestmark = pytest.mark.usefixtures("store")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give BentoML a store of the tests' own."""
    return tmp_path_factory.mktemp("bentoml")


def test_the_champion_becomes_a_bento(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENTOML_HOME", str(home))
    name = f"small_{uuid4().hex}"
    splits = save_splits(tmp_path / "splits")
    uri = train(splits, "logistic_regression")
    select.main(as_started(f"select.name={name}", f"inputs.splits={splits}", f"inputs.candidates=[{uri}]", "select.families=[baseline]", "select.floor=0.5"))
    package.main(configuration(f"select.name={name}"))
    tag = last_run().data.tags["bento"]
    folder = home / "bentos" / tag.replace(":", "/")
    print(tag, sorted(str(p.relative_to(folder)) for p in folder.rglob("*")))
    print((folder / "bento.yaml").read_text())
