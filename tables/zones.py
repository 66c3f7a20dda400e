"""Names and abbreviations of time zones."""

import re
from datetime import timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

# Offsets from UTC in minutes. An abbreviation is a fixed offset: CET is UTC+1, even in summer (RFC 5322). Ambiguous
# ones are read as in Europe and North America: BST is British Summer Time (not Bangladesh), CST and EST are American
# (not Chinese, Australian), and IST is Indian (not Irish, Israeli).
ABBREVIATIONS = {
    "z": 0, "utc": 0, "gmt": 0, "ut": 0, "wet": 0, "tu": 0,
    "bst": 60, "west": 60, "cet": 60, "met": 60, "mez": 60, "hnec": 60,
    "cest": 120, "mest": 120, "mesz": 120, "eet": 120, "sast": 120, "eest": 180, "msk": 180,
    "ist": 330, "sgt": 480, "hkt": 480, "awst": 480, "jst": 540, "kst": 540, "aest": 600, "aedt": 660, "nzst": 720,
    "nzdt": 780,
    "nst": -210, "ndt": -150, "ast": -240, "adt": -180, "est": -300, "edt": -240, "cst": -360, "cdt": -300,
    "mst": -420, "mdt": -360, "pst": -480, "pdt": -420, "akst": -540, "akdt": -480, "hst": -600, "brt": -180,
    "art": -180,
    # French abbreviations used in Canada.
    "hnt": -210, "hna": -240, "haa": -180, "hne": -300, "hae": -240, "hnc": -360, "hac": -300, "hnr": -420, "har": -360,
    "hnp": -480, "hap": -420,
}  # fmt: skip
OFFSET = re.compile(r"(?:utc|gmt)?\s*([+-])\s*(\d{1,2})(?::?(\d{2}))?(?::?(\d{2}))?")
FARTHEST = timedelta(hours=18)

Zone = timedelta | ZoneInfo


@cache
def find(name: str) -> Zone | None:
    """Return the zone of a lower-case name: a fixed offset, or a zone with clock changes; None if unknown.

    Offsets may be written +01:00, +0100, +1, UTC+1 or GMT+0100; names are those of the IANA database (Europe/Paris).
    """
    name = name.strip()
    if name in ABBREVIATIONS:
        return timedelta(minutes=ABBREVIATIONS[name])
    if match := OFFSET.fullmatch(name):
        sign, hours, minutes, seconds = match.groups()
        offset = timedelta(hours=int(hours), minutes=int(minutes or 0), seconds=int(seconds or 0))
        return None if offset > FARTHEST else -offset if sign == "-" else offset
    iana_name = _names().get(name)
    return ZoneInfo(iana_name) if iana_name and "/" in iana_name else None


@cache
def _names() -> dict[str, str]:
    return {name.lower(): name for name in available_timezones()}
