"""The wording of alerts."""

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from telemetry import crisis_messages
from telemetry.alert import Alert
from telemetry.buzz import CrisisAlert
from telemetry.crisis_messages import Reader
from telemetry.settings import Settings
from telemetry.wording import reasons

AnyAlert = Alert | CrisisAlert


def title(alert: AnyAlert, settings: Settings) -> str:
    """Return the headline of an alert."""
    if isinstance(alert, CrisisAlert):
        return crisis_messages.title(alert, reader_of(settings))
    times = [mistake.time for mistake in alert.mistakes]
    minutes = max(1, -(-(max(times) - min(times)) // 60))
    return f"Tweet sentiment: {len(alert.mistakes)} tweets reported as mispredicted within {minutes:.0f} min"


def lines(alert: AnyAlert, settings: Settings) -> list[str]:
    """Return the lines of an alert: one per mispredicted tweet, or what is known about a crisis."""
    if isinstance(alert, CrisisAlert):
        return crisis_messages.lines(alert, reader_of(settings))
    return [
        f"{datetime.fromtimestamp(mistake.time, UTC):%Y-%m-%d %H:%M:%S} UTC, model {mistake.model_version}, "
        f"predicted {mistake.predicted_sentiment}, actually {mistake.true_sentiment}: "
        f"{mistake.text or '(text not stored)'}"
        for mistake in alert.mistakes
    ]


def reader_of(settings: Settings) -> Reader:
    """Return for whom messages about crises are written."""
    zone: tzinfo = ZoneInfo(settings.buzz_zone) if settings.buzz_zone is not None else UTC
    link = None if settings.buzz_link is None else str(settings.buzz_link)
    return Reader(settings.buzz_language, zone, link, reasons(settings.buzz_reasons))
