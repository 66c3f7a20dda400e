"""The view "Check answers" in a real browser, by keyboard."""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from playwright.sync_api import Page, expect

from telemetry import schema
from telemetry.store import Store
from tests.browser import processes
from tests.browser.drawn import wait_until_still
from tests.e2e.server import free_port
from tests.events import feedback

pytestmark = pytest.mark.slow
TEXTS = ("late and rude", "lovely crew", "seat 12", "on time")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(f"sqlite:///{tmp_path / 'events.db'}")) as store:
        store.create()
        store.add(
            feedback(number, time.time() - 3_600, text, negative_probability=0.1 * number + 0.5)
            for number, text in enumerate(TEXTS)
        )
        yield store


@pytest.fixture
def address(store: Store, tmp_path: Path, model: Path) -> Iterator[str]:  # noqa: ARG001
    database = f"sqlite:///{tmp_path / 'events.db'}"
    with (
        processes.service(free_port(), tmp_path, SERVICE_MODEL=model, TELEMETRY_DATABASE=database) as service,
        processes.page(free_port(), tmp_path, SERVICE_URL=service) as page,
    ):
        yield page


def answers(store: Store) -> dict[str, str]:
    query = sa.select(schema.items.c.text, schema.judgements.c.answer).join(schema.judgements)
    with store.database.reading() as connection:
        return {row.text: row.answer for row in connection.execute(query)}


def press(page: Page, key: str) -> None:
    wait_until_still(page)
    page.keyboard.press(key)


def test_answers_are_checked_by_keyboard(page: Page, address: str, store: Store) -> None:
    page.goto(f"{address}/relabel")
    page.get_by_role("textbox", name="Your name or email address").fill("ana@example.org")
    page.get_by_role("textbox", name="Your name or email address").press("Enter")
    page.get_by_role("heading", name="Progress").click()
    for text, key in zip(TEXTS, "axds", strict=True):
        expect(page.get_by_text(text, exact=True)).to_be_visible()
        press(page, key)
    expect(page.get_by_role("button", name="Refresh")).to_be_visible()
    expected = dict(zip(TEXTS, ("negative", "positive", "discarded", "skipped"), strict=True))
    assert answers(store) == expected
    press(page, "z")
    expect(page.get_by_text(TEXTS[-1], exact=True)).to_be_visible()
    press(page, "x")
    expect(page.get_by_role("button", name="Refresh")).to_be_visible()
    assert answers(store) == expected | {TEXTS[-1]: "positive"}
