"""Spot a backlash: many tweets over time, and when they are more negative than expected."""

import hashlib
from typing import Any

import pandas as pd
import streamlit as st

from ui import charts, downloads, notes, proportions, resources, vocabulary
from ui.client import MOST_TWEETS, ServiceError
from ui.language import Language
from ui.views import trouble
from ui.views.bring import Brought, bring
from ui.views.columns import choose_zone

MOST_SHOWN = 20
MOST_WORDS = 15
MOST_MOMENTS = 8


def show(say: Language) -> None:
    """Show the view."""
    st.title(say("watch.title"))
    st.write(say("watch.lead"))
    brought = bring(say)
    if brought is None:
        return
    tweets = brought.tweets
    if tweets.empty:
        st.warning(say("watch.nothing"), icon=":material/edit:")
        return
    if st.button(say("watch.score", count=say.number(len(tweets))), type="primary", icon=":material/play_arrow:"):
        st.session_state["scoring"] = digest(tweets)
    if st.session_state.get("scoring") == digest(tweets):
        scored = score(tweets, say)
        if scored is not None:
            report(tweets.join(scored, on="text"), brought, say)


def digest(tweets: pd.DataFrame) -> str:
    """Return what tells one set of tweets from another."""
    return hashlib.sha256("\0".join(tweets["text"]).encode()).hexdigest()


def score(tweets: pd.DataFrame, say: Language) -> pd.DataFrame | None:
    """Return what the service says of each text, by text; what was scored before is not asked for again.

    Where the service does not answer, what it has said until then is kept, and the reader may go on.
    """
    known: dict[str, dict[str, Any]] = st.session_state.setdefault("scored", {})
    texts = list(dict.fromkeys(tweets["text"]))
    missing = [text for text in texts if text not in known]
    if missing:
        bar = st.progress(
            0.0, say("watch.scoring", done=say.number(len(texts) - len(missing)), all=say.number(len(texts)))
        )
        try:
            for start in range(0, len(missing), MOST_TWEETS):
                batch = missing[start : start + MOST_TWEETS]
                known.update(zip(batch, resources.service().predict(batch), strict=True))
                done = len(texts) - len(missing) + start + len(batch)
                bar.progress(done / len(texts), say("watch.scoring", done=say.number(done), all=say.number(len(texts))))
        except ServiceError as error:
            trouble.explain(error, say)
            trouble.retry(say, "retry_scoring")  # to run again is to ask again
            return None
        bar.empty()
    rows = {text: known[text] for text in texts}
    scored = pd.DataFrame.from_dict(rows, orient="index")
    return scored[["sentiment", "negative_probability", "certainty", "model_version"]]


def report(tweets: pd.DataFrame, brought: Brought, say: Language) -> None:
    """Show what the tweets say: how many are negative, when, which, and by which words."""
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
        over_time(tweets, negative, brought, say)
    st.header(say("watch.words"))
    words = vocabulary.marking(tweets.loc[negative, "text"], tweets.loc[~negative, "text"], MOST_WORDS)
    if words.empty:
        st.write(say("watch.no_words"))
    else:
        counted = zip(words["word"], words["tweets"], strict=True)
        st.markdown(" ".join(f":red-badge[{word} · {say.number(tweets)}]" for word, tweets in counted))
        st.caption(say("watch.words_help"))
    st.header(say("watch.most_negative"))
    most = tweets.drop_duplicates("text").nlargest(MOST_SHOWN, "negative_probability")
    st.dataframe(
        most[["negative_probability", "text"]],
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
        downloads.scored(brought.frame, predictions, say.delimiter),
        file_name="tweets.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
    )


def over_time(tweets: pd.DataFrame, negative: pd.Series, brought: Brought, say: Language) -> None:
    """Show the tweets over time, and name the moments that are out of the ordinary."""
    st.header(say("watch.over_time"))
    best = proportions.width(tweets["time"])
    if brought.zone is None:
        axis = say("watch.time_of_file")
        place = st.container()
    else:
        axis = say("watch.time_axis", zone=notes.zone_name(brought.zone))
        place, zones = st.columns(2)
        with zones:
            choose_zone(brought.file, say)
    width = str(
        place.segmented_control(
            say("watch.width"),
            proportions.WIDTHS,
            default=best,
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
    """Return which moments are out of the ordinary, the worst first."""
    above = chart[chart["exceeded"]].sort_values("share", ascending=False)
    if above.empty:
        return say("watch.ordinary")
    write = say.moment if width == "h" else say.day
    worst = above.head(MOST_MOMENTS)
    named = [
        say("watch.moment", when=write(when), share=say.percent(share), tweets=say.number(tweets))
        for when, share, tweets in zip(worst.index, worst["share"], worst["tweets"], strict=True)
    ]
    told = say("watch.out_of_the_ordinary", count=say.number(len(above)), moments="; ".join(named))
    return told + (
        say("watch.and_more", count=say.number(len(above) - MOST_MOMENTS)) if len(above) > MOST_MOMENTS else ""
    )
