"""Results of benchmarks in the documentation. Not a benchmark itself.

`docs/benchmarks.json` keeps each result with its command and commit. A page shows it between two comments,
`<!-- begin benchmarks.NAME -->` and `<!-- end benchmarks.NAME -->`; the first word of NAME is the benchmark. To write
all of them again:

    python -m benchmarks.documented
"""

import argparse
import json
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sentiment.inference import cores

PROJECT = Path(__file__).parents[1]
DOCS = PROJECT / "docs"
FILE = "benchmarks.json"
# By the name of the result: its lines in Markdown, command, commit, and number of cores.
Records = dict[str, dict[str, Any]]
PLACE = re.compile(
    r"<!-- begin benchmarks\.(?P<name>[^\n]+?) -->\n(?P<shown>.*?)<!-- end benchmarks\.(?P=name) -->", re.S
)


@dataclass(frozen=True)
class Place:
    """Where a result goes.

    Attributes:
        name: of the result.
        commit: that of the code when the benchmark began.
    """

    name: str
    commit: str


def add_option(parser: argparse.ArgumentParser, benchmark: str) -> None:
    """Add the option `--document NAME`, which gives a Place; it is checked before the benchmark begins.

    Args:
        parser: that of the benchmark.
        benchmark: its name.
    """
    parser.add_argument(
        "--document",
        metavar="NAME",
        type=partial(place_of, benchmark),
        help="keep the result in docs/benchmarks.json, and show it on the page with <!-- begin benchmarks.NAME -->",
    )


def place_of(benchmark: str, name: str) -> Place:
    """Return the place of a result.

    Raises:
        argparse.ArgumentTypeError: it is that of another benchmark, or no page shows it, or the code is not committed.
    """
    names = [each for page in pages() for each in read_places(page) if each.split()[0] == benchmark]
    if name not in names:
        raise argparse.ArgumentTypeError(
            f"no page in docs/ shows {name!r} of this benchmark. Choose one of: {', '.join(names) or '(none)'}; or add "
            f"<!-- begin benchmarks.{benchmark} ... --> and <!-- end benchmarks.{benchmark} ... -->, each on a line"
        )
    if changes := git("status", "--porcelain", "--", ".", ":(exclude)docs"):
        raise argparse.ArgumentTypeError(f"commit these files first, as a result names its commit:\n{changes}")
    return Place(name, git("rev-parse", "--short=10", "HEAD"))


def git(*arguments: str) -> str:
    """Return what git says about the project."""
    return subprocess.check_output(["git", *arguments], cwd=PROJECT, text=True).rstrip()


def publish(markdown: str, place: Place | None, docs: Path = DOCS) -> None:
    """Print a result; with a place, keep it and write it into the documentation.

    Args:
        markdown: tables and sentences.
        place: as given with `--document`.
        docs: folder of the pages.
    """
    print(f"\n{markdown}", flush=True)
    if place is not None:
        record = {
            "command": shlex.join(["python", *sys.orig_argv[1:]]),
            "commit": place.commit,
            "cores": cores.available(),
            "lines": markdown.splitlines(),
        }
        records = dict(sorted((read_records(docs) | {place.name: record}).items()))
        text = json.dumps(records, indent=2, ensure_ascii=False)
        (docs / FILE).write_text(f"{text}\n", encoding="utf-8")
        write(docs)


def read_records(docs: Path = DOCS) -> Records:
    """Return all results that are kept."""
    records: Records = json.loads((docs / FILE).read_text(encoding="utf-8"))
    return records


def pages(docs: Path = DOCS) -> list[Path]:
    """Return the pages that may show results."""
    return sorted(docs.glob("*.md"))


def read_places(page: Path) -> dict[str, str]:
    """Return what a page shows, by the name of the result."""
    return {place["name"]: place["shown"] for place in PLACE.finditer(page.read_text(encoding="utf-8"))}


def render(record: dict[str, Any]) -> str:
    """Return what a page should show of a result."""
    source = f"`{record['command']}` at commit `{record['commit']}`, {record['cores']} cores."
    return "\n".join([*record["lines"], "", source, ""])


def write(docs: Path = DOCS) -> None:
    """Write all results into the pages."""
    records = read_records(docs)
    for page in pages(docs):
        text = page.read_text(encoding="utf-8")
        if (filled := fill(text, records)) != text:
            page.write_text(filled, encoding="utf-8")


def fill(text: str, records: Records) -> str:
    """Return the text of a page with its results; places whose result is not kept stay as they are."""

    def filled(place: re.Match[str]) -> str:
        name = place["name"]
        shown = render(records[name]) if name in records else place["shown"]
        return f"<!-- begin benchmarks.{name} -->\n{shown}<!-- end benchmarks.{name} -->"

    return PLACE.sub(filled, text)


def table(columns: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table; all columns but the first are aligned to the right."""
    lines = [columns, ["---", *["---:"] * (len(columns) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


if __name__ == "__main__":
    write()
