"""A challenger that scores the same tweets after each answer, to be compared with the model in use.

It must not slow down the answers. Its thread scores several tweets at once and then pauses nine times as long, so that
nine of ten answers do not meet it, whatever the challenger costs. What it cannot score in that time is dropped and
counted. A lower priority would do harm: a thread that waits for the processor may hold Python's lock.
"""

import logging
import queue
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from service.ids import event_id
from service.model import PackagedModel
from service.schemas import Prediction
from telemetry import events
from telemetry.events import Disagreement, Source, Text

log = logging.getLogger(__name__)

AGREED, DISAGREED, DROPPED, FAILED = "agreed", "disagreed", "dropped", "failed"
LARGEST_BATCH = 64
# Batches that take longer are halved: answers meanwhile are slower.
LONGEST_SECONDS = 0.05
MOST_WAITING = 2_048
FIRST_WAIT_SECONDS = 0.5
# Pause after each batch, in times of what it took.
PAUSE = 9.0


class Answered(NamedTuple):
    """A tweet that was answered."""

    prediction: Prediction
    text: str
    source: Source


class Shadow:
    """Score answered tweets with the challenger, in a background thread."""

    def __init__(
        self,
        challenger: PackagedModel,
        *,
        count: Callable[[str, int], object],
        store: Callable[[Iterable[Disagreement]], object] | None,
        keep: Text,
    ) -> None:
        """Configure the challenger.

        Args:
            challenger: the second model.
            count: called with `agreed`, `disagreed`, `dropped` or `failed`, and a number of tweets.
            store: stores disagreements as events; None if there is no store.
            keep: how much of a tweet to store.
        """
        self._challenger, self._count, self._store, self._keep = challenger, count, store, keep
        self._waiting: queue.Queue[Answered] = queue.Queue(MOST_WAITING)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="shadow", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def add(self, answers: Iterable[Answered]) -> None:
        """Queue answered tweets; drop those for which there is no room."""
        for answer in answers:
            try:
                self._waiting.put_nowait(answer)
            except queue.Full:
                self._count(DROPPED, 1)

    def close(self) -> None:
        """Stop after the current batch; what waits is dropped."""
        self._closing.set()
        self._thread.join()
        self._count(DROPPED, self._waiting.qsize())

    def _run(self) -> None:
        wait, size = FIRST_WAIT_SECONDS, 1
        while not self._closing.wait(wait):
            started = time.perf_counter()
            batch = [self._waiting.get_nowait() for _ in range(min(self._waiting.qsize(), size))]
            if batch:
                self._compare(batch)
            took = time.perf_counter() - started
            size = max(1, size // 2) if took > LONGEST_SECONDS else min(2 * size, LARGEST_BATCH)
            wait = FIRST_WAIT_SECONDS if self._waiting.empty() else PAUSE * took

    def _compare(self, batch: Sequence[Answered]) -> None:
        try:
            found = self._disagreements(batch)
        except Exception as error:  # noqa: BLE001 (logged without any text of a client, and counted)
            frames = "".join(traceback.format_tb(error.__traceback__))
            log.error("%s in the challenger\n%s", type(error).__name__, frames)
            self._count(FAILED, len(batch))
            return
        self._count(DISAGREED, len(found))
        self._count(AGREED, len(batch) - len(found))
        if self._store is not None:
            self._store(found)

    def _disagreements(self, batch: Sequence[Answered]) -> list[Disagreement]:
        classifier = self._challenger.classifier
        probabilities = classifier.negative_probability([answer.text for answer in batch])
        negatives = classifier.is_negative(probabilities)
        return [
            Disagreement(
                id=event_id(prediction.prediction_id),
                time=time.time(),
                source=source,
                model_version=prediction.model_version,
                negative_probability=prediction.negative_probability,
                text=events.keep(text, self._keep),
                sentiment=prediction.sentiment,
                challenger_version=self._challenger.about["version"],
                challenger_probability=float(probability),
                challenger_sentiment="negative" if negative else "positive",
            )
            for (prediction, text, source), probability, negative in zip(batch, probabilities, negatives, strict=True)
            if negative != (prediction.sentiment == "negative")
        ]
