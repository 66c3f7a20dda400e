"""Export reported mispredictions: `python -m telemetry export --since 2026-11-01 --output mispredicted.csv`."""

import argparse
import logging
import sys
from datetime import UTC, datetime
from pathlib import Path

from telemetry import export
from telemetry.events import Feedback
from telemetry.settings import Settings, read
from telemetry.store import Store

log = logging.getLogger("telemetry")


def main(arguments: list[str]) -> None:
    """Write the reported mispredictions as CSV.

    Raises:
        SystemExit: an option or a setting is invalid, or the store does not exist.
    """
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    parser = argparse.ArgumentParser(prog="python -m telemetry", description=__doc__)
    try:
        path = read(Settings).path
    except ValueError as error:
        parser.error(str(error))
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("export", help="write reported mispredictions as CSV, ready for data=csv")
    command.add_argument(
        "--since", type=day, default=datetime.fromtimestamp(0, UTC), help="first day, in UTC (default: everything)"
    )
    command.add_argument("--output", type=Path, help="output file (default: standard output)")
    command.add_argument("--path", type=Path, default=path, help="event store (default: TELEMETRY_PATH)")
    options = parser.parse_args(arguments)
    if options.path is None or not options.path.is_file():
        parser.error(
            "no event store: pass --path, or set TELEMETRY_PATH"
            if options.path is None
            else f"no event store at {options.path}: correct --path or TELEMETRY_PATH"
        )
    feedback = Store(options.path).read(Feedback.kind, since=options.since.timestamp())
    target = sys.stdout.fileno() if options.output is None else options.output
    with open(target, "w", encoding="utf-8", newline="", closefd=options.output is not None) as file:  # noqa: PTH123
        count = export.write(feedback, file)
    log.info("Exported %d mispredictions from %d feedback events.", count, len(feedback))


def day(text: str) -> datetime:
    """Parse an ISO 8601 date or time; without an offset it is UTC."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


if __name__ == "__main__":
    main(sys.argv[1:])
