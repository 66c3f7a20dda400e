"""Measure how long the page takes for a large file with times: `python -m benchmarks.page`.

A real page and a browser; the service is that of the tests, which answers at once. Prints seconds from the end of
scoring to the finished report, and from a click to the finished report for what a reader does with it afterwards.
"""

import argparse
import logging
import random
import re
import string
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil
from playwright.sync_api import Page, sync_playwright

from tests.browser import processes
from tests.browser.pictures import fake
from tests.e2e.server import free_port

log = logging.getLogger(__name__)

VOCABULARY, WORDS = 20_000, 10
MINUTES_BETWEEN = 2
TIMEOUT_MILLISECONDS = 900_000


def table(rows: int) -> str:
    """Return made-up tweets with times and authors as CSV; a third is negative."""
    rng = random.Random(1)
    vocabulary = ["".join(rng.choices(string.ascii_lowercase, k=rng.randint(3, 9))) for _ in range(VOCABULARY)]
    start = time.mktime((2025, 1, 1, 0, 0, 0, 0, 0, 0))
    lines = ["date,text,author"]
    for number in range(rows):
        word = "late" if rng.random() < 1 / 3 else "lovely"
        when = time.strftime("%Y-%m-%d %H:%M:%S+00:00", time.gmtime(start + 60 * MINUTES_BETWEEN * number))
        lines.append(f"{when},@AirParadis {word} {' '.join(rng.choices(vocabulary, k=WORDS))},a{number % 5000}")
    return "\n".join(lines)


def seconds(action: Callable[[], None]) -> float:
    """Return how long an action takes."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def wait_for_report(page: Page) -> None:
    """Wait until the report is complete: its charts and tables are drawn, and the script has ended."""
    page.locator("[data-testid=stVegaLiteChart] .marks").nth(1).wait_for()
    page.get_by_role("button", name="Download as CSV", exact=True).wait_for()
    page.wait_for_function("document.querySelector('[data-testid=stApp]').dataset.testScriptState === 'notRunning'")


def main() -> None:
    """Print the table of the documentation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000, help="rows of the file")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        file = folder / "tweets.csv"
        file.write_text(table(arguments.rows), encoding="utf-8")
        log.info("%d rows, %.1f MB", arguments.rows, file.stat().st_size / 1e6)
        browser = processes.launch(playwright)
        port = free_port()
        with fake(folder) as (address, _), processes.page(port, folder, SERVICE_URL=address) as url:
            page = browser.new_page(locale="en-GB", viewport={"width": 1200, "height": 900})
            page.set_default_timeout(TIMEOUT_MILLISECONDS)
            page.goto(f"{url}/watch")
            page.locator("h1").wait_for()

            def upload() -> None:
                page.locator("input[type=file]").set_input_files(file)
                page.get_by_role("button", name=re.compile("Analyze tweets")).wait_for()

            log.info("read the file: %.1f s", seconds(upload))

            def score() -> None:
                page.get_by_role("button", name=re.compile("Analyze tweets")).click()
                page.get_by_text(re.compile("distinct tweets analyzed")).wait_for()
                page.get_by_text(re.compile("distinct tweets analyzed")).wait_for(state="detached")

            log.info("score: %.1f s", seconds(score))
            log.info("report after scoring: %.1f s", seconds(lambda: wait_for_report(page)))

            def leave_and_return() -> None:
                page.get_by_role("link", name="Try a tweet").click()
                page.get_by_role("heading", name="Try a tweet").wait_for()
                page.get_by_role("link", name="Spot a backlash").click()
                wait_for_report(page)

            log.info("another view and back: %.1f s", seconds(leave_and_return))

            def translate() -> None:
                page.get_by_text("Français").click()
                page.get_by_role("heading", name="De quoi il est question").wait_for()

            log.info("another language: %.1f s", seconds(translate))
            log.info("memory of the page: %.0f MB", psutil.Process(listener(port)).memory_info().rss / 1e6)
        browser.close()


def listener(port: int) -> int:
    """Return the process that listens on a port."""
    connections = psutil.net_connections("tcp")
    return next(one.pid for one in connections if one.status == psutil.CONN_LISTEN and one.pid and port in one.laddr)


if __name__ == "__main__":
    main()
