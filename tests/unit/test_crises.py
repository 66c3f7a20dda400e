"""The alarm over time: levels, one alarm a crisis, its end, a silent feed."""

from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitoring.alarm import Check, Level, Rules, check
from monitoring.baseline import Learning, counts, fit
from monitoring.buckets import DAY, HOUR, Bucket
from monitoring.crises import Crisis, State, follow, replay
from monitoring.evidence import Errors
from tests.streams import FIVE, MONDAY, stream, with_negative

RULES = Rules()
LEARNING = Learning(zone=ZoneInfo("UTC"))
ERRORS = Errors()
DAYS = 8
BEGIN = MONDAY + 6 * DAY


def states(buckets: list[Bucket]) -> list[State]:
    """Return the state after each bucket."""
    moments = replay(buckets, seconds=FIVE, rules=RULES, learning=LEARNING, errors=ERRORS, refit_seconds=6 * HOUR)
    return [moment.state for moment in moments]


def alarms(found: list[State], kind: str = "negative", after: float = BEGIN - 3 * HOUR) -> list[Crisis]:
    """Return the last state of each crisis with an alarm, in order."""
    crises = {each.since: each for state in found for each in state if each is not None and each.kind == kind}
    return [crises[since] for since in sorted(crises) if since >= after and crises[since].level == Level.ALARM]


def with_silence(buckets: list[Bucket], begin: float, hours: float) -> list[Bucket]:
    """Remove all tweets of some hours."""
    return [Bucket(each.start, 0, 0, 0, 0) if begin <= each.start < begin + hours * HOUR else each for each in buckets]


def test_a_crisis_has_one_alarm_and_is_over() -> None:
    found = alarms(states(with_negative(stream(DAYS), BEGIN, 6, 120)))
    assert len(found) == 1
    crisis = found[0]
    assert crisis.raised is not None
    assert BEGIN < crisis.raised <= BEGIN + HOUR
    assert BEGIN - 3 * HOUR <= crisis.since <= BEGIN + 0.5 * HOUR
    assert crisis.calm_since is not None
    assert crisis.over is not None
    assert BEGIN + 6 * HOUR <= crisis.calm_since < crisis.over < BEGIN + 9 * HOUR
    assert crisis.worst.negative > 2 * crisis.worst.usual_negative


def test_a_crisis_that_pauses_is_one_crisis() -> None:
    twice = with_negative(with_negative(stream(DAYS), BEGIN, 3, 120), BEGIN + 7 * HOUR, 3, 120)
    assert len(alarms(states(twice))) == 1


def test_a_crisis_days_later_is_another_one() -> None:
    twice = with_negative(with_negative(stream(DAYS), BEGIN, 3, 120), BEGIN + DAY, 3, 120)
    assert len(alarms(states(twice))) == 2


def test_a_louder_crisis_is_found_sooner() -> None:
    raised = [alarms(states(with_negative(stream(DAYS), BEGIN, 6, size)))[0].raised for size in (60, 120, 360)]
    assert raised == sorted(raised, key=lambda time: -(time or 0))


def test_a_crisis_of_days_becomes_the_new_normal() -> None:
    found = alarms(states(with_negative(stream(14), BEGIN, 8 * 24, 72)))
    assert len(found) <= 2  # another one while the old normal is half forgotten
    assert found[0].over is not None
    assert BEGIN + RULES.longest_seconds < found[0].over < MONDAY + 14 * DAY


@pytest.mark.parametrize("tweets_an_hour", [2.0, 30.0, 300.0])
def test_a_constant_stream_raises_an_alarm_a_week_at_most(tweets_an_hour: float) -> None:
    found = [alarms(states(stream(10, tweets_an_hour=tweets_an_hour, seed=seed)), after=0) for seed in (1, 2)]
    assert sum(map(len, found)) <= 2


def test_before_three_days_there_is_no_level() -> None:
    buckets = with_negative(stream(2.9), MONDAY + 2 * DAY, 3, 600)
    moments = list(replay(buckets, seconds=FIVE, rules=RULES, learning=LEARNING, errors=ERRORS))
    assert all(moment.check.learning and moment.state == State() for moment in moments)


def test_a_silent_feed_raises_an_alarm_of_its_own_until_the_next_tweet() -> None:
    found = states(with_silence(stream(DAYS), BEGIN, 5))
    assert alarms(found) == []
    (silence,) = alarms(found, "silent")
    assert silence.since == BEGIN
    assert silence.raised is not None
    assert silence.raised <= BEGIN + 2 * HOUR
    assert silence.over == BEGIN + 5 * HOUR + FIVE


def test_a_feed_that_is_silent_while_it_learns_raises_an_alarm_after_a_day() -> None:
    (silence,) = alarms(states(with_silence(stream(2.5), MONDAY + DAY, 30)), "silent", after=0)
    assert silence.raised == MONDAY + 2 * DAY


def test_silence_is_not_learned() -> None:
    quiet = with_silence(stream(DAYS), MONDAY + 5 * DAY, 12)
    assert alarms(states(quiet)) == []


@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(added=st.lists(st.integers(0, 30), min_size=36, max_size=36), more=st.integers(1, 20), where=st.integers(0, 35))
def test_more_negative_tweets_never_lower_the_level(added: list[int], more: int, where: int) -> None:
    buckets = stream(4)
    baseline = fit(counts(buckets), seconds=FIVE, now=buckets[-1].start + FIVE, learning=LEARNING)

    def level(extra: list[int]) -> Level:
        latest = [
            Bucket(each.start, *(value + count for value in each[1:]))
            for each, count in zip(buckets[-36:], extra, strict=True)
        ]
        return check(latest, baseline, seconds=FIVE, rules=RULES, errors=ERRORS).level

    assert level([count + more * (number == where) for number, count in enumerate(added)]) >= level(added)


checks = st.lists(
    st.builds(lambda level, calm: (level if not calm else Level.QUIET, calm), st.sampled_from(Level), st.booleans()),
    max_size=60,
)


@given(checks=checks)
def test_an_open_crisis_is_raised_once_and_never_gets_less_bad(checks: list[tuple[Level, bool]]) -> None:
    state, raised = State(), dict[float, set[float]]()
    for number, (level, calm) in enumerate(checks):
        before = state.negative
        latest = Check((number + 1) * 900.0, level, calm, learning=False, evidence=float(level), seconds=900.0)
        state = follow(state, latest, RULES)
        crisis = state.negative
        if crisis is not None:
            if before is not None and before.since == crisis.since:
                assert crisis.level >= before.level
            if crisis.raised is not None:
                raised.setdefault(crisis.since, set()).add(crisis.raised)
            assert crisis.over is None or crisis.calm_since is not None
    assert all(len(times) == 1 for times in raised.values())


def test_a_surge_of_positive_tweets_is_no_crisis() -> None:
    surge = [
        each._replace(tweets=each.tweets + 20, reach=each.reach + 20) if each.start >= BEGIN else each
        for each in stream(6.5)
    ]
    assert alarms(states(surge)) == []
