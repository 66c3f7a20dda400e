"""The page in a real browser, with a service in another process that keeps events in PostgreSQL."""

import re
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tables import reading
from telemetry.events import Feedback, Prediction
from telemetry.store import Store
from tests.browser import login_provider, processes
from tests.browser.conftest import NARROW, UNDO_SECONDS, WIDE, App, Mailbox
from tests.browser.drawn import wait_until_still
from tests.e2e.server import free_port
from tests.postgresql import Cluster

pytestmark = pytest.mark.slow
VIEWS = ("", "watch", "model", "relabel")


def ask(page: Page, text: str) -> None:
    """Enter a tweet and analyze it."""
    page.get_by_role("textbox", name="Tweet").fill(text)
    page.get_by_role("button", name="Analyze").click()
    expect(page.locator(".tweet")).to_have_text(re.compile(re.escape(text.split()[0])))


def report_wrong(page: Page, comment: str = "") -> None:
    """Report the answer as wrong."""
    page.get_by_role("button", name="No", exact=True).click()
    if comment:
        page.get_by_label("Comment (optional)").fill(comment)
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("Thank you! Your feedback was saved.")).to_be_visible()


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def feedbacks(app: App) -> list[Feedback]:
    """Return the feedback in the store."""
    with closing(Store(app.database)) as store:
        return list(store.read(Feedback))


def test_three_reported_mispredictions_trigger_an_alert_by_mail_and_on_the_page(page: Page, app: App) -> None:
    before = len(feedbacks(app))
    page.goto(app.address)
    for text in ("late again and rude @anna", "lost my bag, awful", "worst crew https://example.org/x"):
        ask(page, text)
        expect(page.get_by_role("heading", name="Negative")).to_be_visible()
        report_wrong(page, comment="they were joking, @bob")
    stored = feedbacks(app)[before:]
    assert [event.text for event in stored] == ["late again and rude @user", "lost my bag, awful", "worst crew http"]
    assert {(event.predicted_sentiment, event.true_sentiment) for event in stored} == {("negative", "positive")}
    assert {(event.comment, event.source) for event in stored} == {("they were joking, @user", "page")}

    wait_for(lambda: len(app.mailbox.received) == 1)
    assert "3 tweets reported as mispredicted" in app.mailbox.received[0]
    page.get_by_role("link", name="Model health").click()
    expect(page.get_by_text(re.compile("3 tweets reported as mispredicted"))).to_be_visible()
    expect(page.get_by_text("Notification sent by email.")).to_be_visible()
    expect(page.get_by_text(re.compile("All background jobs are running"))).to_be_visible()


@pytest.mark.extended
def test_nothing_is_lost_if_the_service_loses_its_machine_and_everybody_leaves_the_page(
    browser: Browser, tmp_path: Path, postgresql: Cluster, mailbox: tuple[Mailbox, dict[str, object]], model: Path
) -> None:
    received, settings = mailbox
    already = len(received.received)
    database = postgresql.new_database()
    port = free_port()
    variables = {"SERVICE_PORT": port, "SERVICE_MODEL": model, "TELEMETRY_DATABASE": database, **settings}

    def disk(name: str) -> dict[str, object]:
        """Return the settings of a service on a new machine: nothing of an earlier one is there."""
        folder = tmp_path / name
        folder.mkdir()
        return {**variables, "HOME": folder, "TMPDIR": folder, "BENTOML_HOME": folder / "bentoml"}

    ready = f"http://127.0.0.1:{port}/readyz"
    command = ["service", processes.SERVICE]
    with processes.page(free_port(), tmp_path, SERVICE_URL=f"http://127.0.0.1:{port}") as address:
        with processes.process(command, ready, tmp_path / "first.log", disk("first")) as service:
            context = browser.new_context(viewport=WIDE, locale="en-GB")
            page = context.new_page()
            page.goto(address)
            for text in ("late again and rude", "lost my bag, awful", "worst crew"):
                ask(page, text)
                report_wrong(page)
            context.close()
            wait_for(lambda: len(received.received) == already + 1)
            processes.kill(service)
        with processes.process(command, ready, tmp_path / "second.log", disk("second")):
            context = browser.new_context(viewport=WIDE, locale="en-GB")
            page = context.new_page()
            page.goto(f"{address}/model")
            expect(page.get_by_text("Notification sent by email.")).to_be_visible()
            expect(page.get_by_test_id("stMetric").filter(has_text="Feedback received")).to_contain_text("3")
            expect(page.get_by_test_id("stMetric").filter(has_text="Correct answers")).to_contain_text("0%")
            context.close()
    with closing(Store(database)) as store:
        assert len(list(store.read(Feedback))) == len(list(store.read(Prediction))) == 3
    assert len(received.received) == already + 1, "the alert is sent once"


