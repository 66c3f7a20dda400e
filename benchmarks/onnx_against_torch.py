"""Compare BERT's served form (ONNX Runtime, 8 bits) with its native form (PyTorch).

    python -m benchmarks.onnx_against_torch

One tweet at a time, on one thread; both times include cleaning and tokenization. Fails if ONNX Runtime is
less than 4 times as fast.
"""

import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from sentiment.inference.runtimes import onnx
from sentiment.inference.text import Cleaner
from sentiment.training.bert import checkpoints, export, network

TARGET = 4.0
TWEETS = 400
WARM_UP = 20
MAX_TOKENS = 64
CLEANER = Cleaner(links="http", mentions="@user", emoji=True, max_repeats=3)
WORDS = (
    "@AirParadis my the a flight was late again and nobody told us why thank you crew seat to Rome http://t.co/x1 gate "
    "so rude lovely never not lost luggage sooooo today :( \U0001f620 cancelled, staff at desk is are we still waiting!"
)


def tweets_of_all_lengths() -> list[str]:
    """Return tweets of 4 to 24 random words, as long as real tweets: a median of 19 tokens with MiniLM."""
    generator, words = random.Random(0), WORDS.split()
    return [" ".join(generator.choices(words, k=generator.randint(4, 24))) for _ in range(TWEETS + WARM_UP)]


def milliseconds(predict: Callable[[str], object], tweets: list[str]) -> float:
    """Return the median time of one prediction."""
    times = []
    for tweet in tweets:
        started = time.perf_counter()
        predict(tweet)
        times.append(time.perf_counter() - started)
    return float(np.median(times[WARM_UP:]) * 1000)


def main() -> None:
    """Measure both forms of a MiniLM with a randomly initialised head; print the ratio."""
    torch.set_num_threads(1)
    encoder, tokenizer = checkpoints.load(checkpoints.MINILM, max_tokens=MAX_TOKENS)
    model = network.SentenceClassifier(encoder, pad_token_id=tokenizer.pad_token_id).eval()
    with tempfile.TemporaryDirectory() as scratch:
        export.export(model, tokenizer, Path(scratch) / "served", max_tokens=MAX_TOKENS)
        score = onnx.load(Path(scratch) / "served", CLEANER)

    @torch.inference_mode()
    def native(tweet: str) -> float:
        return torch.sigmoid(model(*model.pad(network.tokenize(tokenizer, [CLEANER(tweet)])))).item()

    tweets = tweets_of_all_lengths()
    torch_ms, onnx_ms = milliseconds(native, tweets), milliseconds(lambda tweet: score([tweet]), tweets)
    print(f"PyTorch {torch_ms:.2f} ms, ONNX Runtime {onnx_ms:.2f} ms per tweet: {torch_ms / onnx_ms:.1f} times as fast")
    if torch_ms / onnx_ms < TARGET:
        sys.exit(f"ONNX Runtime is less than {TARGET:g} times as fast as PyTorch.")


if __name__ == "__main__":
    main()
