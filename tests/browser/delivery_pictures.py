"""Pictures of the tests, their coverage and a release: `python -m tests.browser.delivery_pictures docs/pictures`.

The tests are the unit tests, run now; the coverage is that of the last `make coverage`, the release that of the last
`make rehearsal`. What has not been run has no picture, and the program says so.
"""

import argparse
import logging
import os
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

from markdown_it import MarkdownIt
from playwright.sync_api import Browser, sync_playwright
from rich.console import Console
from rich.text import Text

from tests.browser import processes
from tests.documentation import PROJECT

log = logging.getLogger(__name__)

TESTS = ["make", "--no-print-directory", "test-unit"]
TEST_OPTIONS = "--color=yes --durations=12"
LINES, COLUMNS = 24, 120  # of the end of the terminal
COVERAGE, REHEARSAL = PROJECT / "htmlcov" / "index.html", PROJECT / "rehearsal.md"
WIDTH, HEIGHT = 1100, 800
TERMINAL = """\
<meta charset="utf-8"><body style="margin: 0; padding: 20px 24px; color: #1f2937; background: #f9fafb">
<pre style="font: 14px/1.45 'DejaVu Sans Mono', monospace; margin: 0">{code}</pre>"""
DOCUMENT = """\
<meta charset="utf-8">
<style>
  body {{ margin: 0; padding: 12px 32px 28px; font: 14px/1.5 "DejaVu Sans", sans-serif; color: #1f2937; }}
  table {{ border-collapse: collapse; }}
  td, th {{ border: 1px solid #d1d5db; padding: 5px 10px; text-align: left; vertical-align: top; }}
  th {{ background: #f3f4f6; }}
  code {{ font-size: 13px; background: #f3f4f6; }}
</style>
{body}"""


def terminal(output: str) -> str:
    """Return the end of what a program wrote on a terminal as HTML, with its colours."""
    console = Console(record=True, width=COLUMNS, file=StringIO())
    console.print(Text.from_ansi("\n".join(output.splitlines()[-LINES:])))
    return console.export_html(inline_styles=True, code_format=TERMINAL)


def summary(markdown: str) -> str:
    """Return the page of a rehearsal up to the output of its commands, without the path of its temporary folder."""
    return re.sub(r"\S*/rehearsal-\w+/", "", markdown.partition("\n## Log\n")[0])


def take(browser: Browser, html: str, file: Path) -> None:
    """Take a picture of a page, as high as it is."""
    page = browser.new_page(viewport={"width": WIDTH, "height": 100})
    page.set_content(html)
    page.screenshot(path=file, full_page=True)
    page.close()


def main() -> None:
    """Take the pictures.

    Raises:
        SystemExit: a test has failed.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder for the pictures")
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    log.info("Running the unit tests ...")
    environment = {**os.environ, "PYTEST_ADDOPTS": TEST_OPTIONS}
    tests = subprocess.run(TESTS, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    if tests.returncode:
        sys.exit(f"{tests.stdout}\nA test has failed, so there is no picture of the tests.")
    with sync_playwright() as playwright:
        browser = processes.launch(playwright)
        take(browser, terminal(tests.stdout), folder / "tests.png")
        if COVERAGE.is_file():
            page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
            page.goto(COVERAGE.as_uri())
            page.screenshot(path=folder / "coverage.png")
        else:
            log.warning("No picture of the coverage: run `make coverage` first.")
        if REHEARSAL.is_file():
            body = MarkdownIt("commonmark").enable("table").render(summary(REHEARSAL.read_text(encoding="utf-8")))
            take(browser, DOCUMENT.format(body=body), folder / "rehearsal.png")
        else:
            log.warning("No picture of a release: run `make rehearsal` first.")
        browser.close()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main()
