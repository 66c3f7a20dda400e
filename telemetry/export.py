"""The reported mispredictions as a table to label again, and to train on (`data=csv`)."""

import csv
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

from telemetry.alert import is_mistake

# As `data=csv` expects them; the others are for who looks at the rows.
COLUMNS = ("text", "label", "predicted", "negative_probability", "model_version", "time", "prediction_id", "comment")


def write(feedback: Iterable[Mapping[str, Any]], file: TextIO) -> int:
    """Write the mispredictions among feedback as CSV; return how many there are."""
    table = csv.writer(file)
    table.writerow(COLUMNS)
    rows = [row(event) for event in feedback if is_mistake(event)]
    table.writerows(rows)
    return len(rows)


def row(event: Mapping[str, Any]) -> tuple[object, ...]:
    """Return the row of a misprediction."""
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
