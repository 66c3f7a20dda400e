"""Fixtures of the browser tests: a served model, the page, and Chromium."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as Handler
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from tests.browser import processes
from tests.e2e.server import free_port
from tests.packaged_model import save_packaged

WIDE, NARROW = ViewportSize(width=1200, height=900), ViewportSize(width=390, height=780)


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
        folder: holds the store of events, the logs and the model.
        mailbox: receives the alerts.
    """

    address: str
    service_port: int
    folder: Path
    mailbox: Mailbox


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = processes.launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """Serve a model and start a page that sends alerts by mail."""
    folder = tmp_path_factory.mktemp("page")
    model = save_packaged(folder / "model")
    mailbox = Mailbox()
    smtp = Controller(mailbox, hostname="127.0.0.1", port=free_port())
    smtp.start()
    port = free_port()
    telemetry = {
        "TELEMETRY_PATH": folder / "events.db",
        "TELEMETRY_UNDO_SECONDS": 4,
        "TELEMETRY_MAIL_TO": "marketing@airline.example",
        "TELEMETRY_MAIL_FROM": "alerts@airline.example",
        "TELEMETRY_SMTP_HOST": "127.0.0.1",
        "TELEMETRY_SMTP_PORT": smtp.port,
        "TELEMETRY_SMTP_SECURITY": "none",
    }
    try:
        with (
            processes.service(port, folder, SERVICE_MODEL=model, **telemetry) as service,
            processes.page(free_port(), folder, SERVICE_URL=service, **telemetry) as address,
        ):
            yield App(address, port, folder, mailbox)
    finally:
        smtp.stop()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Open a browser window in English."""
    context = browser.new_context(viewport=WIDE, locale="en-GB")
    context.set_default_timeout(20_000)
    yield context.new_page()
    context.close()
