"""Export of reported mispredictions as CSV, to be checked and trained on (`data=csv`)."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

from tables import writing
from telemetry.alert import is_mistake

# `data=csv` reads `text` and `label`; the other columns are for whoever reviews the rows.
COLUMNS = ("text", "label", "predicted", "negative_probability", "model_version", "time", "prediction_id", "comment")


def write(feedback: Iterable[Mapping[str, Any]], file: TextIO) -> int:
    """Write the mispredictions among feedback as CSV that is safe to open in Excel; return their number.

    Args:
        feedback: feedback events.
        file: opened with `encoding="utf-8"` and `newline=""`.
    """
    return writing.write(file, COLUMNS, (row(event) for event in feedback if is_mistake(event)))


def row(event: Mapping[str, Any]) -> tuple[object, ...]:
    """Return the CSV row of a misprediction."""
    when = datetime.fromtimestamp(event["time"], UTC).isoformat(timespec="seconds")
    return (
        event["text"],
        event["true_sentiment"],
        event["predicted_sentiment"],
        event["negative_probability"],
        event["model_version"],
        when,
        event["id"],
        event["comment"] or "",
    )
