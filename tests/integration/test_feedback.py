"""Feedback through the API of a service in its own process, and the alerts that it fires."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from service.ids import Ids
from telemetry.schema import workers
from telemetry.store import Store
from tests.browser import processes
from tests.e2e.server import free_port
from tests.mailbox import serve
from tests.packaged_model import save_packaged
from tests.postgresql import Cluster

UNDO_SECONDS = 1.5
PATIENCE_SECONDS = 90.0
TWEET = "late again and rude"
TWEETS = ["lost my bag, awful", "two hours late :(", "worst crew"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_packaged(tmp_path_factory.mktemp("packaged") / "model")


@pytest.fixture(scope="module")
def start(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., httpx.Client]]:
    """Return a function that starts a service with a database and settings of telemetry, and returns a client."""
    with ExitStack() as stack:

        def start_service(database: str, **settings: object) -> httpx.Client:
            settings = {"undo_seconds": UNDO_SECONDS, "smtp_security": "none", "database": database, **settings}
            variables = {f"TELEMETRY_{name.upper()}": value for name, value in settings.items()}
            folder = tmp_path_factory.mktemp("service")
            service = processes.service(
                free_port(), folder, SERVICE_MODEL=model, SERVICE_REQUESTS_PER_MINUTE=10**6, **variables
            )
            client = httpx.Client(base_url=stack.enter_context(service), timeout=60, trust_env=False)
            return stack.enter_context(client)

        yield start_service


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def client(
    request: pytest.FixtureRequest, start: Callable[..., httpx.Client], tmp_path_factory: pytest.TempPathFactory
) -> httpx.Client:
    """Start a service on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        return start(f"sqlite:///{tmp_path_factory.mktemp('store') / 'events.db'}")
    cluster: Cluster = request.getfixturevalue("postgresql")
    return start(cluster.new_database())


def predict(client: httpx.Client, text: str = TWEET, **fields: str) -> str:
    """Classify a tweet; return the id of the prediction."""
    answer = client.post("/predict", json={"text": text, **fields}).raise_for_status().json()
    prediction_id: str = answer["prediction_id"]
    return prediction_id


def report(client: httpx.Client, prediction_id: str, sentiment: str = "positive", **fields: str) -> httpx.Response:
    """Report the true sentiment of a prediction."""
    return client.put(f"/predictions/{prediction_id}/feedback", json={"true_sentiment": sentiment, **fields})


def withdraw(client: httpx.Client, prediction_id: str) -> httpx.Response:
    """Take feedback back."""
    return client.delete(f"/predictions/{prediction_id}/feedback")


def detail(answer: httpx.Response, status: int) -> str:
    """Return the detail of an error."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    text: str = answer.json()["detail"]
    return text


def monitoring(client: httpx.Client, days: int = 30) -> dict[str, Any]:
    """Return the report on the model's health."""
    answer: dict[str, Any] = client.get("/monitoring", params={"days": days}).raise_for_status().json()
    return answer


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_feedback_is_new_then_the_same_then_changed_then_final(client: httpx.Client) -> None:
    prediction_id = predict(client)
    first = report(client, prediction_id, text=TWEET, comment="  irony ")
    assert first.status_code == 201
    stored = first.json()
    undo_until = datetime.fromisoformat(stored.pop("undo_until"))
    assert stored == {"prediction_id": prediction_id, "true_sentiment": "positive", "comment": "irony"}
    assert 0 < (undo_until - datetime.now(UTC)).total_seconds() <= UNDO_SECONDS
    again = report(client, prediction_id, text=TWEET, comment="irony")
    assert (again.status_code, again.json()) == (200, first.json())
    changed = report(client, prediction_id, "negative", text=TWEET)
    assert (changed.status_code, changed.json()["true_sentiment"], changed.json()["comment"]) == (200, "negative", None)
    time.sleep(UNDO_SECONDS + 0.2)
    assert report(client, prediction_id, "negative").json() == changed.json(), "idempotent for ever"
    assert "can no longer be changed" in detail(report(client, prediction_id), 409)
    assert "can no longer be undone" in detail(withdraw(client, prediction_id), 409)


def test_feedback_can_be_taken_back_and_given_again(client: httpx.Client) -> None:
    prediction_id = predict(client)
    assert "There is no feedback" in detail(withdraw(client, prediction_id), 404)
    report(client, prediction_id)
    deleted = withdraw(client, prediction_id)
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert "There is no feedback" in detail(withdraw(client, prediction_id), 404)
    assert report(client, prediction_id, "negative").status_code == 201


def test_an_id_that_the_service_never_gave_is_not_found(client: httpx.Client) -> None:
    prediction_id = predict(client)
    first, *_ = prediction_id
    altered = ("B" if first == "A" else "A") + prediction_id[1:]
    of_another_key = Ids(bytes(32)).issue(
        TWEET, time=time.time(), model_version="7", negative_probability=0.9, sentiment="negative", source="api"
    )
    for unknown in (
        "0" * 32,
        altered,
        prediction_id[:-1],
        of_another_key,
        "A" * 5_000,
        "%C3%A9",
        f"{prediction_id}%00",
    ):
        assert "Unknown prediction id" in detail(report(client, unknown), 404)
        assert "Unknown prediction id" in detail(withdraw(client, unknown), 404)


def test_feedback_with_another_text_or_field_is_refused_without_repeating_it(client: httpx.Client) -> None:
    prediction_id = predict(client)
    assert "text is not the tweet of this prediction" in detail(report(client, prediction_id, text="a-secret"), 400)
    assert report(client, prediction_id, text=f" {TWEET.upper()} ").status_code == 201, "case and spaces may differ"
    for body in ({}, {"true_sentiment": "a-secret"}, {"true_sentiment": "negative", "a-secret": 1}, ["a-secret"]):
        answer = client.put(f"/predictions/{prediction_id}/feedback", json=body)
        assert "a-secret" not in detail(answer, 400)


