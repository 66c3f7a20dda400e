"""Take screenshots of MLflow for the papers: `python -m tests.browser.tracking_pictures docs/pictures`.

The runs and the registry are those of MLFLOW_TRACKING_URI, by default those of this folder: run `make run` first, and
`mlflow run . -e drift` for the picture of its report.
"""

import argparse
import re
import tempfile
from contextlib import AbstractContextManager
from pathlib import Path
from urllib.parse import urlencode

import mlflow
from mlflow import MlflowClient
from playwright.sync_api import Page, sync_playwright

from tests.browser import processes
from tests.e2e.server import free_port

VIEWPORT = {"width": 1500, "height": 950}
MODEL = "tweet_sentiment"
REPORT = "report/report.html"
CANDIDATES = "metrics.val_roc_auc > 0"
SETTLED_MILLISECONDS = 8_000
ENVIRONMENT = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


def server(port: int, folder: Path) -> AbstractContextManager[object]:
    """Serve MLflow's page."""
    command = ["mlflow", "ui", "--backend-store-uri", mlflow.get_tracking_uri(), "--port", str(port)]
    return processes.process(command, f"http://127.0.0.1:{port}/health", folder / "mlflow.log", ENVIRONMENT)


def pages(client: MlflowClient) -> dict[str, str]:
    """Return the paths of the pages to show, by name of their pictures."""
    champion = client.get_model_version_by_alias(MODEL, "champion")
    experiment = client.get_run(champion.run_id).info.experiment_id
    filtered = urlencode({"searchFilter": CANDIDATES, "orderByKey": "metrics.`val_roc_auc`", "orderByAsc": "false"})
    return {
        "mlflow_runs": f"experiments/{experiment}/runs?{filtered}",
        "mlflow_comparison": f"experiments/{experiment}/runs?{filtered}&compareRunsMode=CHART",
        "mlflow_champion": f"models/{MODEL}/versions/{champion.version}",
    }


def drift_report(client: MlflowClient, folder: Path) -> Path | None:
    """Return the page of the latest drift report; None if there is none."""
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    runs = client.search_runs(experiments, "tags.`mlflow.project.entryPoint` = 'drift'")
    return Path(client.download_artifacts(runs[0].info.run_id, REPORT, str(folder))) if runs else None


def take(page: Page, file: Path) -> None:
    """Take a screenshot once the page has settled; messages that lie above it are closed."""
    page.wait_for_timeout(SETTLED_MILLISECONDS)
    for button in page.get_by_role("button", name=re.compile("^(Dismiss|Close|Got it|Not now)$", re.IGNORECASE)).all():
        if button.is_visible():
            button.click()
    page.screenshot(path=file)


def main() -> None:
    """Take the screenshots."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder for the screenshots")
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    paths, port = pages(MlflowClient()), free_port()
    with tempfile.TemporaryDirectory() as name, server(port, Path(name)), sync_playwright() as playwright:
        browser = processes.launch(playwright)
        page = browser.new_page(viewport=VIEWPORT, locale="en-GB")
        for picture, path in paths.items():
            page.goto(f"http://127.0.0.1:{port}/#/{path}")
            take(page, folder / f"{picture}.png")
        if report := drift_report(MlflowClient(), Path(name)):
            page.goto(report.as_uri())
            take(page, folder / "drift_report.png")
        browser.close()


if __name__ == "__main__":
    main()
