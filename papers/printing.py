"""Print pages of the documentation as PDF files. Needs Chromium."""

import re
import shutil
from pathlib import Path

from markdown_it import MarkdownIt
from playwright.sync_api import sync_playwright

from sentiment.reports.pages import STYLE

LOCAL_LINK = re.compile(r'<a href="(?!https?:)[^"]*">(.*?)</a>', re.DOTALL)
PAPER = """<style>
@page { size: A4; margin: 14mm 15mm } body { font-size: 9.5pt; line-height: 1.38; margin: 0; max-width: none }
table { font-size: 8.5pt; break-inside: avoid; width: 100%; margin: .5rem 0 } th, td { padding: .12rem .4rem }
img { display: block; margin: .4rem auto; max-height: 78mm; max-width: 100% }
h1 { font-size: 18pt; margin: 0 0 .5rem } h2 { font-size: 13pt; margin: .8rem 0 .3rem; break-after: avoid }
p, ul { margin: .35rem 0 }
</style>"""


def as_html(text: str) -> str:
    """Return a page in Markdown as HTML for printing, without links to other files: they do not travel with it."""
    body = MarkdownIt("commonmark").enable("table").render(text)
    printable = LOCAL_LINK.sub(r"\1", body)
    return f'<!doctype html><meta charset="utf-8">{STYLE}{PAPER}<body>{printable}</body>'


def print_page(page: Path, output: Path) -> None:
    """Print a page in Markdown, with its pictures, as a PDF file."""
    html = page.with_name(f".{page.stem}.print.html")  # beside the page: its pictures have relative addresses
    html.write_text(as_html(page.read_text(encoding="utf-8")), encoding="utf-8")
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            tab = browser.new_page()
            tab.goto(html.resolve().as_uri(), wait_until="networkidle")
            tab.pdf(path=output, prefer_css_page_size=True)
            browser.close()
    finally:
        html.unlink()
