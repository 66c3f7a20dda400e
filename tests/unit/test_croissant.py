"""The Croissant description of splits.

The required properties are those of the specification; mlcroissant, which checks them all, is no dependency. Validate a
description with it: `pipx run mlcroissant==1.1.1 validate --jsonld croissant.json`.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hydra import compose, initialize_config_dir

from pipeline import settings
from sentiment.data.folders import write_splits
from sentiment.reports import croissant
from tests.integration.chain import CONF

OPTIONS = sorted(file.stem for file in (CONF / "data").glob("*.yaml"))
# Of users' own data: nobody has stated their origin.
OWN = {"csv", "labels"}
# https://docs.mlcommons.org/croissant/docs/croissant-spec-1.0.html; the licence of Sentiment140 is unknown.
REQUIRED = {"@context", "@type", "conformsTo", "description", "name", "url", "creator", "datePublished"}
REQUIRED_OF_FILES = {"@type", "@id", "name", "contentUrl", "encodingFormat", "sha256"}
FRAME = pd.DataFrame({"text": ["late", "thanks"], "negative": [1, 0], "group": ["", ""]}).astype({"negative": "int8"})
FRAMES = {"train": FRAME.assign(target=[0.9, 0.2], source="vader"), "validation": FRAME, "test": FRAME}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write splits, and an empty folder for their report."""
    (tmp_path / "splits").mkdir()
    (tmp_path / "report").mkdir()
    write_splits(tmp_path / "splits", FRAMES)
    return tmp_path


def describe(folder: Path, option: str) -> dict[str, Any]:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        data = settings.plain(compose("config", overrides=[f"data={option}"]).data)
    file = folder / "report" / "croissant.json"
    croissant.write(file, folder / "splits", FRAMES, data=data, limits=data["limits"])
    described: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return described


@pytest.mark.parametrize("option", OPTIONS)
def test_every_data_set_has_the_required_properties(option: str, folder: Path) -> None:
    described = describe(folder, option)
    stated = {name for name, value in described.items() if value}
    assert REQUIRED - stated <= ({"url", "creator", "datePublished"} if option in OWN else set())
    assert ("license" in described) == ("citeAs" in described and option != "sentiment140")
    assert described["conformsTo"] == "http://mlcommons.org/croissant/1.0"
    assert described.get("version") == ("3.3.2" if option.startswith("vader") else None)
    archives = [file for file in described["distribution"] if file["@id"] == "archive"]
    assert len(archives) == (option not in OWN)
    for file in described["distribution"]:
        assert {name for name, value in file.items() if value} >= REQUIRED_OF_FILES


def test_files_and_columns_are_those_of_the_splits(folder: Path) -> None:
    described = describe(folder, "vader")
    _, *files = described["distribution"]
    for file in files:
        content = (folder / "report" / file["contentUrl"]).read_bytes()
        assert file["sha256"] == hashlib.sha256(content).hexdigest()
    sets = {each["@id"]: each for each in described["recordSet"]}
    assert sets.keys() == FRAMES.keys()
    for name, frame in FRAMES.items():
        sources = [field["source"] for field in sets[name]["field"]]
        assert [source["extract"]["column"] for source in sources] == list(frame.columns)
        assert {source["fileObject"]["@id"] for source in sources} == {f"{name}.parquet"}
    types = {field["name"]: field["dataType"] for field in sets["train"]["field"]}
    assert types == {
        **dict.fromkeys(("text", "group", "source"), "sc:Text"),
        "negative": "sc:Integer",
        "target": "sc:Float",
    }
