"""A table of past tweets, replayed as if it ended now."""

import hashlib
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from tables.columns import guess
from tables.errors import TableError
from tables.guessing import guess_times
from tables.reading import read
from tables.texts import choose
from tables.times import times
from watch.errors import WatchError
from watch.tweets import Batch, Rejected, Tweet

TICK_SECONDS = 0.5
COLUMNS = ("text", "author", "time", "row")


class Recording(NamedTuple):
    """The tweets of a table, in order of time, and the rows without text or time.

    Attributes:
        digest: of the file.
        frame: `text`, `author`, `time` (seconds since 1970), and `row` (from 1, below the header).
        rejected: rows that are no tweets.
    """

    digest: str
    frame: pd.DataFrame
    rejected: list[Rejected]


def load(path: Path, zone: str | None) -> Recording:
    """Read a table.

    Args:
        path: the file: CSV, Excel or Parquet.
        zone: time zone of times without one.

    Raises:
        WatchError: it cannot be read, has no texts or no times, or times have no zone and none is given.
    """
    try:
        table = read(path).frame
        text = choose(list(table.columns), None)
        columns = guess_times(table)
        if columns is None:
            raise WatchError(f"{path} has no column of times.")
        moments = times(table, *columns, zone=zone or "UTC")
    except OSError as error:
        raise WatchError(f"{path} cannot be read: {error.strerror}.") from None
    except TableError as error:
        raise WatchError(f"{path}: {error}") from None
    if moments.zoneless and zone is None:
        raise WatchError(
            f"{path} has {moments.zoneless:,} times without a time zone. Pass --zone, such as Europe/Paris."
        )
    author = guess(list(table.columns), "author")
    frame = pd.DataFrame(
        {
            "text": table[text].fillna("").map(str),
            "author": None if author is None else table[author].map(str).where(table[author].notna(), None),
            "time": moments.moments,
            "row": range(1, len(table) + 1),
        }
    )
    blank, timeless = frame["text"].str.strip() == "", frame["time"].isna()
    rejected = [
        Rejected(f"{path.name}, row {row}", "has no text" if empty else "has no time that can be read", content)
        for row, empty, content in zip(
            frame["row"][blank | timeless], blank[blank | timeless], frame["text"][blank | timeless], strict=True
        )
    ]
    frame = frame[~(blank | timeless)].sort_values(["time", "row"], kind="stable")
    if frame.empty:
        raise WatchError(f"{path} has no row with a text and a time.")
    frame = frame.assign(time=(frame["time"] - pd.Timestamp(0, tz="UTC")).dt.total_seconds())
    return Recording(hashlib.sha256(path.read_bytes()).hexdigest(), frame, rejected)


def batches(
    recording: Recording,
    speed: float,
    position: Any,
    pause: Callable[[float], object],
    clock: Callable[[], float] = time.time,
) -> Iterator[Batch]:
    """Yield the tweets as time passes, `speed` times as fast; the last is written when it is sent, the others before.

    So no time is in the future, and an hour of the recording stays an hour.

    Args:
        recording: the tweets.
        speed: seconds of the recording in a second.
        position: when the replay began, and how many tweets were sent.
        pause: waits.
        clock: the present time, in seconds since 1970.
    """
    began, sent = position or [clock(), 0]
    frame = recording.frame
    first, last = frame["time"].iloc[0], frame["time"].iloc[-1]
    moved = began + (last - first) / speed - last
    if not sent:
        yield Batch([], recording.rejected, [began, 0])
    while sent < len(frame):
        until = int(frame["time"].searchsorted(first + (clock() - began) * speed, side="right"))
        rows = frame.iloc[sent : max(sent, until)]
        tweets = [
            Tweet(
                text=text,
                time=datetime.fromtimestamp(written + moved, UTC).isoformat(),
                author=author or None,
                id=f"replay {recording.digest[:12]} {began:.3f} {row}",
            )
            for text, author, written, row in zip(*(rows[name].tolist() for name in COLUMNS), strict=True)
        ]
        sent += len(tweets)
        yield Batch(tweets, [], [began, sent])
        if sent < len(frame):
            pause(TICK_SECONDS)
