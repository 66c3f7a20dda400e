"""How many errors 100 looks find: the order of the relabelling queue against random order, replayed on labelled tweets.

    python -m benchmarks.relabelling airline.csv --label-column airline_sentiment --challenger models:/tweet_sentiment/1
        [--document relabelling]

The champion classifies all tweets of a table; labels are the truth, and a label other than `negative` means not
negative. Each replay draws tweets as production would bring them, and simulates what people report: a share of the
errors, and some correct answers. The queue is ordered by the code of the service (`telemetry.judging`), which learns
from each look; ten are taken at a time. Figures are errors among the first 100 tweets judged, relative to random order.
Intervals are those of 95 % of the replays.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import mlflow
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.progress import track

from benchmarks import documented
from sentiment.data.keys import text_key
from telemetry import judging
from telemetry.judging import Found, Group, Reason, Suspect

LOOKS = 100
# Asked for at a time.
BATCH = 10
REPLAYS = 200
# Tweets of each replay.
TWEETS = 2_000
# Shares of the errors that people report, and of correct answers among all that they report.
REPORTS = ((0.0, 0.0), (0.02, 0.25), (0.05, 0.25), (0.05, 0.5), (0.1, 0.25))
SEED = 42


@dataclass(frozen=True, kw_only=True)
class Answers:
    """Answers to tweets, shape (n,) each; `contradicted` where a challenger, of probability `challenger`, differs."""

    probability: NDArray[np.float64]
    negative: NDArray[np.bool_]
    uncertain: NDArray[np.bool_]
    wrong: NDArray[np.bool_]
    challenger: NDArray[np.float64]
    contradicted: NDArray[np.bool_]

    def __getitem__(self, rows: NDArray[np.int64]) -> "Answers":
        """Return the answers to some of the tweets."""
        return Answers(**{name: values[rows] for name, values in vars(self).items()})


def answers_of(texts: list[str], negative: NDArray[np.bool_], champion: str, challenger: str | None) -> Answers:
    """Classify tweets."""
    own = pd.DataFrame(mlflow.pyfunc.load_model(champion).predict(texts))
    called = (own["sentiment"] == "negative").to_numpy()
    other = own if challenger is None else pd.DataFrame(mlflow.pyfunc.load_model(challenger).predict(texts))
    return Answers(
        probability=own["negative_probability"].to_numpy(),
        negative=called,
        uncertain=own["uncertain"].to_numpy(dtype=bool),
        wrong=called != negative,
        challenger=other["negative_probability"].to_numpy(),
        contradicted=(other["sentiment"] == "negative").to_numpy() != called,
    )


def reports(answers: Answers, share: float, false: float, random: np.random.Generator) -> NDArray[np.bool_]:
    """Return which answers people report: a share of the errors, and so many correct answers that `false` are those."""
    errors = round(share * answers.wrong.sum())
    chosen = np.zeros(len(answers.wrong), dtype=bool)
    for is_wrong, count in ((True, errors), (False, round(errors * false / (1 - false)))):
        rows = np.flatnonzero(answers.wrong == is_wrong)
        chosen[random.choice(rows, min(len(rows), count), replace=False)] = True
    return chosen


def queue(answers: Answers, reported: NDArray[np.bool_]) -> list[int]:
    """Return the rows of the tweets at which people look first, in order."""
    waiting = {suspect.id: suspect for suspect in suspects(answers, reported)}
    found: dict[Group, Found] = {}
    looked = list[int]()
    while waiting and len(looked) < LOOKS:
        for suspect in judging.in_order(waiting.values(), BATCH, found):
            row = int(suspect.id)
            looked.append(row)
            del waiting[suspect.id]
            found[suspect.group] = found.get(suspect.group, Found()).after_look(wrong=bool(answers.wrong[row]))
    return looked


def suspects(answers: Answers, reported: NDArray[np.bool_]) -> Iterator[Suspect]:
    """Yield the answers in the queue."""
    for row in np.flatnonzero(reported | answers.contradicted | answers.uncertain):
        contradicted = bool(answers.contradicted[row])
        reason: Reason = "reported" if reported[row] else "disagreement" if contradicted else "uncertain"
        yield Suspect(
            id=str(row),
            time=0.0,
            source="api",
            model_version="1",
            negative_probability=float(answers.probability[row]),
            sentiment="negative" if answers.negative[row] else "positive",
            text=str(row),
            reason=reason,
            reports=int(reported[row]),
            challenger_probability=float(answers.challenger[row]) if contradicted else None,
        )


def replay(
    answers: Answers, order: Callable[[Answers, np.random.Generator], Sequence[int]], *, tweets: int
) -> NDArray[np.float64]:
    """Return, for each replay, the errors among the first looks, and those to expect in random order: shape (n, 2).

    A queue with fewer tweets than looks is continued in random order.
    """
    random = np.random.default_rng(SEED)
    counts = []
    for _ in range(REPLAYS):
        drawn = answers[random.choice(len(answers.wrong), tweets, replace=False)]
        first = list(dict.fromkeys([*order(drawn, random), *random.permutation(tweets).tolist()]))[:LOOKS]
        counts.append((drawn.wrong[first].sum(), LOOKS * drawn.wrong.mean()))
    return np.array(counts, dtype=float)


def nearest(answers: Answers, _: np.random.Generator) -> Sequence[int]:
    """Return the uncertain tweets by distance from one half: the textbook's order."""
    rows = np.flatnonzero(answers.uncertain)
    return [int(row) for row in rows[np.argsort(np.abs(answers.probability[rows] - 0.5), kind="stable")]]


