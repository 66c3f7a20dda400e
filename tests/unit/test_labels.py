"""Labels from the store to training: the table, its data card, and what is refused."""

import csv
import logging
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra.utils import instantiate
from sqlalchemy import text

from sentiment.data.datasets import labels as loading
from sentiment.data.errors import DataError
from sentiment.inference.errors import MissingFileError
from telemetry import labels
from telemetry.__main__ import main
from telemetry.labels import NoLabels
from telemetry.relabelling import judged
from telemetry.store import Store
from tests.documentation import documented
from tests.events import disagreement, feedback, prediction
from tests.integration.chain import configuration
from tests.labels import judge

TEXTS = [f"the queue was endless, tweet {number}" for number in range(20)]


@pytest.fixture
def labelled(event_store: Store) -> Store:
    """Store twenty labels, a discarded tweet, and one that is still open."""
    event_store.add(feedback(number, 1_000.0, tweet) for number, tweet in enumerate(TEXTS))
    event_store.add([disagreement(20, 1_000.0, "discarded"), prediction(21, 1_000.0, "open", negative_probability=0.4)])
    for number in range(1, 20):
        judge(event_store, number, ana="negative", ben="negative")
    judge(event_store, 0, ana="negative", ben="positive", eve="positive")
    judge(event_store, 20, ana="discarded", ben="discarded")
    judge(event_store, 21, ana="negative", ben="skipped")
    return event_store


@pytest.fixture
def written(labelled: Store, tmp_path: Path) -> Path:
    labels.write(labelled, tmp_path / "labels.csv")
    return tmp_path / "labels.csv"


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8-sig", newline="") as content:
        return list(csv.DictReader(content))


def card(file: Path) -> dict[str, Any]:
    front: dict[str, Any] = yaml.safe_load(file.with_suffix(".md").read_text(encoding="utf-8").split("---\n")[1])
    return front


def test_the_table_has_the_labels_and_nothing_about_people(written: Path) -> None:
    table = rows(written)
    assert sorted(row["text"] for row in table) == sorted(TEXTS)
    (disputed,) = (row for row in table if row["text"] == TEXTS[0])
    assert (disputed["label"], disputed["predicted"], disputed["reason"]) == ("positive", "negative", "reported")
    assert (float(disputed["negative_share"]), disputed["judgements"]) == (pytest.approx(1 / 3), "3")
    content = written.read_text(encoding="utf-8") + written.with_suffix(".md").read_text(encoding="utf-8")
    assert not re.search(r"\b(ana|ben|eve)\b", content)


def test_the_card_says_how_the_labels_were_made(written: Path) -> None:
    facts = card(written)
    counts = {name: facts[name] for name in ("schema", "rows", "negative", "positive", "discarded", "open", "people")}
    assert counts == {"schema": 1, "rows": 20, "negative": 19, "positive": 1, "discarded": 1, "open": 1, "people": 3}
    assert (facts["judged_twice"], facts["agreed"]) == (21, 20)
    assert 0 < facts["alpha"] < 1
    assert facts["train"] + facts["check"] == 20
    text_of_card = written.with_suffix(".md").read_text(encoding="utf-8")
    assert "(`reported`: 20)" in " ".join(text_of_card.split())
    assert "$" not in text_of_card


def test_the_same_labels_have_the_same_version_and_others_another(labelled: Store, tmp_path: Path) -> None:
    first, again = (labels.write(labelled, tmp_path / f"{name}.csv") for name in ("first", "again"))
    assert first == again
    judge(labelled, 21, eve="negative")
    assert labels.write(labelled, tmp_path / "more.csv").version != first.version


def test_a_text_never_changes_sides(labelled: Store, tmp_path: Path) -> None:
    labels.write(labelled, tmp_path / "first.csv")
    judge(labelled, 21, eve="negative")
    labels.write(labelled, tmp_path / "more.csv")
    before, after = ({row["text"]: row["part"] for row in rows(tmp_path / f"{name}.csv")} for name in ("first", "more"))
    assert after == before | {"open": after["open"]}
    assert {"train", "check"} == set(after.values())


def test_training_reads_one_part_of_the_table(written: Path) -> None:
    sizes = {}
    for part in ("train", "check"):
        cfg = configuration("data=labels", f"data.path={written}", f"data.part={part}")
        frame = instantiate(cfg.data.source, section="data")
        assert set(frame["label"]) <= {"negative", "positive"}
        assert frame.attrs["version"] == card(written)["version"]
        sizes[part] = len(frame)
    assert sizes == {part: card(written)[part] for part in sizes}


