"""Transformers, run by ONNX Runtime and `tokenizers` alone, one tweet at a time on one thread.

One at a time, since the ranges by which 8-bit activations are rounded are taken over a whole batch: in a batch of 32 a
tweet's probability moved by up to 0.15 with its neighbours, for a gain of a sixth of the time. One thread, since ONNX
Runtime counts the cores of the machine, not those that a container may use.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from onnxruntime import InferenceSession, SessionOptions
from tokenizers import Tokenizer

from sentiment.inference.text import Cleaner

REQUIREMENTS = ("onnxruntime", "tokenizers")
GRAPH = "model.onnx"
TOKENIZER = "tokenizer.json"
INPUT = "input_ids"
OUTPUT = "negative_probability"


def load(folder: Path, text: Cleaner) -> Callable[[Sequence[str]], NDArray[np.float64]]:
    """Load a graph from the token numbers of one tweet, shape (1, length), to its probability, shape (1,).

    The tokenizer's own file says at how many tokens a tweet is cut.
    """
    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    options = SessionOptions()
    options.intra_op_num_threads = 1
    session = InferenceSession(folder / GRAPH, options, providers=["CPUExecutionProvider"])

    def score(texts: Sequence[str]) -> NDArray[np.float64]:
        probabilities = np.empty(len(texts))
        for row, tweet in enumerate(texts):
            numbers = np.array([tokenizer.encode(text(tweet)).ids], dtype=np.int64)
            probabilities[row] = session.run([OUTPUT], {INPUT: numbers})[0][0]
        return probabilities

    return score
