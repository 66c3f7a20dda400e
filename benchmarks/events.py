"""Measure what 400,000 events cost in SQLite and PostgreSQL, and whether feedback survives crashes of PostgreSQL.

    python -m benchmarks.events [--events N] [--document events]
    python -m benchmarks.events --feedback N [--document "events crashes"]

The first command fills each database with events of 30 days, one in ten of them feedback, and measures what the service
does with them: the report of `GET /monitoring`, the alert rule, and an export. Each runs in a process of its own, next
to one that reads all events into Python, as the page did before the database counted. Seconds are the fastest of three
runs. Memory is the peak in addition to the imports; that of PostgreSQL's own processes is not included.

The second command sends feedback to a service on PostgreSQL, which is killed twice meanwhile. Clients repeat what was
not acknowledged. Every acknowledged feedback must be in the database in the end, once, as it was sent.

Needs PostgreSQL (a Debian package of that name).
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, get_args

import httpx
from rich.console import Console
from rich.progress import Progress, track

from benchmarks import documented
from benchmarks.event_costs import DAYS, TASKS, Cost
from benchmarks.store import PROJECT
from telemetry.events import Event, Feedback, Prediction, Sentiment, Source
from telemetry.retention import DAY
from telemetry.store import Store
from tests.browser import processes
from tests.e2e.server import free_port
from tests.packaged_model import TWEETS, save_packaged
from tests.postgresql import Cluster, running

BATCH, RUNS, CLIENTS = 10_000, 3, 8
MOST_TWEETS = 512
DOWN_SECONDS = 4.0
SENTIMENTS: tuple[Sentiment, ...] = get_args(Sentiment)
SOURCES: tuple[Source, ...] = get_args(Source)

console = Console()


def events(count: int, now: float) -> Iterator[Event]:
    """Yield events of the last days in order of time, one in ten of them feedback; the same ones each time."""
    choice = random.Random(0)
    for number in range(count):
        predicted = choice.choice(SENTIMENTS)
        fields: dict[str, Any] = {
            "id": f"{number:016x}",
            "time": now - DAYS * DAY * (1 - number / count) - 60,
            "source": choice.choice(SOURCES),
            "model_version": str(1 + 3 * number // count),
            "negative_probability": choice.random(),
        }
        if number % 10:
            yield Prediction(**fields, text=None, sentiment=predicted, milliseconds=1.5, characters=80)
        else:
            text = f"@user {choice.getrandbits(256)} late again"
            yield Feedback(
                **fields,
                text=text,
                predicted_sentiment=predicted,
                true_sentiment=choice.choice(SENTIMENTS),
                comment=None,
                fingerprint=text,
            )


def fill(store: Store, count: int) -> None:
    """Create a store of events."""
    store.create()
    now, batch = time.time(), []
    with Progress(console=console, transient=True) as progress:
        for event in progress.track(events(count, now), total=count, description=f"Filling {store.database.name}"):
            batch.append(event)
            if len(batch) == BATCH:
                store.add(batch)
                batch = []
    store.add(batch)


def measured_apart(task: str, url: str) -> Cost:
    """Measure a task several times, each in a new process; return the fastest."""
    command = [sys.executable, "-m", "benchmarks.event_costs", task, url]
    outputs = [subprocess.run(command, cwd=PROJECT, check=True, stdout=subprocess.PIPE).stdout for _ in range(RUNS)]
    return min(Cost(*json.loads(output)) for output in outputs)


def compare(count: int) -> str:
    """Return what events cost in each database, as a table in Markdown."""
    with tempfile.TemporaryDirectory() as folder, running(fsync="on") as cluster:
        urls = {"SQLite": f"sqlite:///{folder}/events.db", "PostgreSQL": cluster.new_database()}
        for url in urls.values():
            with closing(Store(url)) as store:
                fill(store, count)
        first: dict[str, Cost] = {}
        rows = []
        for task in track(TASKS, description="Measuring", console=console, transient=True):
            cells = []
            for name, url in urls.items():
                cost = measured_apart(task, url)
                before = first.setdefault(name, cost)
                if cost is before:
                    cells += [f"{cost.seconds:.2f}", f"{cost.megabytes:.0f}"]
                else:
                    faster, smaller = before.seconds / cost.seconds, before.megabytes / max(cost.megabytes, 0.1)
                    cells += [f"{cost.seconds:.3f} (1/{faster:.0f})", f"{cost.megabytes:.1f} (1/{smaller:.0f})"]
            rows.append([task, *cells])
    columns = [f"{name} {unit}" for name in urls for unit in ("s", "MB")]
    return f"{count:,} events of {DAYS} days:\n\n{documented.table(['task', *columns], rows)}"


class Clients:
    """Clients that report feedback until it is acknowledged."""

    def __init__(self, client: httpx.Client, total: int) -> None:
        """Classify tweets, to have ids."""
        self.client, self.failed, self.progress = client, Counter[str](), Progress(console=console)
        texts = [f"{text} {number}" for number, text in zip(range(total), list(TWEETS) * total, strict=False)]
        self.ids: list[str] = []
        for start in range(0, total, MOST_TWEETS):
            answer = client.post("/predict/batch", json={"texts": texts[start : start + MOST_TWEETS]})
            self.ids += [each["prediction_id"] for each in answer.raise_for_status().json()["predictions"]]
        self.acknowledged: dict[str, Sentiment] = {}
        self.task = self.progress.add_task("Feedback acknowledged", total=total)

    def report(self, number: int) -> None:
        """Report feedback on a prediction, again and again until it is acknowledged."""
        prediction_id, sentiment = self.ids[number], SENTIMENTS[number % 2]
        while True:
            try:
                answer = self.client.put(
                    f"/predictions/{prediction_id}/feedback", json={"true_sentiment": sentiment}, timeout=60
                )
            except httpx.TransportError as error:
                self.failed[type(error).__name__] += 1
                time.sleep(1)
                continue
            if answer.status_code in (200, 201):
                self.acknowledged[prediction_id] = sentiment
                self.progress.advance(self.task)
                return
            self.failed[str(answer.status_code)] += 1
            time.sleep(min(1.0, float(answer.headers["Retry-After"])))


def crash(cluster: Cluster, clients: Clients, total: int) -> None:
    """Kill PostgreSQL after a third and after two thirds of the feedback, for a few seconds each time."""
    for share in (1 / 3, 2 / 3):
        while len(clients.acknowledged) < share * total:
            time.sleep(0.01)
        cluster.stop()
        time.sleep(DOWN_SECONDS)
        cluster.start()


def survive(total: int) -> tuple[str, bool]:
    """Report feedback while PostgreSQL is killed twice.

    Returns:
        What was acknowledged, and what is in the database; and whether both are the same.
    """
    with tempfile.TemporaryDirectory() as name, running(fsync="on") as cluster:
        folder, url = Path(name), cluster.new_database()
        settings: dict[str, Any] = {
            "SERVICE_MODEL": save_packaged(folder / "model"),
            "SERVICE_REQUESTS_PER_MINUTE": 10**9,
        }
        with (
            processes.service(free_port(), folder, TELEMETRY_DATABASE=url, **settings) as address,
            httpx.Client(base_url=address, trust_env=False, timeout=60) as client,
        ):
            clients = Clients(client, total)
            crashing = threading.Thread(target=crash, args=(cluster, clients, total))
            began = time.monotonic()
            crashing.start()
            with clients.progress, ThreadPoolExecutor(CLIENTS) as pool:
                list(pool.map(clients.report, range(total)))
            seconds = time.monotonic() - began
            crashing.join()
        with closing(Store(url)) as store:
            stored = Counter((event.id, event.true_sentiment) for event in store.read(Feedback))
    expected = Counter((prediction_id[:16], sentiment) for prediction_id, sentiment in clients.acknowledged.items())
    lost = expected - stored
    refused = ", ".join(f"{count} x {reason}" for reason, count in sorted(clients.failed.items()))
    sentence = (
        f"> {len(clients.acknowledged):,} feedback requests acknowledged in {seconds:.0f} s by {CLIENTS} clients, "
        f"PostgreSQL killed twice for {DOWN_SECONDS:g} s; sent again after: {refused or 'nothing'}. In the database: "
        f"{stored.total():,}; lost: {lost.total():,}; unexpected: {(stored - expected).total():,}."
    )
    return sentence, stored == expected


def main() -> None:
    """Run a benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=400_000, metavar="N", help="number of events (default: 400,000)")
    parser.add_argument("--feedback", type=int, metavar="N", help="number of feedbacks while PostgreSQL is killed")
    documented.add_option(parser, "events")
    options = parser.parse_args()
    if options.feedback:
        result, complete = survive(options.feedback)
    else:
        result, complete = compare(options.events), True
    documented.publish(result, options.document if complete else None)
    if not complete:
        sys.exit("Acknowledged feedback is missing or differs.")


if __name__ == "__main__":
    main()
