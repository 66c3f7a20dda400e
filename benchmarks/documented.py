"""Results of benchmarks in the documentation. Not a benchmark itself.

`docs/benchmarks.json` keeps each result with its command and commit. A page shows it between two comments,
`<!-- begin benchmarks.NAME -->` and `<!-- end benchmarks.NAME -->`. To write all of them again:

    python -m benchmarks.documented
"""

import argparse
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from sentiment.inference import cores

PROJECT = Path(__file__).parents[1]
DOCS = PROJECT / "docs"
# Name of a result: text in Markdown, and where it comes from.
Records = dict[str, dict[str, Any]]
PLACE = re.compile(
    r"<!-- begin benchmarks\.(?P<name>[^\n]+?) -->\n(?P<shown>.*?)<!-- end benchmarks\.(?P=name) -->", re.S
)


def add_option(parser: argparse.ArgumentParser) -> None:
    """Add the option `--document NAME` to a benchmark; it is checked before the benchmark begins."""
    parser.add_argument(
        "--document",
        metavar="NAME",
        type=known,
        help="keep the result in docs/benchmarks.json, and show it on the page with <!-- begin benchmarks.NAME -->",
    )


def known(name: str) -> str:
    """Return the name of a result that a page shows.

    Raises:
        argparse.ArgumentTypeError: no page does.
    """
    names = [each for page in pages() for each in shown(page)]
    if name not in names:
        raise argparse.ArgumentTypeError(
            f"no page in docs/ shows {name!r}. Add <!-- begin benchmarks.{name} --> and <!-- end benchmarks.{name} --> "
            f"to one, each on a line, or choose: {', '.join(names)}"
        )
    return name


def publish(markdown: str, name: str | None) -> None:
    """Print a result; with a name, keep it and write it into the documentation.

    Args:
        markdown: tables and sentences.
        name: as given with `--document`.
    """
    print(f"\n{markdown}", flush=True)
    if name is not None:
        record = {
            "command": shlex.join(["python", *sys.orig_argv[1:]]),
            "commit": commit(),
            "cores": cores.available(),
            "lines": markdown.splitlines(),
        }
        keep(DOCS / "benchmarks.json", name, record)
        write()


def commit() -> str:
    """Return the commit of the code, with `-dirty` if files have been changed since; docs/ does not count."""

    def git(*arguments: str) -> str:
        return subprocess.check_output(["git", *arguments], cwd=PROJECT, text=True).strip()

    changed = git("status", "--porcelain", "--", ".", ":(exclude)docs")
    return git("rev-parse", "--short=10", "HEAD") + "-dirty" * bool(changed)


def keep(file: Path, name: str, record: dict[str, Any]) -> None:
    """Add or replace a result."""
    records: Records = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    text = json.dumps(dict(sorted((records | {name: record}).items())), indent=2, ensure_ascii=False)
    file.write_text(f"{text}\n", encoding="utf-8")


def pages(docs: Path = DOCS) -> list[Path]:
    """Return the pages that may show results."""
    return sorted(docs.glob("*.md"))


def shown(page: Path) -> dict[str, str]:
    """Return what a page shows, by the name of the result."""
    return {found["name"]: found["shown"] for found in PLACE.finditer(page.read_text(encoding="utf-8"))}


def render(record: dict[str, Any]) -> str:
    """Return what a page should show of a result."""
    source = f"`{record['command']}` at commit `{record['commit']}`, {record['cores']} cores."
    return "\n".join([*record["lines"], "", source, ""])


def write(docs: Path = DOCS) -> None:
    """Write all results into the pages."""
    records: Records = json.loads((docs / "benchmarks.json").read_text(encoding="utf-8"))
    for page in pages(docs):
        text = page.read_text(encoding="utf-8")
        written = PLACE.sub(lambda found: replaced(found, records), text)
        if written != text:
            page.write_text(written, encoding="utf-8")


def replaced(found: re.Match[str], records: Records) -> str:
    """Return a place with its result, or as it is if there is none yet."""
    name = found["name"]
    content = render(records[name]) if name in records else found["shown"]
    return f"<!-- begin benchmarks.{name} -->\n{content}<!-- end benchmarks.{name} -->"


def table(columns: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table; all columns but the first are aligned to the right."""
    lines = [columns, ["---", *["---:"] * (len(columns) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


if __name__ == "__main__":
    write()
