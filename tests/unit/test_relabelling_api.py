"""The relabelling queue over the API of a service in this process."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from telemetry import schema
from telemetry.store import Store
from tests.events import disagreement, feedback
from tests.unit.conftest import StartService

PROBLEM = "application/problem+json"
ANA, BEN = "Ana@Example.org", "ben@example.org"
UNSURE = "seat 12"


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'events.db'}"


@pytest.fixture
def relabelling(start_service: StartService, database: str) -> Iterator[TestClient]:
    settings = {"telemetry_database": database, "telemetry_text": "masked", "telemetry_undo_seconds": 0}
    with start_service(**settings) as client:
        yield client


def ask(client: TestClient, labeller: str = ANA, **fields: Any) -> dict[str, Any]:
    body = {"labeller": labeller, **fields}
    answer: dict[str, Any] = client.post("/relabelling/next", json=body).raise_for_status().json()
    return answer


def judge(client: TestClient, item_id: str, answer: str = "negative", labeller: str = ANA) -> Any:
    return client.put(f"/relabelling/{item_id}/judgement", json={"labeller": labeller, "answer": answer})


def detail(answer: Any, status: int) -> str:
    assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM)
    return str(answer.json()["detail"])


def report(client: TestClient, text: str = "late again and rude") -> str:
    """Report a prediction as wrong; return the id of its events."""
    prediction = client.post("/predict", json={"text": text}).json()
    truth = "positive" if prediction["sentiment"] == "negative" else "negative"
    path = f"/predictions/{prediction['prediction_id']}/feedback"
    client.put(path, json={"true_sentiment": truth, "text": text}).raise_for_status()
    return str(prediction["prediction_id"][:16])


def test_a_reported_answer_gets_the_label_on_which_two_people_agree(relabelling: TestClient) -> None:
    item_id = report(relabelling, "@anna late again and rude")
    (item,) = ask(relabelling)["items"]
    assert (item["id"], item["text"], item["reason"]) == (item_id, "@user late again and rude", "reported")
    first = judge(relabelling, item_id)
    assert first.status_code == 201
    assert (first.json()["answer"], first.json()["label"]) == ("negative", None)
    assert first.json()["changeable_until"].endswith("Z")
    assert ask(relabelling)["items"] == []
    (second,) = ask(relabelling, BEN)["items"]
    assert second["id"] == item_id
    assert judge(relabelling, item_id, labeller=BEN).json()["label"] == "negative"
    progress = ask(relabelling)["progress"]
    assert (progress["negative"], progress["people"], progress["yours"]) == (1, 2, 1)
    assert progress["agreement"] == {"count": 1, "agreed": 1, "low": pytest.approx(0.2065, abs=1e-4), "high": 1.0} | {
        "alpha": None
    }


def test_uncertain_answers_of_the_model_in_use_are_asked(relabelling: TestClient) -> None:
    assert relabelling.post("/predict", json={"text": UNSURE}).json()["certainty"] == "uncertain"
    relabelling.post("/predict", json={"text": "late again and rude"})
    deadline = 200
    while not (queue := ask(relabelling))["items"] and deadline:  # predictions are written in the background
        deadline -= 1
    assert [(item["text"], item["reason"]) for item in queue["items"]] == [(UNSURE, "uncertain")]


def test_a_person_is_the_same_whatever_the_case_of_the_name_and_is_stored_as_a_hash(
    relabelling: TestClient, database: str
) -> None:
    item_id = report(relabelling)
    judge(relabelling, item_id)
    again = judge(relabelling, item_id, labeller=f" {ANA.lower()} ")
    assert (again.status_code, again.json()["label"]) == (200, None), "one person labels twice"
    store = Store(database)
    with store.database.reading() as connection:
        (person,) = connection.scalars(sa.select(schema.judgements.c.person))
    store.close()
    assert len(person) == 32
    assert "ana" not in person.lower() or int(person, 16)


def test_a_person_may_change_the_mind_and_a_skip_decides_nothing(relabelling: TestClient) -> None:
    item_id = report(relabelling)
    assert judge(relabelling, item_id, "skipped").json()["changeable_until"] is None
    assert judge(relabelling, item_id, "positive").json()["answer"] == "positive"
    changed = judge(relabelling, item_id, "discarded")
    assert (changed.status_code, changed.json()["answer"]) == (200, "discarded")


def test_a_judgement_on_an_unknown_answer_is_not_found(relabelling: TestClient) -> None:
    report(relabelling)
    for unknown in ("0" * 16, "x" * 5_000, "%C3%A9", "a%00b"):
        assert "No answer with a stored text has this id" in detail(judge(relabelling, unknown), 404)


def test_too_late_a_change_is_refused(relabelling: TestClient, database: str) -> None:
    item_id = report(relabelling)
    judge(relabelling, item_id)
    store = Store(database)
    with store.database.writing(schema.judgements) as connection:
        connection.execute(sa.update(schema.judgements).values(time=schema.judgements.c.time - 3_700))
    store.close()
    assert judge(relabelling, item_id).status_code == 200
    assert "can no longer be changed" in detail(judge(relabelling, item_id, "positive"), 409)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"answer": "negative"}, "The request has no `labeller`"),
        ({"labeller": "", "answer": "negative"}, "labeller is empty"),
        ({"labeller": " \n", "answer": "negative"}, "labeller is empty"),
        ({"labeller": "a\0", "answer": "negative"}, "labeller contains a NUL character"),
        ({"labeller": "a" * 321, "answer": "negative"}, "labeller has more than 320 characters"),
        ({"labeller": ANA, "answer": "angry"}, "answer must be `negative`, `positive`, `discarded` or `skipped`"),
        ({"labeller": ANA, "answer": None}, "answer must be"),
        ({"labeller": ANA, "answer": "negative", "schema": 2}, "The request has an unknown field"),
        ({"labeller": 7, "answer": "negative"}, "labeller must be a string"),
        ([], "must be an object"),
    ],
)
def test_an_invalid_judgement_is_refused_with_the_reason(relabelling: TestClient, body: Any, reason: str) -> None:
    refusal = relabelling.put(f"/relabelling/{report(relabelling)}/judgement", json=body)
    assert reason in detail(refusal, 400)
    assert "Ana" not in refusal.text


@pytest.mark.parametrize("limit", [0, 101, "ten", None, 2.5])
def test_an_invalid_number_of_answers_is_refused(relabelling: TestClient, limit: Any) -> None:
    refusal = relabelling.post("/relabelling/next", json={"labeller": ANA, "limit": limit})
    assert "limit must be a whole number from 1 to 100" in detail(refusal, 400)


def test_where_no_text_is_kept_the_queue_says_so(start_service: StartService, database: str) -> None:
    with start_service(telemetry_database=database, telemetry_undo_seconds=0) as client:
        store = Store(database)
        store.add([disagreement(1), feedback(2, text="sent with its text")])
        store.close()
        queue = ask(client)
        assert (queue["text"], queue["without_text"]) == ("none", 1)
        assert [item["text"] for item in queue["items"]] == ["sent with its text"]


def test_without_a_store_the_queue_says_what_to_set(client: TestClient) -> None:
    assert "TELEMETRY_DATABASE" in detail(client.post("/relabelling/next", json={"labeller": ANA}), 503)
    assert "TELEMETRY_DATABASE" in detail(judge(client, "0" * 16), 503)


def test_the_queue_needs_the_key_of_the_service(start_service: StartService, database: str) -> None:
    key = "a-key-of-the-tests-long-enough"
    with start_service(telemetry_database=database, api_keys=key) as client:
        assert client.post("/relabelling/next", json={"labeller": ANA}).status_code == 401
        assert judge(client, "0" * 16).status_code == 401
        client.headers["Authorization"] = f"Bearer {key}"
        assert ask(client)["items"] == []