def load(path: Path | str | None, part: str = "train") -> None:
    loading.load(path=None if path is None else str(path), part=part, section="data.extra_training.feedback")


def edit_card(file: Path, before: str, after: str) -> None:
    path = file.with_suffix(".md")
    content = path.read_text(encoding="utf-8")
    assert before in content
    path.write_text(content.replace(before, after), encoding="utf-8")


def test_a_table_of_another_schema_is_refused(written: Path) -> None:
    edit_card(written, "schema: 1", "schema: 2")
    with pytest.raises(DataError, match=r"has schema 2, this program reads schema 1\. Export it with the same version"):
        load(written)
    assert labels.SCHEMA == loading.SCHEMA


def test_a_table_that_was_changed_is_refused(written: Path) -> None:
    written.write_text(written.read_text(encoding="utf-8").replace('"negative"', '"positive"', 1), encoding="utf-8")
    with pytest.raises(DataError, match=r"is not version [0-9a-f]{16} of its card: it was changed\. Export it again"):
        load(written)


@pytest.mark.parametrize("content", ["", "# A card\n", "---\nschema: 1\n---\n", "---\n{\n---\n", "---\nmissing: end"])
def test_a_card_without_its_figures_is_refused(written: Path, content: str) -> None:
    written.with_suffix(".md").write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=r"labels\.md is not the data card of a table of labels\. Export it again"):
        load(written)


def test_a_table_without_its_card_is_refused(written: Path) -> None:
    written.with_suffix(".md").unlink()
    with pytest.raises(
        DataError, match=r"data\.extra_training\.feedback\.path\) has no data card labels\.md beside it"
    ):
        load(written)


def test_missing_files_and_unknown_parts_are_refused(written: Path) -> None:
    with pytest.raises(DataError, match=r"data\.extra_training\.feedback\.path=labels\.csv, written by"):
        load(None)
    with pytest.raises(MissingFileError, match="No file .*other.csv"):
        load(written.with_name("other.csv"))
    with pytest.raises(DataError, match=r"feedback\.part=test: choose one of train, check\."):
        load(written, "test")


def test_a_part_without_rows_is_refused(event_store: Store, tmp_path: Path) -> None:
    event_store.add([feedback(1, 1_000.0, TEXTS[1])])
    judge(event_store, 1, ana="negative", ben="negative")
    labels.write(event_store, tmp_path / "labels.csv")
    (row,) = rows(tmp_path / "labels.csv")
    with pytest.raises(DataError, match=r"has no rows of the part \w+\. Label more tweets, then export again\."):
        load(tmp_path / "labels.csv", {"train": "check", "check": "train"}[row["part"]])


def test_without_labels_nothing_is_written_and_the_reason_given(event_store: Store, tmp_path: Path) -> None:
    event_store.add([feedback(1, 1_000.0), feedback(2, 1_000.0)])
    judge(event_store, 1, ana="negative")
    judge(event_store, 2, ana="discarded", ben="discarded")
    with pytest.raises(NoLabels, match=r"2 tweets were judged, and none has one yet\. Two people must give"):
        labels.write(event_store, tmp_path / "labels.csv")
    assert list(tmp_path.glob("labels*")) == []


def test_the_documented_command_writes_the_table(
    labelled: Store, events_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(labelled.key()) > 0
    monkeypatch.setenv("TELEMETRY_DATABASE", events_url)
    command = documented("python -m telemetry labels --output labels.csv")
    with caplog.at_level(logging.INFO, "telemetry"):
        main([*command[3:-1], str(tmp_path / "labels.csv")])
    assert re.search(r"Wrote version [0-9a-f]{16} to .*labels\.csv: \d+ labels to train on, \d+ to check", caplog.text)
    assert len(rows(tmp_path / "labels.csv")) == 20


@pytest.mark.parametrize("output", ["labels.parquet", "labels"])
def test_another_kind_of_file_is_refused(output: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["labels", "--output", output, "--database", "sqlite:///events.db"])
    assert refused.value.code == 2
    assert f"{output} does not end in .csv" in capsys.readouterr().err


def test_a_store_of_another_version_is_refused(
    labelled: Store, events_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with labelled.database.engine.begin() as connection:
        connection.execute(text("UPDATE store SET version = 9"))
    with pytest.raises(SystemExit) as refused:
        main(["labels", "--output", str(tmp_path / "labels.csv"), "--database", events_url])
    assert refused.value.code == 2
    assert "has tables of version 9" in capsys.readouterr().err


def test_judgements_are_read_in_the_order_of_the_items(labelled: Store) -> None:
    with labelled.database.reading() as connection:
        numbers = list(judged(connection))
    assert numbers == sorted(numbers)
