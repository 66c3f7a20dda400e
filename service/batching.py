"""Dynamic batching of concurrent requests."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor

import numpy as np
from numpy.typing import NDArray

Probabilities = NDArray[np.float64]
Waiting = tuple[Sequence[str], asyncio.Future[Probabilities]]


class Batcher:
    """Score texts in batches, one batch at a time, outside the event loop.

    The texts that arrive while the model is busy form the next batch: no request waits for a batch to fill up, and
    batches grow with the load. Long lists are split, so that single tweets do not wait for a whole list.
    """

    def __init__(self, score: Callable[[Sequence[str]], Probabilities], executor: Executor, *, largest: int) -> None:
        """Configure the scoring function, its executor, and the maximum batch size."""
        self._score, self._executor, self._largest = score, executor, largest
        self._waiting: deque[Waiting] = deque()
        self._work: asyncio.Task[None] | None = None

    async def __call__(self, texts: Sequence[str]) -> Probabilities:
        """Return the probability of each tweet, shape (n,)."""
        starts = range(0, len(texts), self._largest)
        chunks = [await self._submit(texts[start : start + self._largest]) for start in starts]
        return np.concatenate(chunks) if len(chunks) != 1 else chunks[0]

    def _submit(self, texts: Sequence[str]) -> asyncio.Future[Probabilities]:
        loop = asyncio.get_running_loop()
        result: asyncio.Future[Probabilities] = loop.create_future()
        self._waiting.append((texts, result))
        if self._work is None:
            self._work = loop.create_task(self._drain())
        return result

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while batch := self._next():
                texts = [text for chunk, _ in batch for text in chunk]
                try:
                    probabilities = await loop.run_in_executor(self._executor, self._score, texts)
                except Exception as error:  # noqa: BLE001 (passed on to each request of the batch)
                    for _, result in batch:
                        if not result.done():
                            result.set_exception(error)
                    continue
                start = 0
                for chunk, result in batch:
                    if not result.done():
                        result.set_result(probabilities[start : start + len(chunk)])
                    start += len(chunk)
        finally:
            self._work = None

    def _next(self) -> list[Waiting]:
        """Take the next batch from the queue, without requests that were cancelled in the meantime."""
        batch: list[Waiting] = []
        size = 0
        while self._waiting and (not batch or size + len(self._waiting[0][0]) <= self._largest):
            texts, result = self._waiting.popleft()
            if not result.done():
                batch.append((texts, result))
                size += len(texts)
        return batch
