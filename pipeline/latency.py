"""How long models take, measured in turn.

`predict_milliseconds` of two candidates were measured at different moments, perhaps on a busy and an idle machine. A
comparison of speed needs both at the same time.
"""

import logging
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from pipeline import candidates
from sentiment.inference.classifier import Classifier

log = logging.getLogger(__name__)

# Enough for differences of a factor of two: a round takes a second at 3 ms per tweet.
ROUNDS, TWEETS = 3, 300


def milliseconds(models: Sequence[Classifier], texts: Sequence[str]) -> list[float]:
    """Return the milliseconds per tweet of each model: the median of rounds in which each has its turn.

    Args:
        models: one or more.
        texts: raw tweets, at least one; the first `TWEETS` are used.
    """
    sample = list(texts[:TWEETS])
    for model in models:
        model.score(sample[:1])  # the first call of a runtime takes longer
    rounds = [[seconds(model, sample) for model in models] for _ in range(ROUNDS)]
    return [1000 * statistics.median(times) / len(sample) for times in zip(*rounds, strict=True)]


def seconds(model: Classifier, texts: Sequence[str]) -> float:
    """Return the seconds that a model takes for some tweets."""
    started = time.perf_counter()
    model.score(texts)
    return time.perf_counter() - started


def first_faster(uris: Sequence[str], than: str, factor: float, texts: Sequence[str]) -> str | None:
    """Return the first of some candidates that takes at most 1 / `factor` of the time of another; None if none does.

    Args:
        uris: candidates, in order of preference.
        than: the URI of the candidate to compare with.
        factor: above 1.
        texts: raw tweets, at least one.
    """
    with tempfile.TemporaryDirectory() as scratch:
        slow = load(than, Path(scratch) / "slow")
        for number, uri in enumerate(uris):
            other = load(uri, Path(scratch) / str(number))
            slow_milliseconds, other_milliseconds = milliseconds([slow, other], texts)
            if factor * other_milliseconds <= slow_milliseconds:
                log.info("%s takes %.2f ms per tweet, %s %.2f ms.", than, slow_milliseconds, uri, other_milliseconds)
                return uri
    return None


def load(uri: str, scratch: Path) -> Classifier:
    """Load a candidate's served form."""
    return Classifier.load(candidates.fetch_served(uri, scratch))
