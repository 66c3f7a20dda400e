"""The page in a browser: what people see and do."""

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tables import reading
from telemetry.store import Store
from tests.browser import processes
from tests.browser.conftest import NARROW, WIDE, Shown
from tests.e2e.server import free_port

pytestmark = pytest.mark.slow
VIEWS = ("", "watch", "model")


def ask(page: Page, text: str) -> None:
    """Type a tweet, and ask for its sentiment."""
    page.get_by_role("textbox", name="Tweet").fill(text)
    page.get_by_role("button", name="Analyze").click()
    expect(page.locator(".tweet")).to_have_text(re.compile(re.escape(text.split()[0])))


def report_wrong(page: Page, comment: str = "") -> None:
    """Say that the answer is wrong."""
    page.get_by_role("button", name="No", exact=True).click()
    if comment:
        page.get_by_label("Comment (optional)").fill(comment)
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("Thank you! Your feedback was saved.")).to_be_visible()


def wait_for(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_three_tweets_reported_as_wrong_fire_an_alert_that_is_mailed_and_shown(page: Page, shown: Shown) -> None:
    store = Store(shown.folder / "events.db")
    before = len(store.read("feedback"))
    page.goto(shown.address)
    for text in ("late again and rude @anna", "lost my bag, awful", "worst crew https://example.org/x"):
        ask(page, text)
        expect(page.get_by_role("heading", name="Negative")).to_be_visible()
        report_wrong(page, comment="they were joking, @bob")
    given = store.read("feedback")[before:]
    assert [event["text"] for event in given] == ["late again and rude @user", "lost my bag, awful", "worst crew http"]
    assert {(event["predicted_sentiment"], event["true_sentiment"]) for event in given} == {("negative", "positive")}
    assert {event["comment"] for event in given} == {"they were joking, @user"}
    assert {event["id"] for event in given} <= {event["id"] for event in store.read("prediction")}

    wait_for(lambda: len(shown.mails.received) == 1)
    assert "3 tweets reported as mispredicted" in shown.mails.received[0]
    page.get_by_role("link", name="Model health").click()
    expect(page.get_by_text(re.compile("3 tweets reported as mispredicted"))).to_be_visible()
    expect(page.get_by_text("Notified by email.")).to_be_visible()


def test_a_feedback_can_be_taken_back_for_some_seconds(page: Page, shown: Shown) -> None:
    store = Store(shown.folder / "events.db")
    before = store.read("feedback")
    page.goto(shown.address)
    ask(page, "great flight :)")
    page.get_by_role("button", name="Yes").click()
    page.get_by_role("button", name=re.compile("Undo")).click()
    expect(page.get_by_role("button", name="Yes")).to_be_visible()
    assert store.read("feedback") == before
    page.get_by_role("button", name="Yes").click()
    expect(page.get_by_text("Thank you!")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("Undo"))).to_have_count(0)
    assert len(store.read("feedback")) == len(before) + 1


def test_the_language_that_was_chosen_is_remembered(page: Page, shown: Shown) -> None:
    page.goto(shown.address)
    page.get_by_text("Français").click()
    expect(page.get_by_role("heading", name="Tester un tweet")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    page.get_by_role("link", name="Repérer un bad buzz").click()
    expect(page.get_by_role("heading", name="Repérer un bad buzz")).to_be_visible()
    page.goto(shown.address)
    expect(page.get_by_role("heading", name="Tester un tweet")).to_be_visible()


def test_the_browser_s_language_is_taken_where_none_was_chosen(browser: Browser, shown: Shown) -> None:
    context = browser.new_context(locale="fr-FR")
    page = context.new_page()
    page.goto(shown.address)
    expect(page.get_by_role("heading", name="Tester un tweet")).to_be_visible()
    context.close()


def test_the_keyboard_is_enough(page: Page, shown: Shown) -> None:
    page.goto(shown.address)
    page.get_by_role("textbox", name="Tweet").focus()
    page.keyboard.type("lovely crew, thanks")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("button", name="Yes")).to_be_visible()
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.innerText").strip().endswith("Yes"):
            break
    page.keyboard.press("Enter")
    expect(page.get_by_text("Thank you!")).to_be_visible()


@pytest.mark.parametrize("view", VIEWS)
def test_no_rule_of_accessibility_is_broken_that_counts(page: Page, shown: Shown, view: str) -> None:
    """Axe looks for what shuts out people with a screen reader, bad eyes or no mouse."""
    page.goto(f"{shown.address}/{view}")
    expect(page.locator("h1")).to_be_visible()
    if view == "":
        ask(page, "late again, lovely crew")
        expect(page.get_by_role("button", name="Yes")).to_be_visible()
    wait_until_still(page)
    broken = Axe().run(page).response["violations"]
    counts = [rule for rule in broken if rule["impact"] in ("moderate", "serious", "critical")]
    assert [(rule["id"], node["html"], node["failureSummary"]) for rule in counts for node in rule["nodes"]] == []


