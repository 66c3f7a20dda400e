"""The query of the Azure alert rule."""

import re
from pathlib import Path

from telemetry.events import Feedback
from tests.events import feedback

INFRA = Path(__file__).parents[2] / "infra"


def query() -> str:
    lines = (INFRA / "alert.kql").read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.startswith("//"))


def test_the_alert_query_uses_fields_of_feedback() -> None:
    fields = set(re.findall(r"customDimensions\.(\w+)", query()))
    assert fields == {"kind", "id", "predicted_sentiment", "true_sentiment", "text"}
    assert fields <= set(feedback(1).body())
    assert f'== "{Feedback.kind}"' in query()


def test_the_alert_query_has_no_time_filter() -> None:
    assert "ago(" not in query()
    assert "timestamp" not in query()
