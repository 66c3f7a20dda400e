"""Export of reported mispredictions as CSV or Excel workbook, to be checked and trained on (`data=csv`)."""

import logging
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa

from tables import workbooks, writing
from telemetry.events import Feedback
from telemetry.schema import are_mistakes, feedback
from telemetry.store import Store

log = logging.getLogger(__name__)

# `data=csv` reads `text` and `label`; the other columns are for whoever reviews the rows.
COLUMNS = (
    "text",
    "label",
    "predicted",
    "negative_probability",
    "model_version",
    "source",
    "time",
    "prediction_id",
    "comment",
)
# What Excel expects between the fields of a CSV file, by language.
DELIMITERS = {"en": ",", "fr": ";"}
WORKBOOK = ".xlsx"
PROGRESS_SECONDS = 5.0
T = TypeVar("T")


def export(store: Store, output: Path | None, *, since: float, delimiter: str) -> int:
    """Write the reported mispredictions with a text, row by row, and return their number.

    Args:
        store: the event store.
        output: the file to write: a workbook if its suffix is `.xlsx`, CSV otherwise; None: standard output.
        since: time of the first feedback (seconds since 1970).
        delimiter: of the CSV file.

    Raises:
        OSError: the file cannot be written.
        TableError: there are too many rows for a workbook.
        Unavailable: the store cannot be read.
    """
    mistakes = (*are_mistakes(since), feedback.c.text.is_not(None))
    with store.database.reading() as connection:
        query = sa.select(sa.func.count(), sa.func.count(feedback.c.text)).where(*are_mistakes(since))
        every, total = connection.execute(query).one()
    if every > total:
        log.info("Leaving out %s mispredictions that were reported without their text.", f"{every - total:,}")
    rows = (row(mistake) for mistake in with_progress(store.read(Feedback, *mistakes), total))
    if output is not None and output.suffix.lower() == WORKBOOK:
        return workbooks.write_sheet(output, COLUMNS, rows)
    target = sys.stdout.fileno() if output is None else output
    with open(target, "w", encoding="utf-8", newline="", closefd=output is not None) as file:  # noqa: PTH123
        return writing.write(file, COLUMNS, rows, delimiter=delimiter)


def with_progress(items: Iterable[T], total: int) -> Iterator[T]:
    """Yield items, and log how many of them were done every few seconds."""
    logged = time.monotonic()
    for count, item in enumerate(items):
        if time.monotonic() - logged >= PROGRESS_SECONDS:
            logged = time.monotonic()
            log.info("Exported %s of %s mispredictions.", f"{count:,}", f"{total:,}")
        yield item


def row(mistake: Feedback) -> tuple[object, ...]:
    """Return the row of a misprediction."""
    when = datetime.fromtimestamp(mistake.time, UTC).isoformat(timespec="seconds")
    return (
        mistake.text,
        mistake.true_sentiment,
        mistake.predicted_sentiment,
        mistake.negative_probability,
        mistake.model_version,
        mistake.source,
        when,
        mistake.id,
        mistake.comment or "",
    )
