"""Compare the alarm for a backlash with methods from the literature, at the same rate of false alarms.

    python -m benchmarks.buzz --tweets airline_2015.csv --scores scored.csv [--sensitivity S --specificity S]
        [--document docs/operator.md]

Crises are added to streams of tweets, one at a time, at random times of the day and the week:

- to simulated streams of months, with a rhythm of day and week, of 40 and of 400 tweets an hour;
- to a stream of real tweets, composed of blocks of three hours, each from the same time of one of five quiet days of
  February 2015. One airline is left out; its negative tweets, in order, are the crisis.

A crisis of size 2 doubles the negative tweets that are usual at that hour. A threshold is the smallest with at most
one false alarm a week on streams without crises: simulated with other random numbers, or real with other airlines left
out. The alarm is reported with such a threshold, and as shipped, with the thresholds of `monitoring.alarm.Rules`, which
were chosen on simulated streams. Alarms within six hours are one alarm.

`--scores` names the same table with the answers of a model (`mlflow run . -e score`): rows in the same order, with a
column `sentiment`. Sensitivity and specificity are those of that model on its own validation tweets.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd
from rich.console import Console
from rich.progress import track
from scipy import stats

from benchmarks import documented
from benchmarks.buzz_references import REFERENCES, Scores, cusum
from benchmarks.buzz_streams import (
    BEGIN,
    PER_DAY,
    PER_HOUR,
    SECONDS,
    Crisis,
    Random,
    Stream,
    Tweets,
    composed,
    simulated,
    with_crisis,
)
from monitoring.alarm import Rules, check
from monitoring.baseline import Baseline, Learning, fit
from monitoring.buckets import Bucket
from monitoring.evidence import Errors

ALARM, SHIPPED, CUSUM = "the alarm", "the alarm, as shipped", "negative binomial CUSUM"
# Airlines that are left out for thresholds, and for results.
DEVELOPMENT, TESTED = ("Delta", "Southwest", "Virgin America"), ("American", "US Airways", "United")
CONDITIONS = [
    Crisis(2, 6, "step"),
    Crisis(3, 6, "step"),
    Crisis(5, 6, "step"),
    Crisis(2, 1, "step"),
    Crisis(3, 6, "ramp"),
    Crisis(3, 6, "burst"),
]
LEARNING = Learning(zone=ZoneInfo("UTC"))
RULES = Rules()
WINDOW = round(max(RULES.windows_seconds) / SECONDS)
REFIT = 6 * PER_HOUR  # the baseline leaves out the last three hours, so a crisis of three hours is never in it
HORIZON, MERGED, HISTORY = 3 * PER_HOUR, 6 * PER_HOUR, 21 * PER_DAY
WARM_UP = 14 * PER_DAY
FALSE_ALARMS_A_WEEK = 1.0
# Thresholds below this quantile of scores would be reached for hours each week, in few but endless alarms.
MOST_QUIET = 0.98
BEFORE_CUSUM = PER_DAY

console = Console()


@dataclass(frozen=True, kw_only=True)
class Watched:
    """A stream without crises, and what the alarm's baseline knew at each time.

    Attributes:
        stream: the counts.
        baselines: one for each six hours.
        called: tweets of crises: whether each is called negative.
        errors: of the classifier.
    """

    stream: Stream
    baselines: Sequence[Baseline]
    called: npt.NDArray[np.bool_]
    errors: Errors

    @property
    def weeks(self) -> float:
        """Length without the first two weeks, in which every method learns."""
        return (len(self.stream.tweets) - WARM_UP) / PER_DAY / 7


class Result(NamedTuple):
    """What came of one crisis: hours until each method's score first reached each value, as running maxima."""

    begin: float
    scores: dict[str, Scores]
    hours: Scores


