"""Spot a backlash: the watched stream, and in a file, the negative tweets over time, their peaks and their words."""

import pandas as pd
import streamlit as st

from ui import charts, downloads, findings, notes, proportions, resources, timeline
from ui.client import MOST_TWEETS, ServiceError
from ui.findings import Findings, Scored
from ui.language import Language
from ui.memory import remember
from ui.views import live, promises, recording, trouble
from ui.views.columns import choose_zone
from ui.views.uploads import Upload, upload

MOST_MOMENTS = 8


def show(say: Language) -> None:
    """Show the view: the inputs fold away once tweets are analyzed."""
    st.title(say("watch.title"), anchor=False)
    is_live = live.show(say)
    if is_live:
        st.header(say("watch.file"), anchor=False)
    scoring: str | None = st.session_state.get("scoring")
    if scoring is None:
        st.write(say("watch.lead"))
    label = say("watch.inputs") if scoring is None else describe(st.session_state["inputs"], say)
    # The browser keeps a box with the same key as open as it was.
    key = "inputs open" if scoring is None else "inputs folded"
    with st.expander(label, expanded=scoring is None and not is_live, icon=":material/upload_file:", key=key):
        uploaded = upload(say)
        if uploaded is not None and uploaded.tweets.empty:
            st.warning(say("watch.nothing"), icon=":material/edit:")
        elif uploaded is not None and scoring is None:
            offer_scoring(uploaded, say)
    if scoring is None:
        if uploaded is None and not is_live:
            promises.show("watch", say)
        return
    if uploaded is None or uploaded.digest != scoring:  # the reader has chosen other tweets
        del st.session_state["scoring"]
        st.rerun()
    elif score(uploaded.tweets, say):
        report(uploaded, say)


def offer_scoring(uploaded: Upload, say: Language) -> None:
    """Show the button that analyzes the tweets."""
    count = say.number(len(uploaded.tweets))
    st.button(
        say("watch.score", count=count),
        key="score",
        type="primary",
        icon=":material/play_arrow:",
        on_click=begin,
        args=(uploaded.digest, uploaded.name, len(uploaded.tweets)),
    )


def begin(digest: str, name: str, count: int) -> None:
    """Analyze the tweets with this fingerprint from now on."""
    st.session_state["scoring"], st.session_state["inputs"] = digest, (name, count)


def describe(inputs: tuple[str, int], say: Language) -> str:
    """Describe the tweets in a few words: the file, and how many there are."""
    name, count = inputs
    return say("watch.tweets_of", file=notes.literal(name) or say("watch.inputs"), count=say.number(count))


def score(tweets: pd.DataFrame, say: Language) -> bool:
    """Score each distinct text; return whether all are scored. Texts scored earlier are not sent again.

    If the service fails, the predictions so far are kept, and the reader can resume.
    """
    scored: dict[str, Scored] = st.session_state.setdefault("scored", {})
    texts = tweets["text"].unique()
    missing = [text for text in texts if text not in scored]
    if not missing:
        return True
    first = len(texts) - len(missing)
    bar = st.progress(0.0, say("watch.scoring", done=say.number(first), all=say.number(len(texts))))
    try:
        for start in range(0, len(missing), MOST_TWEETS):
            batch = missing[start : start + MOST_TWEETS]
            predictions = resources.service().predict(batch, "batch")
            scored.update((text, findings.kept(one)) for text, one in zip(batch, predictions, strict=True))
            done = first + start + len(batch)
            bar.progress(done / len(texts), say("watch.scoring", done=say.number(done), all=say.number(len(texts))))
    except ServiceError as error:
        trouble.explain(error, say)
        trouble.retry(say, "retry_scoring")  # the rerun after the click resumes scoring
        return False
    bar.empty()
    return True


def report(uploaded: Upload, say: Language) -> None:
    """Show the results: counts, tweets over time, what they are about, and the download."""
    tweets = remember("joined", uploaded.key, lambda: findings.joined(uploaded.tweets, st.session_state["scored"]))
    found = remember("findings", uploaded.key, lambda: findings.find(tweets))
    show_figures(found, say)
    offer_download(uploaded, tweets, say)
    if not tweets["time"].notna().any():
        recording.show_parts(tweets, uploaded, {}, None, pd.DataFrame(), say)
    elif reason := timeline.is_watchable(tweets["time"]):
        over_time(tweets, uploaded, reason, say)
        recording.show_parts(tweets, uploaded, {}, None, pd.DataFrame(), say)
    else:
        recording.show(tweets, uploaded, say)


