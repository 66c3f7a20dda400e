"""Spot a backlash: the share of negative tweets over time, its peaks, and the words behind them."""

import hashlib
from typing import Any

import pandas as pd
import streamlit as st

from ui import charts, downloads, notes, proportions, resources, vocabulary
from ui.client import MOST_TWEETS, ServiceError
from ui.language import Language
from ui.views import trouble
from ui.views.columns import choose_zone
from ui.views.uploads import Upload, upload

MOST_SHOWN = 20
MOST_WORDS = 15
MOST_MOMENTS = 8


def show(say: Language) -> None:
    """Show the view."""
    st.title(say("watch.title"))
    st.write(say("watch.lead"))
    uploaded = upload(say)
    if uploaded is None:
        return
    tweets = uploaded.tweets
    if tweets.empty:
        st.warning(say("watch.nothing"), icon=":material/edit:")
        return
    if st.button(say("watch.score", count=say.number(len(tweets))), type="primary", icon=":material/play_arrow:"):
        st.session_state["scoring"] = digest(tweets)
    if st.session_state.get("scoring") == digest(tweets):
        scored = score(tweets, say)
        if scored is not None:
            report(tweets.join(scored, on="text"), uploaded, say)


def digest(tweets: pd.DataFrame) -> str:
    """Return a fingerprint of the tweets."""
    return hashlib.sha256("\0".join(tweets["text"]).encode()).hexdigest()


def score(tweets: pd.DataFrame, say: Language) -> pd.DataFrame | None:
    """Return the prediction of each distinct text, indexed by text; texts scored earlier are not sent again.

    If the service fails, the predictions so far are kept, None is returned, and the reader can resume.
    """
    scored_texts: dict[str, dict[str, Any]] = st.session_state.setdefault("scored", {})
    texts = list(dict.fromkeys(tweets["text"]))
    missing = [text for text in texts if text not in scored_texts]
    if missing:
        bar = st.progress(
            0.0, say("watch.scoring", done=say.number(len(texts) - len(missing)), all=say.number(len(texts)))
        )
        try:
            for start in range(0, len(missing), MOST_TWEETS):
                batch = missing[start : start + MOST_TWEETS]
                scored_texts.update(zip(batch, resources.service().predict(batch), strict=True))
                done = len(texts) - len(missing) + start + len(batch)
                bar.progress(done / len(texts), say("watch.scoring", done=say.number(done), all=say.number(len(texts))))
        except ServiceError as error:
            trouble.explain(error, say)
            trouble.retry(say, "retry_scoring")  # the rerun after the click resumes scoring
            return None
        bar.empty()
    rows = {text: scored_texts[text] for text in texts}
    scored = pd.DataFrame.from_dict(rows, orient="index")
    return scored[["sentiment", "negative_probability", "certainty", "model_version"]]


def report(tweets: pd.DataFrame, uploaded: Upload, say: Language) -> None:
    """Show the results: counts, tweets over time, characteristic words, most negative tweets, and the download."""
    negative = tweets["sentiment"] == "negative"
    low, high = proportions.interval(int(negative.sum()), len(tweets))
    with st.container(horizontal=True):
        st.metric(say("watch.tweets"), say.number(len(tweets)), border=True)
        between = say("watch.between", low=say.percent(low), high=say.percent(high))
        st.metric(
            say("watch.negative_share"),
            say.percent(negative.mean()),
            between,
            delta_color="off",
            delta_arrow="off",
            border=True,
        )
        st.metric(say("watch.to_read"), say.number((tweets["certainty"] == "uncertain").sum()), border=True)
        if tweets["author"].notna().any():
            st.metric(say("watch.authors"), say.number(tweets.loc[negative, "author"].nunique()), border=True)
    if tweets["time"].notna().sum() > 1:
        over_time(tweets, negative, uploaded, say)
    st.header(say("watch.words"))
    words = vocabulary.characteristic(tweets.loc[negative, "text"], tweets.loc[~negative, "text"], MOST_WORDS)
    if words.empty:
        st.write(say("watch.no_words"))
    else:
        counts = zip(words["word"], words["tweets"], strict=True)
        st.markdown(" ".join(f":red-badge[{word} · {say.number(count)}]" for word, count in counts))
        st.caption(say("watch.words_help"))
    st.header(say("watch.most_negative"))
    most_negative = tweets.drop_duplicates("text").nlargest(MOST_SHOWN, "negative_probability")
    st.dataframe(
        most_negative[["negative_probability", "text"]],
        hide_index=True,
        column_config={
            "negative_probability": st.column_config.ProgressColumn(
                say("watch.chance"), format="percent", width="small"
            ),
            "text": st.column_config.TextColumn(say("watch.text"), width="large"),
        },
        alt=say("watch.most_negative"),
    )
    predictions = tweets[["sentiment", "negative_probability", "certainty", "model_version"]]
    st.download_button(
        say("watch.download"),
        downloads.scored(uploaded.frame, predictions, say.delimiter),
        file_name="tweets.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
    )


def over_time(tweets: pd.DataFrame, negative: pd.Series, uploaded: Upload, say: Language) -> None:
    """Show the tweets over time, and list the negative peaks."""
    st.header(say("watch.over_time"))
    default_width = proportions.width(tweets["time"])
    if uploaded.zone is None:
        axis = say("watch.time_of_file")
        width_column = st.container()
    else:
        axis = say("watch.time_axis", zone=notes.zone_name(uploaded.zone))
        width_column, zone_column = st.columns(2)
        with zone_column:
            choose_zone(uploaded.file, say)
    width = str(
        width_column.segmented_control(
            say("watch.width"),
            proportions.WIDTHS,
            default=default_width,
            format_func=lambda name: say(f"watch.width_{name}"),
            required=True,
        )
    )
    chart = proportions.control_chart(negative, proportions.groups(tweets["time"], width))
    st.markdown(f"**{sentence(chart, width, say)}**")
    st.altair_chart(
        charts.share(
            chart,
            width,
            say,
            time=axis,
            centre=say("watch.centre"),
        ),
        alt=say("watch.share_axis"),
    )
    st.altair_chart(
        charts.volume(
            chart,
            width,
            say,
            time=axis,
            tweets=say("watch.tweets_axis"),
            negative=say("watch.negative"),
            other=say("watch.other"),
        ),
        alt=say("watch.tweets_axis"),
    )
    st.caption(say("watch.limit_help"))


def sentence(chart: pd.DataFrame, width: str, say: Language) -> str:
    """Return the sentence that lists the negative peaks, the highest first."""
    peaks = chart[chart["exceeded"]].sort_values("share", ascending=False)
    if peaks.empty:
        return say("watch.ordinary")
    format_time = say.moment if width == "h" else say.day
    highest = peaks.head(MOST_MOMENTS)
    moments = [
        say("watch.moment", when=format_time(when), share=say.percent(share), tweets=say.number(tweets))
        for when, share, tweets in zip(highest.index, highest["share"], highest["tweets"], strict=True)
    ]
    text = say("watch.out_of_the_ordinary", count=say.number(len(peaks)), moments="; ".join(moments))
    return text + (
        say("watch.and_more", count=say.number(len(peaks) - MOST_MOMENTS)) if len(peaks) > MOST_MOMENTS else ""
    )
