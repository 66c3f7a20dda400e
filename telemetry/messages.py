"""The wording of alerts."""

from datetime import UTC, datetime

from telemetry.alert import Alert
from telemetry.buzz import CrisisAlert

AnyAlert = Alert | CrisisAlert


def title(alert: AnyAlert) -> str:
    """Return the headline of an alert."""
    if isinstance(alert, CrisisAlert):
        return f"Tweet sentiment: {_headline(alert)}"
    times = [mistake.time for mistake in alert.mistakes]
    minutes = max(1, -(-(max(times) - min(times)) // 60))
    return f"Tweet sentiment: {len(alert.mistakes)} tweets reported as mispredicted within {minutes:.0f} min"


def lines(alert: AnyAlert) -> list[str]:
    """Return the lines of an alert: one per mispredicted tweet, or the figures of a crisis."""
    if isinstance(alert, CrisisAlert):
        return _figures(alert)
    return [
        f"{_moment(mistake.time)}, model {mistake.model_version}, "
        f"predicted {mistake.predicted_sentiment}, actually {mistake.true_sentiment}: "
        f"{mistake.text or '(text not stored)'}"
        for mistake in alert.mistakes
    ]


def _headline(alert: CrisisAlert) -> str:
    crisis = alert.crisis
    if crisis.kind == "silent":
        return f"no tweets since {_moment(crisis.since)}"
    worst = crisis.worst
    return (
        f"{worst.negative:,} negative tweets in {worst.seconds / 60:.0f} min, "
        f"{worst.negative / max(worst.usual_negative, 0.1):.1f} times as many as usual"
    )


def _figures(alert: CrisisAlert) -> list[str]:
    crisis, worst = alert.crisis, alert.crisis.worst
    if crisis.kind == "silent":
        return [f"Noticed {_moment(alert.time)}. Check what sends tweets to the service."]
    share, usual = worst.negative / max(1, worst.tweets), worst.usual_negative / worst.usual_tweets
    return [
        f"Since {_moment(crisis.since)}; alarm raised {_moment(alert.time)}.",
        f"Negative tweets: {worst.negative:,}, usually {worst.usual_negative:,.0f} at this time.",
        f"Share of negative tweets: {share:.0%}, usually {usual:.0%}.",
        f"Repetitions included: {worst.reach:,} tweets.",
    ]


def _moment(time: float) -> str:
    return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M:%S} UTC"
