"""What the terminal says: what is made up, what to look at and when, and what has happened."""

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from demo.corpus import Corpus
from demo.story import Story
from demo.stream import COMPLAINTS
from watch.tweets import Batch

# From a tweet to the level: its bucket must be complete, the watch checks every five seconds, answers are cached.
REPORT_SECONDS = 12.0
PROJECT = Path(__file__).parents[1]


def introduce(console: Console, corpus: Corpus, story: Story) -> None:
    """Say which stream this is."""
    count = sum(map(len, corpus.tweets.values()))
    console.print(
        f"The stream is made up: {count:,} tweets of the corpus `{corpus.name}`, in random order and with new times, "
        f"and a crisis about lost luggage, with tweets composed from {COMPLAINTS.relative_to(PROJECT)}.\n"
        f"First, {story.days:g} days of usual tweets are scored, from which the service learns what is usual.",
        highlight=False,
    )


def announce(console: Console, story: Story, page: str, mail: Path) -> None:
    """Say what to look at and when."""
    alarm = story.seconds(story.crisis + story.alarm_after) + REPORT_SECONDS
    calm = story.seconds(story.crisis + story.calm_after) + REPORT_SECONDS
    events = Table(box=None, show_header=False, pad_edge=False)
    events.add_row("now", f"usual tweets, {story.speed:g} times as fast as they were written: [b]Calm[/b]")
    events.add_row(
        f"after {story.seconds(story.crisis):.0f} s", "complaints appear, then multiply: perhaps [b]Watch[/b]"
    )
    events.add_row(f"by {alarm:.0f} s", f"[b]Alarm[/b]; its email appears here, and in {mail}")
    events.add_row(f"by {calm:.0f} s", "[b]Calm[/b] again; from then on, tweets come as fast as they are written")
    console.print(f"\n[b]Open {page}[/b] (the page refreshes itself every half minute)", highlight=False)
    console.print(events)
    console.print("Ctrl-C ends everything.\n")


def narrated(batches: Iterable[Batch], level: Callable[[], str], say: Callable[[str], None]) -> Iterator[Batch]:
    """Yield batches; after each one was sent, say if the level of the stream has changed."""
    began, before = time.monotonic(), ""
    for batch in batches:
        yield batch
        now = level()
        if now != before:
            before = now
            say(f"{time.monotonic() - began:4.0f} s: {now.capitalize()}")
