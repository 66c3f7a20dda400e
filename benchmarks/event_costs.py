"""Measure one thing that the service does with its events, for `benchmarks.events`. Not a benchmark itself."""

import argparse
import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import psutil
import sqlalchemy as sa

from telemetry import alert, export, monitoring, schema
from telemetry.events import Feedback, Prediction
from telemetry.retention import DAY
from telemetry.settings import Settings
from telemetry.store import RULE, Store

DAYS = 30


class Cost(NamedTuple):
    """Seconds, and megabytes of memory at the peak, in addition to the imports."""

    seconds: float
    megabytes: float


def read_everything(store: Store) -> None:
    """Read all events into Python, and count them there."""
    rows = [asdict(event) for kind in (Prediction, Feedback) for event in store.read(kind)]
    Counter((int(row["time"] // DAY), row["source"], row["model_version"]) for row in rows)


def report(store: Store) -> None:
    """Answer `GET /monitoring`."""
    json.dumps(asdict(monitoring.report(store, Settings(), DAYS)))


def check_everything(store: Store) -> None:
    """Check the alert rule on all feedback, as after a long time without a service."""
    with store.database.writing(schema.alerts) as connection:
        connection.execute(sa.delete(schema.alerts))
        connection.execute(sa.delete(schema.progress))
    alert.fire(store, Settings().rule, undo_seconds=0)


def check_new(store: Store) -> None:
    """Check the alert rule on the last feedback only, as each second."""
    with store.database.reading() as connection:
        last = connection.execute(sa.select(sa.func.max(schema.feedback.c.number))).scalar_one()
    store.advance(RULE, last - 3)
    alert.fire(store, Settings().rule, undo_seconds=0)


def export_mistakes(store: Store) -> None:
    """Export all mispredictions as CSV."""
    with tempfile.TemporaryDirectory() as folder:
        export.export(store, Path(folder) / "mispredicted.csv", since=0, delimiter=",")


TASKS: dict[str, Callable[[Store], None]] = {
    "all events in Python": read_everything,
    "GET /monitoring": report,
    "alert rule, 3 new reports": check_new,
    "alert rule, all reports at once": check_everything,
    "export of all mispredictions": export_mistakes,
}


def measure(task: str, url: str) -> Cost:
    """Measure a task in this process, on Linux.

    Source: https://man7.org/linux/man-pages/man5/proc_pid_clear_refs.5.html
    """
    with closing(Store(url)) as store:
        store.reached(RULE)  # connects
        before = psutil.Process().memory_info().rss
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # forgets the peak
        began = time.perf_counter()
        TASKS[task](store)
        seconds = time.perf_counter() - began
    status = Path("/proc/self/status").read_text(encoding="ascii").split()
    peak = 1024 * int(status[status.index("VmHWM:") + 1])
    return Cost(seconds, max(0, peak - before) / 1e6)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("url")
    options = parser.parse_args()
    print(json.dumps(measure(options.task, options.url)))
