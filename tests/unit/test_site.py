"""The documentation site: its navigation. `make site` checks its links and the names of the API reference."""

import tomllib
from collections.abc import Iterator

from tests.documentation import PAGES, PROJECT, RESULTS

CHANGELOG, SLIDES = PROJECT / "CHANGELOG.md", PROJECT / "docs/slides/slides.fr.md"


def pages(entry: str | list[object] | dict[str, object]) -> Iterator[str]:
    """Yield the pages of an entry of the navigation: a page, or a list or table of entries."""
    match entry:
        case str():
            yield entry
        case list():
            for part in entry:
                yield from pages(part)
        case dict():
            yield from pages(list(entry.values()))


def test_the_navigation_has_every_page_once() -> None:
    site = tomllib.loads((PROJECT / "website/zensical.toml").read_text(encoding="utf-8"))["project"]
    listed = sorted(pages(site["nav"]))
    expected = [str(page.relative_to(PROJECT)) for page in (*PAGES, RESULTS, CHANGELOG, SLIDES)]
    assert listed == sorted([*expected, "reference/index.md"])
