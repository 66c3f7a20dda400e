"""The tables of the store, the same in SQLite and PostgreSQL. Columns of events are named like the fields of events.

Times are seconds since 1970 (UTC). Numbers increase in the order of commits and are never reused, so that a reader
can continue after the last number that it has processed.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
)

from telemetry.events import Disagreement, Feedback, Prediction

# The end of the year 9999: no later time can be written in ISO 8601.
LATEST = 253_402_300_799.0
# Times further ahead mean that the clock was set back. Some tolerance, as rows are added after a reader reads the time.
AHEAD_SECONDS = 60.0
# Version of the tables; 1 kept events as JSON in SQLite (`telemetry.migration`).
VERSION = 2
NUMBER = BigInteger().with_variant(Integer, "sqlite")  # only an INTEGER PRIMARY KEY is numbered by SQLite

metadata = MetaData()


def numbered(name: str, *columns: Any) -> Table:
    """Return a table whose rows are numbered."""
    number: Column[int] = Column("number", NUMBER, primary_key=True, autoincrement=True)
    return Table(name, metadata, number, *columns, sqlite_autoincrement=True)


def required(name: str, kind: Any) -> Column[Any]:
    """Return a column without NULL."""
    return Column(name, kind, nullable=False)


def event_columns() -> list[Any]:
    """Return the columns that all events have."""
    return [
        Column("id", String, nullable=False, unique=True),
        required("time", Double),
        required("source", String),
        required("model_version", String),
        required("negative_probability", Double),
        Column("text", String),
    ]


settings = Table("store", metadata, required("version", Integer), required("key", LargeBinary))

predictions = numbered(
    "predictions",
    *event_columns(),
    required("sentiment", String),
    required("milliseconds", Double),
    required("characters", Integer),
    Column("trace_id", String),
    Column("fingerprint", String),
    Column("author", String),
)
# Contains all columns that `telemetry.monitoring` reads of predictions.
Index("predictions_by_time", *(predictions.c[name] for name in ("time", "source", "model_version", "sentiment")))
# Find earlier tweets with the same text, and of the same author.
Index("predictions_by_text", predictions.c.fingerprint, predictions.c.time)
Index("predictions_by_author", predictions.c.author, predictions.c.time)

disagreements = numbered(
    "disagreements",
    *event_columns(),
    required("sentiment", String),
    required("challenger_version", String),
    required("challenger_probability", Double),
    required("challenger_sentiment", String),
)

feedback = numbered(
    "feedback",
    *event_columns(),
    required("predicted_sentiment", String),
    required("true_sentiment", String),
    Column("comment", String),
    required("fingerprint", String),
)
Index("feedback_by_time", feedback.c.time)

# The answers that people have judged, each text once, with what is needed of their predictions, which are kept for less
# long; `fingerprint` is a hash of the text.
items = numbered(
    "items",
    *event_columns(),
    required("sentiment", String),
    required("reason", String),
    Column("fingerprint", String, nullable=False, unique=True),
)
# What each person says about each of them; `time` is that of the person's first judgement.
judgements = Table(
    "judgements",
    metadata,
    Column("item", ForeignKey(items.c.number, ondelete="CASCADE"), primary_key=True),
    Column("person", String, primary_key=True),
    required("answer", String),
    required("time", Double),
)

alerts = numbered("alerts", required("time", Double), required("fired", Double))  # the feedback's time, and the check's
alert_feedback = Table(
    "alert_feedback",
    metadata,
    Column("alert", ForeignKey(alerts.c.number, ondelete="CASCADE"), primary_key=True),
    Column("feedback", ForeignKey(feedback.c.number, ondelete="CASCADE"), primary_key=True, index=True),
)
# Where each alert must be sent; `time` is that of the delivery.
deliveries = Table(
    "deliveries",
    metadata,
    Column("alert", ForeignKey(alerts.c.number, ondelete="CASCADE"), primary_key=True),
    Column("channel", String, primary_key=True),
    Column("recipient", String, primary_key=True),
    Column("time", Double),
)

# How many predictions came in each five minutes, counted again whenever one is added; kept longer than predictions.
buckets = Table(
    "buckets",
    metadata,
    Column("number", NUMBER, primary_key=True, autoincrement=False),
    *(required(name, Integer) for name in ("tweets", "negative", "reach", "negative_reach")),
)
# What each bucket was expected to bring when it was checked (`monitoring.bands.Usual`); none while learning.
expectations = Table(
    "expectations",
    metadata,
    Column("number", NUMBER, primary_key=True, autoincrement=False),
    *(required(name, Double) for name in ("tweets", "negative", "dispersion", "correlation")),
)
# Crises, with the counts when the evidence was strongest, and the alert about each.
crises = Table(
    "crises",
    metadata,
    Column("kind", String, primary_key=True),
    Column("since", Double, primary_key=True),
    required("level", Integer),
    *(Column(name, Double) for name in ("raised", "calm_since", "over")),
    *(required(name, Double) for name in ("time", "evidence", "seconds", "usual_tweets", "usual_negative")),
    *(required(name, Integer) for name in ("tweets", "negative", "reach")),
    Column("alert", ForeignKey(alerts.c.number, ondelete="SET NULL"), unique=True),
)

# The number of the last row that each reader has processed.
progress = Table("progress", metadata, Column("reader", String, primary_key=True), required("number", NUMBER))
# Rows that a reader could not process.
skipped = Table(
    "skipped",
    metadata,
    Column("reader", String, primary_key=True),
    Column("number", NUMBER, primary_key=True),
    required("time", Double),
    required("error", String),
)
# Background jobs: the process that runs each one, until when, when it ran last, and why it failed, if it did.
workers = Table(
    "workers",
    metadata,
    Column("name", String, primary_key=True),
    Column("holder", String),
    Column("token", String),
    Column("expires", Double),
    Column("last_run", Double),
    Column("error", String),
)


def are_mistakes(since: float) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions for mispredictions reported since a time; times that no calendar has are left out."""
    return feedback.c.predicted_sentiment != feedback.c.true_sentiment, feedback.c.time.between(since, LATEST)


def is_undoable(now: float, undo_seconds: float) -> ColumnElement[bool]:
    """Return the condition for feedback that can be undone; feedback from far in the future is not waited for."""
    return (feedback.c.time > now - undo_seconds) & (feedback.c.time <= now + AHEAD_SECONDS)


EVENTS = {Prediction.kind: predictions, Disagreement.kind: disagreements, Feedback.kind: feedback}
