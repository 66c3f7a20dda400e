"""Scores of the alarm and of its references on streams with and without crises. Not a benchmark itself."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import track

from benchmarks.buzz_references import REFERENCES, Scores, cusum
from benchmarks.buzz_streams import BEGIN, PER_DAY, PER_HOUR, SECONDS, Crisis, Random, Stream, with_crisis
from monitoring.alarm import Rules, check
from monitoring.baseline import Baseline, Learning, counts, fit
from monitoring.buckets import Bucket
from monitoring.evidence import Errors

ALARM, CUSUM = "the alarm", "negative binomial CUSUM"
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
        baselines.append(
            fit(counts(buckets[:end]), seconds=SECONDS, now=now, learning=LEARNING) if end >= WARM_UP else None
        )
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
    """Add crises of one kind to a stream, one at a time, and yield the scores of each method."""
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


def quiet_scores(streams: Sequence[Watched], description: str) -> dict[str, list[Scores]]:
    """Return the scores of each method on streams without crises."""
    gathered: dict[str, list[Scores]] = {}
    for each in track(streams, description=description, console=console):
        for name, score in scores(each, each.stream, WARM_UP, len(each.stream.tweets)).items():
            gathered.setdefault(name, []).append(score)
    return gathered
