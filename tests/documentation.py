"""The pages of the documentation, and the commands on them, for tests.

Each command in a block needs a test that calls `documented("<command>")`, unless a comment before the block says why
not: `<!-- not tested: <reason> -->`, or `<!-- composed only: <reason> -->` if only its settings are checked.
"""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

PROJECT = Path(__file__).parents[1]
RESULTS = PROJECT / "docs/results.md"
# Without RESULTS: its commands are those of past runs, whose data is not part of the project.
PAGES = (PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", *sorted({*PROJECT.glob("docs/*.md")} - {RESULTS}))
MARKS = ("not tested", "composed only")
COMMENT = "  #"


@dataclass(frozen=True)
class Block:
    """A block of commands (`sh`) or of Python.

    Attributes:
        page: where it is.
        language: as the block names it.
        mark: one of MARKS, or empty.
        reason: why the block is marked.
        content: as it is written.
    """

    page: Path
    language: str
    mark: str
    reason: str
    content: str

    @property
    def commands(self) -> list[str]:
        """The commands, without comments; continued lines are joined."""
        lines = self.content.replace("\\\n", "").splitlines()
        return [command for line in lines if (command := line.partition(COMMENT)[0].strip())]


def tokens(page: Path) -> list[Token]:
    """Parse a page."""
    return MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))


def inline(page: Path) -> Iterator[Token]:
    """Yield what stands within paragraphs, headings and tables: texts, code, links, pictures."""
    for token in tokens(page):
        yield from token.children or ()


@cache
def blocks() -> tuple[Block, ...]:
    """Return the blocks of all pages."""
    return tuple(block for page in PAGES for block in blocks_of(page))


def blocks_of(page: Path) -> Iterator[Block]:
    """Yield the blocks of a page that name a language."""
    before = ""
    for token in tokens(page):
        if token.type == "fence" and token.info:
            mark, _, reason = before.removeprefix("<!--").removesuffix("-->").strip().partition(": ")
            yield Block(page, token.info, mark, reason, token.content)
        before = token.content.strip() if token.type == "html_block" else ""


def documented(command: str, **values: str) -> list[str]:
    """Return a command of the documentation as arguments, its placeholders replaced by values.

    Raises:
        AssertionError: no page contains the command.
    """
    assert command in {known for block in blocks() for known in block.commands}, f"No page contains: {command}"
    for placeholder, value in values.items():
        command = command.replace(placeholder, value)
    return shlex.split(command)
