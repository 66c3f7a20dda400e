"""The results of benchmarks that pages show."""

import argparse
import json
import re
from pathlib import Path
from typing import Any

import pytest

from benchmarks import documented
from benchmarks.documented import DOCS, PLACE

NUMBER = re.compile(r"\d+")
RECORDS: dict[str, dict[str, Any]] = json.loads((DOCS / "benchmarks.json").read_text(encoding="utf-8"))
SHOWN = {name: page for page in documented.pages() for name in documented.shown(page)}


def findings(page: Path, text: str) -> list[str]:
    """Return the lines of a page that differ from the results it should show."""
    expected = PLACE.sub(lambda found: documented.replaced(found, RECORDS), text)
    pairs = zip(text.splitlines(), expected.splitlines(), strict=True)
    return [f"{page.name}:{number}" for number, (line, other) in enumerate(pairs, 1) if line != other]


def test_pages_show_all_results_and_no_others() -> None:
    assert SHOWN.keys() == RECORDS.keys()


@pytest.mark.parametrize("name", SHOWN)
def test_every_altered_number_of_a_benchmark_is_found_by_page_and_line(name: str) -> None:
    page = SHOWN[name]
    text = page.read_text(encoding="utf-8")
    assert findings(page, text) == [], "run python -m benchmarks.documented"
    (place,) = (found for found in PLACE.finditer(text) if found["name"] == name)
    numbers = [found for found in NUMBER.finditer(text) if place.start("shown") <= found.start() < place.end("shown")]
    assert len(numbers) > 3
    for number in numbers:
        altered = f"{text[: number.end() - 1]}{(int(number[0][-1]) + 1) % 10}{text[number.end() :]}"
        line = text.count("\n", 0, number.start()) + 1
        assert findings(page, altered) == [f"{page.name}:{line}"]


@pytest.mark.parametrize("name", RECORDS)
def test_every_result_names_its_command_and_commit(name: str) -> None:
    record = RECORDS[name]
    module = re.match(r"python -m benchmarks\.(\w+)", record["command"])
    assert module is not None
    assert (DOCS.parent / "benchmarks" / f"{module[1]}.py").exists()
    assert re.fullmatch(r"[0-9a-f]{10}", record["commit"])
    assert f"`{record['command']}` at commit `{record['commit']}`" in documented.render(record)


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
