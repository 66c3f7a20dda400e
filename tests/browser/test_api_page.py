"""The page of the API, in a browser: it works, and loads nothing from elsewhere."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import processes
from tests.browser.conftest import TIMEOUT_MILLISECONDS
from tests.e2e.server import free_port
from tests.packaged_model import save_packaged

pytestmark = pytest.mark.slow
KEY = "a-key-of-the-tests-long-enough"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve a model to those who have a key; return the address."""
    folder = tmp_path_factory.mktemp("api")
    model: Path = save_packaged(folder / "model")
    with processes.service(free_port(), folder, SERVICE_MODEL=model, SERVICE_API_KEYS=KEY) as address:
        yield address


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Open a window."""
    context = browser.new_context()
    context.set_default_timeout(TIMEOUT_MILLISECONDS)
    yield context.new_page()
    context.close()


def test_the_page_of_the_api_sends_requests_and_contacts_nobody_else(service: str, page: Page) -> None:
    requested, complaints = list[str](), list[str]()
    page.on("request", lambda request: requested.append(request.url))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(error.message))
    page.goto(service)
    expect(page).to_have_title("Tweet sentiment API")
    expect(page.get_by_role("heading", name="Tweet sentiment")).to_be_visible()

    page.get_by_role("button", name="Authorize").first.click()
    page.get_by_label("auth-bearer-value").fill(KEY)
    page.get_by_label("Apply credentials").click()
    page.get_by_role("button", name="Close").click()

    operation = page.locator("#operations-predictions-predict")
    operation.get_by_role("button", name="Classify a tweet").first.click()
    expect(operation.locator("textarea")).to_have_value(
        '{\n  "text": "@AirParadis two hours late and nobody tells us why :("\n}'
    )
    operation.get_by_role("button", name="Execute").click()
    expect(operation.locator(".live-responses-table tbody .response-col_status").first).to_contain_text("200")
    expect(operation.locator(".live-responses-table")).to_contain_text('"sentiment": "negative"')

    hosts = {urlsplit(url).netloc for url in requested if not url.startswith(("data:", "blob:"))}
    assert hosts == {urlsplit(service).netloc}
    assert complaints == []
