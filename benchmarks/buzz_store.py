"""Measure the check of one bucket of five minutes at a million predictions a day, in SQLite and PostgreSQL.

    python -m benchmarks.buzz_store [--predictions N] [--document buzz_store]

Fills each database with the predictions of the last hours at a rate of a million a day, one in ten with a text seen
before, and with eight weeks of counted buckets. Then it measures what the job does after one more minute: counting the
bucket, and checking it with the baseline, which is learned once an hour; and learning it. Each time is the median of
several runs, next to that of counting all stored predictions in SQL, which the job saves.

Needs PostgreSQL (a Debian package of that name).
"""

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from rich.console import Console
from rich.progress import track

from benchmarks import documented
from monitoring.alarm import Rules
from monitoring.baseline import Learning, counts, fit
from monitoring.buckets import DAY
from monitoring.evidence import Errors
from telemetry import buckets, buzz
from telemetry.buckets import SECONDS
from telemetry.buzz import Plan, Watch
from telemetry.events import Prediction
from telemetry.schema import buckets as table
from telemetry.schema import predictions
from telemetry.store import Store
from tests.postgresql import running

A_DAY = 1_000_000
RUNS, BATCH = 7, 10_000
PLAN = Plan(rules=Rules(), learning=Learning(zone=ZoneInfo("Europe/Paris")), errors=Errors())

console = Console()


def events(first: int, count: int, begin: float) -> Iterator[Prediction]:
    """Yield predictions at a rate of a million a day."""
    choice = random.Random(first)
    for number in range(first, first + count):
        yield Prediction(
            id=f"{number:016x}",
            time=begin + (number - first) * DAY / A_DAY,
            source="api",
            model_version="1",
            negative_probability=choice.random(),
            text=None,
            sentiment="negative" if choice.random() < 0.6 else "positive",
            milliseconds=1.5,
            characters=80,
            fingerprint=f"{choice.randrange(1000) if choice.random() < 0.1 else number:016x}",
        )


def fill(store: Store, count: int, now: float) -> None:
    """Store predictions up to now, and buckets of eight weeks before them."""
    store.create()
    begin = now - count * DAY / A_DAY
    batches = range(0, count, BATCH)
    for start in track(batches, description=store.database.engine.dialect.name, console=console):
        store.add(events(start, min(BATCH, count - start), begin + start * DAY / A_DAY))
    last, usual = int(begin // SECONDS), A_DAY * SECONDS // 86_400
    rows = [
        {
            "number": number,
            "tweets": usual,
            "negative": usual * 6 // 10,
            "reach": usual,
            "negative_reach": usual * 6 // 10,
        }
        for number in range(last - round(PLAN.learning.days * DAY / SECONDS), last)
    ]
    with store.database.writing(table) as connection:
        connection.execute(sa.insert(table), rows)
    buckets.update(store)


def seconds(work: Callable[[], object]) -> float:
    """Return the seconds that a piece of work takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def measured(url: str, count: int) -> Sequence[float]:
    """Return the median seconds of a check, of learning, and of counting a day of predictions."""
    now = time.time() // SECONDS * SECONDS
    clock = now + 30.0
    with closing(Store(url, clock=lambda _: clock)) as store:
        fill(store, count, now)
        watch = Watch(store, PLAN)
        watch()
        checks = []
        for run in range(1, RUNS + 1):
            # A minute's predictions complete the next bucket.
            clock = now + run * SECONDS + 30.0
            store.add(events(10**9 + run * BATCH, A_DAY // 1440, now + run * SECONDS - 60))
            checks.append(seconds(watch))

        def learn() -> None:
            with store.database.reading() as connection:
                last = int(clock // SECONDS)
                history = buzz.stream(connection, last - round(PLAN.learning.days * DAY / SECONDS), last)
                fit(counts(history), seconds=SECONDS, now=clock, learning=PLAN.learning)

        def count_all() -> None:
            with store.database.reading() as connection:
                period = store.database.period(predictions.c.time, SECONDS)
                connection.execute(sa.select(period, sa.func.count()).group_by(period)).all()

        return [
            statistics.median(each)
            for each in (checks, [seconds(learn) for _ in range(3)], [seconds(count_all) for _ in range(3)])
        ]


def main() -> None:
    """Measure both databases, and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--predictions", type=int, default=A_DAY, metavar="N", help="number of stored predictions (default: a million)"
    )
    documented.add_option(parser, "buzz_store")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running(fsync="on") as cluster:
        urls = {"SQLite": f"sqlite:///{folder}/events.db", "PostgreSQL": cluster.new_database()}
        rows = []
        for name, url in urls.items():
            check, learn, count = (1000 * each for each in measured(url, options.predictions))
            rows.append([name, f"{check:.0f} (1/{count / check:.0f})", f"{learn:.0f}", f"{count:.0f}"])
    columns = ["database", "check of a bucket, ms", "learning, once an hour, ms", "counting all predictions, ms"]
    documented.publish(documented.table(columns, rows), options.document)


if __name__ == "__main__":
    main()