def watched(stream: Stream, called: npt.NDArray[np.bool_], errors: Errors) -> Watched:
    """Learn the baseline of a stream every six hours."""
    buckets, baselines = stream.buckets(), []
    for end in range(0, len(buckets), REFIT):
        now = BEGIN + end * SECONDS
        baselines.append(fit(buckets[:end], seconds=SECONDS, now=now, learning=LEARNING) if end >= WARM_UP else None)
    learned = next(each for each in baselines if each is not None)
    return Watched(stream=stream, baselines=[each or learned for each in baselines], called=called, errors=errors)


def scores(each: Watched, stream: Stream, first: int, last: int) -> dict[str, Scores]:
    """Return the score of each method at the buckets from `first` to `last`."""
    start = max(0, first - HISTORY)
    part = Stream(
        tweets=stream.tweets[start:last],
        negative=stream.negative[start:last],
        usual_negative=stream.usual_negative[start:last],
    )
    found = {name: score(part)[first - start :] for name, score in REFERENCES.items()}
    numbers = range(first - BEFORE_CUSUM, last)
    known = [each.baselines[number // REFIT] for number in numbers]
    means = [
        one.expected(BEGIN + number * SECONDS, SECONDS).negative for number, one in zip(numbers, known, strict=True)
    ]
    sizes = np.array([1 / one.dispersion for one in known])
    negative = stream.negative[first - BEFORE_CUSUM : last]
    found[CUSUM] = cusum(negative, np.array(means), sizes)[BEFORE_CUSUM:]
    begin = first - WINDOW
    rows = zip(stream.tweets[begin:last].tolist(), stream.negative[begin:last].tolist(), strict=True)
    buckets = [Bucket(BEGIN + (begin + number) * SECONDS, *row, *row) for number, row in enumerate(rows)]
    evidence = []
    for number in range(first, last):
        latest = buckets[number - begin + 1 - WINDOW : number - begin + 1]
        baseline = each.baselines[number // REFIT]
        answer = check(latest, baseline, seconds=SECONDS, rules=RULES, errors=each.errors)
        evidence.append(-np.inf if answer.calm else answer.evidence)
    found[ALARM] = np.array(evidence)
    return found


def alarms(score: Scores, threshold: float) -> int:
    """Return how many alarms there are at a threshold; those within six hours are one."""
    numbers = np.flatnonzero(score >= threshold)
    return 0 if len(numbers) == 0 else 1 + int((np.diff(numbers) > MERGED).sum())


def threshold(quiet: Sequence[Scores], weeks: float) -> float:
    """Return the smallest threshold with at most one false alarm a week on streams without crises."""
    values = np.concatenate([score[np.isfinite(score)] for score in quiet])
    candidates = np.unique(values)
    low, high = int(np.searchsorted(candidates, np.quantile(values, MOST_QUIET))), len(candidates) - 1
    while low < high:
        middle = (low + high) // 2
        if sum(alarms(score, candidates[middle]) for score in quiet) <= FALSE_ALARMS_A_WEEK * weeks:
            high = middle
        else:
            low = middle + 1
    return float(candidates[high])


def crises(random: Random, each: Watched, crisis: Crisis, count: int) -> Iterator[Result]:
    """Add crises of one kind to a stream, one at a time, and yield what each method makes of them."""
    for begin in random.uniform(WARM_UP, len(each.stream.tweets) - PER_DAY, count):
        first = int(begin)
        stream = with_crisis(random, each.stream, crisis, begin, each.called)
        found = scores(each, stream, first, first + HORIZON)
        yield Result(begin, found, (first + 1 + np.arange(HORIZON) - begin) / PER_HOUR)


def delays(results: Sequence[Result], name: str, level: float) -> Scores:
    """Return the hours until a method raises an alarm, infinite if it does not within three hours."""
    hours = []
    for result in results:
        reached = np.flatnonzero(result.scores[name] >= level)
        hours.append(result.hours[reached[0]] if len(reached) else np.inf)
    return np.array(hours)


def share(hits: int, trials: int) -> str:
    """Return a share with its 95 % Wilson interval."""
    low, high = stats.binomtest(hits, trials).proportion_ci(method="wilson")
    return f"{hits / trials:.2f} ({low:.2f}-{high:.2f})"


def median(hours: Scores) -> str:
    """Return the median delay in minutes with a 95 % interval by order statistics."""
    low, high = stats.binom.ppf([0.025, 0.975], len(hours), 0.5).astype(int)
    ordered = np.sort(hours)
    texts = [
        f"{60 * value:.0f}" if np.isfinite(value) else ">180"
        for value in (np.median(hours), ordered[low], ordered[high])
    ]
    return f"{texts[0]} ({texts[1]}-{texts[2]})"


def rate(count: int, weeks: float) -> str:
    """Return a rate per week with its exact 95 % Poisson interval (Garwood 1936, Biometrika 28, 437-442)."""
    low = stats.chi2.ppf(0.025, 2 * count) / 2 if count else 0.0
    high = stats.chi2.ppf(0.975, 2 * count + 2) / 2
    return f"{count / weeks:.2f} ({low / weeks:.2f}-{high / weeks:.2f})"


def compare(
    title: str, tuned: Sequence[Watched], tested: Sequence[Watched], count: int, seed: int
) -> tuple[str, list[str]]:
    """Return the table of all methods, and what the alarm as shipped finds of each kind of crisis."""
    quiet = {False: quiet_scores(tuned, f"{title}: thresholds"), True: quiet_scores(tested, f"{title}: false alarms")}
    names = [ALARM, CUSUM, *REFERENCES]
    levels = {name: threshold(quiet[False][name], sum(each.weeks for each in tuned)) for name in names}
    methods = [(SHIPPED, ALARM, RULES.alarm), *((name, name, levels[name]) for name in names)]
    console.print(", ".join(f"{name}: {level:.2f}" for name, level in levels.items()), soft_wrap=True)
    random = np.random.default_rng(seed)
    found: dict[Crisis, list[Result]] = {}
    for crisis in track(CONDITIONS, description=f"{title}: crises", console=console):
        found[crisis] = [
            result for each in tested for result in crises(random, each, crisis, max(1, count // len(tested)))
        ]
    weeks = sum(each.weeks for each in tested)
    rows = []
    for label, name, level in methods:
        cells = [rate(sum(alarms(score, level) for score in quiet[True][name]), weeks)]
        for crisis in CONDITIONS[:3]:
            hours = delays(found[crisis], name, level)
            cells += [share(int((hours <= 1).sum()), len(hours))]
        rows.append([label, *cells, median(delays(found[CONDITIONS[0]], name, level))])
    columns = [title, "false alarms a week", "x 2 in 1 h", "x 3 in 1 h", "x 5 in 1 h", "delay at x 2, min"]
    return documented.table(columns, rows), by_kind(found)


def by_kind(found: dict[Crisis, list[Result]]) -> list[str]:
    """Return the share of crises that the alarm, as shipped, finds within an hour, for each kind."""
    hours = [delays(results, ALARM, RULES.alarm) for results in found.values()]
    return [share(int((each <= 1).sum()), len(each)) for each in hours]


def kinds(columns: dict[str, list[str]]) -> str:
    """Return the table of kinds of crises, with a column for each stream."""
    names = [f"x {crisis.size:g}, {crisis.hours:g} h, {crisis.shape}" for crisis in CONDITIONS]
    rows = [list(row) for row in zip(names, *columns.values(), strict=True)]
    return documented.table(["kind of crisis, found in 1 h", *columns], rows)


def quiet_scores(streams: Sequence[Watched], description: str) -> dict[str, list[Scores]]:
    """Return the scores of each method on streams without crises."""
    gathered: dict[str, list[Scores]] = {}
    for each in track(streams, description=description, console=console):
        for name, score in scores(each, each.stream, WARM_UP, len(each.stream.tweets)).items():
            gathered.setdefault(name, []).append(score)
    return gathered


def real(table: pd.DataFrame, airline: str, label: str, errors: Errors, weeks: int, seed: int) -> Watched:
    """Compose a stream of real tweets without an airline, whose negative tweets are the crisis."""
    others, own = table[table["airline"] != airline], table[(table["airline"] == airline) & table["truth"]]
    tweets = Tweets(others["time"].to_numpy(), others[label].to_numpy())
    stream = composed(np.random.default_rng(seed), tweets, others["truth"].to_numpy(), weeks=weeks)
    return watched(stream, own[label].to_numpy(), errors)


def made_up(tweets_an_hour: float, errors: Errors, weeks: int, seed: int) -> Watched:
    """Simulate a stream."""
    random = np.random.default_rng(seed)
    stream = simulated(
        random,
        weeks=weeks,
        tweets_an_hour=tweets_an_hour,
        sensitivity=errors.sensitivity,
        specificity=errors.specificity,
    )
    return watched(stream, random.random(10_000) < errors.sensitivity, errors)


def read(tweets: Path, scored: Path | None) -> pd.DataFrame:
    """Return the real tweets in order: time, airline, label, and the model's answer where it is known."""
    table = pd.read_csv(tweets)
    frame = pd.DataFrame(
        {
            "time": [moment.timestamp() for moment in pd.to_datetime(table["tweet_created"], utc=True)],
            "airline": table["airline"],
            "truth": table["airline_sentiment"] == "negative",
        }
    )
    if scored is not None:
        answers = pd.read_csv(scored)
        if len(answers) != len(frame):
            raise SystemExit(f"{scored} has {len(answers)} rows, {tweets} has {len(frame)}: score that table.")
        frame["called"] = answers["sentiment"] == "negative"
    return frame.sort_values("time", ignore_index=True)


def main() -> None:
    """Run the comparison, print its tables, and write them into a page if one is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tweets", type=Path, help="Twitter US Airline Sentiment as CSV (default: simulated only)")
    parser.add_argument("--scores", type=Path, help="the same rows with a column `sentiment` (default: labels only)")
    parser.add_argument("--sensitivity", type=float, default=0.86, help="of the model (default: 0.86)")
    parser.add_argument("--specificity", type=float, default=0.87, help="of the model (default: 0.87)")
    parser.add_argument("--crises", type=int, default=150, help="number of each kind (default: 150)")
    parser.add_argument("--weeks", type=int, default=26, help="length of each stream (default: 26)")
    parser.add_argument("--document", type=Path, help="page to write the tables into")
    options = parser.parse_args()
    perfect, errors = Errors(), Errors(sensitivity=options.sensitivity, specificity=options.specificity)
    tables: list[str] = []
    columns: dict[str, list[str]] = {}

    def report(title: str, make: Callable[[int], Sequence[Watched]]) -> None:
        table, columns[title] = compare(title, make(0), make(1), options.crises, seed=2)
        tables.append(table)
        console.print(table, soft_wrap=True, markup=False)

    for volume in (40, 400):
        report(
            f"simulated, {volume} tweets an hour",
            lambda part, volume=volume: [made_up(volume, perfect, options.weeks, 10 + part)],  # type: ignore[misc]
        )
    report("simulated, 400 an hour, predicted", lambda part: [made_up(400, errors, options.weeks, 20 + part)])
    if options.tweets:
        table = read(options.tweets, options.scores)
        kinds = [("truth", perfect, "real, true labels")]
        kinds += [("called", errors, "real, predicted labels")] if options.scores else []
        weeks = max(6, options.weeks // 2)
        for label, assumed, title in kinds:
            report(
                title,
                lambda part, label=label, assumed=assumed: [  # type: ignore[misc]
                    real(table, airline, label, assumed, weeks, 30 + part) for airline in (DEVELOPMENT, TESTED)[part]
                ],
            )
    tables.append(kinds(columns))
    console.print(tables[-1], soft_wrap=True, markup=False)
    if options.document:
        documented.write(options.document, "buzz", "\n\n".join(tables))


if __name__ == "__main__":
    main()
