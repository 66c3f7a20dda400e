"""Checks of a revision: is it the packaged model, and does it answer without errors?"""

import json
import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from delivery.errors import DeliveryError
from delivery.interruption import Interruption
from delivery.revisions import Platform, Revision
from sentiment.inference import golden

log = logging.getLogger(__name__)

REQUESTS = "tweet_sentiment_requests"
REFUSED = (401, 403)
KEY_VARIABLE = "SERVICE_KEY"


@dataclass(frozen=True)
class Packaged:
    """What a revision must answer: the version of its model, and the probabilities of its golden tweets."""

    version: str
    golden: Mapping[str, float]

    @classmethod
    def read(cls, folder: Path) -> "Packaged":
        """Read the folder `model` of a Bento.

        Raises:
            DeliveryError: it is not one.
        """
        try:
            about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
            tweets = json.loads((folder / "classifier" / golden.FILE).read_text(encoding="utf-8"))
            return cls(
                version=str(about["version"]),
                golden={tweet["text"]: tweet["negative_probability"] for tweet in tweets},
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DeliveryError(
                f"{folder} is not the model of a Bento ({type(error).__name__}: {error}). Pass the folder `src/model` "
                "of the Bento that `make package` built."
            ) from error


@dataclass(frozen=True)
class Pace:
    """How long checks take, and what they tolerate.

    Attributes:
        startup_seconds: how long a revision may take to become ready.
        window_seconds: how long a revision is watched at each share of the traffic.
        poll_seconds: the pause between two requests of the checks.
        max_error_rate: the highest share of failed requests.
    """

    startup_seconds: float
    window_seconds: float
    poll_seconds: float
    max_error_rate: float


@dataclass
class Counted:
    """Requests and failed ones."""

    requests: int = 0
    failed: int = 0

    @property
    def rate(self) -> float:
        """The share of failed requests."""
        return self.failed / self.requests if self.requests else 0.0


def local_only(url: httpx.URL) -> bool:
    """Return whether an address is on this machine, so that no proxy is asked for it."""
    return url.host in ("127.0.0.1", "localhost", "::1")


def connect(base_url: str, key: str | None) -> httpx.Client:
    """Return a client of a service."""
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    trust = not local_only(httpx.URL(base_url))
    return httpx.Client(base_url=base_url, headers=headers, timeout=30, trust_env=trust)


@dataclass
class Checks:
    """Checks of revisions over HTTP.

    Attributes:
        pace: how long they take.
        interruption: ends them.
        key: an API key of the service, if it has keys.
        connect: opens a client, for an address and a key.
    """

    pace: Pace
    interruption: Interruption
    key: str | None = field(default=None, repr=False)
    connect: Callable[[str, str | None], httpx.Client] = connect

    def key_is_accepted(self, revision: Revision) -> None:
        """Check that the API key works, before anything changes.

        A revision that does not answer is no reason to keep it: its replacement may be the cure.

        Raises:
            DeliveryError: the key is missing or wrong.
        """
        try:
            with self.connect(revision.url, self.key) as client:
                refused = client.get("/model").status_code in REFUSED
        except httpx.TransportError as error:
            log.warning("%s does not answer: %r", revision.name, error)
            return
        if refused:
            missing = "is not set" if self.key is None else "is not a key of the service"
            raise DeliveryError(
                f"{revision.name} requires an API key, and {KEY_VARIABLE} {missing}: set it to one of SERVICE_API_KEYS."
            )

    def smoke(self, platform: Platform, revision: Revision, packaged: Packaged | None) -> None:
        """Test a revision by its own address: ready, the packaged version, and the packaged answers.

        Args:
            platform: what runs it.
            revision: the revision.
            packaged: what it must answer; None for a revision that was tested when it was released.

        Raises:
            DeliveryError: it fails.
        """
        self._wait_until_ready(platform, revision)
        try:
            with self.connect(revision.url, self.key) as client:
                version = str(client.get("/model").raise_for_status().json()["version"])
                if packaged is not None and version != packaged.version:
                    raise DeliveryError(
                        f"{revision.name} serves version {version} of the model instead of {packaged.version}."
                    )
                expected = dict.fromkeys(golden.TEXTS, math.nan) if packaged is None else packaged.golden
                for (text, probability), answer in zip(expected.items(), predict(client, [*expected]), strict=True):
                    if packaged is None and 0 <= answer <= 1:
                        continue
                    if not abs(answer - probability) <= golden.TOLERANCE:
                        raise DeliveryError(
                            f"{revision.name} answers {answer:.4f} instead of {probability:.4f} to {text!r} (tolerance "
                            f"{golden.TOLERANCE}): it is not the model that was packaged."
                        )
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            raise DeliveryError(f"{revision.name} fails its smoke test: {error!r}") from error
        log.info("%s passed its smoke test (version %s of the model).", revision.name, version)

    def _wait_until_ready(self, platform: Platform, revision: Revision) -> None:
        deadline = time.monotonic() + self.pace.startup_seconds
        while True:
            self.interruption.check()
            answer = self._readiness(revision)
            if answer == "200":
                return
            if failure := platform.failure(revision.name):
                raise DeliveryError(f"{revision.name} cannot start: {failure}")
            if time.monotonic() > deadline:
                raise DeliveryError(
                    f"{revision.name} is not ready after {self.pace.startup_seconds:g} s (/readyz: {answer})."
                )
            self.interruption.wait(self.pace.poll_seconds)

    def _readiness(self, revision: Revision) -> str:
        try:
            with self.connect(revision.url, self.key) as client:
                return str(client.get("/readyz").status_code)
        except httpx.TransportError as error:
            return type(error).__name__

    def watch(self, platform: Platform, revision: Revision) -> None:
        """Watch a revision for a while: requests of its own to it and to the public address, and its own counters.

        Raises:
            DeliveryError: too many requests fail.
        """
        own = Counted()
        with self.connect(revision.url, self.key) as direct, self.connect(platform.url, self.key) as public:
            before = counters(direct)
            end = time.monotonic() + self.pace.window_seconds
            while True:
                for client in (direct, public):
                    own.requests += 1
                    own.failed += not answers(client)
                if own.rate > self.pace.max_error_rate:
                    raise self._too_many(revision, own, "test requests")
                if time.monotonic() >= end:
                    break
                self.interruption.wait(self.pace.poll_seconds)
            after = counters(direct)
        self.interruption.check()
        traffic = since(before, after)
        if traffic.rate > self.pace.max_error_rate:
            raise self._too_many(revision, traffic, "requests that it answered")
        log.info(
            "%s answered %s test requests; of all %s that it answered meanwhile, %s failed.",
            revision.name,
            f"{own.requests:,}",
            f"{traffic.requests:,}",
            traffic.failed or "none",
        )

    def _too_many(self, revision: Revision, counted: Counted, kind: str) -> DeliveryError:
        return DeliveryError(
            f"{counted.failed:,} of {counted.requests:,} {kind} failed while {revision.name} was watched "
            f"({counted.rate:.1%}; at most {self.pace.max_error_rate:.1%})."
        )


def predict(client: httpx.Client, texts: list[str]) -> list[float]:
    """Return the probabilities of tweets.

    Raises:
        httpx.HTTPError, ValueError, KeyError, TypeError: there is no such answer.
    """
    body: Any = client.post("/predict", json={"texts": texts}).raise_for_status().json()
    return [float(prediction["negative_probability"]) for prediction in body["predictions"]]


def answers(client: httpx.Client) -> bool:
    """Return whether a service answers a prediction."""
    try:
        return len(predict(client, [*golden.TEXTS])) == len(golden.TEXTS)
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        log.warning("A test request to %s failed: %r", client.base_url, error)
        return False


def counters(client: httpx.Client) -> Counted:
    """Return how many requests a service has answered, and how many with a server error.

    Raises:
        DeliveryError: it does not say.
    """
    try:
        text = client.get("/metrics").raise_for_status().text
    except httpx.HTTPError as error:
        raise DeliveryError(f"{client.base_url} does not show its metrics: {error!r}") from error
    counted = Counted()
    for family in text_string_to_metric_families(text):
        for sample in family.samples if family.name == REQUESTS else ():
            if sample.name.endswith("_total"):
                counted.requests += int(sample.value)
                counted.failed += int(sample.value) if sample.labels["status"].startswith("5") else 0
    return counted


def since(before: Counted, after: Counted) -> Counted:
    """Return what was counted in between; lower counts are those of another replica, or of one that has restarted."""
    if after.requests < before.requests or after.failed < before.failed:
        return after
    return Counted(after.requests - before.requests, after.failed - before.failed)
