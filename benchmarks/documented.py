"""Write results of benchmarks into the documentation. Not a benchmark itself."""

import re
from pathlib import Path


def write(page: Path, name: str, markdown: str) -> None:
    """Replace what is between the comments `<!-- begin NAME -->` and `<!-- end NAME -->` of a page.

    Raises:
        ValueError: the page has no such comments.
    """
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    text = page.read_text(encoding="utf-8")
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"{page} has no place for {name}: add the lines {begin} and {end}")
    page.write_text(pattern.sub(lambda _: f"{begin}\n{markdown}\n{end}", text), encoding="utf-8")


def table(columns: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table; all columns but the first are aligned to the right."""
    lines = [columns, ["---", *["---:"] * (len(columns) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
