"""What the tests in a browser share: a small model that is served, a page, and Chromium."""

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

WIDE, NARROW = ViewportSize(width=1200, height=900), ViewportSize(width=375, height=720)


class Mails(Handler):
    """Keep the mails that a mail server receives."""

    def __init__(self) -> None:
        super().__init__()
        self.received: list[str] = []

    def handle_message(self, message: object) -> None:
        self.received.append(str(message))


@dataclass(frozen=True)
class Shown:
    """A page that runs.

    Attributes:
        address: where.
        service_port: of the service that it asks.
        folder: that holds the store, the logs and the model.
        mails: that were sent.
    """

    address: str
    service_port: int
    folder: Path
    mails: Mails


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = processes.launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    """Serve a model, and open a page that tells of alerts by mail."""
    folder = tmp_path_factory.mktemp("page")
    model = save_packaged(folder / "model")
    mails = Mails()
    smtp = Controller(mails, hostname="127.0.0.1", port=free_port())
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
            yield Shown(address, port, folder, mails)
    finally:
        smtp.stop()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Open a window of an English reader."""
    context = browser.new_context(viewport=WIDE, locale="en-GB")
    context.set_default_timeout(20_000)
    yield context.new_page()
    context.close()
