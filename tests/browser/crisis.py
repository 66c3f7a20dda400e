"""A made-up stream of six days that ends calm, with more complaints, or in a crisis, as the fake service tells it."""

import math
import random
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from monitoring.buckets import DAY, HOUR
from telemetry.buckets import SECONDS
from telemetry.buzz import GRACE_SECONDS, Watch
from telemetry.events import Prediction
from telemetry.settings import Settings
from telemetry.store import Store
from telemetry.stream import stream
from tests import events
from tests.clock import Clock
from tests.fake_service import FakeService
from tests.streams import poisson
from ui import sample

ZONE = "Europe/Paris"
SETTINGS = Settings(buzz_zone=ZONE, text="masked")
DAYS, CHECKED_DAYS, CRISIS_HOURS = 6, 2, 3
# Tweets in five minutes; at night there are fewer.
USUAL, NIGHT = 6.0, 0.6
# Complaints added at the end, by the state that they lead to; the least that do so.
ADDED = {"calm": (0.0,), "watch": (0.4, 0.6, 0.8, 1.0, 1.2), "alarm": (7.0,)}
NEGATIVE_SHARE = 0.4
PEOPLE = 3_000
STEP_SECONDS = 2 * HOUR


@contextmanager
def service(folder: Path, state: str) -> Iterator[str]:
    """Serve the stream that ends in a state of `ADDED`; yield the address.

    Raises:
        ValueError: none of the amounts leads to this state at this time of the day.
    """
    for added in ADDED[state]:
        with closing(replayed(folder / f"{state} {added}.db", added)) as store:
            if stream(store, SETTINGS, hours=1, minutes=5).level == state:
                fake = FakeService(store)
                fake.settings = SETTINGS
                yield fake.url
                fake.close()
                return
    raise ValueError(f"No stream ends in the state {state}.")


def replayed(file: Path, added: float) -> Store:
    """Return a store with the stream, which the watch has checked for two days."""
    now = time.time() // SECONDS * SECONDS
    clock = Clock(now - CHECKED_DAYS * DAY)
    store = Store(f"sqlite:///{file}", clock=clock)
    store.create()
    assert SETTINGS.buzz is not None
    watch, waiting = Watch(store, SETTINGS.buzz), tweets(now, added)
    while True:  # the watch checks no more than the last three hours at its first start
        store.add([tweet for tweet in waiting if tweet.time <= clock.now])
        waiting = [tweet for tweet in waiting if tweet.time > clock.now]
        watch()
        if clock.now > now:
            return store
        clock.now = min(clock.now + STEP_SECONDS, now + GRACE_SECONDS)


def tweets(now: float, added: float) -> list[Prediction]:
    """Return the predictions of a stream that ends now, in order of time, with complaints added in its last hours."""
    rng, predictions = random.Random(1), list[Prediction]()
    for bucket in range(round(DAYS * DAY / SECONDS)):
        start = now - DAYS * DAY + bucket * SECONDS
        rhythm = 1 + NIGHT * math.sin((start / HOUR % 24 - 9) / 24 * 2 * math.pi)
        kinds = [
            "complaint" if rng.random() < NEGATIVE_SHARE else "praise" for _ in range(poisson(rng, USUAL * rhythm))
        ]
        if start >= now - CRISIS_HOURS * HOUR:
            kinds += ["cause"] * poisson(rng, added)
        for kind in kinds:
            predictions.append(tweet(rng, len(predictions), start + rng.random() * SECONDS, kind))
    return sorted(predictions, key=lambda each: each.time)


def tweet(rng: random.Random, number: int, when: float, kind: str) -> Prediction:
    """Return the prediction for a made-up tweet of a kind."""
    text = rng.choice(sample.pools()[kind]).replace("@AirParadis", "@user")
    text += f" {rng.choice(['Rome', 'Lyon', 'Nice', 'Oslo', 'Porto'])} AP{rng.randint(100, 999)}"
    is_negative = kind != "praise"
    return events.prediction(
        number,
        when,
        text,
        sentiment="negative" if is_negative else "positive",
        negative_probability=rng.uniform(0.7, 0.98) if is_negative else rng.uniform(0.02, 0.3),
        fingerprint=text,
        author=f"{rng.randint(1, PEOPLE)}",
        source="api",
    )
