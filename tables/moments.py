"""Parse one time as people and programs write it, in French and English, without converting it to a moment."""

import re
import string
import unicodedata
from datetime import date, timedelta
from functools import lru_cache
from typing import NamedTuple

MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "janvier janv jan january", "fevrier fevr fev febr feb february", "mars mar march mrz",
            "avril avr apr april", "mai may", "juin jun june", "juillet juil jul july jui", "aout aou aug august",
            "septembre septem sept sep september", "octobre octo oct october", "novembre nov november",
            "decembre dec december",
        ),
        start=1,
    )
    for name in names.split()
}  # fmt: skip
WEEKDAYS = (
    "lundi lun mardi mar mercredi merc mer jeudi jeu vendredi vend ven samedi sam dimanche dim monday mon tuesday tues "
    "tue wednesday wed thursday thurs thur thu friday fri saturday sat sunday sun"
)


def _any(names: str) -> str:
    return "(?:" + "|".join(sorted(names.split(), key=len, reverse=True)) + r")\b\.?"


WEEKDAY = rf"(?:{_any(WEEKDAYS)},? *(?:le +)?|le +)?"
MONTH = rf"(?P<month_name>{_any(' '.join(MONTHS))})"
DAY = r"(?P<day>\d{1,2})(?:er|st|nd|rd|th)?\b"
YEAR = r"(?P<year>\d{4}|'?\d{2})"
DATES = (
    r"(?P<year>\d{4})(?P<sep>[-/._ ])(?P<month>\d{1,2})(?P=sep)(?P<day>\d{1,2})",
    r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})",
    r"(?P<first>\d{1,2})(?P<sep>[-/._ ]) ?(?P<second>\d{1,2})(?P=sep) ?(?P<year>\d{4}|\d{2})",
    rf"{DAY}[-/., ]*(?:of |de )?{MONTH}[-/., ]*{YEAR}",
    rf"{MONTH}[-/., ]*{DAY}[-/., ]+{YEAR}",
    rf"{YEAR}[-/., ]*{MONTH}[-/., ]*{DAY}",
    r"(?P<year>\d{4})-?w(?P<week>\d{2})-?(?P<weekday>[1-7])",
    r"(?P<year>\d{4})-(?P<ordinal>\d{3})",
)
CLOCK = (
    r"(?P<hour>\d{1,2})(?: ?[:h.] ?(?P<minute>\d{2})(?: ?(?:[:.m']|mn|min) ?(?P<rest>\d{2}(?:[.,]\d+)?) ?(?:s|'')?)?"
    r"(?: ?(?:min|mn|m)\b)?(?!\d)|(?P<sharp> ?h(?:eures?)?\b))?(?: ?(?P<half>[ap])\.? ?m\b\.?)?"
)
COMPACT_CLOCK = r"(?P<hour>\d{2})(?P<minute>\d{2})(?P<rest>\d{2}(?:[.,]\d+)?)?"
ZONE = r"(?: ?(?P<zone>z|(?:utc|gmt)? ?[+-] ?\d{1,2}(?::?\d{2}){0,2}|[a-z][a-z_/+ ]*[a-z][0-9]?(?:[+-]\d+)?))?"
NOTE = r"(?: ?\([^)]*\)| ?\[(?P<note>[^\]]*)\])?"
BETWEEN = r"(?: ?t ?| ?, ?(?:at|a) | (?:at|a|vers|,|·|•|-) | ?[,·•] ?| )"
SHAPE = str.maketrans(string.digits + string.ascii_lowercase, "9" * 10 + "a" * 26)
MIN_DIGITS = 8  # digits that a number with an exponent needs: spreadsheets round to six
LAST_OF_2000 = 68  # two-digit years: 69 to 99 are in the 20th century (POSIX)
DAY_GROUPS = ("year", "month_name", "month", "day", "week", "weekday", "ordinal")
NUMBER = re.compile(r"-?\d+(?:[.,]\d*)?(?:e[+]?\d{1,2})?")


class Parts(NamedTuple):
    """The parts of a time that a text contains; missing parts are None.

    `first` and `second` are day and month in an order that a single text does not show. `zone` is a name in lower case.
    `number` is a count of days, seconds or fractions of seconds. `clock` is whether there is a time of day.
    """

    year: int | None = None
    month: int | None = None
    day: int | None = None
    first: int | None = None
    second: int | None = None
    clock: bool = False
    hour: int = 0
    minute: int = 0
    seconds: float = 0.0
    zone: str | None = None
    number: float | None = None


