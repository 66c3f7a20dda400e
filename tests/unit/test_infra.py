"""The queries for Application Insights: the alert rule, and what docs/monitoring.md shows."""

import re
from pathlib import Path

import pytest

from telemetry.events import Disagreement, Event, Feedback, Prediction
from tests.documentation import PROJECT
from tests.events import common_fields, feedback, prediction

INFRA = PROJECT / "infra"
QUERIES = sorted(INFRA.glob("queries/*.kql"))
DISAGREEMENT = Disagreement(
    **common_fields(1, None, None),
    sentiment="negative",
    challenger_version="8",
    challenger_probability=0.2,
    challenger_sentiment="positive",
)
EVENTS: dict[str, Event] = {
    Prediction.kind: prediction(1),
    Feedback.kind: feedback(1),
    Disagreement.kind: DISAGREEMENT,
}


def query(file: Path) -> str:
    lines = file.read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.startswith("//"))


def fields(text: str) -> set[str]:
    """Return the fields of events that a query reads; `time`, a keyword, is written as an index."""
    return set(re.findall(r"customDimensions(?:\.|\[\")(\w+)", text))


def test_the_alert_query_uses_fields_of_feedback() -> None:
    text = query(INFRA / "alert.kql")
    assert fields(text) == {"kind", "id", "predicted_sentiment", "true_sentiment", "text"}
    assert fields(text) <= set(feedback(1).body())
    assert f'== "{Feedback.kind}"' in text


def test_the_alert_query_has_no_time_filter() -> None:
    assert "ago(" not in query(INFRA / "alert.kql")
    assert "timestamp" not in query(INFRA / "alert.kql")


@pytest.mark.parametrize("file", QUERIES, ids=lambda file: file.stem)
def test_a_query_reads_fields_of_the_event_that_it_names(file: Path) -> None:
    text = query(file)
    (kind,) = re.findall(r'customDimensions\.kind\) == "(\w+)"', text)
    assert fields(text) <= set(EVENTS[kind].body())
    assert "customDimensions.time" not in text
    assert text.startswith("traces\n| where ")


@pytest.mark.parametrize("file", QUERIES, ids=lambda file: file.stem)
def test_a_query_says_what_it_shows_and_the_page_on_monitoring_names_it(file: Path) -> None:
    assert file.read_text(encoding="utf-8").startswith("// ")
    assert f"`{file.name}`" in (PROJECT / "docs" / "monitoring.md").read_text(encoding="utf-8")
