"""Transformers, run by ONNX Runtime and `tokenizers` only.

Tweets of equal length are scored together: they need no padding, so a tweet's answer does not depend on the others. A
batch takes one thread, and several batches as many as there are cores: more threads for a short batch would mostly wait
for each other.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from onnxruntime import InferenceSession, SessionOptions
from tokenizers import Tokenizer

from sentiment.inference import cores
from sentiment.inference.text import Cleaner

REQUIREMENTS = ("joblib", "onnxruntime", "tokenizers")
GRAPH = "model.onnx"
TOKENIZER = "tokenizer.json"
INPUT = "input_ids"
OUTPUT = "negative_probability"
# The fused operator takes two to three times as long as the two that it replaces.
SLOWER_OPTIMIZERS = ["SkipLayerNormFusion"]
# Limits the memory of a batch; larger batches are not faster.
LARGEST_BATCH = 64


def load(folder: Path, text: Cleaner) -> Callable[[Sequence[str]], NDArray[np.float64]]:
    """Load an ONNX graph: token ids of tweets, shape (tweets, length), in; their probabilities, shape (tweets,), out.

    A graph may also take a single tweet, shape (1, length). The tokenizer's file sets the length at which tweets are
    truncated.
    """
    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    options = SessionOptions()
    options.intra_op_num_threads = 1
    session = InferenceSession(
        folder / GRAPH, options, providers=["CPUExecutionProvider"], disabled_optimizers=SLOWER_OPTIMIZERS
    )
    largest = 1 if session.get_inputs()[0].shape[0] == 1 else LARGEST_BATCH
    threads = ThreadPoolExecutor(cores.available())

    def score(texts: Sequence[str]) -> NDArray[np.float64]:
        token_ids = [encoding.ids for encoding in tokenizer.encode_batch_fast([text(tweet) for tweet in texts])]
        probabilities = np.empty(len(texts))

        def score_batch(rows: list[int]) -> None:
            inputs = np.array([token_ids[row] for row in rows], dtype=np.int64)
            probabilities[rows] = session.run([OUTPUT], {INPUT: inputs})[0]

        all_batches = list(batches([len(ids) for ids in token_ids], largest))
        run = map if len(all_batches) == 1 else threads.map  # a thread would delay a single tweet
        list(run(score_batch, all_batches))
        return probabilities

    return score


def batches(lengths: Sequence[int], largest: int) -> Iterator[list[int]]:
    """Yield the rows of all texts in batches of equal length, each of at most `largest` rows.

    The longest texts come first, so that threads finish together.
    """
    by_length = sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True)
    for _, group in groupby(by_length, key=lengths.__getitem__):
        rows = list(group)
        for start in range(0, len(rows), largest):
            yield rows[start : start + largest]
