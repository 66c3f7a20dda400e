"""Model health: the model in service, user feedback, prediction drift, alerts and forwarding."""

import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import streamlit as st

from telemetry import channels
from telemetry.events import Feedback, Prediction
from telemetry.settings import Settings
from telemetry.store import FORWARDER, Alert, Progress
from ui import charts, proportions, resources
from ui.client import ServiceError
from ui.language import Language
from ui.views import trouble

MOST_SHOWN = 20
# Fewer predictions are too few to detect drift.
LEAST_PREDICTIONS = 30


def show(say: Language) -> None:
    """Show the view."""
    st.title(say("model.title"))
    st.write(say("model.lead"))
    st.button(say("model.refresh"), icon=":material/refresh:")
    try:
        store, settings = resources.store(), resources.telemetry_settings()
        feedback = pd.DataFrame(store.read(Feedback.kind))
        predictions = pd.DataFrame(store.read(Prediction.kind))
        alerts, progress = store.alerts(), store.progress()
        waiting = store.waiting(store.reached(FORWARDER))
    except (OSError, sqlite3.Error) as error:
        st.error(say("model.unreadable", error=error), icon=":material/error:")
        return
    about = show_model(predictions, say)
    show_feedback(feedback, say)
    show_drift(predictions, about, say)
    show_alerts(alerts, progress, settings, say)
    if settings.connection_string is not None:
        show_forwarding(progress, waiting, say)


def show_model(predictions: pd.DataFrame, say: Language) -> Mapping[str, Any] | None:
    """Show the version in service, its first use and its validation AUC; return the model's metadata."""
    st.header(say("model.serving"))
    try:
        about = resources.service().model()
    except ServiceError as error:
        trouble.explain(error, say)
        return None
    with st.container(horizontal=True):
        st.metric(say("model.version"), about["version"], border=True)
        since = first_use(predictions, about["version"])
        st.metric(say("model.since"), say.moment(since) if since else say("model.unused"), border=True)
        auc = about.get("validation", {}).get("roc_auc")
        st.metric(say("model.auc"), say.number(auc, 3) if auc else "–", border=True, help=say("model.auc_help"))
    return about


def first_use(predictions: pd.DataFrame, version: str) -> datetime | None:
    """Return the time of the first stored prediction of a version."""
    if predictions.empty:
        return None
    times = predictions.loc[predictions["model_version"] == version, "time"]
    return None if times.empty else datetime.fromtimestamp(times.min(), UTC)


def show_feedback(feedback: pd.DataFrame, say: Language) -> None:
    """Show user feedback: the share of correct answers, counts over time, and the latest mispredictions."""
    st.header(say("model.feedback"))
    if feedback.empty:
        st.write(say("model.no_feedback"))
        return
    wrong = feedback["predicted_sentiment"] != feedback["true_sentiment"]
    low, high = proportions.interval(int((~wrong).sum()), len(feedback))
    with st.container(horizontal=True):
        st.metric(say("model.feedbacks"), say.number(len(feedback)), border=True)
        between = say("watch.between", low=say.percent(low), high=say.percent(high))
        accuracy = say.percent(1 - wrong.mean())
        st.metric(say("model.accuracy"), accuracy, between, delta_color="off", delta_arrow="off", border=True)
    st.caption(say("model.accuracy_help"))
    times = pd.to_datetime(feedback["time"], unit="s", utc=True)
    width = proportions.width(times)
    chart = proportions.control_chart(wrong, proportions.groups(times, width))
    st.altair_chart(
        charts.volume(
            chart,
            width,
            say,
            time=say("watch.time_axis", zone="UTC"),
            tweets=say("model.feedback_axis"),
            negative=say("model.wrong"),
            other=say("model.right"),
        ),
        alt=say("model.feedback_axis"),
    )
    if wrong.any():
        st.markdown(f"**{say('model.mistakes')}**")
        show_mistakes(feedback[wrong].tail(MOST_SHOWN)[::-1], say("model.mistakes"), say)


