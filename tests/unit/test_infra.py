"""What Azure is told."""

import re
from pathlib import Path

from telemetry.events import Feedback
from tests.events import feedback

INFRA = Path(__file__).parents[2] / "infra"


def query() -> str:
    lines = (INFRA / "alert.kql").read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.startswith("//"))


def test_the_query_of_the_alert_names_fields_that_feedback_has() -> None:
    named = set(re.findall(r"customDimensions\.(\w+)", query()))
    assert named == {"kind", "predicted_sentiment", "true_sentiment", "text"}
    assert named <= set(feedback(1).body())
    assert f'== "{Feedback.kind}"' in query()


def test_the_query_leaves_the_window_to_the_alert() -> None:
    assert "ago(" not in query()
    assert "timestamp" not in query()
