"""A clock for a store of events that a test sets."""


class Clock:
    """Tell the time `now`, in seconds since 1970, whatever the connection."""

    def __init__(self, now: float) -> None:
        """Set the clock."""
        self.now = now

    def __call__(self, _: object) -> float:
        """Return the time."""
        return self.now
