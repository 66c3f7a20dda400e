"""What happens in the replay, and when: the plan that the terminal announces."""

from dataclasses import dataclass

MINUTE = 60.0


@dataclass(frozen=True, kw_only=True)
class Story:
    """The course of the replay; times are minutes of the stream after its start.

    Attributes:
        days: of history before the replay. The watch learns from three at least (`monitoring.baseline.Learning`).
        length: from the start of the replay to the present.
        crisis: when the crisis begins.
        phases: of the crisis: their minutes, and their complaints for each usual tweet. The first phase is worth a
            look, the second an alarm.
        afterwards: negative tweets for each usual one, after the crisis: those who complain have complained. Without
            this relief, chance would delay the end of one crisis in ten by hours.
        alarm_after: by when the alarm is raised, after the crisis began. Simulated at 34 hours of the week, with a
            tenth of the tweets misclassified, it took 20 to 55 minutes.
        calm_after: by when the crisis is over, after it began: after an hour without evidence. Likewise simulated, it
            took 180 to 275 minutes.
        speed: seconds of the stream in a second.
    """

    days: float = 14.0
    length: float = 470.0
    crisis: float = 90.0
    phases: tuple[tuple[float, float], ...] = ((45.0, 0.45), (15.0, 6.0), (10.0, 2.0))
    afterwards: float = 0.5
    alarm_after: float = 55.0
    calm_after: float = 275.0
    speed: float = 200.0

    def surge(self, minutes: float) -> float:
        """Return how many complaints there are for a usual tweet, some minutes after the start."""
        elapsed = minutes - self.crisis
        for duration, ratio in self.phases:
            if 0 <= elapsed < duration:
                return ratio
            elapsed -= duration
        return 0.0

    def relief(self, minutes: float) -> float:
        """Return how many negative tweets there are for each usual one, some minutes after the start."""
        return self.afterwards if minutes > self.crisis + sum(duration for duration, _ in self.phases) else 1.0

    def seconds(self, minutes: float) -> float:
        """Return after how many seconds the replay reaches a minute of the stream."""
        return minutes * MINUTE / self.speed
