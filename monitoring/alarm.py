"""Whether the latest buckets speak for a crisis, or for a feed that has fallen silent."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from math import inf, log
from typing import NamedTuple

from monitoring.baseline import Baseline, Expected
from monitoring.buckets import DAY, HOUR, Bucket
from monitoring.evidence import Errors, log_likelihood_ratio, log_probability_of_none


class Level(IntEnum):
    """How bad it is: `watch` means have a look, `alarm` means act."""

    QUIET = 0
    WATCH = 1
    ALARM = 2


@dataclass(frozen=True, kw_only=True)
class Rules:
    """When an alarm is raised and when it is over.

    Attributes:
        windows_seconds: latest spans of time that are checked, shortest first. A sharp crisis shows in a quarter of an
            hour, a slow one in three hours.
        ratio: of negative tweets in the crisis to be found, to the usual ones. Twice the usual is what somebody should
            know of; larger ones are found sooner.
        watch, alarm: evidence from which these levels hold (natural logarithm of a likelihood ratio). On
            simulated streams, 5.4 to 6.1 led to one false alarm a week (benchmarks/buzz.py).
        fewest_negative: negative voices without which there is no crisis, however quiet the night.
        calm: evidence of the last hour below which nothing is wrong: it speaks against a crisis.
        calm_seconds: how long it must stay there before the crisis is over.
        reopen_seconds: time after its end in which a crisis that returns is the same one, such as after a night.
        longest_seconds: age from which a crisis is the new normal, which the baseline learns.
        silence: probability below which no tweet at all means that the feed is broken.
        silence_dispersion: largest dispersion that is believed when a feed is silent.
        silence_while_learning_seconds: the same without a baseline: time without a tweet.
    """

    windows_seconds: tuple[float, ...] = (900.0, 1800.0, 3600.0, 10800.0)
    ratio: float = 2.0
    watch: float = 4.0
    alarm: float = 6.0
    fewest_negative: int = 5
    calm: float = 0.0
    calm_seconds: float = HOUR
    reopen_seconds: float = 12 * HOUR
    longest_seconds: float = 3 * DAY
    silence: float = 1e-6
    silence_dispersion: float = 0.25
    silence_while_learning_seconds: float = DAY


class Check(NamedTuple):
    """What the buckets up to a time say.

    Attributes:
        time: end of the last bucket, in seconds since 1970.
        level: by the evidence of all windows, unless the last hour is calm.
        calm: whether no window up to an hour speaks for a crisis, by the number and by the share of negative voices.
        learning: whether the baseline is still learning, so that nothing can be said.
        evidence: of the window with the most.
        seconds: length of that window.
        tweets: voices in it.
        negative: negative voices in it, as the classifier calls them.
        reach: tweets in it, repetitions included.
        usual_tweets: expected voices in it.
        usual_negative: expected negative voices in it.
        silent_since: start of the first bucket without a tweet, if the feed is silent.
    """

    time: float
    level: Level = Level.QUIET
    calm: bool = True
    learning: bool = True
    evidence: float = -inf
    seconds: float = 0.0
    tweets: int = 0
    negative: int = 0
    reach: int = 0
    usual_tweets: float = 0.0
    usual_negative: float = 0.0
    silent_since: float | None = None


def check(
    buckets: Sequence[Bucket], baseline: Baseline | None, *, seconds: float, rules: Rules, errors: Errors
) -> Check:
    """Check the latest buckets. More negative voices in them never lower the level.

    Args:
        buckets: in order, empty ones included; at least those of the longest window, and one with a tweet.
        baseline: what is usual, or None while it is learning.
        seconds: length of a bucket.
        rules: of the alarm.
        errors: of the classifier.
    """
    now = buckets[-1].start + seconds
    silent_since = _silent_since(buckets, baseline, seconds, rules)
    if baseline is None:
        return Check(now, silent_since=silent_since)
    windows = _windows(buckets, baseline, seconds, rules, errors)
    suspicious = [window for window in windows if _is_suspicious(window, rules)]
    calm = not any(window.seconds <= HOUR and window.evidence >= rules.calm for window in suspicious)
    best = max(suspicious or windows, key=lambda window: window.evidence)
    level = Level.QUIET if calm else _level(best.evidence, rules)
    return best._replace(level=level, calm=calm, silent_since=silent_since)


def _windows(
    buckets: Sequence[Bucket], baseline: Baseline, seconds: float, rules: Rules, errors: Errors
) -> list[Check]:
    """Return the counts of each window and their evidence."""
    sizes = {max(1, round(span / seconds)) for span in rules.windows_seconds}
    tweets = negative = reach = 0
    usual_tweets = usual_negative = 0.0
    windows = []
    for size, bucket in enumerate(reversed(buckets[-max(sizes) :]), start=1):
        tweets += bucket.tweets
        negative += bucket.negative
        reach += bucket.reach
        more_tweets, more_negative = baseline.expected(bucket.start, seconds)
        usual_tweets += more_tweets
        usual_negative += more_negative
        if size in sizes:
            evidence = log_likelihood_ratio(
                tweets,
                negative,
                Expected(usual_tweets, usual_negative),
                ratio=rules.ratio,
                dispersion=baseline.dispersion,
                correlation=baseline.correlation,
                errors=errors,
            )
            windows.append(
                Check(
                    time=buckets[-1].start + seconds,
                    learning=False,
                    evidence=evidence,
                    seconds=size * seconds,
                    tweets=tweets,
                    negative=negative,
                    reach=reach,
                    usual_tweets=usual_tweets,
                    usual_negative=usual_negative,
                )
            )
    return windows


def _is_suspicious(window: Check, rules: Rules) -> bool:
    """Return whether a window has enough negative voices, more than usual, and a higher share of them than usual."""
    enough = window.negative >= rules.fewest_negative and window.negative > window.usual_negative
    return enough and window.negative * window.usual_tweets > window.tweets * window.usual_negative


def _level(evidence: float, rules: Rules) -> Level:
    if evidence >= rules.alarm:
        return Level.ALARM
    return Level.WATCH if evidence >= rules.watch else Level.QUIET


def _silent_since(buckets: Sequence[Bucket], baseline: Baseline | None, seconds: float, rules: Rules) -> float | None:
    """Return since when there is no tweet, if that is improbable."""
    starts: list[float] = []
    for bucket in reversed(buckets):
        if bucket.reach:
            break
        starts.append(bucket.start)
    if not starts:
        return None
    if baseline is None:
        silent = len(starts) * seconds >= rules.silence_while_learning_seconds
    else:
        mean = sum(baseline.expected(start, seconds).tweets for start in starts)
        dispersion = min(baseline.dispersion, rules.silence_dispersion)
        silent = log_probability_of_none(mean, dispersion) <= log(rules.silence)
    return starts[-1] if silent else None
