"""Transformers, run by ONNX Runtime and `tokenizers` only, one tweet at a time on one thread.

One tweet at a time: 8-bit activations are rounded by their range over the whole batch. In batches of 32, the other
tweets changed a probability by up to 0.15, and scoring took only a sixth less time. One thread: ONNX Runtime counts the
cores of the machine, not those available to the container.
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
    """Load an ONNX graph: token ids of one tweet, shape (1, length), in; its probability, shape (1,), out.

    The tokenizer's file sets the length at which tweets are truncated.
    """
    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    options = SessionOptions()
    options.intra_op_num_threads = 1
    session = InferenceSession(folder / GRAPH, options, providers=["CPUExecutionProvider"])

    def score(texts: Sequence[str]) -> NDArray[np.float64]:
        probabilities = np.empty(len(texts))
        for row, tweet in enumerate(texts):
            token_ids = np.array([tokenizer.encode(text(tweet)).ids], dtype=np.int64)
            probabilities[row] = session.run([OUTPUT], {INPUT: token_ids})[0][0]
        return probabilities

    return score
