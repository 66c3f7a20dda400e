"""Measure how long the page takes for large files with times.

    python -m benchmarks.page [--rows N ...] [--document page]

A real page and a browser; the service is that of the tests, which answers at once. For each size of file, prints the
seconds until the file has been read, until it has been scored, from then to the finished report, and from a click to
the finished report for what a reader does with it afterwards; and the page's memory.
"""

import argparse
import random
import re
import string
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil
from playwright.sync_api import Browser, Page, sync_playwright
from rich.progress import track

from benchmarks import documented
from tests.browser import processes
from tests.browser.pictures import fake
from tests.e2e.server import free_port

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


def measured(browser: Browser, rows: int) -> dict[str, str]:
    """Return what each action takes with a file of this many rows."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        file = folder / "tweets.csv"
        file.write_text(table(rows), encoding="utf-8")
        port = free_port()
        with fake(folder) as (address, _), processes.page(port, folder, SERVICE_URL=address) as url:
            page = browser.new_page(locale="en-GB", viewport={"width": 1200, "height": 900})
            page.set_default_timeout(TIMEOUT_MILLISECONDS)
            page.goto(f"{url}/watch")
            page.locator("h1").wait_for()

            def upload() -> None:
                page.locator("input[type=file]").set_input_files(file)
                page.get_by_role("button", name=re.compile("Analyze tweets")).wait_for()

            def score() -> None:
                page.get_by_role("button", name=re.compile("Analyze tweets")).click()
                page.get_by_text(re.compile("distinct tweets analyzed")).wait_for()
                page.get_by_text(re.compile("distinct tweets analyzed")).wait_for(state="detached")

            def leave_and_return() -> None:
                page.get_by_role("link", name="Try a tweet").click()
                page.get_by_role("heading", name="Try a tweet").wait_for()
                page.get_by_role("link", name="Spot a backlash").click()
                wait_for_report(page)

            def translate() -> None:
                page.get_by_text("Français").click()
                page.get_by_role("heading", name="De quoi il est question").wait_for()

            actions: dict[str, Callable[[], None]] = {
                "read the file, s": upload,
                "score the tweets (with a service that answers at once), s": score,
                "report after scoring, s": lambda: wait_for_report(page),
                "another view and back, s": leave_and_return,
                "another language, s": translate,
            }
            figures = {name: f"{seconds(action):.1f}" for name, action in actions.items()}
            memory = psutil.Process(listener(port)).memory_info().rss / 1e6
            return {
                "file, MB": f"{file.stat().st_size / 1e6:.0f}",
                **figures,
                "memory of the page, MB": f"{memory:.0f}",
            }


def main() -> None:
    """Measure all sizes, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[200_000, 20_000], help="rows of the files")
    documented.add_option(parser, "page")
    options = parser.parse_args()
    with sync_playwright() as playwright:
        browser = processes.launch(playwright)
        sizes = [measured(browser, count) for count in track(options.rows, description="files", transient=True)]
        browser.close()
    rows = [[quantity, *(size[quantity] for size in sizes)] for quantity in sizes[0]]
    columns = ["", *(f"{count:,} tweets" for count in options.rows)]
    documented.publish(documented.table(columns, rows), options.document)


def listener(port: int) -> int:
    """Return the process that listens on a port."""
    connections = psutil.net_connections("tcp")
    return next(one.pid for one in connections if one.status == psutil.CONN_LISTEN and one.pid and port in one.laddr)


if __name__ == "__main__":
    main()
