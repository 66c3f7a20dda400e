"""Dynamic batching of concurrent requests, and a bound on what waits."""

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from itertools import chain
from typing import Generic, TypeVar

LONGEST_TWEET = 280
Result = TypeVar("Result")


class Busy(Exception):
    """Too many tweets wait already.

    Attributes:
        seconds: after which they are probably answered.
    """

    def __init__(self, seconds: float) -> None:
        """Tell when to try again."""
        super().__init__(f"try again after {seconds:.0f} seconds")
        self.seconds = seconds


class Backlog:
    """The tweets that have been accepted and not answered: a bounded number, since each costs memory.

    Attributes:
        waiting: their number.
    """

    def __init__(self, most: int, show: Callable[[int], object]) -> None:
        """Configure the bound, and a function that shows the number in the metrics."""
        self.waiting = 0
        self._most, self._show = most, show
        self._seconds_per_tweet = 0.0

    @contextmanager
    def accept(self, tweets: int) -> Iterator[None]:
        """Count tweets while they wait for their answer.

        Raises:
            Busy: there would be too many; a request that meets no other is always accepted.
        """
        self.refuse_if_full(tweets)
        self._count(tweets)
        try:
            yield
        finally:
            self._count(-tweets)

    def refuse_if_full(self, tweets: int = 1) -> None:
        """Refuse tweets before their text is read.

        Raises:
            Busy: there would be too many.
        """
        if self.waiting and self.waiting + tweets > self._most:
            raise Busy(max(1, math.ceil(self.waiting * self._seconds_per_tweet)))

    def measure(self, tweets: int, seconds: float) -> None:
        """Learn how long tweets take: a moving average, to which the latest measurement contributes a tenth."""
        average = self._seconds_per_tweet or seconds / tweets
        self._seconds_per_tweet = average + (seconds / tweets - average) / 10

    def _count(self, tweets: int) -> None:
        self.waiting += tweets
        self._show(self.waiting)


class Batcher(Generic[Result]):
    """Score texts in batches, one batch at a time, outside the event loop.

    The texts that arrive while the model is busy form the next batch: no request waits for a batch to fill up, and
    batches grow with the load. Long lists are split, so that single tweets do not wait for a whole list; long texts
    count as several.

    Attributes:
        backlog: the texts that wait.
    """

    def __init__(
        self,
        score: Callable[[Sequence[str]], list[Result]],
        executor: Executor,
        *,
        largest: int,
        backlog: Backlog,
        observe: Callable[[int], object],
    ) -> None:
        """Configure the scoring function, its executor, the maximum batch size, and who hears the size of each."""
        self._score, self._executor, self._largest, self._observe = score, executor, largest, observe
        self.backlog = backlog
        self._waiting: deque[tuple[Sequence[str], asyncio.Future[list[Result]]]] = deque()
        self._work: asyncio.Task[None] | None = None

    async def __call__(self, texts: Sequence[str]) -> list[Result]:
        """Return the result of each text.

        Raises:
            Busy: too many texts wait already.
        """
        with self.backlog.accept(len(texts)):
            results = [await self._submit(chunk) for chunk in chunks(texts, self._largest)]
            return list(chain.from_iterable(results))

    def _submit(self, texts: Sequence[str]) -> asyncio.Future[list[Result]]:
        loop = asyncio.get_running_loop()
        result: asyncio.Future[list[Result]] = loop.create_future()
        self._waiting.append((texts, result))
        if self._work is None:
            self._work = loop.create_task(self._drain())
        return result

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while batch := self._next():
                texts = [text for chunk, _ in batch for text in chunk]
                self._observe(len(texts))
                started = time.perf_counter()
                try:
                    results = await loop.run_in_executor(self._executor, self._score, texts)
                except Exception as error:  # noqa: BLE001 (passed on to each request of the batch)
                    for _, result in batch:
                        if not result.done():
                            result.set_exception(error)
                    continue
                self.backlog.measure(len(texts), time.perf_counter() - started)
                start = 0
                for chunk, result in batch:
                    if not result.done():
                        result.set_result(results[start : start + len(chunk)])
                    start += len(chunk)
        finally:
            self._work = None

    def _next(self) -> list[tuple[Sequence[str], asyncio.Future[list[Result]]]]:
        """Take the next batch from the queue, without requests that were cancelled in the meantime."""
        batch: list[tuple[Sequence[str], asyncio.Future[list[Result]]]] = []
        size = 0
        while self._waiting and (not batch or size + weight(self._waiting[0][0]) <= self._largest):
            texts, result = self._waiting.popleft()
            if not result.done():
                batch.append((texts, result))
                size += weight(texts)
        return batch


def weight(texts: Sequence[str]) -> int:
    """Return how many tweets texts count as in a batch: one each, and one more for each further 280 characters."""
    return sum(1 + len(text) // LONGEST_TWEET for text in texts)


def chunks(texts: Sequence[str], largest: int) -> Iterator[Sequence[str]]:
    """Split texts into chunks of a weight of at most `largest`, or of one text."""
    start = size = 0
    for place, text in enumerate(texts):
        if size and size + weight([text]) > largest:
            yield texts[start:place]
            start, size = place, 0
        size += weight([text])
    yield texts[start:]
