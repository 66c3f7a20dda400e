"""How much faster is BERT as it is served than as it was trained? One tweet at a time, one thread, made-up tweets.

    python -m benchmarks.onnx_against_torch

Both sides clean and tokenize. Ends with an error if ONNX Runtime (8 bits) is less than 4 times as fast as PyTorch.
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


def made_up_tweets() -> list[str]:
    """Return random words, 4 to 24 in a tweet: as long as real tweets are, 19 tokens in the median with MiniLM."""
    chance, words = random.Random(0), WORDS.split()
    return [" ".join(chance.choices(words, k=chance.randint(4, 24))) for _ in range(TWEETS + WARM_UP)]


def milliseconds(predict: Callable[[str], object], tweets: list[str]) -> float:
    """Return the median time of one prediction."""
    times = []
    for tweet in tweets:
        started = time.perf_counter()
        predict(tweet)
        times.append(time.perf_counter() - started)
    return float(np.median(times[WARM_UP:]) * 1000)


def main() -> None:
    """Measure both forms of a MiniLM with a head of random weights, and print the ratio."""
    torch.set_num_threads(1)
    encoder, tokenizer = checkpoints.load(checkpoints.MINILM, max_tokens=MAX_TOKENS)
    model = network.SentenceClassifier(encoder, pad_token_id=tokenizer.pad_token_id).eval()
    with tempfile.TemporaryDirectory() as scratch:
        export.export(model, tokenizer, Path(scratch) / "served", max_tokens=MAX_TOKENS)
        score = onnx.load(Path(scratch) / "served", CLEANER)

    @torch.inference_mode()
    def native(tweet: str) -> float:
        return torch.sigmoid(model(*model.pad(network.tokenize(tokenizer, [CLEANER(tweet)])))).item()

    tweets = made_up_tweets()
    slow, fast = milliseconds(native, tweets), milliseconds(lambda tweet: score([tweet]), tweets)
    print(f"PyTorch {slow:.2f} ms, ONNX Runtime {fast:.2f} ms a tweet: {slow / fast:.1f} times as fast")
    if slow / fast < TARGET:
        sys.exit(f"less than {TARGET} times as fast")


if __name__ == "__main__":
    main()
