"""Crises over time: one alarm each, with hysteresis, and since when it is over."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from monitoring.alarm import Check, Level, Rules, check
from monitoring.bands import Usual, usual_at
from monitoring.baseline import Baseline, Interval, Learning, counts, fit
from monitoring.buckets import HOUR, Bucket
from monitoring.evidence import Errors

Kind = Literal["negative", "silent"]


@dataclass(frozen=True, kw_only=True)
class Crisis:
    """A crisis, from its first sign until it is over and cannot return.

    Attributes:
        kind: `negative` for more negative tweets than usual, `silent` for a feed without tweets.
        since: when it began, as far as the buckets tell, in seconds since 1970.
        level: the worst so far.
        raised: when the level became `alarm`, or None.
        calm_since: since when it is calm, or None.
        over: when it had been calm long enough to be over, or None.
        worst: the check with the most evidence.
    """

    kind: Kind
    since: float
    level: Level
    raised: float | None
    calm_since: float | None = None
    over: float | None = None
    worst: Check

    def left_out(self, rules: Rules, now: float) -> Interval | None:
        """Return the time that the baseline leaves out, or None if it learns from it."""
        end = now if self.calm_since is None else self.calm_since
        if self.level < Level.ALARM or (self.kind == "negative" and end - self.since > rules.longest_seconds):
            return None
        return self.since, end


class State(NamedTuple):
    """The latest crisis of each kind, or None."""

    negative: Crisis | None = None
    silent: Crisis | None = None


def follow(state: State, latest: Check, rules: Rules) -> State:
    """Return the state after a check."""
    return State(_follow_negative(state.negative, latest, rules), _follow_silence(state.silent, latest))


def _follow_negative(crisis: Crisis | None, latest: Check, rules: Rules) -> Crisis | None:
    """Open, worsen, calm, close or reopen a crisis; its level never falls, so that it has one alarm."""
    raised = latest.time if latest.level == Level.ALARM else None
    if crisis is None or (crisis.over is not None and latest.time - crisis.over > rules.reopen_seconds):
        if latest.level == Level.QUIET:
            return crisis
        since = latest.time - latest.seconds
        return Crisis(kind="negative", since=since, level=latest.level, raised=raised, worst=latest)
    if crisis.over is not None and latest.level == Level.QUIET:
        return crisis
    worst = max(crisis.worst, latest, key=lambda each: each.evidence)
    raised = raised if crisis.raised is None else crisis.raised
    crisis = replace(crisis, level=max(crisis.level, latest.level), raised=raised, worst=worst, over=None)
    if not latest.calm:
        return replace(crisis, calm_since=None)
    calm_since = latest.time if crisis.calm_since is None else crisis.calm_since
    over = latest.time if latest.time - calm_since >= rules.calm_seconds else None
    return replace(crisis, calm_since=calm_since, over=over)


def _follow_silence(crisis: Crisis | None, latest: Check) -> Crisis | None:
    """Raise an alarm when the feed falls silent; it is over with the first tweet."""
    if latest.silent_since is None:
        if crisis is None or crisis.over is not None:
            return crisis
        return replace(crisis, calm_since=latest.time, over=latest.time)
    if crisis is not None and crisis.over is None:
        return crisis
    since = latest.silent_since
    return Crisis(kind="silent", since=since, level=Level.ALARM, raised=latest.time, worst=latest)


class Moment(NamedTuple):
    """A check of a stream, the state after it, and what the last bucket usually brings; None while learning."""

    check: Check
    state: State
    usual: Usual | None


def replay(
    buckets: Sequence[Bucket],
    *,
    seconds: float,
    rules: Rules,
    learning: Learning,
    errors: Errors,
    refit_seconds: float = HOUR,
) -> Iterator[Moment]:
    """Check each bucket of a stream as if it were the latest.

    Args:
        buckets: in order, empty ones included.
        seconds: length of a bucket.
        rules: of the alarm.
        learning: what the baseline learns from.
        errors: of the classifier.
        refit_seconds: how often the baseline is learned anew.
    """
    longest = round(max(*rules.windows_seconds, rules.silence_while_learning_seconds) / seconds)
    state, past = State(), dict[tuple[str, float], Crisis]()
    baseline: Baseline | None = None
    fitted = float("-inf")
    oldest = round(learning.days * 24 * HOUR / seconds)
    counted = counts(buckets)
    for position in range(1, len(buckets) + 1):
        now = buckets[position - 1].start + seconds
        if now - fitted >= refit_seconds:
            left_out = [interval for each in past.values() if (interval := each.left_out(rules, now))]
            history = counted[max(0, position - oldest) : position]
            baseline = fit(history, seconds=seconds, now=now, learning=learning, left_out=left_out)
            fitted = now
        latest = check(
            buckets[max(0, position - longest) : position], baseline, seconds=seconds, rules=rules, errors=errors
        )
        state = follow(state, latest, rules)
        for crisis in state:
            if crisis is not None:
                past[crisis.kind, crisis.since] = crisis
        usual = None if baseline is None else usual_at(baseline, buckets[position - 1].start, seconds)
        yield Moment(latest, state, usual)