def cell(counts: NDArray[np.float64]) -> str:
    """Return the result of an order: errors among the first looks, relative to random order, with its interval."""
    ratios = counts[:, 0] / counts[:, 1]
    least, most = np.quantile(ratios, [0.025, 0.975])
    return f"{ratios.mean():.2f} ({least:.2f} to {most:.2f})"


def main() -> None:
    """Replay all orders, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="CSV file of labelled tweets")
    parser.add_argument("--text-column", default="text")
    parser.add_argument("--label-column", default="label")
    parser.add_argument("--champion", default="models:/tweet_sentiment@champion")
    parser.add_argument("--challenger", help="a second model, whose disagreements join the queue")
    documented.add_option(parser, "relabelling")
    options = parser.parse_args()
    table = pd.read_csv(options.data)
    table = table[~table[options.text_column].map(text_key).duplicated()]
    negative = (table[options.label_column] == "negative").to_numpy()
    answers = answers_of(table[options.text_column].tolist(), negative, options.champion, options.challenger)
    alone = replace(answers, contradicted=np.zeros_like(answers.contradicted))
    variants = {"without a challenger": alone} | ({"with one": answers} if options.challenger else {})
    tweets = min(TWEETS, len(table))
    rows = []
    for share, false in track(REPORTS, description="replays"):

        def order(
            drawn: Answers, random: np.random.Generator, share: float = share, false: float = false
        ) -> Sequence[int]:
            return queue(drawn, reports(drawn, share, false, random))

        name = f"{100 * share:g} % of the errors; {100 * false:g} % of the reports are false" if share else "nothing"
        rows.append([name, *(cell(replay(each, order, tweets=tweets)) for each in variants.values())])
    uncertain = cell(replay(alone, nearest, tweets=tweets))
    result = (
        f"{len(table):,} tweets, of which {100 * answers.wrong.mean():.1f} % are misclassified and "
        f"{100 * answers.uncertain.mean():.1f} % uncertain; {REPLAYS} replays of {tweets:,}."
        + f" The challenger differs on {100 * answers.contradicted.mean():.1f} %."
        * (options.challenger is not None),
        f"Of the errors, {100 * answers.negative[answers.wrong].mean():.0f} % are false alarms, the others missed "
        f"negative tweets; {100 * answers.uncertain[answers.wrong].mean():.0f} % are uncertain.",
        documented.table(["people report", *variants], rows),
        f"Uncertainty sampling (nearest to 0.5 first): {uncertain}.",
    )
    documented.publish("\n\n".join(result), options.document)


if __name__ == "__main__":
    main()
