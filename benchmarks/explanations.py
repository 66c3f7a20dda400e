"""Measure what more orders of the words make of explanations: their faithfulness, their cost, and the time they take.

    python -m benchmarks.explanations [--model URI] [--tweets N] [--scorings N ...]
        [--document "explanations finetune"]

Explains tweets of the default data set with the served form of a model, in this process. A row for each number of
scorings; 2 gives the least, one order and its reverse. Faithfulness is that of the section `faithfulness` of the
configuration, on short tweets. `scorings` and the times are those of tweets of any length; each time is also divided by
that of a prediction of the same tweet, which depends less on the machine. The store is that of MLFLOW_TRACKING_URI, or
of this project.
"""

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from rich.progress import track

from benchmarks import corpus, documented
from pipeline import registry, served, store
from sentiment.evaluation import faithfulness
from sentiment.inference.arrays import Probabilities
from sentiment.inference.classifier import Classifier
from sentiment.inference.explain import explain
from sentiment.inference.shapley import SCORINGS

SEED = 42
# Of `POST /explain`, in milliseconds.
TARGET = 150
P95 = "p95 ms"
COLUMNS = [
    "scorings at most",
    "Pearson",
    "within a tweet",
    "comprehensiveness",
    "mosaics",
    "scorings, mean",
    "p50 ms",
    P95,
    "times a prediction",
]


class CountingScore:
    """A score function that counts the texts it scores."""

    def __init__(self, classifier: Classifier) -> None:
        """Wrap the score function of a classifier."""
        self.score, self.texts = classifier.score, 0

    def __call__(self, texts: Sequence[str]) -> Probabilities:
        """Return the probabilities."""
        self.texts += len(texts)
        return self.score(texts)


def milliseconds(classifier: Classifier, texts: Sequence[str], scorings: int) -> tuple[list[float], list[float]]:
    """Return the time to explain each tweet, and to predict it right before."""
    explained, predicted = [], []
    for text in texts:
        started = time.perf_counter()
        classifier.negative_probability([text])
        between = time.perf_counter()
        explain(classifier, text, scorings=scorings)
        explained.append(1000 * (time.perf_counter() - between))
        predicted.append(1000 * (between - started))
    return explained, predicted


def row(classifier: Classifier, texts: Sequence[str], timed: Sequence[str], scorings: int) -> list[str]:
    """Return the row of a number of scorings."""
    with_scorings = partial(explain, scorings=scorings)
    measured = faithfulness.measure(
        classifier, texts, tweets=60, max_words=10, mosaics=20, seed=SEED, explain=with_scorings
    )
    counting = CountingScore(classifier)
    for text in timed:
        explain(replace(classifier, score=counting), text, scorings=scorings)
    explained, predicted = milliseconds(classifier, timed, scorings)
    p50, p95 = np.percentile(explained, [50, 95])
    figures = (measured.pearson, measured.pearson_of_tweet, measured.comprehensiveness, measured.mosaic_mass)
    return [
        str(scorings),
        *(f"{figure:.3f}" for figure in figures),
        f"{counting.texts / len(timed):.0f}",
        f"{p50:.1f}",
        f"{p95:.1f}",
        f"{p50 / np.median(predicted):.1f}",
    ]


def verdict(served: list[str]) -> str:
    """Return whether the row of the scorings of the service reaches the target."""
    milliseconds = dict(zip(COLUMNS, served, strict=True))[P95]
    reached = "reached" if float(milliseconds) <= TARGET else "MISSED"
    return f"p95 with {SCORINGS} scorings, as in the service: {milliseconds} ms (target at most {TARGET}: {reached})."


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", default=f"models:/{registry.model_name()}@champion")
    parser.add_argument("--tweets", type=int, default=100, help="tweets of any length to time")
    parser.add_argument("--scorings", type=int, nargs="+", default=[2, 50, 100, 200])
    documented.add_option(parser, "explanations")
    arguments = parser.parse_args()
    store.connect()
    with tempfile.TemporaryDirectory() as scratch:
        model = served.find(arguments.model, "--model", Path(scratch))
        classifier = Classifier.load(model.folder)
    texts = corpus.read(corpus.TWEETS)["text"].tolist()
    timed = [texts[place] for place in np.random.default_rng(SEED).permutation(len(texts))[: arguments.tweets]]
    rows = [row(classifier, texts, timed, each) for each in track(arguments.scorings, description="explanations")]
    tweets = f"Candidate `{model.candidate}`; scorings and times are those of {len(timed)} tweets of any length:"
    lines = [tweets, documented.table(COLUMNS, rows), *(verdict(each) for each in rows if each[0] == str(SCORINGS))]
    documented.publish("\n\n".join(lines), arguments.document)


if __name__ == "__main__":
    main()
