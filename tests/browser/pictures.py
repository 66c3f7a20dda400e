"""Take the screenshots of the page for the README: `python -m tests.browser.pictures docs/pictures`.

The champion packaged last answers; all tweets are made up.
"""

import argparse
import random
import re
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from uuid import uuid4

import httpx
import pandas as pd
from playwright.sync_api import Browser, Page, sync_playwright

from telemetry.events import Feedback, Prediction
from telemetry.store import Store
from tests.browser import processes
from tests.browser.conftest import NARROW, WIDE
from tests.e2e.server import free_port
from ui import __version__

BENTO = "tweet_sentiment:latest"
DAYS, BAD_DAY = 14, 9
TWEET = "@AirParadis three hours late, no seat, no food and nobody tells us why :("
# The made-up tweets are all combinations of these.
PARTS = {
    "negative": (
        [
            "@AirParadis",
            "Hey @AirParadis,",
            "So @AirParadis",
            "Dear @AirParadis,",
            "@AirParadis seriously?",
            "Wow @AirParadis",
        ],
        ["my bag is lost again", "two hours late", "nobody answers the phone", "the crew was rude", "flight cancelled"],
        [
            "and nobody tells us why.",
            "and no refund!",
            "for the third time this month :(",
            "and no hotel.",
            "and no apology",
        ],
        ["#fail", "Never again.", "Worst airline ever.", "Not even a message.", ""],
    ),
    "positive": (
        [
            "@AirParadis",
            "Hey @AirParadis,",
            "So @AirParadis",
            "Dear @AirParadis,",
            "Wow @AirParadis",
            "Well done @AirParadis:",
        ],
        ["the crew was lovely", "boarding was quick", "a smooth flight", "great seats", "we landed early", "good food"],
        ["on the way to Lisbon.", "today!", "with three children.", "as always.", "from Rome :)", "last night."],
        ["Thank you!", "See you soon.", "Best airline.", "", "Happy to fly with you."],
    ),
}
HEIGHT = {"try": 980, "watch": 1750, "model": 2050}


def tweets(rng: random.Random) -> pd.DataFrame:
    """Return made-up tweets of two weeks with one bad day: columns `text` and `time`."""
    pools = {label: [" ".join(parts) for parts in product(*columns)] for label, columns in PARTS.items()}
    for pool in pools.values():
        rng.shuffle(pool)
    rows = []
    for day in range(DAYS):
        share, count = (0.62, 150) if day == BAD_DAY else (0.36, rng.randint(60, 100))
        for _ in range(count):
            pool = pools["negative" if rng.random() < share else "positive"]
            when = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(days=day, minutes=rng.randint(300, 1380))
            rows.append({"text": pool.pop(), "time": when.isoformat(sep=" ")})
    return pd.DataFrame(rows)


def events(service: str, texts: list[str], rng: random.Random) -> Iterator[Prediction | Feedback]:
    """Yield the predictions and feedback of two weeks of use."""
    answers = httpx.post(f"{service}/predict", json={"texts": texts}, timeout=60).raise_for_status().json()
    now, seconds = time.time(), DAYS * 24 * 3600
    for number, (text, answer) in enumerate(zip(texts, answers["predictions"], strict=True)):
        is_recent = len(texts) - number <= 3  # three mispredictions in a row, just now
        when = now - 60 + number - len(texts) if is_recent else now - seconds * (1 - number / len(texts))
        common = {"id": uuid4().hex, "time": when, "model_version": answer["model_version"], "text": text}
        common["negative_probability"] = answer["negative_probability"]
        yield Prediction(**common, sentiment=answer["sentiment"], milliseconds=1.0, characters=len(text))
        if is_recent or rng.random() < 0.25:
            other = "positive" if answer["sentiment"] == "negative" else "negative"
            true = other if is_recent or rng.random() < 0.12 else answer["sentiment"]
            sentiments = {"predicted_sentiment": answer["sentiment"], "true_sentiment": true, "comment": None}
            yield Feedback(**common, **sentiments, page_version=__version__)


def window(browser: Browser, locale: str, viewport: dict[str, int]) -> Page:
    """Open a browser window."""
    context = browser.new_context(viewport=viewport, locale=locale)  # type: ignore[arg-type]
    context.set_default_timeout(60_000)
    return context.new_page()


def take(page: Page, folder: Path, name: str) -> None:
    """Take a screenshot once the page has stopped moving."""
    page.wait_for_timeout(2500)
    page.screenshot(path=folder / f"{name}.png")


def main() -> None:
    """Take all screenshots."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="folder for the screenshots")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(1)
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        scratch = Path(name)
        table = tweets(rng)
        table.to_csv(scratch / "tweets.csv", index=False)
        store = Store(scratch / "events.db")
        store.create()
        telemetry = {"TELEMETRY_PATH": store.path}
        browser = processes.launch(playwright)
        with (
            processes.service(free_port(), scratch, BENTO) as service,
            processes.page(free_port(), scratch, SERVICE_URL=service, **telemetry) as address,
        ):
            store.add(events(service, table["text"].sample(400, random_state=1).tolist(), rng))
            for locale, code in (("en-GB", "en"), ("fr-FR", "fr")):
                for size, viewport in (("wide", WIDE), ("narrow", NARROW)):
                    page = window(browser, locale, viewport)
                    page.goto(address)
                    page.locator("textarea").fill(TWEET)
                    page.get_by_role("button", name=re.compile("Analyze|Analyser")).click()
                    page.locator(".tweet").wait_for()
                    page.set_viewport_size(viewport | {"height": HEIGHT["try"]})
                    take(page, folder, f"try_{code}_{size}")
                    page.goto(f"{address}/watch")
                    page.locator("input[type=file]").set_input_files(scratch / "tweets.csv")
                    page.get_by_role("button", name=re.compile("^.*(Analyze|Analyser) ")).click()
                    page.get_by_role("button", name=re.compile("Download results|Télécharger les")).wait_for()
                    page.set_viewport_size(viewport | {"height": HEIGHT["watch"]})
                    take(page, folder, f"watch_{code}_{size}")
                    page.goto(f"{address}/model")
                    page.locator("h2").last.wait_for()
                    page.set_viewport_size(viewport | {"height": HEIGHT["model"]})
                    take(page, folder, f"model_{code}_{size}")
                    page.context.close()
        browser.close()


if __name__ == "__main__":
    main()
