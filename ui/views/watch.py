"""Watch a buzz: many tweets over time, and when they are more negative than they should be."""

import hashlib
from typing import Any

import pandas as pd
import streamlit as st

from ui import charts, proportions, resources, tables, vocabulary
from ui.client import MOST_CHARACTERS, MOST_TWEETS, ServiceError
from ui.language import Language
from ui.tables import TableError
from ui.views import trouble

MOST_SHOWN = 20
MOST_WORDS = 15
MOST_MOMENTS = 8


def show(say: Language) -> None:
    """Show the view."""
    st.title(say("watch.title"))
    st.write(say("watch.lead"))
    frame = bring(say)
    if frame is None:
        return
    chosen = choose_columns(frame, say)
    tweets = usable(frame, chosen, say)
    if tweets.empty:
        st.warning(say("watch.nothing"), icon=":material/edit:")
        return
    if st.button(say("watch.score", count=say.number(len(tweets))), type="primary", icon=":material/play_arrow:"):
        st.session_state["scoring"] = digest(tweets)
    if st.session_state.get("scoring") == digest(tweets):
        scored = score(tweets, say)
        if scored is not None:
            report(tweets.join(scored, on="text"), frame, say)


def bring(say: Language) -> pd.DataFrame | None:
    """Return the table that the reader uploads or pastes."""
    uploaded = st.file_uploader(say("watch.upload"), type=["csv", "txt", "tsv"], help=say("watch.upload_help"))
    pasted = st.text_area(say("watch.paste"), key="pasted", height=110, persist_state="session")
    if uploaded is not None:
        try:
            frame, encoding = tables.read(uploaded.getvalue())
        except TableError as error:
            st.error(say(str(error)), icon=":material/error:")
            return None
        if encoding != "UTF-8":
            st.info(say("watch.encoding", encoding=encoding), icon=":material/info:")
        return frame
    return tables.from_lines(pasted) if pasted.strip() else None


def choose_columns(frame: pd.DataFrame, say: Language) -> dict[str, str | None]:
    """Return which columns hold the texts, their times and their authors."""
    columns = list(frame.columns)
    if len(columns) == 1:
        return {"text": columns[0], "time": None, "author": None}
    guessed = tables.guess(columns, "text")
    texts, times, authors = st.columns(3)
    return {
        "text": texts.selectbox(say("watch.text"), columns, index=columns.index(guessed) if guessed else 0),
        "time": optional(times, say("watch.time"), columns, tables.guess(columns, "time"), say),
        "author": optional(authors, say("watch.author"), columns, tables.guess(columns, "author"), say),
    }


def optional(place: Any, label: str, columns: list[str], guessed: str | None, say: Language) -> str | None:
    """Return a column that may be missing."""
    index = columns.index(guessed) if guessed else None
    chosen: str | None = place.selectbox(label, columns, index=index, placeholder=say("watch.none"))
    return chosen


def usable(frame: pd.DataFrame, chosen: dict[str, str | None], say: Language) -> pd.DataFrame:
    """Return the tweets that can be scored, with columns `text`, `time`, `author`; say how many cannot, and why."""
    tweets = pd.DataFrame(index=frame.index)
    tweets["text"] = frame[chosen["text"]]
    tweets["time"] = tables.times(frame[chosen["time"]]) if chosen["time"] else pd.NaT
    tweets["author"] = frame[chosen["author"]] if chosen["author"] else None
    empty = tweets["text"].str.strip() == ""
    long = tweets["text"].str.len() > MOST_CHARACTERS
    if left_out := int((empty | long).sum()):
        st.info(say("watch.left_out", count=say.number(left_out), most=say.number(MOST_CHARACTERS)))
    if chosen["time"] and (unread := int(tweets["time"].isna().sum())):
        st.info(say("watch.no_time", count=say.number(unread), column=chosen["time"]), icon=":material/schedule:")
    return tweets[~(empty | long)]


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


def report(tweets: pd.DataFrame, frame: pd.DataFrame, say: Language) -> None:
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
        over_time(tweets, negative, say)
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
    added = frame.join(
        tweets[["sentiment", "negative_probability", "certainty", "model_version"]], rsuffix="_predicted"
    )
    st.download_button(
        say("watch.download"),
        tables.to_csv(added),
        file_name="tweets.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
    )


def over_time(tweets: pd.DataFrame, negative: pd.Series, say: Language) -> None:
    """Show the tweets over time, and name the moments that are out of the ordinary."""
    st.header(say("watch.over_time"))
    best = proportions.width(tweets["time"])
    width = str(
        st.segmented_control(
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
            centre=say("watch.centre"),
        ),
        alt=say("watch.share_axis"),
    )
    st.altair_chart(
        charts.volume(
            chart,
            width,
            say,
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
