"""The demonstration: what it starts, in which order, and what it sends."""

import shutil
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.progress import track

from demo import programs, stream, telling
from demo.corpus import Corpus
from demo.errors import DemoError
from demo.mailbox import HOST, open_mailbox
from demo.story import MINUTE, Story
from demo.stream import Post
from monitoring.buckets import DAY, HOUR
from service.settings import Settings as ServiceSettings
from telemetry.buckets import SECONDS
from telemetry.settings import read
from ui.settings import Settings as PageSettings
from watch.feed import feed
from watch.patience import Patience, client_for
from watch.progress import Progress
from watch.rejects import Rejects
from watch.service import MOST_TWEETS, Service
from watch.settings import Settings as WatchSettings
from watch.status import Status

# Removed at each start.
FOLDER = Path(".demo")
# After the replay, the stream goes on at its usual pace for so long.
REST_SECONDS = 12 * HOUR
SEED = 1
# Shown when the state of the stream is asked for: it must reach back to the end of the history.
HOURS = 24
POLL_SECONDS = 0.5


class Addresses(NamedTuple):
    """Where the programs listen, and the key of the service if it needs one."""

    service_port: int
    page_port: int
    key: str | None

    @property
    def service(self) -> str:
        """The URL of the service."""
        return f"http://{HOST}:{self.service_port}"

    @property
    def page(self) -> str:
        """The URL of the page."""
        return f"http://{HOST}:{self.page_port}"

    @property
    def stream(self) -> str:
        """The URL of the view of the page that shows the stream."""
        return f"{self.page}/watch"


def show(bento: str, corpus: Corpus, story: Story, console: Console) -> None:
    """Run the demonstration until it is interrupted, or its stream ends.

    Args:
        bento: what `python -m service` serves.
        corpus: the usual tweets.
        story: the course of the replay.
        console: the terminal.

    Raises:
        DemoError: a setting is invalid, a port is in use, or a program has ended.
        watch.errors.WatchError: the service refuses the tweets.
    """
    addresses = free_addresses()
    if FOLDER.exists():
        shutil.rmtree(FOLDER)
    FOLDER.mkdir()
    telling.introduce(console, corpus, story)
    with ExitStack() as running:
        mail_port = running.enter_context(open_mailbox(FOLDER / "mail", console))
        settings = programs.environment(variables(addresses, mail_port))
        start = partial(programs.running, settings=settings)
        service = running.enter_context(start("The service", ["service", bento], log=FOLDER / "service.log"))
        page = running.enter_context(start("The page", ["ui"], log=FOLDER / "page.log"))
        service.wait_until_ready(f"{addresses.service}/readyz")
        page.wait_until_ready(f"{addresses.page}/_stcore/health")
        now = time.time()
        replay = now - story.length * MINUTE
        made = stream.make(
            corpus.tweets, story, begin=replay - story.days * DAY, replay=replay, end=now + REST_SECONDS, seed=SEED
        )
        patience = Patience("The service", client_for(addresses.service, addresses.key), watchful(service, console))
        score_history(made, replay, Service(patience), console)
        wait_until_learned(replay, patience, console)
        telling.announce(console, story, addresses.stream, FOLDER / "mail")
        play(made, replay, story.speed, patience, console)


def free_addresses() -> Addresses:
    """Return where the programs will listen.

    Raises:
        DemoError: a setting is invalid, or a port is in use.
    """
    try:
        key = read(WatchSettings).service_key
        service, page = read(ServiceSettings).port, read(PageSettings).port
    except ValueError as error:
        raise DemoError(str(error)) from None
    programs.require_free(service, "SERVICE_PORT")
    programs.require_free(page, "UI_PORT")
    return Addresses(service, page, None if key is None else key.get_secret_value())


def variables(addresses: Addresses, mail_port: int) -> dict[str, object]:
    """Return the settings of the service and the page: a database of their own, a watched stream, and emails."""
    return {
        "BENTOML_DO_NOT_TRACK": "true",
        "SERVICE_URL": addresses.service,
        "TELEMETRY_DATABASE": f"sqlite:///{(FOLDER / 'events.db').absolute()}",
        "TELEMETRY_TEXT": "masked",
        "TELEMETRY_BUZZ_ZONE": stream.ZONE,
        "TELEMETRY_BUZZ_LINK": addresses.page,
        "TELEMETRY_MAIL_TO": "marketing@example.org",
        "TELEMETRY_MAIL_FROM": "alerts@example.org",
        "TELEMETRY_SMTP_HOST": HOST,
        "TELEMETRY_SMTP_PORT": mail_port,
        "TELEMETRY_SMTP_SECURITY": "none",
    }


def watchful(program: programs.Program, console: Console) -> Callable[[str], None]:
    """Return a function that says why a request is sent again, unless the program has ended."""

    def say(message: str) -> None:
        program.require_running()
        console.print(message, highlight=False)

    return say


def score_history(made: Sequence[Post], replay: float, service: Service, console: Console) -> None:
    """Send the tweets before the replay."""
    batches = [*stream.history(made, replay, MOST_TWEETS)]
    for tweets in track(batches, "Scoring the history", console=console, transient=True):
        deque(service.send(tweets), maxlen=0)
    console.print(f"Scored {sum(map(len, batches)):,} tweets.", highlight=False)


def wait_until_learned(replay: float, patience: Patience, console: Console) -> None:
    """Wait until the watch has checked all complete buckets of the history."""
    with console.status("Learning what is usual"):
        while True:
            checked = state(patience)["checked_until"]
            if checked is not None and datetime.fromisoformat(checked).timestamp() > replay - 2 * SECONDS:
                return
            time.sleep(POLL_SECONDS)


def state(patience: Patience) -> dict[str, Any]:
    """Return the state of the stream, as the service reports it."""
    answer = patience.request("GET", "monitoring/stream", params={"hours": HOURS, "minutes": 60}).json()
    assert isinstance(answer, dict)
    return answer


def play(made: Sequence[Post], replay: float, speed: float, patience: Patience, console: Console) -> None:
    """Send the tweets of the replay, and say how the level of the stream changes."""
    with Status(console, "made-up stream") as status:
        batches = stream.batches(made, replay, speed, time.sleep)
        narrated = telling.narrated(batches, lambda: str(state(patience)["level"]), console.print)
        feed(narrated, Service(patience), Progress(None, {}), Rejects(FOLDER / "rejected.ndjson"), status)
