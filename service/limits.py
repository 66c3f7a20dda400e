"""Rate limits: what each client may use in a minute, counted over a sliding window, also across replicas."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from math import ceil
from typing import NamedTuple

PERIOD_SECONDS = 60
# Part of a use by which sums may be wrong.
ROUNDING = 1e-3


class Use(NamedTuple):
    """What a client has used in a period.

    Attributes:
        period: number of the minute since 1970.
        client: an API key or an address.
        kind: what is limited: `requests` or `tweets`.
    """

    period: int
    client: str
    kind: str


Counts = Mapping[Use, int]


class Limiter:
    """Limit what each client uses, in any minute and not only in those of the clock.

    The count of the last minute is that of this minute of the clock, and the share of the one before which the last
    60 seconds overlap, as if its requests were spread evenly.

    Source: https://blog.cloudflare.com/counting-things-a-lot-of-different-things/#slidingwindowstotherescue
    """

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        """Start without any use.

        Args:
            clock: returns the time in seconds since 1970; by default that of the machine.
        """
        self._clock = clock or time.time
        self._lock = threading.Lock()
        self._own: Counter[Use] = Counter()
        self._others: dict[Use, int] = {}
        self._unshared: Counter[Use] = Counter()
        self._period = 0

    def take(self, client: str, kind: str, cost: int, limit: int) -> int:
        """Count a use if it is within the limit; return 0, or after how many seconds it will be if nothing else is.

        Args:
            client: the client.
            kind: what is used.
            cost: how much of it; at most `limit`.
            limit: how much of it a client may use in a minute.
        """
        period, elapsed = divmod(self._clock(), PERIOD_SECONDS)
        current, previous = Use(int(period), client, kind), Use(int(period) - 1, client, kind)
        with self._lock:
            self._forget_before(previous.period)
            used, before = self._count(current), self._count(previous)
            seconds = waiting_seconds(before, used, elapsed, limit - cost)
            if not seconds:
                self._own[current] += cost
                self._unshared[current] += cost
            return seconds

    def share(self, exchange: Callable[[Counts], Counts]) -> None:
        """Add what was used since the last call to what all replicas share; keep it for the next call if that fails.

        Args:
            exchange: adds counts to the shared ones, and returns the sums.
        """
        with self._lock:
            added, self._unshared = self._unshared, Counter()
        if not added:
            return
        try:
            sums = exchange(added)
        except BaseException:
            with self._lock:
                self._unshared.update(added)
            raise
        with self._lock:
            for use, total in sums.items():
                self._others[use] = total - (self._own[use] - self._unshared[use])

    def _count(self, use: Use) -> int:
        return self._own[use] + self._others.get(use, 0)

    def _forget_before(self, period: int) -> None:
        if period == self._period:
            return
        self._period = period
        for counts in (self._own, self._others, self._unshared):
            for use in [use for use in counts if use.period < period]:
                del counts[use]


def waiting_seconds(before: float, used: float, elapsed: float, room: float) -> int:
    """Return after how many whole seconds a sliding window holds at most `room`; 0 if it does now.

    Args:
        before: count of the period before this one.
        used: count of this period.
        elapsed: seconds since the start of this period.
        room: the count to wait for, at least 0.
    """
    if before * (1 - elapsed / PERIOD_SECONDS) + used <= room + ROUNDING:
        return 0
    if used <= room:
        # before * (1 - (elapsed + seconds) / 60) + used = room
        seconds = PERIOD_SECONDS * (1 - (room - used) / before) - elapsed
    else:
        # In the next period, what was used in this one fades: used * (1 - (elapsed + seconds - 60) / 60) = room
        seconds = PERIOD_SECONDS * (2 - room / used) - elapsed
    return ceil(seconds)
