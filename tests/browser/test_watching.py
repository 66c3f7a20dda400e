"""From a recording to the alarm: the watch replays it to a service, which sends one email; the page shows it."""

import csv
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, expect

from monitoring.buckets import HOUR, Bucket
from telemetry import schema
from telemetry.buckets import SECONDS
from telemetry.events import Prediction
from telemetry.store import Store
from tests.browser import processes
from tests.browser.drawn import wait_until_still
from tests.e2e.server import free_port
from tests.mailbox import Mailbox, serve
from tests.packaged_model import save_packaged
from tests.streams import stream

pytestmark = [pytest.mark.slow, pytest.mark.extended]
PROJECT = Path(__file__).parents[2]
PATIENCE_SECONDS = 90.0
HOURS = 5
# Five hours in five seconds.
SPEED = 3600


def remember(store: Store, until: float) -> None:
    """Store the counts of five usual days, as if their predictions were deleted meanwhile."""
    begin = until // SECONDS * SECONDS - 5 * 24 * HOUR
    rows = [
        dict(zip(Bucket._fields[1:], bucket[1:], strict=True)) | {"number": int(bucket.start // SECONDS)}
        for bucket in stream(5, seed=1, begin=begin)
    ]
    with store.database.writing(schema.buckets) as connection:
        connection.execute(sa.insert(schema.buckets), rows)


def record(file: Path) -> int:
    """Write a usual hour, an hour of crisis and three calm hours, long ago; return the number of tweets."""
    begin = datetime(2015, 2, 16, 8, tzinfo=UTC).timestamp()
    texts = [(0, 24, "lovely crew, thanks"), (0, 36, "two hours late :("), (1, 24, "great flight :)")]
    texts += [(1, 240, "lost my bag, awful @AirParadis")]
    texts += [
        (hour, count, text) for hour in (2, 3, 4) for count, text in ((36, "great flight :)"), (24, "worst crew"))
    ]
    rows = [
        (begin + (hour + number / count) * HOUR, f"{text} {hour}{number}", f"author {hour} {number} {text}")
        for hour, count, text in texts
        for number in range(count)
    ]
    with file.open("w", encoding="utf-8", newline="") as table:
        writer = csv.writer(table)
        writer.writerow(["tweet", "created_at", "author"])
        writer.writerows((text, datetime.fromtimestamp(at, UTC).isoformat(), author) for at, text, author in rows)
    return len(rows)


def page(address: str, url: str, folder: Path) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """Show a service on a page."""
    variables = {"UI_PORT": address.rpartition(":")[2], "SERVICE_URL": url}
    return processes.process(["ui"], f"{address}/_stcore/health", folder / "page.log", variables)


@contextmanager
def watching(url: str, file: Path) -> Iterator[subprocess.Popen[str]]:
    """Run the watch on a recording."""
    command = [sys.executable, "-m", "watch", "replay", str(file), "--speed", str(SPEED)]
    command += ["--state", str(file.with_name("state.json")), "--rejected", str(file.with_name("rejected.ndjson"))]
    process = subprocess.Popen(
        command, cwd=PROJECT, env=os.environ | {"SERVICE_URL": url}, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for(condition: Callable[[], Any]) -> Any:
    """Return the first true value of a condition."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (value := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return value


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with serve() as mailbox:
        yield mailbox


def test_a_crisis_in_a_replay_is_one_email_though_the_watch_the_page_and_the_service_are_killed_meanwhile(
    tmp_path: Path, mailbox: Mailbox, browser: Browser
) -> None:
    model, database = save_packaged(tmp_path / "model"), f"sqlite:///{tmp_path / 'events.db'}"
    count = record(tmp_path / "past.csv")
    settings = {f"TELEMETRY_{name.upper()}": value for name, value in mailbox.settings.items()}
    settings |= {"TELEMETRY_SMTP_SECURITY": "none", "TELEMETRY_BUZZ_ZONE": "UTC", "TELEMETRY_TEXT": "masked"}
    with closing(Store(database)) as store:
        store.create()
        remember(store, time.time() - HOURS * HOUR)
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        settings |= {"SERVICE_MODEL": model, "TELEMETRY_DATABASE": database}
        with ExitStack() as stack:
            service = stack.enter_context(processes.serving(port, tmp_path, **settings))
            address = f"http://127.0.0.1:{free_port()}"
            shown = stack.enter_context(page(address, url, tmp_path))
            reader = stack.enter_context(closing(browser.new_page(locale="en-GB")))
            reader.goto(f"{address}/watch")
            expect(reader.get_by_role("heading", name="Calm")).to_be_visible()
            with watching(url, tmp_path / "past.csv"):
                wait_for(lambda: store.waiting(Prediction, 0) > count // 4)
                processes.kill(shown)
                wait_for(lambda: store.waiting(Prediction, 0) > count // 3)
                stack.enter_context(page(address, url, tmp_path))
            with watching(url, tmp_path / "past.csv") as second:
                wait_for(lambda: store.waiting(Prediction, 0) > count // 2)
                processes.kill(service)
                assert store.waiting(Prediction, 0) < count
                stack.enter_context(processes.serving(port, tmp_path, **settings))
                _, said = second.communicate(timeout=PATIENCE_SECONDS)
                assert second.returncode == 0, said
            assert store.waiting(Prediction, 0) == count
            days = iter(range(2, 1_000))  # an answer is cached by the number of days

            def calm_again() -> Any:
                buzz = httpx.get(f"{url}/monitoring", params={"days": next(days)}, trust_env=False).json()["buzz"]
                return [crisis for crisis in buzz["crises"] if crisis["over_since"] is not None]

            (crisis,) = wait_for(calm_again)
            wait_for(lambda: mailbox.messages)
            expect(reader.get_by_role("heading", name="Spot a backlash")).to_be_visible()  # the page has come back

            def shows_a_past_crisis() -> bool:
                reader.reload()
                wait_until_still(reader)
                happened = reader.get_by_text("What happened", exact=True).is_visible()
                return happened and reader.get_by_role("heading", name="Calm").is_visible()

            wait_for(shows_a_past_crisis)  # an answer is kept for some seconds
            expect(reader.get_by_text("luggage · 240")).to_be_visible()
    assert (crisis["kind"], crisis["level"]) == ("negative", "alarm")
    (message,) = mailbox.messages
    assert "times as many as usual" in message["Subject"]
    brief = message.get_content()
    assert "Reasons: luggage" in brief
    assert "Typical tweets:\n\n– " in brief.replace("\r\n", "\n")
    assert "lost my bag, awful @user" in brief
    assert "What you could do: give the contact of the luggage desk" in brief
    assert not (tmp_path / "rejected.ndjson").exists()


def test_sigterm_ends_the_watch_in_good_order(tmp_path: Path) -> None:
    with watching(f"http://127.0.0.1:{free_port()}", tmp_path / "past.csv") as process:
        record(tmp_path / "past.csv")
        assert process.stderr is not None
        assert "The service cannot be reached (ConnectError); trying again in 1 s" in process.stderr.readline()
        process.terminate()
        _, said = process.communicate(timeout=PATIENCE_SECONDS)
        assert process.returncode == 0
        assert said.splitlines()[-1] == "Stopped."
