"""Rate limits: any minute counts, waiting times are true, and replicas count together."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.limits import Counts, Limiter, Use

START = 1_000_000_020.0  # the start of a minute


class Clock:
    """A clock that is set by hand."""

    def __init__(self, now: float = START) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@given(
    uses=st.lists(st.tuples(st.floats(0, 150), st.integers(1, 100)), max_size=30),
    cost=st.integers(1, 100),
    elapsed=st.floats(0, 60),
)
def test_the_waiting_time_is_true_to_the_second(uses: list[tuple[float, int]], cost: int, elapsed: float) -> None:
    clock = Clock()
    limiter = Limiter(clock)
    for seconds, used in sorted(uses):
        clock.now = START + seconds
        limiter.take("client", "tweets", used, 100)
    clock.now += elapsed
    now = clock.now
    seconds = limiter.take("client", "tweets", cost, 100)
    assert 0 <= seconds <= 120
    if seconds > 1:
        clock.now = now + seconds - 1.001
        assert limiter.take("client", "tweets", cost, 100) > 0
    if seconds:
        clock.now = now + seconds
        assert limiter.take("client", "tweets", cost, 100) == 0


def test_a_minute_is_limited_also_across_two_minutes_of_the_clock() -> None:
    clock = Clock(START + 59)
    limiter = Limiter(clock)
    assert limiter.take("client", "tweets", 100, 100) == 0
    clock.now = START + 61
    assert limiter.take("client", "tweets", 100, 100) == 59
    assert limiter.take("client", "tweets", 2, 100) == 1


def test_clients_and_kinds_are_counted_apart() -> None:
    limiter = Limiter(Clock())
    assert limiter.take("one", "requests", 1, 1) == 0
    assert limiter.take("one", "requests", 1, 1) > 0
    assert limiter.take("two", "requests", 1, 1) == 0
    assert limiter.take("one", "tweets", 1, 1) == 0


class Shared:
    """The counts of all replicas."""

    def __init__(self) -> None:
        self.sums: Counter[Use] = Counter()

    def exchange(self, added: Counts) -> Counts:
        self.sums.update(added)
        return {use: self.sums[use] for use in added}


def test_replicas_that_share_their_counts_limit_together() -> None:
    clock, shared = Clock(), Shared()
    replicas = [Limiter(clock), Limiter(clock)]
    admitted = 0
    for _ in range(20):
        for replica in replicas:
            admitted += replica.take("client", "tweets", 10, 100) == 0
            replica.share(shared.exchange)
    assert 10 <= admitted <= 11, "what another used since the last exchange is not known"
    assert sum(shared.sums.values()) == 10 * admitted


def test_a_replica_that_cannot_share_counts_on_and_shares_later() -> None:
    def fail(_: Counts) -> Counts:
        raise ConnectionError

    clock, shared = Clock(), Shared()
    cut_off, other = Limiter(clock), Limiter(clock)
    assert [cut_off.take("client", "tweets", 50, 100) > 0 for _ in range(3)] == [False, False, True]
    with pytest.raises(ConnectionError):
        cut_off.share(fail)
    assert cut_off.take("client", "tweets", 1, 100) > 0
    cut_off.share(shared.exchange)
    assert other.take("client", "tweets", 1, 100) == 0
    other.share(shared.exchange)
    assert other.take("client", "tweets", 1, 100) > 0
