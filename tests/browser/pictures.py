"""Take the screenshots of the page, the API and emails: `python -m tests.browser.pictures docs/pictures`.

The champion packaged last answers, or with `--fake` the service of the tests; all tweets are made up.
"""

import argparse
import random
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from telemetry import alert
from telemetry.settings import Settings
from telemetry.store import Store
from telemetry.wording import Language
from tests import events
from tests.browser import crisis, processes
from tests.browser.conftest import NARROW, WIDE
from tests.browser.mail_pictures import crisis_mails, take_mail
from tests.e2e.server import free_port
from tests.fake_service import FakeService
from tests.mailbox import Mailbox, serve
from ui import sample
from ui.client import Service

BENTO = "tweet_sentiment:latest"
DAYS = 14
TWEET = "@AirParadis three hours late, no seat &amp; no food, and nobody tells us why :("
# Shares of uses that end with feedback, and of wrong answers among them.
FEEDBACK_SHARE, WRONG_SHARE = 0.25, 0.12
RECENT = 3  # mispredictions just now, which fire an alert
SIZES = {"wide": WIDE, "narrow": NARROW}
MARGIN = 14  # around a part of a view, in pixels
LANGUAGES: list[Language] = ["en", "fr"]
LOCALES = {"en": "en-GB", "fr": "fr-FR"}


def texts() -> list[str]:
    """Return the texts of the sample tweets, each once."""
    rows = sample.csv().decode().splitlines()[1:]
    return list(dict.fromkeys(row.split(",", 1)[1].rsplit(",", 1)[0].strip('"') for row in rows))


def use(address: str, store: Store, rng: random.Random) -> None:
    """Store the predictions and the feedback of two weeks of use, as the service at the address predicts."""
    tweets = rng.sample(texts(), 400)
    predictions = Service(address, None, patience_seconds=60).predict(tweets, "batch")
    now, seconds = time.time(), DAYS * 24 * 3600
    for number, (text, one) in enumerate(zip(tweets, predictions, strict=True)):
        is_recent = len(tweets) - number <= RECENT
        when = now - 60 + number - len(tweets) if is_recent else now - seconds * (1 - number / len(tweets))
        masked = text.replace("@AirParadis", "@user")
        source = rng.choices(["api", "page", "batch"], [6, 3, 1])[0]
        fields = {name: one[name] for name in ("model_version", "negative_probability")} | {"source": source}
        store.add([events.prediction(number, when, None, sentiment=one["sentiment"], **fields)])
        if is_recent or rng.random() < FEEDBACK_SHARE:
            correct = not is_recent and rng.random() > WRONG_SHARE
            other = {"negative": "positive", "positive": "negative"}[one["sentiment"]]
            sentiments = {
                "predicted_sentiment": one["sentiment"],
                "true_sentiment": one["sentiment"] if correct else other,
            }
            store.add([events.feedback(number, when, masked, **sentiments, **fields)])


@contextmanager
def fake(folder: Path) -> Iterator[tuple[str, Store]]:
    """Serve the fake service; yield its address and its store."""
    with closing(Store(f"sqlite:///{folder / 'events.db'}")) as store:
        store.create()
        service = FakeService(store)
        yield service.url, store
        service.close()


@contextmanager
def real(folder: Path, mailbox: Mailbox) -> Iterator[tuple[str, Store]]:
    """Serve the champion packaged last, which sends its alerts to the mailbox; yield its address and its store."""
    url = f"sqlite:///{folder / 'events.db'}"
    settings = {f"TELEMETRY_{name.upper()}": value for name, value in mailbox.settings.items()}
    settings |= {"TELEMETRY_DATABASE": url, "TELEMETRY_SMTP_SECURITY": "none"}
    with (
        processes.service(free_port(), folder, BENTO, **settings) as address,
        closing(Store(url)) as store,
    ):
        yield address, store


def take(page: Page, folder: Path, name: str) -> None:
    """Take a screenshot of the whole view."""
    grow(page)
    page.screenshot(path=folder / f"{name}.png")


def grow(page: Page) -> None:
    """Make the window as high as the view, once the view is complete and has stopped moving."""
    size = page.viewport_size
    assert size is not None
    height = 0
    while (needed := max(size["height"], content_height(page))) != height:
        height = needed
        page.set_viewport_size({"width": size["width"], "height": height})


def take_band(page: Page, file: Path, top: float, bottom: float) -> None:
    """Take a screenshot of the view between two heights, as wide as its title."""
    title = page.locator("h1").bounding_box()
    assert title is not None
    x, width = title["x"] - MARGIN, title["width"] + 2 * MARGIN
    page.screenshot(path=file, clip={"x": x, "y": top - MARGIN, "width": width, "height": bottom - top + 2 * MARGIN})


def content_height(page: Page) -> int:
    """Return the height of the view, once the script has ended and everything is drawn."""
    page.wait_for_timeout(2000)
    page.wait_for_function("document.querySelector('.stApp').dataset.testScriptState === 'notRunning'")
    height: float = page.evaluate("document.querySelector('.stMainBlockContainer').getBoundingClientRect().height")
    return int(height) + 20