def show_figures(found: Findings, say: Language) -> None:
    """Show the numbers of tweets, of negative ones, of those to review, and of authors."""
    between = say("watch.between", low=say.percent(found.low), high=say.percent(found.high))
    foreign = say("watch.foreign", count=say.number(found.foreign)) if found.foreign else None
    figures = [
        (say("watch.tweets"), say.number(found.tweets), None),
        (say("watch.negative_share"), say.percent(found.negative / found.tweets), between),
        (say("watch.to_read"), say.number(found.uncertain), foreign),
    ]
    if found.authors is not None:
        figures.append((say("watch.authors"), say.number(found.authors), None))
    with st.container(horizontal=True):
        for label, value, note in figures:
            st.metric(label, value, note, delta_color="off", delta_arrow="off", border=True, height="stretch")


def offer_download(uploaded: Upload, tweets: pd.DataFrame, say: Language) -> None:
    """Offer the table with its predictions as a file, made when it is asked for."""
    predicted = findings.predicted(tweets)
    with st.container(horizontal=True):
        st.download_button(
            say("watch.download_excel"),
            lambda: downloads.workbook(uploaded.frame, predicted),
            file_name="tweets.xlsx",
            mime="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            icon=":material/download:",
            key="download_excel",
            on_click="ignore",
            disabled=len(uploaded.frame) > downloads.MOST_ROWS,
            help=say("watch.too_long") if len(uploaded.frame) > downloads.MOST_ROWS else None,
        )
        st.download_button(
            say("watch.download_csv"),
            lambda: downloads.csv(uploaded.frame, predicted, say.delimiter),
            file_name="tweets.csv",
            mime="text/csv",
            icon=":material/download:",
            key="download_csv",
            on_click="ignore",
        )


def over_time(tweets: pd.DataFrame, uploaded: Upload, reason: str, say: Language) -> None:
    """Show the tweets over time against their average, and list the negative peaks; say why they are not watched."""
    st.header(say("watch.over_time"), anchor=False)
    st.caption(say(f"watch.unwatchable_{reason}"))
    width = st.session_state.setdefault(f"width {uploaded.file}", proportions.width(tweets["time"]))
    columns = st.columns(2)
    offered = proportions.widths(tweets["time"])
    width = columns[0].segmented_control(
        say("watch.width"),
        offered,
        format_func=lambda name: say(f"watch.width_{name}"),
        required=True,
        key=f"width {uploaded.file}",
        persist_state="session",
    )
    if uploaded.zone is None:
        axis = say("watch.time_of_file")
    else:
        axis = say("watch.time_axis", zone=notes.zone_name(uploaded.zone))
        with columns[1]:
            choose_zone(uploaded.file, say)

    def compute() -> pd.DataFrame:
        groups = proportions.groups(tweets["time"], str(width))
        return proportions.control_chart(proportions.counts(tweets["sentiment"] == "negative", groups))

    chart = remember("chart", (uploaded.key, width), compute)
    st.markdown(f"**{sentence(chart, str(width), say)}**")
    kinds = (say("watch.negative"), say("watch.other"))
    left, right = st.columns(2)
    left.altair_chart(
        charts.share(chart, str(width), say, time=axis, centre=say("watch.centre")), alt=say("watch.share_axis")
    )
    right.altair_chart(
        charts.volume(chart, str(width), say, time=axis, tweets=say("watch.tweets_axis"), kinds=kinds),
        alt=say("watch.tweets_axis"),
    )
    st.caption(say("watch.limit_help"))


def sentence(chart: pd.DataFrame, width: str, say: Language) -> str:
    """Return the sentence that lists the negative peaks, the highest first."""
    peaks = chart[chart["exceeded"]].sort_values("share", ascending=False)
    if peaks.empty:
        return say(f"watch.ordinary_{width}")
    highest = peaks.head(MOST_MOMENTS)
    moments = [
        say("watch.moment", when=say.period(when, width), share=say.percent(share), tweets=say.number(tweets))
        for when, share, tweets in zip(highest.index, highest["share"], highest["tweets"], strict=True)
    ]
    text = say(f"watch.peaks_{width}", count=say.number(len(peaks)), moments="; ".join(moments))
    return text + (
        say("watch.and_more", count=say.number(len(peaks) - MOST_MOMENTS)) if len(peaks) > MOST_MOMENTS else ""
    )
