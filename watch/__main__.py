"""Follow a source of tweets, and send each of them once to the service (SERVICE_URL), until SIGTERM or Ctrl-C."""

import argparse
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, Never

import httpx
from pydantic import ValidationError
from rich.console import Console

from watch.errors import WatchError
from watch.feed import feed
from watch.patience import Patience, client_for
from watch.progress import Progress
from watch.rejects import Rejects
from watch.service import Service
from watch.settings import Settings
from watch.sources import endpoint, files, lines, replay, x
from watch.status import Status
from watch.tweets import Batch

Open = Callable[[argparse.Namespace, Settings, Callable[[str], None], Any], Iterator[Batch]]
RECORDS = """\
Each tweet is an object of JSON with a text, and a time with an offset, an author and an id if they are known (`text`,
`created_at`, `author_id`, `id`, and other common names)."""


class Stopped(BaseException):
    """SIGTERM or Ctrl-C."""


def main(arguments: list[str]) -> None:
    """Run the watch.

    Raises:
        SystemExit: with 2 if the command line, a setting, the source, a file or the service's answer is wrong.
    """
    parser = commands()
    options = parser.parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    console = Console(stderr=True)
    try:
        settings = Settings()
        progress = Progress(options.state, identity(options))
        with Status(console, options.source) as status:
            key = None if settings.service_key is None else settings.service_key.get_secret_value()
            patience = Patience("The service", client_for(str(settings.service_url), key), status.say)
            batches = options.open(options, settings, status.say, progress.position)
            feed(batches, Service(patience), progress, Rejects(options.rejected), status)
    except ValidationError as error:
        wrong = "\n".join(f"{problem['loc'][0]}: {problem['msg']}" for problem in error.errors())
        parser.exit(2, f"{wrong}\n")
    except WatchError as error:
        parser.exit(2, f"{error}\n")
    except Stopped:
        console.print("Stopped.")


def stop(_number: int, _frame: FrameType | None) -> Never:
    """Leave whatever is being done: nothing is lost, and nothing is counted twice, even by SIGKILL."""
    raise Stopped


def commands() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="python -m watch", description=__doc__)
    kinds = parser.add_subparsers(title="sources", dest="source", required=True)
    stdin = kinds.add_parser("stdin", help="newline-delimited JSON on standard input", description=RECORDS)
    stdin.set_defaults(open=open_stdin, state=None)
    followed = kinds.add_parser("files", help="a growing file, or a folder of .ndjson files", description=RECORDS)
    followed.set_defaults(open=open_files)
    followed.add_argument("path", type=Path, help="the file or the folder")
    polled = kinds.add_parser("poll", help="an HTTP endpoint that answers with its latest tweets", description=RECORDS)
    polled.set_defaults(open=open_endpoint)
    polled.add_argument(
        "url", type=httpx.URL, help="address of the endpoint; WATCH_TOKEN is its bearer token, if it needs one"
    )
    replayed = kinds.add_parser("replay", help="a table of past tweets, as if it ended now")
    replayed.set_defaults(open=open_replay)
    replayed.add_argument("path", type=Path, help="the table: CSV, Excel or Parquet")
    replayed.add_argument("--speed", type=positive, default=600.0, help="times as fast as it was (default: 600)")
    replayed.add_argument("--zone", help="time zone of times without one, such as Europe/Paris")
    searched = kinds.add_parser("x", help="a search of X's official API; needs X_BEARER_TOKEN")
    searched.set_defaults(open=open_x)
    searched.add_argument("query", help="in X's syntax, such as '@AirParadis lang:en'")
    for parser_of_kind in (polled, searched):
        parser_of_kind.add_argument(
            "--every", type=positive, default=60.0, metavar="SECONDS", help="seconds between two requests (default: 60)"
        )
    for parser_of_kind in (followed, polled, replayed, searched):
        parser_of_kind.add_argument(
            "--state", type=Path, metavar="FILE", help="where to note how far it is, to continue there after a restart"
        )
    for parser_of_kind in (stdin, followed, polled, replayed, searched):
        parser_of_kind.add_argument(
            "--rejected",
            type=Path,
            default=Path("rejected.ndjson"),
            metavar="FILE",
            help="what could not be sent, and why (default: rejected.ndjson)",
        )
    return parser


def positive(text: str) -> float:
    """Parse a number above 0."""
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0")
    return number


def identity(options: argparse.Namespace) -> dict[str, Any]:
    """Return what a state belongs to: the source and its arguments that change what it gives."""
    named = {name: getattr(options, name) for name in ("path", "url", "query", "speed") if hasattr(options, name)}
    if "path" in named:
        named["path"] = named["path"].absolute()
    values = {name: value if isinstance(value, float) else str(value) for name, value in named.items()}
    return {"source": options.source, **values}


def open_stdin(
    _: argparse.Namespace, _settings: Settings, _say: Callable[[str], None], position: Any
) -> Iterator[Batch]:
    """Read standard input."""
    return lines.batches(sys.stdin.fileno(), position)


def open_files(options: argparse.Namespace, _: Settings, _say: Callable[[str], None], position: Any) -> Iterator[Batch]:
    """Follow a file or a folder."""
    return files.batches(options.path, position, time.sleep)


def open_endpoint(
    options: argparse.Namespace, settings: Settings, say: Callable[[str], None], position: Any
) -> Iterator[Batch]:
    """Poll an endpoint."""
    token = None if settings.token is None else settings.token.get_secret_value()
    patience = Patience("The endpoint", client_for(str(options.url), token, follow_redirects=True), say)
    return endpoint.batches(patience, str(options.url), position, options.every)


def open_replay(
    options: argparse.Namespace, _: Settings, _say: Callable[[str], None], position: Any
) -> Iterator[Batch]:
    """Replay a table."""
    return replay.batches(replay.load(options.path, options.zone), options.speed, position, time.sleep)


def open_x(
    options: argparse.Namespace, settings: Settings, say: Callable[[str], None], position: Any
) -> Iterator[Batch]:
    """Search X.

    Raises:
        WatchError: there is no token.
    """
    if settings.x_bearer_token is None:
        raise WatchError("X needs a bearer token: set X_BEARER_TOKEN (https://docs.x.com/fundamentals/authentication).")
    patience = Patience("X", client_for(str(settings.x_url), settings.x_bearer_token.get_secret_value()), say)
    return x.batches(patience, options.query, position, options.every)


if __name__ == "__main__":
    main(sys.argv[1:])
