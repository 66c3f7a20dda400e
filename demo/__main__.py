"""Show a crisis on made-up tweets: serve a model and the page, replay a stream, and catch the email of the alarm.

The usual tweets are those of the corpus, with new times; overrides of the configuration choose another one (`data=csv
data.path=tweets.csv`). SERVICE_PORT and UI_PORT choose other ports. Ctrl-C ends everything.
"""

import argparse
import signal
import sys
from collections.abc import Callable
from dataclasses import replace

from rich.console import Console

from demo import corpus
from demo.errors import DemoError
from demo.show import show
from demo.story import Story
from pipeline import door
from watch.errors import WatchError

FEWEST_DAYS = 4.0


def main(arguments: list[str]) -> None:
    """Run the demonstration until Ctrl-C.

    Raises:
        SystemExit: with 2 if a setting, the corpus or the model is wrong, or a program ends.
    """
    options = commands().parse_intermixed_args(arguments)
    console = Console()
    with door.leave():
        signal.signal(signal.SIGHUP, signal.default_int_handler)  # the terminal is closed
        try:
            story = replace(Story(), speed=options.speed, days=options.days)
            show(options.bento, corpus.read(options.overrides), story, console)
        except WatchError as error:
            raise DemoError(str(error)) from None
        except KeyboardInterrupt:
            console.print("Stopped: the service, the page and the mail server have ended.")


def commands() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument(
        "bento", help="what to serve: the tag of a Bento, such as tweet_sentiment:latest, or its folder"
    )
    parser.add_argument("overrides", nargs="*", help="of the section `data` of the configuration")
    parser.add_argument(
        "--speed",
        type=at_least(1.0),
        default=Story.speed,
        help="times as fast as the tweets were written (default: %(default)g)",
    )
    parser.add_argument(
        "--days", type=at_least(FEWEST_DAYS), default=Story.days, help="of history (default: %(default)g)"
    )
    return parser


def at_least(least: float) -> Callable[[str], float]:
    """Return a parser of numbers from a bound."""

    def number(text: str) -> float:
        value = float(text)
        if not least <= value < float("inf"):
            raise argparse.ArgumentTypeError(f"{text} is not a number from {least:g}")
        return value

    return number


if __name__ == "__main__":
    main(sys.argv[1:])
