"""Batches of the service: no request waits for long lists or long texts of others."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from service.batching import Backlog, Batcher


@pytest.mark.parametrize(
    ("texts", "sizes"),
    [
        (["late"] * 20, [8, 8, 4]),
        (["late" * 70] * 9, [4, 4, 1]),
        (["late" * 500] * 3, [1, 1, 1]),
        (["late" * 500, "late", "late", "late" * 500], [1, 2, 1]),
    ],
)
def test_long_texts_come_in_small_batches_and_all_are_answered_in_order(texts: list[str], sizes: list[int]) -> None:
    batches: list[int] = []

    def measure(batch: Sequence[str]) -> list[int]:
        return [len(text) for text in batch]

    async def ask() -> list[int]:
        with ThreadPoolExecutor(1) as executor:
            backlog = Backlog(1_000, lambda _: None)
            batcher = Batcher(measure, executor, largest=8, backlog=backlog, observe=batches.append)
            return await batcher(texts)

    assert asyncio.run(ask()) == [len(text) for text in texts]
    assert batches == sizes
