"""Build the slides: `python -m papers.slides` (`make slides`). Needs Node.js and Chromium.

Writes a PDF and a PowerPoint file with speaker notes beside the Markdown of the slides, and refuses slides with content
that does not fit.
"""

import logging
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import sync_playwright

from papers.errors import PaperError
from papers.rendering import DOCS
from sentiment.inference.errors import UserError

log = logging.getLogger("papers")

FOLDER = DOCS / "slides"
SLIDES = FOLDER / "slides.fr.md"
THEME = FOLDER / "theme.css"
MARP = "@marp-team/marp-cli@4.5.1"
# Number and title of each slide with content beyond its edges. Images that are not loaded have no size.
OVERFLOWING = """() => [...document.querySelectorAll("section")].flatMap((slide, index) => {
  const frame = slide.getBoundingClientRect();
  const fits = [...slide.querySelectorAll("*")].every(element => {
    const box = element.getBoundingClientRect();
    const loaded = element.tagName !== "IMG" || element.naturalWidth > 0;
    return loaded && box.bottom <= frame.bottom + 1 && box.right <= frame.right + 1;
  });
  return fits ? [] : [`${index + 1} (${slide.querySelector("h1")?.innerText ?? "no title"})`];
})"""


def overflowing(page: Path) -> list[str]:
    """Return number and title of each slide of an HTML page whose content does not fit, or lacks a picture."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        tab = browser.new_page()
        tab.goto(page.as_uri(), wait_until="networkidle")
        found: list[str] = tab.evaluate(OVERFLOWING)
        browser.close()
    return found


def marp(slides: Path, output: Path, options: Sequence[str] = ()) -> None:
    """Convert slides with Marp; the ending of the output decides on its form.

    Raises:
        PaperError: Node.js is missing, or Marp fails.
    """
    npx = shutil.which("npx")
    if npx is None:
        raise PaperError("The slides need Node.js (npx), which runs Marp. Install it, then repeat the command.")
    command = [npx, "--yes", MARP, str(slides), "--output", str(output), "--theme-set", str(THEME), "--html",
               "--allow-local-files", "--no-stdin", *options]  # fmt: skip
    environment = {**os.environ, "CHROME_NO_SANDBOX": "1"}
    if chromium := shutil.which("chromium"):
        environment["CHROME_PATH"] = chromium
    completed = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if completed.returncode:
        raise PaperError(f"Marp failed on {slides}:\n{completed.stderr.strip()}")


def build(slides: Path = SLIDES) -> list[Path]:
    """Write the PDF and the PowerPoint file of slides; return both files.

    Raises:
        PaperError: the content of a slide does not fit, or a picture is missing.
    """
    # Marp resolves the addresses of pictures against the folder of its output.
    with tempfile.NamedTemporaryFile(suffix=".html", dir=slides.parent) as html:
        marp(slides, Path(html.name), ["--template", "bare"])
        if found := overflowing(Path(html.name)):
            raise PaperError(f"{slides}: content does not fit, or a picture is missing, on slides {', '.join(found)}.")
    outputs = [slides.with_suffix(".pdf"), slides.with_suffix(".pptx")]
    for output in outputs:
        marp(slides, output)
    return outputs


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        for file in build():
            log.info("%s", file)
    except UserError as error:
        log.error("%s", error)
        sys.exit(2)