def take_views(browser: Browser, address: str, folder: Path, code: str, size: str, *, empty: bool) -> None:
    """Take the screenshots of all views in a language at a size, also while they are empty if need be."""
    context = browser.new_context(viewport=SIZES[size], locale=LOCALES[code])
    context.set_default_timeout(60_000)

    def opened(view: str) -> Page:
        page = context.new_page()
        page.goto(f"{address}/{view}")
        page.locator("h1").wait_for()
        return page

    page = opened("")
    if empty:
        take(page, folder, f"try_empty_{code}_{size}")
    page.locator("textarea").fill(TWEET)
    page.get_by_role("button", name=re.compile("^(.* )?(Analyze|Analyser)$")).click()
    page.locator(".tweet").wait_for()
    take(page, folder, f"try_{code}_{size}")
    if size == "wide":  # for slides
        page.locator(".tweet").screenshot(path=folder / f"words_{code}.png")
    page = opened("watch")
    if empty:
        take(page, folder, f"watch_empty_{code}_{size}")
    page.get_by_role("button", name=re.compile("sample|fictifs")).click()
    page.get_by_role("button", name=re.compile("(Analyze|Analyser) ")).click()
    page.get_by_role("button", name=re.compile("PDF")).wait_for()
    take(page, folder, f"watch_{code}_{size}")
    page = opened("model")
    page.locator("h2").last.wait_for()
    take(page, folder, f"model_{code}_{size}")
    if size == "wide":
        tops = {title.inner_text(): box["y"] for title in page.locator("h2").all() if (box := title.bounding_box())}
        alerts = next(top for title, top in tops.items() if re.match("Alert", title))
        take_band(page, folder / f"alert_{code}.png", alerts, min(top for top in tops.values() if top > alerts))
    context.close()


def take_api(browser: Browser, address: str, file: Path) -> None:
    """Take the screenshot of the API's page, from its title to the answer to a request that was sent from it."""
    page = browser.new_page(viewport=WIDE, locale=LOCALES["en"])
    page.goto(address)
    operation = page.locator("#operations-predictions-predict")
    operation.get_by_role("button", name="Classify a tweet").first.click()
    operation.get_by_role("button", name="Execute").click()
    operation.locator(".live-responses-table").wait_for()
    page.evaluate("scrollTo(0, 0)")
    answer = operation.locator(".live-responses-table").bounding_box()
    assert answer is not None
    height = answer["y"] + answer["height"] + MARGIN
    page.screenshot(path=file, full_page=True, clip={"x": 0, "y": 0, "width": WIDE["width"], "height": height})
    page.close()


def take_stream(browser: Browser, address: str, folder: Path, code: str, size: str, state: str) -> None:
    """Take the screenshot of the watched stream in a state: of an alarm all of it, else what is said first."""
    context = browser.new_context(viewport=SIZES[size], locale=LOCALES[code], timezone_id=crisis.ZONE)
    context.set_default_timeout(60_000)
    page = context.new_page()
    page.goto(f"{address}/watch")
    page.get_by_role("button", name=re.compile("PDF")).wait_for()
    if state == "alarm":
        take(page, folder, f"live_{code}_{size}")
    else:
        grow(page)
        title = page.locator("h1").bounding_box()
        figures = page.locator("[data-testid=stMetric]").nth(2).bounding_box()
        assert title is not None
        assert figures is not None
        take_band(page, folder / f"state_{state}_{code}_{size}.png", title["y"], figures["y"] + figures["height"])
    context.close()


def main() -> None:
    """Take all screenshots."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="folder for the screenshots")
    parser.add_argument("--fake", action="store_true", help="use the fake service of the tests")
    parser.add_argument("--empty", action="store_true", help="also take the views before anything is entered")
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name, serve() as mailbox, sync_playwright() as playwright:
        scratch = Path(name)
        browser = processes.launch(playwright)
        with (
            fake(scratch) if arguments.fake else real(scratch, mailbox) as (service, store),
            processes.page(free_port(), scratch, SERVICE_URL=service) as address,
        ):
            use(service, store, random.Random(1))
            if arguments.fake:
                alert.fire(store, Settings().rule, undo_seconds=0)
            for code in LOCALES:
                for size in SIZES:
                    take_views(browser, address, folder, code, size, empty=arguments.empty)
            if not arguments.fake:
                take_api(browser, service, folder / "api.png")
                take_mail(browser, mailbox.messages[0], folder / "mail_mispredictions.png")
        for code, message in zip(LANGUAGES, crisis_mails(mailbox, scratch, LANGUAGES), strict=True):
            take_mail(browser, message, folder / f"mail_crisis_{code}.png")
        for state in crisis.ADDED:
            with (
                crisis.service(scratch, state) as service,
                processes.page(free_port(), scratch, SERVICE_URL=service) as address,
            ):
                for code in LOCALES:
                    for size in SIZES:
                        take_stream(browser, address, folder, code, size, state)
        browser.close()


if __name__ == "__main__":
    main()
