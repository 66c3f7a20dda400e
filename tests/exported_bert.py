"""Small networks on an encoder, exported to their served form: an export takes seconds, so tests share them."""

from pathlib import Path

import numpy as np
import torch

from sentiment.inference.text import Cleaner
from sentiment.training.bert import checkpoints, export, network
from sentiment.training.bert.network import SentenceClassifier
from tests.served import describe

CLEANER = Cleaner(links="http", mentions="@user", emoji=True, max_repeats=3)
TEXTS = [
    "Late again",
    "@AirParadis thank you, lovely crew http://t.co/x1",
    "so rude \U0001f620",
    "",
    "   ",
    "late " * 300,
    "\x00",
    "caf\u00e9 \u822a\u7a7a",
]
MAX_TOKENS = 16
SERVED, NATIVE_PROBABILITY = "served", "native.npy"


def save_exported(checkpoint: Path, folder: Path) -> None:
    """Write the served form of a network with a random head, and the network's own probabilities of TEXTS."""
    encoder, tokenizer = checkpoints.load(str(checkpoint), max_tokens=MAX_TOKENS)
    torch.manual_seed(0)
    model = SentenceClassifier(encoder, pad_token_id=tokenizer.pad_token_id)
    tokens = network.tokenize(tokenizer, map(CLEANER, TEXTS))
    with network.progress(len(tokens), "test") as bar:
        np.save(folder / NATIVE_PROBABILITY, network.negative_probability(model, tokens, bar))
    export.export(model, tokenizer, folder / SERVED, max_tokens=MAX_TOKENS)
    describe(folder / SERVED, "onnx", CLEANER)