PATTERNS = tuple(
    re.compile(pattern)
    for date in DATES
    for pattern in (
        rf"{WEEKDAY}{date}(?:{BETWEEN}{CLOCK})?{ZONE}{NOTE}",
        rf"{CLOCK}{ZONE}{BETWEEN}{WEEKDAY}{date}",
    )
) + (
    re.compile(rf"(?P<year>\d{{4}})(?P<month>\d{{2}})(?P<day>\d{{2}})[t ]?{COMPACT_CLOCK}{ZONE}"),
    re.compile(rf"(?P<year>\d{{4}})-(?P<month>\d{{2}})-(?P<day>\d{{2}})[t ]{COMPACT_CLOCK}{ZONE}"),
    re.compile(rf"{WEEKDAY}{MONTH}[-/., ]*{DAY}[, ]+{CLOCK}{ZONE} (?P<year>\d{{4}})"),
    re.compile(rf"{CLOCK}{ZONE}{NOTE}"),
)


def normal(text: str) -> str:
    """Return a text in lower case, without accents, with plain spaces and hyphens."""
    if not text.isascii():
        letters = unicodedata.normalize(
            "NFKD", text.replace("\u2212", "-").replace("\u2013", "-").replace("\u2019", "'")
        )
        text = "".join(
            letter
            for letter in letters
            if not unicodedata.combining(letter) and letter not in "\u200e\u200f\u200b\ufeff"
        )
    return " ".join(text.lower().split())


class Reader:
    """Parse many times: first tries the pattern of the last time of the same shape."""

    def __init__(self) -> None:
        """Start without any pattern."""
        self._by_shape: dict[str, re.Pattern[str]] = {}

    def read(self, text: str) -> Parts | None:
        """Return the parts of a time, or None if the text is not a time."""
        text = normal(text)
        if NUMBER.fullmatch(text) and not _is_compact(text):
            return _number(text)
        shape = text.translate(SHAPE)
        pattern = self._by_shape.get(shape)
        if pattern and (match := pattern.fullmatch(text)) and (parts := _parts(match)):
            return parts
        for pattern in PATTERNS:
            if (match := pattern.fullmatch(text)) and (parts := _parts(match)):
                self._by_shape[shape] = pattern
                return parts
        return None


def _is_compact(text: str) -> bool:
    """Return whether a number is a date without separators, maybe with a time: by its length and a plausible year."""
    return len(text) in (8, 12, 14) and text.isdigit() and "1970" <= text[:4] <= "2100" and "01" <= text[4:6] <= "12"


def _number(text: str) -> Parts | None:
    """Return a count; None if it was rounded for display ("1.77241E+12"), which makes the moment unknown."""
    if "e" in text and len(text.partition("e")[0].replace(",", "").replace(".", "").lstrip("-0")) < MIN_DIGITS:
        return None
    return Parts(number=float(text.replace(",", ".")))


def _parts(match: re.Match[str]) -> Parts | None:
    groups = match.groupdict()
    year, month, day = _day(*map(groups.get, DAY_GROUPS))
    if "year" in groups and year is None:
        return None
    clock = groups.get("hour") is not None
    hour, minute, seconds = 0, 0, 0.0
    if clock:
        if not (groups.get("minute") or groups.get("sharp") or groups.get("half")):
            return None
        hour, minute = int(groups["hour"] or 0), int(groups.get("minute") or 0)
        seconds = float((groups.get("rest") or "0").replace(",", "."))
        if groups.get("half") and hour <= 12:
            hour = hour % 12 + 12 * (groups["half"] == "p")
        if (hour > 23 and (hour, minute, seconds) != (24, 0, 0.0)) or minute > 59 or seconds >= 61:
            return None
    first, second = groups.get("first"), groups.get("second")
    return Parts(
        year,
        month,
        day,
        int(first) if first else None,
        int(second) if second else None,
        clock,
        hour,
        minute,
        seconds,
        groups.get("zone") or groups.get("note") or None,
    )


@lru_cache(maxsize=10_000)
def _day(
    year: str | None,
    month_name: str | None,
    month: str | None,
    day: str | None,
    week: str | None,
    weekday: str | None,
    ordinal: str | None,
) -> tuple[int | None, int | None, int | None]:
    """Return year, month and day as far as known; no year if the week or the day of the year does not exist."""
    if not year:
        return None, None, None
    digits = year.lstrip("'")
    number = int(digits)
    if len(digits) == 2:
        number += 1900 if number > LAST_OF_2000 else 2000
    if week or ordinal:
        try:
            if week:
                moment = date.fromisocalendar(number, int(week), int(weekday or 1))
            else:
                moment = date(number, 1, 1) + timedelta(days=int(ordinal or 1) - 1)
        except ValueError:
            return None, None, None
        exists = bool(week) or moment.year == number
        return (moment.year, moment.month, moment.day) if exists else (None, None, None)
    month_number = MONTHS[month_name.rstrip(".")] if month_name else int(month) if month else None
    return number, month_number, int(day) if day else None
