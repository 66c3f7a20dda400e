"""`sentiment.reports.data_report`: the report describes the splits and names no author."""

import json
import re
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sentiment.data import leakage
from sentiment.data.checks import Labelled
from sentiment.data.combining import Extra
from sentiment.data.folders import SPLITS
from sentiment.data.splits import Splits
from sentiment.data.splitting import Deduplicated
from sentiment.reports import data_report

FRAMES = {
    name: pd.DataFrame(
        {
            "text": [f"@ana_{name} my flight is late again {row} http://t.co/x" for row in range(6)]
            + [f"lovely crew, \u65e5\u672c thanks {row} @bo_{name}" for row in range(4)],
            "negative": np.array([1] * 6 + [0] * 4, dtype=np.int8),
            "group": [f"{name} user {row}" for row in range(10)],
        }
    )
    for name in SPLITS
}


EXTRA = Extra(
    labelled=Labelled(
        frame=FRAMES["train"],
        rows=np.arange(10),
        labels=pd.DataFrame({"label": ["sp*m"], "rows": [4_321], "meaning": ["negative"]}),
        ignored=11,
        empty=10,
        damaged={"mojibake": 77},
        without_group=2,
    ),
    rows=FRAMES["train"][:7],
    held_out=FRAMES["train"][:6],
    left_out=Counter(
        text_empty=10,
        label_ignored=11,
        duplicates=12,
        contradictions=13,
        not_drawn=16,
        text_in_splits=14,
        group_held_out=15,
    ),
)


def write_report(
    folder: Path,
    *,
    frames: dict[str, pd.DataFrame] = FRAMES,
    rest: int = 0,
    extra: Extra | None = None,
    targets: dict[str, pd.DataFrame] | None = None,
) -> Path:
    rows = pd.concat(frames.values())
    splits = Splits(
        frames=frames,
        labelled=Labelled(
            frame=rows,
            rows=np.arange(len(rows)),
            labels=pd.DataFrame({"label": ["so|so", "1"], "rows": [2, 1_234], "meaning": ["ignored", "negative"]}),
            ignored=2,
            empty=4,
            damaged={"mojibake": 7},
            without_group=6,
        ),
        deduplicated=Deduplicated(frame=rows, duplicates=5, contradictions=3),
        rest=rest,
        dropped=0 if extra is None else 2,
        extras={} if extra is None else {"reviews": extra},
        targets=targets or {},
    )
    measured = leakage.measure({**frames, **(targets or {})})
    data_report.write(folder / "report", name="tweets", splits=splits, leakage=measured)
    return folder / "report"


def test_the_report_describes_the_splits(tmp_path: Path) -> None:
    folder = write_report(tmp_path)
    text = (folder / "report.md").read_text(encoding="utf-8")
    assert text.startswith("# Data report: tweets\n")
    for expected in (
        "| train | 10 | 0.333 | 6 | 0.600 | 10 | 0 |",
        "| dropped: no text | 4 |",
        "| duplicates removed | 5 |",
        "| of unknown group (before duplicates were removed) | 6 |",
        "| train and test | 0 | 0 |",
        "| so\\|so | 2 | ignored |",
        "| 1 | 1,234 | negative |",
    ):
        assert expected in text, expected
    summary = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert summary["splits"][0] == {
        "split": "train",
        "rows": 10,
        "share": pytest.approx(1 / 3),
        "negative": 6,
        "negative share": 0.6,
        "groups": 10,
        "of unknown group": 0,
    }
    assert summary["rows"]["in_splits"] == 30
    assert summary["leakage"] == json.loads((folder / "leakage.json").read_text(encoding="utf-8"))
    assert summary["leakage"] == asdict(leakage.measure(FRAMES))


def test_blocks_are_separated_by_exactly_one_blank_line(tmp_path: Path) -> None:
    text = (write_report(tmp_path, extra=EXTRA) / "report.md").read_text(encoding="utf-8")
    assert "\n\n\n" not in text
    assert text == text.strip() + "\n"
    for before, line in zip(text.splitlines(), text.splitlines()[1:], strict=False):
        assert not (before and line) or (before.startswith("|") and line.startswith("|")), (before, line)


