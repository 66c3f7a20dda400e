"""Check a model and its service: its tweets, its quality, and what the event store says."""

import math
import os
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import mlflow
from omegaconf import DictConfig

from pipeline import artifacts, current, drift
from pipeline.reference import DriftError
from sentiment.inference.errors import SettingsError, UserError
from sentiment.reports import drift as drift_report
from sentiment.reports import status as report
from sentiment.reports.drift import Watched
from sentiment.reports.status import Finding, State, Status
from telemetry import monitoring
from telemetry.database import Unavailable
from telemetry.report import Report

TWEETS, QUALITY, STORE = "Tweets", "Quality", "Event store"
TRAFFIC, JOBS, MISTAKES, DELIVERY = "Traffic", "Jobs", "Reported mistakes", "Delivery"


def check(cfg: DictConfig) -> None:
    """Validate the settings before anything is read.

    Raises:
        SettingsError: one of them has no usable value.
    """
    drift.check(cfg)
    page = cfg.status.page
    if page is not None and not (str(page).endswith(".html") and Path(page).expanduser().absolute().parent.is_dir()):
        raise SettingsError(f"status.page={page}: set it to a file *.html in an existing folder, or to null.")


def examine(cfg: DictConfig, scratch: Path) -> tuple[Status, int]:
    """Run all checks, log their results, and write the page; return them and the exit code.

    Raises:
        UserError: there is no such model.
    """
    version = drift.find(cfg)
    watched, findings = watch(cfg, scratch)
    findings += in_store(str(version.version), cfg)
    status = Status(
        title=f"{version.name} version {version.version}",
        created=f"{datetime.now(UTC):%d %B %Y, %H:%M} UTC",
        findings=findings,
    )
    mlflow.set_tag("verdict", report.sentence(status))
    mlflow.log_metrics({"alarms": len(status.alarms)})
    page = report.write(status, scratch / artifacts.REPORT)
    artifacts.log_report(scratch / artifacts.REPORT)
    if cfg.status.page is not None:
        replace(Path(cfg.status.page).expanduser(), page.read_bytes())
    worse = watched is not None and watched.worse == "yes"
    return status, drift.WORSE if worse else drift.CHANGED if status.alarms else 0


def replace(file: Path, content: bytes) -> None:
    """Replace a file at once: who reads it meanwhile sees the old page or the new one."""
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        beside.write_bytes(content)
        beside.replace(file)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise SettingsError(f"status.page={file} cannot be written: {error}") from error


def watch(cfg: DictConfig, scratch: Path) -> tuple[Watched | None, list[Finding]]:
    """Return what became of the model's tweets and quality, as far as that can be compared."""
    try:
        watched = drift.watch(cfg, scratch)
    except UserError as error:
        return None, [Finding(check=check, state="unknown", sentence=str(error)) for check in (TWEETS, QUALITY)]
    states: dict[str, State] = {"yes": "alarm", "no": "ok", "cannot tell": "unknown"}
    return watched, [
        Finding(
            check=TWEETS,
            state="alarm" if watched.changed else "ok",
            sentence=drift_report.input_sentence(watched),
        ),
        Finding(check=QUALITY, state=states[watched.worse], sentence=drift_report.quality_sentence(watched)),
    ]


def in_store(version: str, cfg: DictConfig) -> list[Finding]:
    """Return what the event store says about the service."""
    try:
        store, telemetry = current.open_store()
        with closing(store):
            stored = monitoring.report(store, telemetry, max(1, math.ceil(cfg.drift.days)))
    except DriftError as error:
        unset = not os.environ.get(current.DATABASE)
        return [Finding(check=STORE, state="unknown" if unset else "alarm", sentence=str(error))]
    except Unavailable as error:
        return [Finding(check=STORE, state="alarm", sentence=f"It cannot be read: {error}.")]
    return list(judge(stored, version))


def judge(stored: Report, version: str) -> Iterator[Finding]:
    """Yield the findings about the report of an event store, for a service that should answer with this version."""
    counts = {each.model_version: each.count for each in stored.versions}
    listed = ", ".join(f"{count:,} by version {name}" for name, count in sorted(counts.items())) or "none"
    yield Finding(
        check=TRAFFIC,
        state="ok" if version in counts else "alarm",
        sentence=f"Predictions in {stored.days} days: {listed}."
        + ("" if version in counts else f" None by version {version}: is it served, and does it store predictions?"),
    )
    ill = ", ".join(f"{job.name} ({job.error or 'no process runs it'})" for job in stored.workers if not job.healthy)
    yield Finding(
        check=JOBS,
        state="alarm" if ill else "ok",
        sentence=f"Not healthy: {ill}." if ill else f"Healthy: {', '.join(job.name for job in stored.workers)}.",
    )
    feedback = "no feedback"
    if stored.accuracy is not None:
        feedback = f"{stored.accuracy.count - stored.accuracy.correct:,} of {stored.accuracy.count:,} feedbacks"
        feedback += " report a mistake"
    yield Finding(
        check=MISTAKES,
        state="alarm" if stored.alerts else "ok",
        sentence=f"Alerts in {stored.days} days: {len(stored.alerts) or 'none'}; {feedback}.",
    )
    waiting = [f"{each.waiting:,} alerts wait for {each.name}" for each in stored.channels if each.waiting]
    if stored.forwarding is not None and stored.forwarding.error is not None:
        waiting.append(f"{stored.forwarding.waiting:,} events wait to be forwarded ({stored.forwarding.error})")
    if stored.skipped:
        waiting.append(f"{stored.skipped:,} rows were put aside")
    yield Finding(
        check=DELIVERY,
        state="alarm" if waiting else "ok",
        sentence=f"{'; '.join(waiting)}." if waiting else "Nothing waits, nothing was put aside.",
    )
