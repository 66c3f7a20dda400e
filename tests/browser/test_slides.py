"""The slides and the printed papers: content that does not fit is found, and nothing depends on other files."""

from pathlib import Path

import pytest

from papers import printing, slides
from papers.errors import PaperError

SLIDE = '<section style="width: 400px; height: 200px; overflow: hidden"><h1>{title}</h1>{content}</section>'


def test_slides_whose_content_does_not_fit_are_named(tmp_path: Path) -> None:
    page = tmp_path / "slides.html"
    contents = {
        "Short": "<p>one line</p>",
        "Long": "<p>line</p>" * 20,
        "Wide": '<div style="width: 500px">wide</div>',
        "No picture": '<img src="missing.png">',
    }
    body = "".join(SLIDE.format(title=title, content=content) for title, content in contents.items())
    page.write_text(f"<!doctype html><body>{body}</body>", encoding="utf-8")
    assert slides.overflowing(page) == ["2 (Long)", "3 (Wide)", "4 (No picture)"]


def test_without_node_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(PaperError, match=r"need Node.js .npx., which runs Marp. Install it"):
        slides.marp(tmp_path / "slides.md", tmp_path / "slides.pdf")


def test_a_printed_page_has_its_table_and_links_only_to_the_web(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# T\n\n| a |\n| --- |\n| [run](results.md#x) [web](https://example.org) |\n", encoding="utf-8")
    html = printing.as_html(page.read_text(encoding="utf-8"))
    assert '<td>run <a href="https://example.org">web</a></td>' in html
    printing.print_page(page, tmp_path / "page.pdf")
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["page.md", "page.pdf"]