def show_mistakes(mistakes: pd.DataFrame, title: str, say: Language) -> None:
    """Show a table of mispredictions; screen readers read the title."""
    table = pd.DataFrame(
        {
            say("model.when"): [say.moment(datetime.fromtimestamp(when, UTC)) for when in mistakes["time"]],
            say("model.predicted"): [say(f"try.{sentiment}") for sentiment in mistakes["predicted_sentiment"]],
            say("model.truth"): [say(f"try.{sentiment}") for sentiment in mistakes["true_sentiment"]],
            say("watch.text"): list(mistakes["text"]),
            say("model.comment"): [comment or "" for comment in mistakes["comment"]],
        }
    )
    st.dataframe(table, hide_index=True, alt=title)


def show_drift(predictions: pd.DataFrame, about: Mapping[str, Any] | None, say: Language) -> None:
    """Show the share of negative predictions over time, compared with the share on the validation tweets."""
    st.header(say("model.drift"))
    if len(predictions) < LEAST_PREDICTIONS:
        st.write(say("model.few_predictions", least=say.number(LEAST_PREDICTIONS)))
        return
    expected = None if about is None else about.get("negative_share")
    times = pd.to_datetime(predictions["time"], unit="s", utc=True)
    width = proportions.width(times)
    negative = predictions["sentiment"] == "negative"
    chart = proportions.control_chart(negative, proportions.groups(times, width), expected)
    low, high = proportions.interval(int(negative.sum()), len(negative))
    values = {"share": say.percent(negative.mean()), "low": say.percent(low), "high": say.percent(high)}
    if expected is None:
        st.write(say("model.share_alone", **values))
    else:
        verdict = "model.as_expected" if low <= expected <= high else "model.drifted"
        st.markdown(f"**{say(verdict, expected=say.percent(expected), **values)}**")
    st.altair_chart(
        charts.share(
            chart,
            width,
            say,
            time=say("watch.time_axis", zone="UTC"),
            centre=say("model.expected") if expected is not None else say("watch.centre"),
        ),
        alt=say("watch.share_axis"),
    )
    st.caption(say("model.limit_help" if expected is not None else "watch.limit_help"))


def show_alerts(alerts: list[Alert], progress: Mapping[str, Progress], settings: Settings, say: Language) -> None:
    """Show the alerts, and whether each channel has delivered them."""
    st.header(say("model.alerts"))
    minutes = say.number(settings.alert_minutes)
    st.write(say("model.rule", tweets=say.number(settings.alert_tweets), minutes=minutes))
    if not alerts:
        st.write(say("model.no_alerts"))
        return
    names = [name for name, _ in channels.channels(settings)]
    if not names:
        st.warning(say("model.no_channel"), icon=":material/notifications_off:")
    for alert in reversed(alerts[-MOST_SHOWN:]):
        when = say.moment(datetime.fromtimestamp(alert.time, UTC))
        title = say("model.alert", when=when, count=say.number(len(alert.mistakes)))
        with st.expander(title, icon=":material/notifications_active:", expanded=alert is alerts[-1]):
            for name in names:
                delivered = progress.get(name)
                if delivered is not None and delivered.number >= alert.number:
                    st.write(say("model.told", channel=say(f"model.{name}")))
                else:
                    error = (delivered.error if delivered else None) or "…"
                    st.warning(say("model.not_told", channel=say(f"model.{name}"), error=error))
            show_mistakes(pd.DataFrame(alert.mistakes), title, say)


def show_forwarding(progress: Mapping[str, Progress], waiting: int, say: Language) -> None:
    """Show how many events wait to be forwarded to Application Insights, and why."""
    st.header(say("model.forwarding"))
    error = progress[FORWARDER].error if FORWARDER in progress else None
    if error:
        st.warning(say("model.not_forwarded", count=say.number(waiting), error=error), icon=":material/cloud_off:")
    else:
        st.write(say("model.forwarded", count=say.number(waiting)))