def test_feedback_can_be_undone_for_a_few_seconds(page: Page, app: App) -> None:
    before = feedbacks(app)
    page.goto(app.address)
    ask(page, "great flight :)")
    page.get_by_role("button", name="Yes").click()
    page.get_by_role("button", name=re.compile("Undo")).click()
    expect(page.get_by_role("button", name="Yes")).to_be_visible()
    assert feedbacks(app) == before
    page.get_by_role("button", name="Yes").click()
    expect(page.get_by_text("Thank you!")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("Undo"))).to_have_count(0, timeout=(UNDO_SECONDS + 10) * 1000)
    assert len(feedbacks(app)) == len(before) + 1


def test_no_third_party_is_contacted(page: Page, app: App, tmp_path: Path) -> None:
    foreign: list[str] = []
    own = (f"{app.address}/", "data:", "blob:", app.address.replace("http", "ws"))

    def check(address: str) -> None:
        if not address.startswith(own):
            foreign.append(address)

    page.on("request", lambda request: check(request.url))
    page.on("websocket", lambda socket: check(socket.url))
    page.goto(app.address)
    ask(page, "late again, lovely crew")
    expect(page.get_by_role("button", name="Yes")).to_be_visible()
    score_two_weeks(page, app.address, tmp_path)
    page.goto(f"{app.address}/model")
    expect(page.get_by_role("heading", name="Background jobs")).to_be_visible()
    wait_until_still(page)
    icons = page.locator("link[rel~=icon]").evaluate_all("links => links.map(link => link.href)")
    for icon in icons:
        check(icon)
    assert icons
    assert foreign == []


@pytest.mark.extended
def test_a_configured_login_is_required(browser: Browser, app: App, tmp_path: Path) -> None:
    port = free_port()
    # The cookie belongs to the host in `redirect_uri`.
    url = f"http://127.0.0.1:{port}"
    with (
        login_provider.provider(url, tmp_path) as file,
        processes.page(port, tmp_path, SERVICE_URL=f"http://127.0.0.1:{app.service_port}", UI_LOGIN=file) as address,
    ):
        context = browser.new_context(viewport=WIDE, locale="fr-FR")
        page = context.new_page()
        for view in VIEWS:
            page.goto(f"{address}/{view}")
            expect(page.get_by_role("button", name="Se connecter")).to_be_visible()
            expect(page.get_by_text("Tester un tweet")).to_have_count(0)
        page.get_by_role("button", name="Se connecter").click()
        expect(page.get_by_role("heading", name="Tester un tweet")).to_be_visible()
        page.get_by_role("button", name="Se déconnecter").click()
        expect(page.get_by_role("button", name="Se connecter")).to_be_visible()
        context.close()


