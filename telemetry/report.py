"""The answer of `GET /monitoring`: counts, shares and intervals, feedback, alerts, and the health of the jobs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from telemetry.events import Feedback
from telemetry.schema import LATEST


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """Predictions of a period, by source and model version."""

    start: str
    source: str
    model_version: str
    count: int
    negative: int


@dataclass(frozen=True, kw_only=True)
class Version:
    """Predictions of a model version: when, how many, and the share of negative ones with its interval."""

    model_version: str
    first: str
    last: str
    count: int
    negative: int
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class SourceShare:
    """Predictions of a source, and the share of negative ones with its interval."""

    source: str
    count: int
    negative: int
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class FeedbackCount:
    """Feedback of a period, by source and model version."""

    start: str
    source: str
    model_version: str
    count: int
    mistakes: int


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """Predictions that people called correct, among those with feedback, with the interval of their share."""

    count: int
    correct: int
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """A reported misprediction."""

    time: str
    source: str
    model_version: str
    negative_probability: float
    predicted_sentiment: str
    true_sentiment: str
    text: str | None
    comment: str | None


@dataclass(frozen=True, kw_only=True)
class AlertRule:
    """When an alert is fired."""

    tweets: int
    minutes: float
    cool_down_minutes: float


@dataclass(frozen=True, kw_only=True)
class FiredAlert:
    """An alert, and whether each channel has delivered it to everybody."""

    number: int
    time: str
    mistakes: Sequence[Mistake]
    delivered: Mapping[str, bool]


@dataclass(frozen=True, kw_only=True)
class ChannelHealth:
    """How many alerts wait to be sent over a channel, and why, as a code."""

    name: str
    waiting: int
    error: str | None


@dataclass(frozen=True, kw_only=True)
class Forwarding:
    """How many events wait to be forwarded, and why, as a code."""

    waiting: int
    error: str | None


@dataclass(frozen=True, kw_only=True)
class WorkerHealth:
    """A background job: the process that runs it, when it ran last, and why it failed, as a code."""

    name: str
    holder: str | None
    last_run: str | None
    error: str | None
    healthy: bool


@dataclass(frozen=True, kw_only=True)
class CrisisState:
    """A crisis: its kind (`negative`, `silent`), level (`watch`, `alarm`), times, and counts when it was worst.

    `tweets` and `negative` count each text once, `reach` every repetition, in the `seconds` before `time`.
    """

    kind: str
    level: str
    since: str
    raised: str | None
    over_since: str | None
    alert: int | None
    time: str
    seconds: float
    tweets: int
    negative: int
    reach: int
    usual_tweets: float
    usual_negative: float


@dataclass(frozen=True, kw_only=True)
class Buzz:
    """The watch for a backlash: whether it is still learning what is usual, and the latest crises, newest first."""

    learning: bool
    crises: Sequence[CrisisState]


@dataclass(frozen=True, kw_only=True)
class Report:
    """The answer; times are ISO 8601 in UTC, shares are 0 to 1, intervals are 95 % (Wilson).

    `buzz` is None if the stream is not watched. `skipped` counts rows that a job has put aside because it could not
    process them.
    """

    generated: str
    days: int
    undo_seconds: float
    feedback_text: str
    period_seconds: int
    predictions: Sequence[Predictions]
    versions: Sequence[Version]
    sources: Sequence[SourceShare]
    feedback: Sequence[FeedbackCount]
    accuracy: Accuracy | None
    mistakes: Sequence[Mistake]
    rule: AlertRule
    alerts: Sequence[FiredAlert]
    buzz: Buzz | None
    channels: Sequence[ChannelHealth]
    forwarding: Forwarding | None
    workers: Sequence[WorkerHealth]
    skipped: int


def mistake(event: Feedback) -> Mistake:
    """Return a misprediction as it is shown."""
    return Mistake(
        time=iso(event.time),
        source=event.source,
        model_version=event.model_version,
        negative_probability=event.negative_probability,
        predicted_sentiment=event.predicted_sentiment,
        true_sentiment=event.true_sentiment,
        text=event.text,
        comment=event.comment,
    )


def iso(time: float) -> str:
    """Return a time in ISO 8601, in UTC with Z; times that cannot be written so become the nearest that can."""
    moment = datetime.fromtimestamp(min(max(time, 0.0), LATEST), UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
