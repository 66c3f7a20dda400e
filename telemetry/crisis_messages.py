"""The message about a crisis: since when, how unusual, why, who says it, and what one could do."""

from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import NamedTuple
from urllib.parse import urlencode

from monitoring.crises import Crisis
from monitoring.summary import summarize
from telemetry.brief import Brief
from telemetry.buzz import CrisisAlert
from telemetry.wording import Language, Reasons, wording

MOST_REASONS = 4


class Reader(NamedTuple):
    """For whom a message is written.

    Attributes:
        language: of the message.
        zone: time zone of the times in it.
        link: address of the page, or None.
        reasons: of complaints.
    """

    language: Language
    zone: tzinfo
    link: str | None
    reasons: Reasons


def title(alert: CrisisAlert, reader: Reader) -> str:
    """Return the headline."""
    crisis = alert.crisis
    if crisis.kind == "silent":
        return _say(reader, "silent_title", since=_day(crisis.since, reader))
    return _say(reader, "title", **_figures(crisis, reader))


def lines(alert: CrisisAlert, reader: Reader) -> list[str]:
    """Return the lines."""
    return [*_lines(alert, reader), *([] if reader.link is None else [_say(reader, "link", link=_link(alert, reader))])]


def _link(alert: CrisisAlert, reader: Reader) -> str:
    """Return the address at which the page opens the crisis."""
    query = urlencode({"part": f"{alert.crisis.since:.0f}-{alert.crisis.worst.time:.0f}", "lang": reader.language})
    return f"{(reader.link or '').rstrip('/')}/watch?{query}"


def _lines(alert: CrisisAlert, reader: Reader) -> Iterator[str]:
    crisis, worst = alert.crisis, alert.crisis.worst
    raised = _day(alert.time, reader)
    if crisis.kind == "silent" or alert.brief is None:
        yield _say(reader, "silent", raised=raised)
        return
    yield _say(reader, "since", since=_day(crisis.since, reader), zone=reader.zone, raised=raised)
    usual = _number(worst.usual_negative, reader)
    yield _say(reader, "unusual", hour=_hour(worst.time, reader), usual=usual, **_figures(crisis, reader))
    share, usual_share = worst.negative / max(1, worst.tweets), worst.usual_negative / worst.usual_tweets
    yield _say(reader, "share", share=_percent(share, reader), usual=_percent(usual_share, reader))
    yield _people(alert.brief, reader)
    yield _say(reader, "reach", reach=_number(worst.reach, reader))
    if alert.brief.has_text:
        yield from _why(alert.brief, reader)
    else:
        yield _say(reader, "no_text")


def _people(brief: Brief, reader: Reader) -> str:
    if not brief.people:
        return _say(reader, "people_unknown")
    name = "people_partly" if brief.unknown else "people"
    return _say(reader, name, people=_number(brief.people, reader), unknown=_number(brief.unknown, reader))


def _why(brief: Brief, reader: Reader) -> Iterator[str]:
    """Yield the reasons, what is new, typical tweets, and advice."""
    summary = summarize(brief.texts, brief.usual, reader.reasons.taxonomy)
    labelled = [
        _say(
            reader,
            "reason",
            label=reader.reasons.labels[each.reason][reader.language],
            share=_percent(each.tweets / len(brief.texts), reader),
        )
        for each in summary.reasons[:MOST_REASONS]
    ]
    yield _say(reader, "reasons", reasons=", ".join(labelled))
    new = [_say(reader, "term", term=each.term, tweets=_number(each.tweets, reader)) for each in summary.new]
    yield _say(reader, "new", terms=", ".join(new)) if new else _say(reader, "nothing_new")
    yield _say(reader, "typical")
    for index in summary.typical:
        yield _say(reader, "tweet", text=" ".join(brief.texts[index].split()))
    advised = [reader.reasons.advice[name][reader.language] for name in summary.advised]
    yield _say(reader, "advice", advice=_say(reader, "between").join(advised))


def _figures(crisis: Crisis, reader: Reader) -> dict[str, str]:
    worst = crisis.worst
    return {
        "negative": _number(worst.negative, reader),
        "minutes": _number(worst.seconds / 60, reader),
        "times": _number(worst.negative / max(worst.usual_negative, 0.1), reader, decimals=1),
    }


def _say(reader: Reader, name: str, **values: object) -> str:
    """Return a sentence, with its values in place."""
    sentence: str = wording(reader.language)[name]
    return sentence.format(**values)


def _day(time: float, reader: Reader) -> str:
    return _moment("day", time, reader)


def _hour(time: float, reader: Reader) -> str:
    return _moment("hour", time, reader)


def _moment(name: str, time: float, reader: Reader) -> str:
    date = datetime.fromtimestamp(time, reader.zone)
    return _say(reader, name, weekday=wording(reader.language)["weekdays"][date.weekday()], date=date)


def _percent(share: float, reader: Reader) -> str:
    return _say(reader, "percent", number=f"{100 * share:.0f}")


def _number(value: float, reader: Reader, decimals: int = 0) -> str:
    """Return a number with the marks of the language."""
    thousands, point = wording(reader.language)["marks"]
    return f"{value:,.{decimals}f}".translate({ord(","): thousands, ord("."): point})
