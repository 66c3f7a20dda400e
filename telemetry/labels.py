"""The labels on which people have agreed, as a table to train on, with a data card."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from string import Template
from typing import Any

import sqlalchemy as sa

from tables import writing
from telemetry import judging
from telemetry.judging import Judgement
from telemetry.relabelling import judged
from telemetry.report import iso
from telemetry.schema import items
from telemetry.store import Store

# Version of the columns; `conf/data/labels.yaml` reads this one.
SCHEMA = 1
COLUMNS = (
    "text",
    "label",
    "part",
    "negative_share",
    "judgements",
    "reason",
    "predicted",
    "negative_probability",
    "model_version",
    "source",
    "time",
    "prediction_id",
)
ENDING, CARD_ENDING = ".csv", ".md"
# Share of the texts, in percent, that no model learns from.
CHECK_PERCENT = 30
VERSION_CHARACTERS = 16
CARD = Path(__file__).with_suffix(".md")


class NoLabels(ValueError):
    """There is no label to write yet."""


@dataclass(frozen=True, kw_only=True)
class Written:
    """A written table: its version, and its numbers of rows to train on and to check the next model with."""

    version: str
    train: int
    check: int


def write(store: Store, output: Path) -> Written:
    """Write the labels to a CSV file and a data card beside it; the same labels give the same file.

    Args:
        store: the event store.
        output: the file to write; the card has its name, with the ending `.md`.

    Raises:
        NoLabels: there is none yet.
        OSError: a file cannot be written.
        Unavailable: the store cannot be read.
    """
    with store.database.reading() as connection:
        units = judged(connection)
        rows = connection.execute(sa.select(items).order_by(items.c.fingerprint)).all()
    labels = {number: judging.decide(unit) for number, unit in units.items()}
    labelled = [row for row in rows if labels.get(row.number) in ("negative", "positive")]
    if not labelled:
        raise NoLabels(
            f"There is no label to write: {len(units):,} tweets were judged, and none has one yet. Two people must "
            "give a tweet the same answer on the page, or a third must decide."
        )
    table = [table_row(row, str(labels[row.number]), units[row.number]) for row in labelled]
    content = writing.to_bytes(COLUMNS, table)
    version = hashlib.sha256(content).hexdigest()[:VERSION_CHARACTERS]
    parts = Counter(part(row.fingerprint) for row in labelled)
    text = Template(CARD.read_text(encoding="utf-8")).substitute(
        facts(list(units.values()), [row.reason for row in labelled]),
        schema=SCHEMA,
        version=version,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        file=output.name,
        train=parts["train"],
        check=parts["check"],
    )
    replace(output, content)
    replace(output.with_suffix(CARD_ENDING), text.encode())
    return Written(version=version, train=parts["train"], check=parts["check"])


def table_row(row: Any, label: str, unit: Sequence[Judgement]) -> tuple[object, ...]:
    """Return the row of a label."""
    sentiments = [answer for answer in judging.opinions(unit) if answer != "discarded"]
    return (
        row.text,
        label,
        part(row.fingerprint),
        sentiments.count("negative") / len(sentiments),
        len(judging.opinions(unit)),
        row.reason,
        row.sentiment,
        row.negative_probability,
        row.model_version,
        row.source,
        iso(row.time),
        row.id,
    )


def facts(units: Sequence[Sequence[Judgement]], reasons: Sequence[str]) -> dict[str, object]:
    """Return the figures of the data card."""
    decided = Counter(judging.decide(unit) for unit in units)
    count, agreed = judging.agreement(units)
    alpha = judging.alpha(units)
    people = {judgement.person for unit in units for judgement in unit if judgement.answer != judging.SKIPPED}
    return {
        "rule": judging.RULE,
        "rows": decided["negative"] + decided["positive"],
        **{label: decided[label] for label in ("negative", "positive", "discarded")},
        "open": decided[None],
        "people": len(people),
        "judged_twice": count,
        "agreed": agreed,
        "alpha": "null" if alpha is None else f"{alpha:.3f}",
        **{reason: reasons.count(reason) for reason in judging.REASONS},
    }


def part(fingerprint: str) -> str:
    """Return the part of a text, which is the same in every version: `train` or `check`."""
    return "check" if int(fingerprint[:8], 16) % 100 < CHECK_PERCENT else "train"


def replace(file: Path, content: bytes) -> None:
    """Write a file completely or not at all."""
    unfinished = file.with_name(f"{file.name}.part")
    unfinished.write_bytes(content)
    unfinished.replace(file)
