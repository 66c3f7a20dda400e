"""The results of benchmarks that pages show."""

import argparse
import json
from pathlib import Path

import pytest

from benchmarks import documented


def test_a_result_is_kept_and_shown(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("Before.\n<!-- begin benchmarks.one -->\n<!-- end benchmarks.one -->\nAfter.\n", encoding="utf-8")
    record = {"command": "python -m benchmarks.one", "commit": "0123456789", "cores": 2}
    for lines in (["| 1 |"], ["| 2 |", "| 3 |"]):
        documented.keep(tmp_path / "benchmarks.json", "one", {**record, "lines": lines})
        documented.write(tmp_path)
        shown = documented.shown(page)["one"]
        assert shown.splitlines()[: len(lines)] == lines
        assert page.read_text(encoding="utf-8").startswith("Before.\n")
        assert page.read_text(encoding="utf-8").endswith("-->\nAfter.\n")
    assert list(json.loads((tmp_path / "benchmarks.json").read_text(encoding="utf-8"))) == ["one"]


def test_a_result_without_a_place_is_refused_before_the_benchmark_begins(capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    documented.add_option(parser)
    assert parser.parse_args(["--document", "buzz"]).document == "buzz"
    with pytest.raises(SystemExit):
        parser.parse_args(["--document", "no such"])
    message = capsys.readouterr().err
    assert "no page in docs/ shows 'no such'" in message
    assert "service keras" in message


def test_a_table_is_markdown() -> None:
    assert documented.table(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | ---: |\n| 1 | 2 |"
