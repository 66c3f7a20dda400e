"""Bring the tables of earlier versions up to date: version 1, an SQLite file, kept events as JSON."""

import sqlalchemy as sa
from sqlalchemy import Connection

from telemetry import schema
from telemetry.events import HASHES

OLD = ("events", "alerts", "progress")
FIELDS = "json_extract(body, '$.model_version'), json_extract(body, '$.negative_probability')"
# Fingerprints need the original tweet, of which version 1 stored a masked copy, so that copy takes their place.
MOVE = f"""
INSERT INTO predictions
  (number, id, time, source, model_version, negative_probability, text, sentiment, milliseconds, characters)
  SELECT number, id, time, 'api', {FIELDS}, json_extract(body, '$.text'), json_extract(body, '$.sentiment'),
    json_extract(body, '$.milliseconds'), json_extract(body, '$.characters')
  FROM old_events WHERE kind = 'prediction';
INSERT INTO feedback
  (number, id, time, source, model_version, negative_probability, text, predicted_sentiment, true_sentiment, comment,
   fingerprint)
  SELECT number, id, time, 'page', {FIELDS}, json_extract(body, '$.text'), json_extract(body, '$.predicted_sentiment'),
    json_extract(body, '$.true_sentiment'), json_extract(body, '$.comment'),
    COALESCE(lower(trim(json_extract(body, '$.text'))), id)
  FROM old_events WHERE kind = 'feedback';
INSERT INTO alerts (number, time, fired) SELECT number, time, time FROM old_alerts;
INSERT INTO alert_feedback (alert, feedback)
  SELECT old_alerts.number, feedback.number FROM old_alerts, json_each(old_alerts.body) AS mistake
  JOIN feedback ON feedback.id = json_extract(mistake.value, '$.id');
INSERT INTO progress SELECT 'rule', MIN(number, (SELECT COALESCE(MAX(number), 0) FROM feedback))
  FROM old_progress WHERE reader = 'rule';
INSERT INTO progress SELECT 'forward feedback', MIN(number, (SELECT COALESCE(MAX(number), 0) FROM feedback))
  FROM old_progress WHERE reader = 'forwarder';
INSERT INTO progress SELECT 'forward prediction', MIN(number, (SELECT COALESCE(MAX(number), 0) FROM predictions))
  FROM old_progress WHERE reader = 'forwarder';
INSERT INTO progress SELECT reader, number FROM old_progress WHERE reader IN ('mail', 'webhook');
"""


def is_old(connection: Connection) -> bool:
    """Return whether the store has the tables of version 1."""
    return sa.inspect(connection).has_table("events")


def migrate(connection: Connection) -> None:
    """Move everything to new tables, within the caller's transaction, so that all or nothing is moved."""
    for table in OLD:
        connection.exec_driver_sql(f"ALTER TABLE {table} RENAME TO old_{table}")
    schema.metadata.create_all(connection)
    for statement in filter(str.strip, MOVE.split(";")):
        connection.exec_driver_sql(statement)
    for table in OLD:
        connection.exec_driver_sql(f"DROP TABLE old_{table}")


def add_columns(connection: Connection) -> None:
    """Add the columns of hashes and their indexes to predictions that lack them; programs without them go on working.

    They can be missing only where the table of version 2 was created by an earlier program.
    """
    columns = {column["name"] for column in sa.inspect(connection).get_columns(schema.predictions.name)}
    missing = [name for name in HASHES if name not in columns]
    for name in missing:
        connection.exec_driver_sql(f"ALTER TABLE predictions ADD COLUMN {name} VARCHAR")
    if missing:
        for index in schema.predictions.indexes:
            index.create(connection, checkfirst=True)
