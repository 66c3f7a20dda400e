"""Requests that come at the same time are answered together."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor

import numpy as np
from numpy.typing import NDArray

Probabilities = NDArray[np.float64]
Waiting = tuple[Sequence[str], asyncio.Future[Probabilities]]


class Batcher:
    """Answer with a model that takes one batch at a time, off the event loop.

    Whatever has come while the model was busy is its next batch: nobody waits for others to come, and the more there
    are, the larger the batches. A long list is cut, so that single tweets do not wait for the whole of it.
    """

    def __init__(self, score: Callable[[Sequence[str]], Probabilities], executor: Executor, *, largest: int) -> None:
        """Take the model, where it runs, and how many tweets it is given at most at once."""
        self._score, self._executor, self._largest = score, executor, largest
        self._waiting: deque[Waiting] = deque()
        self._work: asyncio.Task[None] | None = None

    async def __call__(self, texts: Sequence[str]) -> Probabilities:
        """Return the probability of each tweet, shape (n,)."""
        starts = range(0, len(texts), self._largest)
        answers = [await self._submit(texts[start : start + self._largest]) for start in starts]
        return np.concatenate(answers) if len(answers) != 1 else answers[0]

    def _submit(self, texts: Sequence[str]) -> asyncio.Future[Probabilities]:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Probabilities] = loop.create_future()
        self._waiting.append((texts, answer))
        if self._work is None:
            self._work = loop.create_task(self._drain())
        return answer

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while batch := self._next():
                texts = [text for part, _ in batch for text in part]
                try:
                    probabilities = await loop.run_in_executor(self._executor, self._score, texts)
                except Exception as error:  # noqa: BLE001 (each request is told of it, whatever it is)
                    for _, answer in batch:
                        if not answer.done():
                            answer.set_exception(error)
                    continue
                start = 0
                for part, answer in batch:
                    if not answer.done():
                        answer.set_result(probabilities[start : start + len(part)])
                    start += len(part)
        finally:
            self._work = None

    def _next(self) -> list[Waiting]:
        """Take from the queue what goes into one batch; a request that was given up meanwhile is left out."""
        batch: list[Waiting] = []
        size = 0
        while self._waiting and (not batch or size + len(self._waiting[0][0]) <= self._largest):
            texts, answer = self._waiting.popleft()
            if not answer.done():
                batch.append((texts, answer))
                size += len(texts)
        return batch
