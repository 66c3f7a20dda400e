"""Messages on how a table was read: assumptions and problems only."""

import re
from typing import Literal, NamedTuple

import pandas as pd

from tables import encoding
from tables.errors import TableError
from tables.report import Report
from tables.times import Times
from ui.language import Language

Control = Literal["encoding", "header", "order"]


class Note(NamedTuple):
    """An assumption or a problem in reading a table.

    Attributes:
        short: summary in a few words.
        sentence: what happened, where, and what to do.
        control: the setting that the reader can change, if any.
        rows: number of rows lost.
    """

    short: str
    sentence: str
    control: Control | None = None
    rows: int = 0


def of_error(error: TableError, say: Language) -> str:
    """Return the message for a file that cannot be read."""
    values = {name: literal(str(value)) for name, value in error.values.items()}
    if error.code == "undecodable":
        values["encoding"] = encoding.label(str(error.values["encoding"]))
    if error.code == "too_large":
        values["expected"] = say.number(int(str(error.values["expected"])) // 1_000_000)
    return say(f"table.{error.code}", **values)


def of_file(report: Report, say: Language) -> list[Note]:
    """Return the notes on how a file was read."""
    notes = []
    if report.skipped:
        count = say.number(report.skipped)
        notes.append(
            Note(
                say("reading.skipped_short", count=count),
                say("reading.skipped", count=count, row=say.number(report.header_row or 0)),
            )
        )
    if report.encoding_source in ("assumed", "given"):
        name = encoding.label(str(report.encoding))
        notes.append(
            Note(
                say("reading.encoding_short", encoding=name),
                say(f"reading.encoding_{report.encoding_source}", encoding=name),
                "encoding",
            )
        )
    if report.damaged:
        count = say.number(report.damaged)
        notes.append(Note(say("reading.damaged_short", count=count), say("reading.damaged", count=count), "encoding"))
    for kind in ("long", "short", "typed_quotes"):
        affected = getattr(report, kind)
        if affected.count:
            count = say.number(affected.count)
            notes.append(
                Note(
                    say(f"reading.{kind}_short", count=count),
                    say(f"reading.{kind}", count=count, row=say.number(affected.first)),
                    rows=affected.count if kind == "long" else 0,
                )
            )
    return notes


def of_times(times: Times, column: pd.Series, say: Language) -> list[Note]:
    """Return the notes on how times were read."""
    notes = []
    if times.day_first_source == "assumed" and times.either_order.any():
        order = "day_first" if times.day_first else "month_first"
        position = int(times.either_order.to_numpy().argmax())
        when = times.moments.dt.tz_convert(times.zone).iloc[position]
        notes.append(
            Note(
                say(f"reading.{order}"),
                say("reading.order", example=literal(str(column.iloc[position])), day=say.day(when)),
                "order",
            )
        )
    readable = int(times.moments.notna().sum())
    if 0 < times.zoneless < readable:
        count = say.number(times.zoneless)
        notes.append(
            Note(
                say("reading.zoneless_short", count=count),
                say("reading.zoneless", count=count, zone=zone_name(times.zone)),
            )
        )
    if times.unreadable:
        count = say.number(times.unreadable)
        if times.without_day == times.unreadable:
            sentence = say("reading.without_day", count=count, column=literal(str(column.name)))
        elif times.unknown_zones:
            zones = ", ".join(literal(zone.upper()) for zone in times.unknown_zones[:3])
            sentence = say("reading.unknown_zones", count=count, column=literal(str(column.name)), zones=zones)
        else:
            examples = ", ".join(literal(example) for example in times.examples)
            sentence = say("reading.unreadable", count=count, column=literal(str(column.name)), examples=examples)
        notes.append(Note(say("reading.unreadable_short", count=count), sentence, rows=times.unreadable))
    if times.empty:
        count = say.number(times.empty)
        sentence = say("reading.no_time", count=count, column=literal(str(column.name)))
        notes.append(Note(say("reading.no_time_short", count=count), sentence, rows=times.empty))
    return notes


def zone_name(zone: str) -> str:
    """Return the display name of a time zone."""
    return zone.replace("_", " ")


def literal(text: str) -> str:
    """Escape a text from a file so that Markdown shows it verbatim."""
    return re.sub(r"([\\`*_\[\]<>~$|&]|:(?=[a-z]))", r"\\\1", " ".join(text.split()))
