"""Fixtures of the browser tests: a served model, the page, and Chromium; service and page share no file."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as Handler
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from tests.browser import processes
from tests.e2e.server import free_port
from tests.packaged_model import save_packaged
from tests.postgresql import Cluster

WIDE, NARROW = ViewportSize(width=1200, height=900), ViewportSize(width=390, height=780)
UNDO_SECONDS = 4
TIMEOUT_MILLISECONDS = 60_000  # patience with a busy machine; nothing waits for it to pass


class Mailbox(Handler):
    """Collect the mails that a mail server receives."""

    def __init__(self) -> None:
        super().__init__()
        self.received: list[str] = []

    def handle_message(self, message: object) -> None:
        self.received.append(str(message))


@dataclass(frozen=True)
class App:
    """A running page and its service.

    Attributes:
        address: URL of the page.
        service_port: port of the service.
        database: URL of the event store.
        mailbox: receives the alerts.
    """

    address: str
    service_port: int
    database: str
    mailbox: Mailbox


# Not longer: while Playwright runs, its event loop is that of the process, so that no other test could start one.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=TIMEOUT_MILLISECONDS)
    with sync_playwright() as playwright:
        browser = processes.launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def mailbox() -> Iterator[tuple[Mailbox, dict[str, object]]]:
    """Run a mail server; yield what it receives, and the settings of a service that sends alerts there."""
    received = Mailbox()
    smtp = Controller(received, hostname="127.0.0.1", port=free_port())
    smtp.start()
    settings: dict[str, object] = {
        "TELEMETRY_UNDO_SECONDS": UNDO_SECONDS,
        "TELEMETRY_MAIL_TO": "marketing@airline.example",
        "TELEMETRY_MAIL_FROM": "alerts@airline.example",
        "TELEMETRY_SMTP_HOST": "127.0.0.1",
        "TELEMETRY_SMTP_PORT": smtp.port,
        "TELEMETRY_SMTP_SECURITY": "none",
    }
    yield received, settings
    smtp.stop()


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Save a model to serve."""
    return save_packaged(tmp_path_factory.mktemp("served") / "model")


@pytest.fixture(scope="session")
def app(
    tmp_path_factory: pytest.TempPathFactory,
    postgresql: Cluster,
    mailbox: tuple[Mailbox, dict[str, object]],
    model: Path,
) -> Iterator[App]:
    """Serve a model with events in PostgreSQL, and start a page that knows its address only."""
    folder = tmp_path_factory.mktemp("page")
    received, settings = mailbox
    database = postgresql.new_database()
    port = free_port()
    with (
        processes.service(port, folder, SERVICE_MODEL=model, TELEMETRY_DATABASE=database, **settings) as service,
        processes.page(free_port(), folder, SERVICE_URL=service) as address,
    ):
        yield App(address, port, database, received)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Open a browser window in English."""
    context = browser.new_context(viewport=WIDE, locale="en-GB")
    context.set_default_timeout(TIMEOUT_MILLISECONDS)
    yield context.new_page()
    context.close()
