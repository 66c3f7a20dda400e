"""The results of benchmarks that pages show."""

import argparse
import re
import shlex
import subprocess
import sys
from itertools import zip_longest
from pathlib import Path

import pytest

from benchmarks import documented
from benchmarks.documented import DOCS, PLACE, Place

RECORDS = documented.read_records()
PLACES = [(page, name) for page in documented.pages() for name in documented.read_places(page)]
EMPTY = "Before.\n<!-- begin benchmarks.one -->\n<!-- end benchmarks.one -->\nAfter.\n"


def differences(page: Path, text: str) -> list[str]:
    """Return the lines of a page that differ from what it should show."""
    pairs = zip_longest(text.splitlines(), documented.fill(text, RECORDS).splitlines())
    return [f"{page.name}:{number}" for number, (line, other) in enumerate(pairs, 1) if line != other]


def test_pages_show_each_result_once_and_no_others() -> None:
    assert sorted(name for _, name in PLACES) == sorted(RECORDS)


@pytest.mark.parametrize(("page", "name"), PLACES, ids=[name for _, name in PLACES])
def test_every_altered_number_of_a_benchmark_is_found_by_page_and_line(page: Path, name: str) -> None:
    text = page.read_text(encoding="utf-8")
    assert differences(page, text) == [], "run python -m benchmarks.documented"
    (place,) = (each for each in PLACE.finditer(text) if each["name"] == name)
    numbers = [each for each in re.finditer(r"\d+", text) if place.start("shown") <= each.start() < place.end("shown")]
    assert len(numbers) > 3
    for number in numbers:
        altered = f"{text[: number.end() - 1]}{(int(number[0][-1]) + 1) % 10}{text[number.end() :]}"
        line = text.count("\n", 0, number.start()) + 1
        assert differences(page, altered) == [f"{page.name}:{line}"]


@pytest.mark.parametrize("name", RECORDS)
def test_every_result_names_its_command_and_commit(name: str) -> None:
    record = RECORDS[name]
    words = shlex.split(record["command"])
    benchmark = words[2].removeprefix("benchmarks.")
    assert words[:2] == ["python", "-m"]
    assert (DOCS.parent / "benchmarks" / f"{benchmark}.py").exists()
    assert name.split()[0] == benchmark
    assert words[words.index("--document") + 1] == name
    assert re.fullmatch(r"[0-9a-f]{10}", record["commit"])


def test_a_lost_feedback_would_not_be_documented() -> None:
    assert "lost: 0; unexpected: 0." in RECORDS["events crashes"]["lines"][0]


def test_a_result_is_printed_kept_and_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page, other = tmp_path / "page.md", EMPTY.replace(".one", ".two")
    page.write_text(EMPTY + other, encoding="utf-8")
    (tmp_path / documented.FILE).write_text("{}", encoding="utf-8")
    monkeypatch.setattr(sys, "orig_argv", ["/bin/python3", "-m", "benchmarks.one", "--document", "one more"])
    for markdown in ("| 1 |", "| 2 |\n| 3 |"):
        documented.publish(markdown, Place("one", "0123456789"), tmp_path)
        assert capsys.readouterr().out == f"\n{markdown}\n"
        shown = documented.read_places(page)["one"]
        assert shown.startswith(
            f"{markdown}\n\n`python -m benchmarks.one --document 'one more'` at commit `0123456789`, "
        )
        assert shown.endswith(" cores.\n")
        text = page.read_text(encoding="utf-8")
        assert text.startswith("Before.\n")
        assert text.endswith(f"-->\nAfter.\n{other}")
    assert list(documented.read_records(tmp_path)) == ["one"]


def test_without_a_name_a_result_is_only_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    documented.publish("| 1 |", None, tmp_path)
    assert capsys.readouterr().out == "\n| 1 |\n"
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project under version control with a page that shows the benchmark `one`."""
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "page.md").write_text(EMPTY, encoding="utf-8")
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    for command in (["init", "--quiet"], ["add", "."], [*who, "commit", "--quiet", "--message", "first"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    monkeypatch.setattr(documented, "PROJECT", tmp_path)
    monkeypatch.setattr(documented, "pages", lambda: [docs / "page.md"])
    return tmp_path


def option(benchmark: str, name: str) -> Place:
    """Parse the option of a benchmark."""
    parser = argparse.ArgumentParser()
    documented.add_option(parser, benchmark)
    place: Place = parser.parse_args(["--document", name]).document
    return place


def test_a_result_names_the_commit_at_the_start_of_its_benchmark(project: Path) -> None:
    (project / "docs" / "page.md").write_text(f"{EMPTY}Changed.", encoding="utf-8")
    place = option("one", "one")
    assert place.name == "one"
    log = subprocess.check_output(["git", "log", "--format=%H"], cwd=project, text=True)
    assert log.startswith(place.commit)


def test_uncommitted_code_is_refused_before_the_benchmark_begins(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "code.py").touch()
    with pytest.raises(SystemExit):
        option("one", "one")
    assert "commit these files first, as a result names its commit:\n?? code.py" in capsys.readouterr().err


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(("benchmark", "name"), [("one", "no such"), ("two", "one")])
def test_a_name_that_is_not_shown_or_of_another_benchmark_is_refused(
    benchmark: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        option(benchmark, name)
    message = capsys.readouterr().err
    assert f"no page in docs/ shows '{name}' of this benchmark." in message
    assert f"Choose one of: {'one' if benchmark == 'one' else '(none)'}; or add" in message


def test_a_table_is_markdown() -> None:
    assert documented.table(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | ---: |\n| 1 | 2 |"
