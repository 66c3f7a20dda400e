"""Model health: the model in service, user feedback, prediction drift, alerts, and whether all of this works."""

import html
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pandas as pd
import streamlit as st

from ui import charts, health, proportions, resources
from ui.client import ServiceError
from ui.language import Language
from ui.views import trouble

# Fewer predictions are too few to detect drift.
LEAST_PREDICTIONS = 30
PERIODS = (7, 30, 90, 365)
DEFAULT_PERIOD = 30
YEAR = 365
# Errors that have a sentence of their own; others are shown as their code.
ERRORS = (
    *("smtp_unreachable", "smtp_refused", "webhook_unreachable", "webhook_refused"),
    *("store_unreachable", "unexpected"),
)


def show(say: Language) -> None:
    """Show the view."""
    st.title(say("model.title"), anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        days = choose_period(say)
        st.button(say("model.refresh"), key="refresh", icon=":material/refresh:")
    about, report = ask_service(days, say)
    if about is not None:
        show_model(about, report, say)
    if report is None:
        return
    show_drift(report, about, say)
    show_feedback(report, say)
    show_alerts(report, say)
    show_jobs(report, say)


def choose_period(say: Language) -> int:
    """Let the reader choose how many days the view covers."""
    return st.segmented_control(
        say("model.days"),
        PERIODS,
        default=DEFAULT_PERIOD,
        required=True,
        format_func=lambda days: say("model.last_year") if days == YEAR else say("model.last_days", days=days),
        key="days",
        persist_state="session",
        label_visibility="collapsed",
    )


def ask_service(days: int, say: Language) -> tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]:
    """Return the model's metadata and the report, each None if it is unavailable; say why, the same reason once."""
    about = report = None
    reasons = []
    try:
        about = resources.service().model()
    except ServiceError as error:
        reasons.append(error.reason)
        trouble.explain(error, say)
    try:
        report = resources.service().monitoring(days)
    except ServiceError as error:
        if error.reason not in reasons:
            trouble.explain(error, say)
    return about, report


def show_model(about: Mapping[str, Any], report: Mapping[str, Any] | None, say: Language) -> None:
    """Show the version in service, since when it is, and its validation AUC."""
    st.header(say("model.serving"), anchor=False)
    with st.container(horizontal=True):
        st.metric(say("model.version"), about["version"], border=True)
        if report is not None:
            st.metric(say("model.since"), in_service_since(report, about["version"], say), border=True)
        auc = about.get("validation", {}).get("roc_auc")
        st.metric(say("model.auc"), say.number(auc, 3) if auc else "–", border=True, help=say("model.auc_help"))


def in_service_since(report: Mapping[str, Any], version: str, say: Language) -> str:
    """Say since when a version has been in service, or that it was so before the period of the report."""
    first = health.first_use(report, version)
    if first is None:
        return say("model.unused")
    begin = health.moment(report["generated"]) - timedelta(days=report["days"])
    # A version in use on the first day of the period was probably in use before.
    return say("model.earlier", day=say.day(first)) if first - begin < timedelta(days=1) else say.day(first)


def show_drift(report: Mapping[str, Any], about: Mapping[str, Any] | None, say: Language) -> None:
    """Show the share of negative predictions over time, compared with the share on the validation tweets."""
    st.header(say("model.drift"), anchor=False)
    share = health.production(report)
    if share is None or share.total < LEAST_PREDICTIONS:
        st.write(say("model.few_predictions", least=say.number(LEAST_PREDICTIONS)))
    else:
        draw_drift(report, share, None if about is None else about.get("negative_share"), say)
    if report["sources"]:
        rows = [
            {
                say("model.source"): say(f"model.source_{source}"),
                say("model.predictions"): say.number(one.total),
                say("model.negative_share"): say(
                    "model.share_interval",
                    share=say.percent(one.value),
                    low=say.percent(one.low),
                    high=say.percent(one.high),
                ),
            }
            for source, one in health.source_rows(report)
        ]
        st.markdown(f"**{say('model.sources')}**")
        st.dataframe(pd.DataFrame(rows), hide_index=True, alt=say("model.sources"))


def draw_drift(report: Mapping[str, Any], share: health.Share, expected: float | None, say: Language) -> None:
    """Say whether the share of negative predictions is as expected, and draw it."""
    values = {"share": say.percent(share.value), "low": say.percent(share.low), "high": say.percent(share.high)}
    if expected is None:
        st.write(say("model.share_alone", **values))
    else:
        verdict = "model.as_expected" if share.low <= expected <= share.high else "model.drifted"
        st.markdown(f"**{say(verdict, expected=say.percent(expected), **values)}**")
    chart = proportions.control_chart(health.production_by_period(report), expected)
    st.altair_chart(
        charts.share(
            chart,
            health.width(report),
            say,
            time=say("watch.time_axis", zone="UTC"),
            centre=say("model.expected") if expected is not None else say("watch.centre"),
        ),
        alt=say("watch.share_axis"),
    )
    st.caption(say("model.limit_help" if expected is not None else "watch.limit_help"))


