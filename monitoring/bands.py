"""What a stream has brought over time, beside what was usual then, and the limits that chance hardly exceeds."""

from collections.abc import Callable, Mapping, Sequence
from math import sqrt
from typing import NamedTuple

from monitoring.baseline import Baseline
from monitoring.buckets import Bucket

# Of control limits. Source: Shewhart, Economic control of quality of manufactured product, 1931.
DEVIATIONS = 3.0


class Usual(NamedTuple):
    """What a bucket usually brings, and how much that fluctuates.

    Attributes:
        tweets: expected number of voices.
        negative: expected number of negative voices, as the classifier calls them.
        dispersion: of the number of voices, see `monitoring.baseline.Baseline`.
        correlation: of their labels, likewise.
    """

    tweets: float
    negative: float
    dispersion: float
    correlation: float


def usual_at(baseline: Baseline, start: float, seconds: float) -> Usual:
    """Return what a bucket usually brings that starts at a time."""
    return Usual(*baseline.expected(start, seconds), baseline.dispersion, baseline.correlation)


class Point(NamedTuple):
    """A span of time.

    Attributes:
        start: in seconds since 1970 (UTC).
        tweets: number of voices.
        negative: number of negative voices.
        reach: number of tweets, repetitions included.
        usual_negative: expected number of negative voices; None where the baseline was still learning.
        most_negative: number of negative voices that chance hardly exceeds; None likewise.
        usual_share: expected share of negative voices; None likewise.
        largest_share: share that chance hardly exceeds among this number of voices; None likewise, or without voices.
    """

    start: float
    tweets: int
    negative: int
    reach: int
    usual_negative: float | None = None
    most_negative: float | None = None
    usual_share: float | None = None
    largest_share: float | None = None


def points(buckets: Sequence[Bucket], usual: Mapping[float, Usual], start_of: Callable[[float], float]) -> list[Point]:
    """Add up buckets by spans of time, with the limits of each.

    A span has limits if all of its buckets have a usual value.

    Args:
        buckets: in order, empty ones included.
        usual: by start of the bucket.
        start_of: returns the start of the span to which a bucket with a start belongs.
    """
    spans: dict[float, list[Bucket]] = {}
    for bucket in buckets:
        spans.setdefault(start_of(bucket.start), []).append(bucket)
    return [total(start, span, usual) for start, span in spans.items()]


def total(start: float, span: Sequence[Bucket], usual: Mapping[float, Usual]) -> Point:
    """Add up the buckets of one span, which begins at `start`."""
    tweets, negative, reach = (
        sum(getattr(bucket, name) for bucket in span) for name in ("tweets", "negative", "reach")
    )
    point = Point(start, tweets, negative, reach)
    known = [usual[bucket.start] for bucket in span if bucket.start in usual]
    expected = sum(each.tweets for each in known)
    if len(known) < len(span) or not expected:
        return point
    whole = known[-1]._replace(tweets=expected, negative=sum(each.negative for each in known))
    share = whole.negative / whole.tweets
    return point._replace(
        usual_negative=whole.negative,
        most_negative=whole.negative + DEVIATIONS * sqrt(variance(whole)),
        usual_share=share,
        largest_share=min(1.0, share + DEVIATIONS * sqrt(share_variance(whole, tweets))) if tweets else None,
    )


def variance(usual: Usual) -> float:
    """Return the variance of the number of negative voices.

    Their number is beta-binomial among voices whose number is negative binomial, so it follows from the law of total
    variance: p (1 - p) (m + r m2) + p^2 (m + d m^2), where m2 = m^2 (1 + d) is the expected number of pairs.
    """
    mean, share = usual.tweets, usual.negative / usual.tweets
    pairs = mean**2 * (1 + usual.dispersion)
    within = share * (1 - share) * (mean + usual.correlation * pairs)
    return within + share**2 * (mean + usual.dispersion * mean**2)


def share_variance(usual: Usual, tweets: int) -> float:
    """Return the variance of the share of negative ones among some voices (beta-binomial distribution)."""
    share = usual.negative / usual.tweets
    return share * (1 - share) * (1 + (tweets - 1) * usual.correlation) / tweets
