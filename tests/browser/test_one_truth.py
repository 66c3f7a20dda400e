"""The whole story in a browser: page and service share no disk, and what matters lies in PostgreSQL alone."""

import re
import shutil
from pathlib import Path

import httpx
import psutil
import pytest
from playwright.sync_api import Browser, Page, expect

from telemetry.events import Feedback, Prediction
from telemetry.store import Store
from tests import mailbox
from tests.browser import processes
from tests.browser.test_page import ask, report_wrong, wait_for
from tests.e2e.server import free_port
from tests.packaged_model import save_packaged
from tests.postgresql import Cluster

pytestmark = pytest.mark.slow
MISTAKES = ("late again and rude @anna", "lost my bag, awful", "worst crew https://example.org/x")


def kill_service(port: int) -> None:
    """Kill the service with all its processes, as a machine that fails does."""
    started = psutil.Process().children(recursive=True)
    services = [child for child in started if child.environ().get("SERVICE_PORT") == str(port)]
    assert services
    for service in services:
        service.kill()
    psutil.wait_procs(services)


def open_page(browser: Browser, address: str) -> Page:
    page = browser.new_context(locale="en-GB").new_page()
    page.set_default_timeout(20_000)
    page.goto(address)
    return page


def test_what_was_reported_survives_a_service_whose_disk_is_lost(
    browser: Browser, own_postgresql: Cluster, tmp_path: Path
) -> None:
    own_postgresql.execute("CREATE DATABASE events")
    image = save_packaged(tmp_path / "image")
    of_page, first_disk, second_disk = (tmp_path / name for name in ("page", "first", "second"))
    port = free_port()
    with mailbox.serve() as mails:
        telemetry = {f"TELEMETRY_{name.upper()}": value for name, value in mails.settings.items()}
        telemetry |= {"TELEMETRY_SMTP_SECURITY": "none", "TELEMETRY_UNDO_SECONDS": 2}
        telemetry |= {"TELEMETRY_DATABASE": own_postgresql.url("events")}

        def served(disk: Path) -> dict[str, object]:
            """Return the settings of a service on an empty disk with the image's model."""
            shutil.copytree(image, disk / "model")
            return {"SERVICE_MODEL": disk / "model", "HOME": disk, "TMPDIR": disk, **telemetry}

        of_page.mkdir()
        with processes.page(free_port(), of_page, SERVICE_URL=f"http://127.0.0.1:{port}", HOME=of_page) as address:
            with processes.service(port, first_disk.parent, **served(first_disk)):
                page = open_page(browser, address)
                for text in MISTAKES:
                    ask(page, text)
                    expect(page.get_by_role("heading", name="Negative")).to_be_visible()
                    report_wrong(page, comment="they were joking")
                page.context.close()  # nobody is on the page when the mail is sent
                wait_for(lambda: len(mails.messages) == 1)
                kill_service(port)
            shutil.rmtree(first_disk)

            with processes.service(port, second_disk.parent, **served(second_disk)):
                page = open_page(browser, f"{address}/model")
                expect(page.get_by_text(re.compile("3 tweets reported as mispredicted"))).to_be_visible()
                expect(page.get_by_text(re.compile("Notified by email"))).to_be_visible()
                page.context.close()
                report = httpx.get(f"http://127.0.0.1:{port}/monitoring", trust_env=False).json()
                shown = {mistake["text"] for mistake in report["mistakes"]}  # drawn on a canvas by the page
                assert shown == {"late again and rude @user", "lost my bag, awful", "worst crew http"}

    store = Store(own_postgresql.url("events"))
    assert len(list(store.read(Prediction))) == len(MISTAKES)
    assert [report.true_sentiment for report in store.read(Feedback)] == ["positive"] * len(MISTAKES)
    store.close()
    assert len(mails.messages) == 1  # told once, not again by the second service
