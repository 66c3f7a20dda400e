"""Tweets as sources give them: records with fields of many names, of which some are bad."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, NamedTuple

from tables.columns import guess

IDS = ("id", "tweet_id", "id_str", "status_id")


class BadRecord(ValueError):
    """A record that is no tweet; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Tweet:
    """A tweet to be sent.

    Attributes:
        text: as written.
        time: when it was written, ISO 8601 with an offset; None if unknown.
        author: who wrote it, or None.
        id: by which the service recognises it.
    """

    text: str
    time: str | None
    author: str | None
    id: str

    def body(self) -> dict[str, str]:
        """Return the tweet as the service takes it."""
        return {name: value for name, value in asdict(self).items() if value is not None}


class Rejected(NamedTuple):
    """What was not sent: where it came from, why it is bad, and what it is."""

    place: str
    reason: str
    content: str


class Batch(NamedTuple):
    """What a source gives at a time, and where it continues afterwards (JSON)."""

    tweets: Sequence[Tweet]
    rejected: Sequence[Rejected]
    position: Any


def parse(line: bytes) -> Tweet:
    """Return the tweet of a line of JSON.

    Raises:
        BadRecord: it holds none.
    """
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        raise BadRecord("is not JSON in UTF-8") from None
    return tweet_of(record)


def tweet_of(record: object) -> Tweet:
    """Return the tweet of a record, whose fields may have any name that `tables.columns` knows.

    A tweet without an id is known by its time, author and text.

    Raises:
        BadRecord: it has no text, a time without an offset, or neither an id nor a time.
    """
    if not isinstance(record, dict):
        raise BadRecord("is not a JSON object")
    names = [name for name in record if record[name] is not None]
    text_name, time_name, author_name = (guess(names, role) for role in ("text", "date", "author"))
    text = record[text_name] if text_name is not None else None
    if not isinstance(text, str) or not text.strip():
        raise BadRecord("has no text")
    time = None if time_name is None else _time(record[time_name], time_name)
    author = None if author_name is None else _name(record, author_name)
    own = next((_name(record, name) for name in IDS if name in names), None)
    if own is None and time is None:
        raise BadRecord("has neither an id nor a time, so that it could be counted twice")
    derived = hashlib.sha256(json.dumps([time, author, text]).encode()).hexdigest()[:32]
    return Tweet(text=text, time=time, author=author, id=derived if own is None else own)


def _name(record: Mapping[str, Any], name: str) -> str:
    value = record[name]
    if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip():
        raise BadRecord(f"has a field {name} that is neither a string nor a whole number")
    return str(value)


def _time(value: object, name: str) -> str:
    try:
        time = datetime.fromisoformat(str(value)) if isinstance(value, str) else None
    except ValueError:
        time = None
    if time is None or time.utcoffset() is None:
        raise BadRecord(f"has a field {name} that is not a time with an offset (2026-11-29T18:04:11+01:00)")
    return time.isoformat()


def batch_of(records: Sequence[tuple[str, object]], position: Any) -> Batch:
    """Return a batch of records, each with its place, and where the source continues."""
    tweets, rejected = list[Tweet](), list[Rejected]()
    for place, record in records:
        try:
            tweets.append(parse(record) if isinstance(record, bytes) else tweet_of(record))
        except BadRecord as error:
            content = record.decode(errors="replace") if isinstance(record, bytes) else json.dumps(record)
            rejected.append(Rejected(place, str(error), content))
    return Batch(tweets, rejected, position)
