"""The step `status`: one page, and an exit code for schedulers."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import mlflow
import pytest

from pipeline.artifacts import ArtifactError
from sentiment.inference.errors import SettingsError
from steps import status
from telemetry import alert, schema
from telemetry.alert import Rule
from telemetry.events import Prediction
from telemetry.store import Store
from tests.events import feedback
from tests.integration.candidates import SharedCandidates
from tests.integration.chain import configuration, last_run
from tests.integration.watched import OPTIONS, SUFFIX, in_process, predictions, register, write

pytestmark = pytest.mark.usefixtures("no_plots", "without_evidently")


@pytest.fixture(scope="module")
def name(shared: SharedCandidates) -> Iterator[str]:
    """Register the logistic regression with its reference; run models in this process."""
    registered = register(shared)
    with in_process():
        yield registered


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Open an empty store of events whose jobs are healthy, and set TELEMETRY_DATABASE to it."""
    url = f"sqlite:///{tmp_path / 'events.db'}"
    monkeypatch.setenv("TELEMETRY_DATABASE", url)
    with closing(Store(url)) as opened:
        opened.create()
        with opened.database.writing(schema.workers) as connection:
            rows = [
                {"name": job, "holder": "a", "token": "b", "expires": 4e9, "last_run": 1e9, "error": None}
                for job in ("rule", "prune")
            ]
            connection.execute(schema.workers.insert(), rows)
        yield opened


def examine(name: str, page: Path | None, *options: str) -> int:
    """Run the step; return the exit code."""
    where = "null" if page is None else f"'{page}'"
    try:
        status.main(configuration(f"select.name={name}", *OPTIONS, f"status.page={where}", *options))
    except SystemExit as left:
        return int(left.args[1])
    return 0


def test_when_nothing_needs_attention_the_page_says_so(name: str, store: Store, tmp_path: Path) -> None:
    store.add(predictions(name))
    page = tmp_path / "status.html"
    page.write_text("old", encoding="utf-8")
    assert examine(name, page) == 0
    text = page.read_text(encoding="utf-8")
    assert "Nothing needs attention." in text
    for check in ("Tweets", "Quality", "Traffic", "Jobs", "Reported mistakes", "Delivery"):
        assert f"<td>{check}</td>" in text
    assert list(tmp_path.glob(".status*")) == []
    run = last_run()
    assert run.info.status == "FINISHED"
    assert run.data.metrics["alarms"] == 0
    assert mlflow.artifacts.load_text(f"{run.info.artifact_uri}/report/status.html") == text


def test_changed_tweets_need_attention(name: str, store: Store, tmp_path: Path) -> None:
    events = predictions(name)
    store.add(Prediction(**{**vars(event), "text": f"{event.text}{SUFFIX}"}) for event in events)
    assert examine(name, tmp_path / "status.html") == 3
    assert "1 of 6 checks need attention." in (tmp_path / "status.html").read_text(encoding="utf-8")
    assert last_run().data.metrics["alarms"] == 1


def test_a_worse_model_has_an_exit_code_of_its_own(name: str, store: Store, tmp_path: Path) -> None:
    store.add(predictions(name))
    table = write(tmp_path / "flipped.csv", flipped=True)
    assert examine(name, None, "drift.tweets=data", "data=csv", f"data.path='{table}'") == 4


@pytest.mark.usefixtures("store")
def test_a_service_without_predictions_needs_attention_and_the_page_is_written(name: str, tmp_path: Path) -> None:
    page = tmp_path / "status.html"
    assert examine(name, page) == 3
    text = page.read_text(encoding="utf-8")
    assert "None by version 1: is it served" in text
    assert text.count("Not known") == 2


def test_a_service_of_another_version_needs_attention(name: str, store: Store) -> None:
    store.add(predictions(name, model_version="9"))
    assert examine(name, None) == 3
    assert "400 by version 9. None by version 1" in last_run().data.tags["verdict"]


def test_a_sick_job_an_alert_and_a_row_put_aside_need_attention(name: str, store: Store) -> None:
    store.add([*predictions(name), *(feedback(number) for number in range(3))])
    alert.fire(store, Rule(tweets=1, seconds=60, cool_down_seconds=0), undo_seconds=0)
    store.skip("forward prediction", 1, "KeyError")
    with store.database.writing(schema.workers) as connection:
        broken = schema.workers.c.name == "prune"
        connection.execute(schema.workers.update().where(broken).values(error="store_unreachable"))
    assert examine(name, None) == 3
    verdict = last_run().data.tags["verdict"]
    assert "Jobs: Not healthy: prune (store_unreachable)." in verdict
    assert "Reported mistakes: Alerts in 7 days: " in verdict
    assert "3 of 3 feedbacks report a mistake" in verdict
    assert "Delivery: 1 rows were put aside." in verdict


def test_without_a_store_what_a_table_tells_is_shown(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TELEMETRY_DATABASE", raising=False)
    table, page = write(tmp_path / "same.csv"), tmp_path / "status.html"
    assert examine(name, page, "drift.tweets=data", "data=csv", f"data.path='{table}'") == 0
    assert "There is no event store: set TELEMETRY_DATABASE" in page.read_text(encoding="utf-8")


def test_a_store_that_is_gone_needs_attention(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEMETRY_DATABASE", f"sqlite:///{tmp_path / 'gone.db'}")
    assert examine(name, None) == 3
    assert "There is no event store at" in last_run().data.tags["verdict"]


@pytest.mark.parametrize("page", ["missing/status.html", "status.pdf"])
def test_a_page_that_cannot_be_written_is_refused(page: str, name: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"status\.page=.*: set it to a file \*\.html in an existing folder"):
        examine(name, tmp_path / page)


def test_a_model_that_is_gone_is_refused(name: str) -> None:
    with pytest.raises(ArtifactError, match=f"{name} has no version 9"):
        examine(name, None, f"drift.model=models:/{name}/9")