def test_the_chosen_language_is_remembered(page: Page, app: App) -> None:
    page.goto(app.address)
    page.get_by_text("Français").click()
    expect(page.get_by_role("heading", name="Tester un tweet")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    page.get_by_role("link", name="Repérer un bad buzz").click()
    expect(page.get_by_role("heading", name="Repérer un bad buzz")).to_be_visible()
    page.goto(app.address)
    expect(page.get_by_role("heading", name="Tester un tweet")).to_be_visible()


def test_the_page_opens_in_the_language_of_the_browser(browser: Browser, app: App) -> None:
    context = browser.new_context(locale="fr-FR")
    page = context.new_page()
    page.goto(app.address)
    expect(page.get_by_role("heading", name="Tester un tweet")).to_be_visible()
    context.close()


def test_the_page_works_with_the_keyboard_alone(page: Page, app: App) -> None:
    page.goto(app.address)
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
def test_no_important_accessibility_rule_is_violated(page: Page, app: App, view: str) -> None:
    """Axe finds barriers for people who use a screen reader, have low vision or use no mouse."""
    page.goto(f"{app.address}/{view}")
    expect(page.locator("h1")).to_be_visible()
    if view == "":
        ask(page, "late again, lovely crew")
        expect(page.get_by_role("button", name="Yes")).to_be_visible()
    wait_until_still(page)
    violations = Axe().run(page).response["violations"]
    important = [rule for rule in violations if rule["impact"] in ("moderate", "serious", "critical")]
    assert [(rule["id"], node["html"], node["failureSummary"]) for rule in important for node in rule["nodes"]] == []


@pytest.mark.parametrize("view", VIEWS)
def test_nothing_is_cut_off_on_a_phone(browser: Browser, app: App, view: str) -> None:
    context = browser.new_context(viewport=NARROW, locale="fr-FR")
    page = context.new_page()
    page.goto(f"{app.address}/{view}")
    expect(page.locator("h1")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    context.close()


def score_two_weeks(page: Page, address: str, folder: Path) -> None:
    """Upload and analyze tweets of two weeks with one bad day."""
    rows = ["tweet_created;text;name"]
    for day in range(1, 15):
        for number in range(40):
            is_negative = number < (34 if day == 9 else 10)
            text = "late again and rude, awful" if is_negative else "lovely crew, thanks"
            rows.append(f"2026-03-{day:02} {8 + number % 4:02}:15:00 +0000;{text} {day} {number};user{number}")
    table = folder / "tweets.csv"
    table.write_text("\n".join(rows), encoding="utf-8")
    page.goto(f"{address}/watch")
    page.locator("input[type=file]").set_input_files(table)
    page.get_by_role("button", name="Analyze tweets (560)").click()
    expect(page.get_by_role("heading", name="What it is about")).to_be_visible()


def test_negative_peaks_show_the_unusual_day_and_the_results_can_be_downloaded(
    page: Page, app: App, tmp_path: Path
) -> None:
    score_two_weeks(page, app.address, tmp_path)
    expect(page.get_by_text(re.compile("a backlash began on March 9, 2026"))).to_be_visible()
    for button, name in (("Download for Excel", "tweets.xlsx"), ("Download as CSV", "tweets.csv")):
        with page.expect_download() as downloading:
            page.get_by_role("button", name=button, exact=True).click()
        results = reading.read(downloading.value.path().read_bytes(), name, strict=True).frame
        predicted = ["sentiment", "negative_probability", "certainty", "model_version"]
        assert [column for column in results.columns if column not in ("language", "uncertainty_reason")] == [
            *("tweet_created", "text", "name"),
            *predicted,
        ]
        assert len(results) == 560


def test_a_click_on_the_chart_looks_at_that_day_and_the_brief_and_the_chart_can_be_downloaded(
    page: Page, app: App, tmp_path: Path
) -> None:
    score_two_weeks(page, app.address, tmp_path)
    part = page.get_by_role("combobox", name=re.compile("Look at")).first  # replaced once there is another choice
    expect(part).to_have_value(re.compile("Alarm, March 9, 2026"))
    wait_until_still(page)
    points = page.locator("[data-testid=stVegaLiteChart]").first.locator('[aria-label*="March 5, 2026"]')
    points.last.click(force=True)
    expect(part).to_have_value("March 5, 2026")
    wait_until_still(page)  # the buttons of the other part are being replaced
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Download the brief (PDF)", exact=True).first.click()
    assert downloading.value.path().read_bytes().startswith(b"%PDF")
    wait_until_still(page)  # a download redraws the page, too
    with page.expect_download() as downloading:
        # by keyboard: the button takes clicks only while the mouse moves over the chart, and a redrawn page loses that
        page.get_by_role("button", name="Download as PNG").first.press("Enter")
    assert downloading.value.path().read_bytes().startswith(b"\x89PNG")


def test_the_answer_is_on_the_first_screen_and_the_report_survives_language_and_view(
    page: Page, app: App, tmp_path: Path
) -> None:
    score_two_weeks(page, app.address, tmp_path)
    peak = page.get_by_text(re.compile("a backlash began on March 9, 2026"))
    wait_until_still(page)
    expect(peak).to_be_in_viewport()
    expect(page.get_by_role("combobox", name="Author")).not_to_be_visible()  # the inputs are folded away
    page.get_by_text("Français").click()
    expect(page.get_by_text(re.compile("une crise a commencé le 9 mars 2026"))).to_be_visible()
    page.get_by_role("link", name="Tester un tweet").click()
    expect(page.get_by_role("heading", name="Tester un tweet")).to_be_visible()
    page.get_by_role("link", name="Repérer un bad buzz").click()
    expect(page.get_by_text(re.compile("une crise a commencé le 9 mars 2026"))).to_be_visible()
    page.get_by_text("tweets.csv · 560").click()
    expect(page.get_by_role("combobox", name="Auteur")).to_be_visible()


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
def test_reading_options_are_shown_and_can_be_changed_on_any_screen(
    browser: Browser, app: App, tmp_path: Path, viewport: ViewportSize
) -> None:
    table = tmp_path / "tweets.csv"
    rows = [f"Déçu, encore en retard {day};0{day}/02/2026 08:00" for day in range(1, 10)]
    table.write_text("\n".join(["texte;date", *rows]), encoding="cp1252")
    context = browser.new_context(viewport=viewport, locale="fr-FR")
    page = context.new_page()
    page.goto(f"{app.address}/watch")
    page.locator("input[type=file]").set_input_files(table)
    expect(page.get_by_text("Tweets du 1er février 2026 au 9 février 2026.")).to_be_visible()
    page.get_by_text("Lecture des données").click()
    expect(page.get_by_label("Encodage")).to_be_visible()
    wait_until_still(page)  # opening it redraws the page
    page.get_by_role("radio", name="mois avant le jour").click()
    expect(page.get_by_text("Tweets du 2 janvier 2026 au 2 septembre 2026.")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    wait_until_still(page)
    violations = Axe().run(page).response["violations"]
    assert [rule["id"] for rule in violations if rule["impact"] in ("moderate", "serious", "critical")] == []
    context.close()


@pytest.mark.parametrize("zone", ["Europe/Paris", "America/Los_Angeles"])
def test_days_do_not_depend_on_the_time_zone_of_the_reader(
    browser: Browser, app: App, tmp_path: Path, zone: str
) -> None:
    context = browser.new_context(viewport=WIDE, locale="en-GB", timezone_id=zone)
    page = context.new_page()
    score_two_weeks(page, app.address, tmp_path)
    chart = page.locator("[data-testid=stVegaLiteChart]").last
    expect(chart.get_by_text("Mar 1", exact=True)).to_be_attached()
    expect(chart.get_by_text("Mar 13", exact=True)).to_be_attached()
    expect(chart.get_by_text("Feb 28", exact=True)).to_have_count(0)
    context.close()


@pytest.mark.extended
def test_typed_text_survives_an_outage_and_is_analyzed_afterwards(page: Page, app: App, tmp_path: Path) -> None:
    port = free_port()
    with processes.page(free_port(), tmp_path, SERVICE_URL=f"http://127.0.0.1:{port}") as address:
        page.goto(address)
        page.get_by_role("textbox", name="Tweet").fill("late again and rude")
        page.get_by_role("button", name="Analyze").click()
        expect(page.get_by_text(re.compile("The service cannot be reached"))).to_be_visible()
        expect(page.get_by_role("textbox", name="Tweet")).to_have_value("late again and rude")
        with processes.forwarded(port, app.service_port):
            page.get_by_role("button", name="Try again").click()
            expect(page.locator(".tweet")).to_be_visible()