def show_feedback(report: Mapping[str, Any], say: Language) -> None:
    """Show user feedback: the share of correct answers, counts over time, and the latest mispredictions."""
    st.header(say("model.feedback"), anchor=False)
    accuracy = report["accuracy"]
    if accuracy is None:
        st.write(say("model.no_feedback"))
        return
    with st.container(horizontal=True):
        st.metric(say("model.feedbacks"), say.number(accuracy["count"]), border=True, height="stretch")
        between = say("watch.between", low=say.percent(accuracy["low"]), high=say.percent(accuracy["high"]))
        correct = say.percent(accuracy["correct"] / accuracy["count"])
        st.metric(
            say("model.accuracy"),
            correct,
            between,
            delta_color="off",
            delta_arrow="off",
            border=True,
            height="stretch",
        )
    st.caption(say("model.accuracy_help"))
    st.altair_chart(
        charts.volume(
            health.feedback_by_period(report),
            health.width(report),
            say,
            time=say("watch.time_axis", zone="UTC"),
            tweets=say("model.feedback_axis"),
            kinds=(say("model.wrong"), say("model.right")),
        ),
        alt=say("model.feedback_axis"),
    )
    if report["mistakes"]:
        st.markdown(f"**{say('model.mistakes')}**")
        show_mistakes(report["mistakes"], say("model.mistakes"), say)


def show_mistakes(mistakes: Sequence[Mapping[str, Any]], title: str, say: Language) -> None:
    """Show a table of mispredictions; screen readers read the title."""
    rows = [
        {
            say("model.when"): say.moment(health.moment(one["time"])),
            say("watch.text"): html.unescape(one["text"] or ""),
            say("model.predicted"): say(f"try.{one['predicted_sentiment']}"),
            say("model.truth"): say(f"try.{one['true_sentiment']}"),
            say("model.comment"): one["comment"] or "",
        }
        for one in mistakes
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True, alt=title)


def show_alerts(report: Mapping[str, Any], say: Language) -> None:
    """Show the alerts, and whether each channel has delivered them."""
    st.header(say("model.alerts"), anchor=False)
    rule = report["rule"]
    st.write(say("model.rule", tweets=say.number(rule["tweets"]), minutes=say.number(rule["minutes"])))
    if not report["channels"]:
        st.warning(say("model.no_channel"), icon=":material/notifications_off:")
    if not report["alerts"]:
        st.write(say("model.no_alerts"))
    errors = {channel["name"]: channel["error"] for channel in report["channels"]}
    for number, alert in enumerate(report["alerts"]):
        when = say.moment(health.moment(alert["time"]))
        title = say("model.alert", when=when, count=say.number(len(alert["mistakes"])))
        with st.expander(title, icon=":material/notifications_active:", expanded=number == 0):
            for name, delivered in alert["delivered"].items():
                show_delivery(say(f"model.{name}"), delivered, errors.get(name), say)
            show_mistakes(alert["mistakes"], title, say)


def show_delivery(channel: str, delivered: bool, error: str | None, say: Language) -> None:
    """Say whether a channel has delivered an alert."""
    if delivered:
        st.write(say("model.told", channel=channel))
    elif error is None:
        st.warning(say("model.not_told", channel=channel))
    else:
        st.warning(say("model.not_told_because", channel=channel, error=explain(error, say)))


def show_jobs(report: Mapping[str, Any], say: Language) -> None:
    """Show whether the background jobs work, and how many events wait to be forwarded."""
    st.header(say("model.jobs"), anchor=False)
    workers = report["workers"]
    if all(worker["healthy"] for worker in workers):
        names = ", ".join(say(f"model.job_{worker['name']}") for worker in workers)
        st.success(say("model.all_healthy", jobs=names), icon=":material/check_circle:")
    for worker in workers:
        if not worker["healthy"]:
            st.warning(trouble_of(worker, say), icon=":material/error:")
    forwarding = report["forwarding"]
    if forwarding is not None:
        st.markdown(f"**{say('model.forwarding')}**")
        count = say.number(forwarding["waiting"])
        if forwarding["error"]:
            error = explain(forwarding["error"], say)
            st.warning(say("model.waiting_because", count=count, error=error), icon=":material/cloud_off:")
        else:
            st.write(say("model.waiting", count=count))
    if report["skipped"]:
        st.warning(say("model.skipped", count=say.number(report["skipped"])), icon=":material/error:")


def trouble_of(worker: Mapping[str, Any], say: Language) -> str:
    """Say why a background job is not healthy."""
    job = say(f"model.job_{worker['name']}")
    job = job[0].upper() + job[1:]
    if worker["error"] is not None:
        return say("model.job_failed", job=job, error=explain(worker["error"], say))
    if worker["last_run"] is None:
        return say("model.job_never", job=job)
    return say("model.job_stopped", job=job, when=say.moment(health.moment(worker["last_run"])))


def explain(code: str, say: Language) -> str:
    """Return the sentence for the code of an error."""
    return say(f"error.{code}") if code in ERRORS else say("error.other", code=code)
