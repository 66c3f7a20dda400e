"""Wait until a page is drawn."""

from playwright.sync_api import Page, expect

# Keeps the animations of JavaScript that end.
FINITE = "it => it.effect.getComputedTiming().iterations !== Infinity"


def wait_until_still(page: Page) -> None:
    """Wait until the page is drawn: before, text fading in lacks contrast, and redrawn elements lose clicks."""
    page.wait_for_timeout(500)
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    page.wait_for_timeout(1_000)
    page.wait_for_function(f"document.getAnimations().filter({FINITE}).every(it => it.playState === 'finished')")