def test_the_report_describes_other_tables(tmp_path: Path) -> None:
    folder = write_report(tmp_path, rest=8, extra=EXTRA)
    summary = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    rows = summary["rows"]
    assert rows["read"] == 36
    assert rows["not_drawn"] == 13, (
        "17 of 30 rows were drawn: 30 in the splits, 2 dropped, less 7 extra and 8 of the rest"
    )
    assert (rows["rest"], rows["dropped"], rows["extra"]) == (8, 2, 7)
    assert list(summary["extras"]["reviews"]["rows"].values()) == [104, 10, 11, 12, 13, 16, 14, 15, 6, 7, 2]
    text = (folder / "report.md").read_text(encoding="utf-8")
    assert "## Source: reviews" in text
    assert "| dropped: group in validation, test or a target | 15 |" in text
    assert "| sp\\*m | 4,321 | negative |" in text
    assert "| mojibake | 77 |" in text


@pytest.mark.slow
def test_the_report_counts_unknown_authors_and_near_duplicates(tmp_path: Path) -> None:
    assert "is unknown" not in (write_report(tmp_path / "known") / "report.md").read_text(encoding="utf-8")
    repeated = FRAMES["train"].assign(text=FRAMES["train"]["text"] + " http://t.co/again")
    frames = {**FRAMES, "test": repeated.assign(group=[f"text-{row:016x}" for row in range(10)])}
    text = (write_report(tmp_path / "unknown", frames=frames) / "report.md").read_text(encoding="utf-8")
    assert (
        "The group of 10 rows is unknown (train 0, validation 0, test 10): the same author may be in two splits" in text
    )
    assert "| test | 10 | 100.00 % |" in text
    assert "| test | 10 | 0.333 | 6 | 0.600 | 0 | 10 |" in text


def test_other_tables_are_mentioned_only_if_there_are_any(tmp_path: Path) -> None:
    folder = write_report(tmp_path)
    text = (folder / "report.md").read_text(encoding="utf-8")
    assert "ource" not in text
    assert "other tables" not in text
    assert json.loads((folder / "report.json").read_text(encoding="utf-8"))["extras"] == {}


def test_the_report_lists_targets_and_the_sources_of_train(tmp_path: Path) -> None:
    train = FRAMES["train"].assign(source=["tweets"] * 6 + ["reviews"] * 4)
    target = FRAMES["train"].assign(text=[f"target {row}" for row in range(10)], group=[f"t{row}" for row in range(10)])
    folder = write_report(tmp_path, frames={**FRAMES, "train": train}, extra=EXTRA, targets={"reviews": target})
    text = (folder / "report.md").read_text(encoding="utf-8")
    assert "| reviews | 10 | 0.250 | 6 | 0.600 | 10 | 0 |" in text
    assert "| tweets | 6 | 6 | 1.000 |" in text
    assert "| train and reviews | 0 | 0 |" in text


def test_the_page_embeds_its_images(tmp_path: Path) -> None:
    page = (write_report(tmp_path) / "report.html").read_text(encoding="utf-8")
    sources = re.findall(r'src="([^"]{0,40})', page)
    assert len(sources) == 3
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    assert "<td>so|so</td>" in page
    assert "<title>Data report: tweets</title>" in page


def test_plots_are_png_files(tmp_path: Path) -> None:
    folder = write_report(tmp_path)
    for name in ("class_balance", "text_length", "frequent_words"):
        assert (folder / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_the_report_contains_no_names_or_links(tmp_path: Path) -> None:
    folder = write_report(tmp_path, extra=EXTRA)
    texts = {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir() if file.suffix != ".png"}
    assert set(texts) == {"report.md", "report.html", "report.json", "leakage.json"}
    for name, text in texts.items():
        without_images = re.sub(r"data:image/png;base64,[^\"]+", "", text)
        assert not re.search(r"\b(ana|bo)(\b|_)|user \d|t\.co|http", without_images), name


def test_characteristic_words_distinguish_the_classes() -> None:
    rows = 50
    frame = pd.DataFrame(
        {"text": ["the flight was LATE"] * rows + ["the flight was lovely"] * rows, "negative": [1] * rows + [0] * rows}
    )
    words = data_report.characteristic_words(frame)
    assert words["word"].tolist() == ["late", "lovely"]
    assert words["negative"].tolist() == [1.0, 0.0]
    assert words["score"].iloc[0] == pytest.approx(-words["score"].iloc[1])
    assert words["score"].iloc[0] > 3


def test_the_word_table_is_empty_for_texts_without_words(tmp_path: Path) -> None:
    frames = {name: frame.assign(text=[f"{name} :) {row}" for row in range(10)]) for name, frame in FRAMES.items()}
    frames["train"] = frames["train"].assign(text=[":) 1"] * 10)
    assert json.loads((write_report(tmp_path, frames=frames) / "report.json").read_text())["frequent_words"] == []