def test_mentions_and_links_are_masked_before_feedback_is_stored(client: httpx.Client) -> None:
    tweet = "@anna late again, see https://example.org/x"
    prediction_id = predict(client, tweet)
    assert report(client, prediction_id, text=tweet, comment="ask @bob").json()["comment"] == "ask @user"
    wait_until(lambda: monitoring(client, days=2)["mistakes"][:1])
    texts = [mistake["text"] for mistake in monitoring(client, days=3)["mistakes"]]
    assert texts[0] == "@user late again, see http"


def test_monitoring_counts_by_source_and_version_and_shows_the_health_of_the_jobs(client: httpx.Client) -> None:
    before = {source["source"]: source["count"] for source in monitoring(client, days=4)["sources"]}

    def new(name: str, answer: dict[str, Any]) -> int:
        """Return how many predictions of a source are new."""
        count: int = sum(source["count"] for source in answer["sources"] if source["source"] == name)
        return count - before.get(name, 0)

    for source, count in (("page", 2), ("batch", 3)):
        for _ in range(count):
            predict(client, source=source)
    wait_until(lambda: new("page", monitoring(client, days=5)) + new("batch", monitoring(client, days=5)) == 5)
    wait_until(lambda: all(worker["healthy"] for worker in monitoring(client, days=6)["workers"]))
    answer = monitoring(client, days=7)
    after = {source["source"]: source for source in answer["sources"]}
    assert (new("page", answer), new("batch", answer)) == (2, 3)
    assert 0 <= after["batch"]["low"] < after["batch"]["negative"] / after["batch"]["count"] <= after["batch"]["high"]
    assert [version["model_version"] for version in answer["versions"]] == ["7"]
    assert [worker["name"] for worker in answer["workers"]] == ["rule", "prune"]
    assert {worker["error"] for worker in answer["workers"]} == {None}
    assert (answer["undo_seconds"], answer["skipped"], answer["forwarding"]) == (UNDO_SECONDS, 0, None)
    assert "days" in detail(client.get("/monitoring", params={"days": "0"}), 400)


def test_a_service_without_a_store_refuses_feedback(start: Callable[..., httpx.Client]) -> None:
    client = start("")
    answer = report(client, predict(client))
    assert detail(answer, 503) == "The service has no event store. Its administrator must set TELEMETRY_DATABASE."
    assert detail(client.get("/monitoring"), 503) == detail(answer, 503)


@pytest.mark.extended
def test_feedback_is_refused_while_postgresql_is_stopped_and_accepted_after_its_restart(
    start: Callable[..., httpx.Client], own_postgresql: Cluster
) -> None:
    client = start(own_postgresql.url())
    acknowledged, refused = predict(client), predict(client)
    assert report(client, acknowledged).status_code == 201
    own_postgresql.stop()
    for _ in range(2):
        answer = report(client, refused)
        assert detail(answer, 503) == "The event store is unreachable. Send the request again."
        assert int(answer.headers["Retry-After"]) > 0
        assert detail(withdraw(client, refused), 503) == detail(answer, 503)
    assert detail(client.get("/monitoring"), 503) == detail(answer, 503)
    assert predict(client), "predictions need no store"
    assert client.get("/readyz").is_success
    own_postgresql.start()
    assert report(client, refused).status_code == 201
    assert report(client, acknowledged).status_code == 200
    wait_until(lambda: all(worker["healthy"] for worker in monitoring(client)["workers"]))


@pytest.mark.extended
def test_several_processes_send_one_mail_also_if_the_one_at_work_is_killed(
    start: Callable[..., httpx.Client], postgresql: Cluster
) -> None:
    database = postgresql.new_database()
    with serve() as mailbox, ExitStack() as stack:
        settings = {**mailbox.settings, "database": database, "smtp_security": "none", "undo_seconds": UNDO_SECONDS}
        variables = {f"TELEMETRY_{name.upper()}": str(value) for name, value in settings.items()}
        started: dict[str, subprocess.Popen[bytes]] = {}
        for _ in range(2):
            command = [sys.executable, "-m", "telemetry", "work"]
            process = stack.enter_context(subprocess.Popen(command, cwd=processes.PROJECT, env=os.environ | variables))
            stack.callback(process.kill)
            started[str(process.pid)] = process
        with closing(Store(database)) as store:
            wait_until(lambda: holders(store) and holders(store) <= set(started))
            first, second = (start(database, **mailbox.settings) for _ in range(2))
            for client, text in zip((first, second, first), TWEETS, strict=True):
                prediction_id = predict(client, text)
                assert report(second, prediction_id, text=text).status_code == 201, "on another replica"
            for holder in holders(store):
                started[holder].kill()
            wait_until(lambda: mailbox.messages)
        time.sleep(2 * UNDO_SECONDS)
        assert len(mailbox.messages) == 1
        assert all(text in mailbox.messages[0].get_content() for text in TWEETS)
        for client in (first, second):
            (alert,) = monitoring(client)["alerts"]
            assert alert["delivered"] == {"mail": True}
            assert [mistake["text"] for mistake in alert["mistakes"]] == TWEETS


def holders(store: Store) -> set[str]:
    """Return the numbers of the processes that run jobs."""
    try:
        with store.database.reading() as connection:
            names = connection.scalars(sa.select(workers.c.holder).where(workers.c.holder.is_not(None)))
            return {name.rpartition(":")[2] for name in names}
    except sa.exc.ProgrammingError:  # no tables yet
        return set()