@pytest.mark.parametrize("view", VIEWS)
def test_nothing_is_cut_off_on_a_telephone(browser: Browser, shown: Shown, view: str) -> None:
    context = browser.new_context(viewport=NARROW, locale="fr-FR")
    page = context.new_page()
    page.goto(f"{shown.address}/{view}")
    expect(page.locator("h1")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    context.close()


def score_two_weeks(page: Page, address: str, folder: Path) -> None:
    """Upload tweets of two weeks with one bad day, and have them scored."""
    rows = ["tweet_created;text;name"]
    for day in range(1, 15):
        for number in range(40):
            bad = number < (34 if day == 9 else 10)
            text = "late again and rude, awful" if bad else "lovely crew, thanks"
            rows.append(f"2026-03-{day:02} {number % 24:02}:15:00 +0000;{text} {number};user{number}")
    table = folder / "tweets.csv"
    table.write_text("\n".join(rows), encoding="utf-8")
    page.goto(f"{address}/watch")
    page.locator("input[type=file]").set_input_files(table)
    page.get_by_role("button", name="Analyze tweets (560)").click()
    expect(page.get_by_role("heading", name="Most negative tweets")).to_be_visible()


def test_tweets_over_time_show_the_day_that_is_out_of_the_ordinary(page: Page, shown: Shown, tmp_path: Path) -> None:
    score_two_weeks(page, shown.address, tmp_path)
    expect(page.get_by_text(re.compile(r"Negative peaks \(1\): March 9, 2026"))).to_be_visible()
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Download results").click()
    found = reading.read(downloading.value.path().read_bytes(), strict=True).frame
    predicted = ["sentiment", "negative_probability", "certainty", "model_version"]
    assert list(found.columns) == ["tweet_created", "text", "name", *predicted]
    assert len(found) == 560


def wait_until_still(page: Page) -> None:
    """Wait until the page is drawn: before, what fades in is pale, and a click on what is drawn anew is lost."""
    page.wait_for_timeout(500)
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    page.wait_for_timeout(1_000)


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
def test_how_a_file_was_read_is_shown_and_changed_on_any_screen(
    browser: Browser, shown: Shown, tmp_path: Path, viewport: ViewportSize
) -> None:
    table = tmp_path / "tweets.csv"
    rows = [f"Déçu, encore en retard {day};0{day}/02/2026 08:00" for day in range(1, 10)]
    table.write_text("\n".join(["texte;date", *rows]), encoding="cp1252")
    context = browser.new_context(viewport=viewport, locale="fr-FR")
    page = context.new_page()
    page.goto(f"{shown.address}/watch")
    page.locator("input[type=file]").set_input_files(table)
    expect(page.get_by_text("Tweets du 1er février 2026 au 9 février 2026.")).to_be_visible()
    page.get_by_text("Lecture des données").click()
    expect(page.get_by_label("Encodage")).to_be_visible()
    wait_until_still(page)  # opening it draws the page anew
    page.get_by_role("radio", name="mois avant le jour").click()
    expect(page.get_by_text("Tweets du 2 janvier 2026 au 2 septembre 2026.")).to_be_visible()
    expect(page.get_by_text(re.compile("à votre demande"))).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    wait_until_still(page)
    broken = Axe().run(page).response["violations"]
    assert [rule["id"] for rule in broken if rule["impact"] in ("moderate", "serious", "critical")] == []
    context.close()


@pytest.mark.parametrize("zone", ["Europe/Paris", "America/Los_Angeles"])
def test_days_are_the_same_days_wherever_the_reader_is(
    browser: Browser, shown: Shown, tmp_path: Path, zone: str
) -> None:
    context = browser.new_context(viewport=WIDE, locale="en-GB", timezone_id=zone)
    page = context.new_page()
    score_two_weeks(page, shown.address, tmp_path)
    chart = page.locator("[data-testid=stVegaLiteChart]").first
    expect(chart.get_by_text("1 Mar 2026", exact=True)).to_be_attached()
    expect(chart.get_by_text("14 Mar 2026", exact=True)).to_be_attached()
    expect(chart.get_by_text("28 Feb 2026", exact=True)).to_have_count(0)
    context.close()


def test_what_was_typed_stays_while_the_service_is_gone_and_is_answered_when_it_is_back(
    page: Page, shown: Shown, tmp_path: Path
) -> None:
    port = free_port()
    settings = {"SERVICE_URL": f"http://127.0.0.1:{port}", "TELEMETRY_PATH": tmp_path / "events.db"}
    with processes.page(free_port(), tmp_path, **settings) as address:
        page.goto(address)
        page.get_by_role("textbox", name="Tweet").fill("late again and rude")
        page.get_by_role("button", name="Analyze").click()
        expect(page.get_by_text(re.compile("The service cannot be reached"))).to_be_visible()
        expect(page.get_by_role("textbox", name="Tweet")).to_have_value("late again and rude")
        with processes.forwarded(port, shown.service_port):
            page.get_by_role("button", name="Try again").click()
            expect(page.locator(".tweet")).to_be_visible()
