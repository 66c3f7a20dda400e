"""Work on the event store without a service: run its jobs, export mispredictions and labels, erase personal data."""

import argparse
import logging
import signal
import sys
import threading
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from tables.errors import TableError
from telemetry import labels
from telemetry.database import StoreError, Unavailable
from telemetry.erasure import erase, erase_author
from telemetry.export import DELIMITERS, export
from telemetry.jobs import Jobs
from telemetry.settings import Settings, read
from telemetry.store import Store

log = logging.getLogger("telemetry")

WORK = """\
Check the alert rule, deliver alerts, forward events and delete old ones, until SIGTERM or Ctrl-C. The service runs the
same jobs; use this if the service may scale to zero. Of all processes that share a store, only one runs each job at a
time. Settings are environment variables (docs/settings.md)."""
EXPORT = """\
Write the reported mispredictions, with the user's answer as the column "label", as a table to review and to train on:
CSV, or a workbook if the file's name ends in .xlsx."""

LABELS = """\
Write the labels that people have given on the page ("Check answers"): a CSV file to train on, and a data card of the
same name, with the ending .md. The same labels have the same version."""

ERASE = """\
Delete the events whose text or comment contains a phrase, or those about the tweets of an author, and the alerts about
them. This does not delete events that were already forwarded, or alerts that were already sent."""


def main(arguments: list[str]) -> None:
    """Run a command.

    Raises:
        SystemExit: with 2 if an option or a setting is invalid or there is no store, with 1 if it cannot be used now.
    """
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    parser = commands()
    options = parser.parse_args(arguments)
    try:
        settings = read(Settings)
        url = options.database or (settings.database and settings.database.get_secret_value())
        if not url:
            raise StoreError("There is no event store: pass --database, or set TELEMETRY_DATABASE.")
        try:
            store = Store(url)
        except StoreError as error:
            raise StoreError(f"argument --database: {error}") from None
        with closing(store):
            options.run(store, settings, options)
    except (StoreError, ValueError) as error:
        parser.exit(2, f"{error}\n")
    except Unavailable as error:
        parser.exit(1, f"The event store cannot be used: {error}\n")
    except (OSError, TableError) as error:
        parser.exit(1, f"The file cannot be written: {error}\n")


def commands() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="python -m telemetry", description=__doc__)
    subparsers = parser.add_subparsers(title="commands", required=True, metavar="{work,export,labels,erase}")
    work_options = subparsers.add_parser("work", help="run the background jobs until stopped", description=WORK)
    work_options.set_defaults(run=work)
    export_options = subparsers.add_parser(
        "export", help="write reported mispredictions as CSV or Excel workbook", description=EXPORT
    )
    export_options.set_defaults(run=write_mistakes)
    export_options.add_argument(
        "--since", type=day, default=0.0, metavar="DAY", help="first day or time, in UTC (default: everything)"
    )
    export_options.add_argument(
        "--output", type=Path, metavar="FILE", help="file to write, .csv or .xlsx (default: CSV on standard output)"
    )
    export_options.add_argument(
        "--language",
        choices=sorted(DELIMITERS),
        default="en",
        help="language of the Excel version that opens the CSV file; French versions expect semicolons (default: en)",
    )
    labels_options = subparsers.add_parser(
        "labels", help="write the labels of the relabelling queue, with a data card", description=LABELS
    )
    labels_options.set_defaults(run=write_labels)
    labels_options.add_argument(
        "--output", type=csv_file, required=True, metavar="FILE", help="file to write, labels.csv"
    )
    erase_options = subparsers.add_parser("erase", help="delete events about a person", description=ERASE)
    erase_options.set_defaults(run=erase_events)
    person = erase_options.add_mutually_exclusive_group(required=True)
    person.add_argument("phrase", nargs="?", type=phrase, help="such as a name, in quotation marks")
    person.add_argument("--author", type=phrase, metavar="NAME", help="name under which an author's tweets were sent")
    for subparser in (work_options, export_options, labels_options, erase_options):
        subparser.add_argument(
            "--database", metavar="URL", help="event store, sqlite:///events.db (default: TELEMETRY_DATABASE)"
        )
    return parser


def day(text: str) -> float:
    """Parse an ISO 8601 date or time, in UTC unless it has an offset, as seconds since 1970."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def phrase(text: str) -> str:
    """Refuse a blank phrase, which every text contains, and a blank name."""
    if not text.strip():
        raise argparse.ArgumentTypeError("it is empty: give a phrase or a name")
    return text


def csv_file(text: str) -> Path:
    """Refuse a file of another kind."""
    file = Path(text)
    if file.suffix.lower() != labels.ENDING:
        raise argparse.ArgumentTypeError(f"{text} does not end in {labels.ENDING}")
    return file


def work(store: Store, settings: Settings, _: argparse.Namespace) -> None:
    """Run the background jobs until the process receives a signal to stop.

    Raises:
        StoreError: the store belongs to another version of this program.
        Unavailable: the store cannot be reached or written.
        ValueError: the connection string of Application Insights is invalid.
    """
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    store.create()
    jobs = Jobs(settings, store).start()
    log.info("Running jobs on %s: %s.", store.database.name, ", ".join(worker.name for worker in jobs.workers))
    stopped.wait()
    log.info("Stopping.")
    jobs.close()


def write_mistakes(store: Store, _: Settings, options: argparse.Namespace) -> None:
    """Export the reported mispredictions.

    Raises:
        OSError: the file cannot be written.
        StoreError: there is no store, or it belongs to another version of this program.
        TableError: there are too many rows for a workbook.
        Unavailable: the store cannot be read.
    """
    open_existing(store)
    count = export(store, options.output, since=options.since, delimiter=DELIMITERS[options.language])
    log.info("Exported %s mispredictions.", f"{count:,}")


def write_labels(store: Store, _: Settings, options: argparse.Namespace) -> None:
    """Write the labels of the relabelling queue.

    Raises:
        NoLabels: there is none yet.
        OSError: a file cannot be written.
        StoreError: there is no store, or it belongs to another version of this program.
        Unavailable: the store cannot be read.
    """
    open_existing(store)
    written = labels.write(store, options.output)
    log.info(
        "Wrote version %s to %s: %s labels to train on, %s to check the next model.",
        written.version,
        options.output,
        f"{written.train:,}",
        f"{written.check:,}",
    )


def erase_events(store: Store, _: Settings, options: argparse.Namespace) -> None:
    """Delete the events that contain a phrase, or those about an author's tweets.

    Raises:
        StoreError: there is no store, or it belongs to another version of this program.
        Unavailable: the store cannot be reached or written.
    """
    open_existing(store)
    deleted = erase(store, options.phrase) if options.author is None else erase_author(store, options.author)
    log.info("Deleted events: %s.", ", ".join(f"{count:,} of kind {kind}" for kind, count in deleted.items()))


def open_existing(store: Store) -> None:
    """Migrate a store if need be; never create one.

    Raises:
        StoreError: there is no store, or it belongs to another version of this program.
        Unavailable: the store cannot be reached or written.
    """
    if not store.exists():
        raise StoreError(f"There is no event store at {store.database.name}: correct --database or TELEMETRY_DATABASE.")
    store.create()  # it may have the tables of an earlier version


if __name__ == "__main__":
    main(sys.argv[1:])
