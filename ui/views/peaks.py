"""A closer look at a part of a stream or of a file: reasons, words and tweets; two parts can be compared."""

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
import streamlit as st

from monitoring.terms import terms
from ui import notes
from ui.language import Language
from ui.topics import Part, Topics

# Tweets in a table; more are in the download.
MOST_LISTED = 200
NONE = "none"


def choose(scope: str, names: Mapping[str, str], default: str, say: Language) -> tuple[str, str | None]:
    """Let the reader choose a part, and another one to compare it with; return their names.

    Args:
        scope: of the choice: the name of the stream, or of a file.
        names: label of each part that is offered, by name.
        default: name of the first choice.
        say: the language.
    """
    chosen = st.session_state.get(f"part {scope}")
    if chosen not in names:
        st.session_state[f"part {scope}"] = default
    left, right = st.columns(2)
    part: str = left.selectbox(
        say("peaks.part"), [*names], format_func=names.__getitem__, key=f"part {scope}", persist_state="session"
    )
    others = [NONE, *(name for name in names if name != part)]
    if st.session_state.get(f"other {scope}") not in others:
        st.session_state[f"other {scope}"] = NONE
    other: str = right.selectbox(
        say("peaks.compare"),
        others,
        format_func=lambda name: say("peaks.nothing") if name == NONE else names[name],
        key=f"other {scope}",
        persist_state="session",
    )
    return part, None if other == NONE else other


def show(
    scope: str,
    parts: Mapping[str, Part],
    labels: Mapping[str, str],
    plan: Mapping[str, Any],
    say: Language,
    *,
    with_tweets: bool,
) -> None:
    """Show one part, or two beside each other.

    Args:
        scope: of the choice, see `choose`.
        parts: the parts, by name.
        labels: what each is called.
        plan: see `resources.watch_plan`.
        say: the language.
        with_tweets: whether this reader may see tweets.
    """
    if len(parts) == 1:  # a column of its own would keep the height of its boxes on a phone
        for name, part in parts.items():
            show_part(f"{scope} {name}", part, plan, say, with_tweets=with_tweets)
        return
    for column, (name, part) in zip(st.columns(len(parts), gap="large"), parts.items(), strict=True):
        with column:
            st.markdown(f"**{labels[name]}**")
            show_part(f"{scope} {name}", part, plan, say, with_tweets=with_tweets)


def show_part(key: str, part: Part, plan: Mapping[str, Any], say: Language, *, with_tweets: bool) -> None:
    """Show what is known about a part."""
    show_counts(part, say)
    topics = part.topics
    if topics is None:
        st.info(say("peaks.no_text"), icon=":material/visibility_off:")
        return
    if topics.tweets.empty:
        st.write(say("peaks.no_tweets"))
        return
    labels = {reason["name"]: reason["label"][say.code] for reason in plan.get("reasons", ())}
    if labels:
        counted = [(name, count) for name, count in topics.reasons if name in labels]
        reason = choose_one(say("peaks.reasons"), counted, labels.__getitem__, f"reason {key}", say)
    else:
        reason = None
        st.caption(say("peaks.no_reasons"))
    advice = {each["name"]: each["advice"][say.code] for each in plan.get("reasons", ())}
    if advised := [advice[name] for name in topics.advised if name in advice]:
        st.markdown(say("peaks.advice", advice=say("peaks.between").join(advised)))
    if topics.new:
        word = choose_one(say("peaks.words"), topics.new, notes.literal, f"word {key}", say)
    else:
        word = None
        st.write(say("watch.no_words"))
    if with_tweets:
        show_tweets(key, topics, reason, word, say)


def show_counts(part: Part, say: Language) -> None:
    """Show the numbers of negative tweets and of people."""
    usual = part.usual_negative
    share = say.percent(part.negative / part.tweets) if part.tweets else "–"
    people = say.number(part.people) if part.is_known else say("peaks.at_least", people=say.number(part.people))
    usually = None if usual is None else say("live.usually", value=say.number(usual, 1 if usual < 10 else 0))
    metrics = (
        (say("peaks.negative"), say.number(part.negative), usually),
        (say("peaks.share"), share, None),
        (say("peaks.people"), people if part.people else "–", None),
    )
    for column, (label, value, note) in zip(st.columns(len(metrics)), metrics, strict=True):
        column.metric(label, value, note, delta_color="off", delta_arrow="off", border=True, height="stretch")


def choose_one(label: str, counted: Any, name_of: Callable[[str], str], key: str, say: Language) -> str | None:
    """Show names with their counts; return the one that the reader has chosen, if any."""
    counts = dict(counted)
    if st.session_state.get(key) not in counts:
        st.session_state.pop(key, None)
    return st.pills(label, [*counts], format_func=lambda name: f"{name_of(name)} · {say.number(counts[name])}", key=key)


def show_tweets(key: str, topics: Topics, reason: str | None, word: str | None, say: Language) -> None:
    """Show the tweets that pass the filters, typical ones first."""
    tweets = filtered(topics.tweets, choose_filters(key, topics.tweets, say) | {"reason": reason, "term": word})
    st.caption(say("peaks.tweets", count=say.number(len(tweets)), all=say.number(len(topics.tweets))))
    optional = [name for name in ("repetitions", "author") if name in tweets and topics.tweets[name].nunique() > 1]
    shown = tweets.head(MOST_LISTED)[["time", "text", "negative_probability", *optional]].copy()
    has_times = shown["time"].notna().any()
    if has_times and getattr(shown["time"].dt, "tz", None) is not None:
        shown["time"] = shown["time"].dt.tz_localize(None)
    shown["negative_probability"] = (100 * shown["negative_probability"]).clip(1, 99)  # none is certain
    st.dataframe(
        shown if has_times else shown.drop(columns="time"),
        hide_index=True,
        column_config={
            "time": st.column_config.DatetimeColumn(say("watch.time"), format="YYYY-MM-DD HH:mm", width="small"),
            "text": st.column_config.TextColumn(say("watch.text"), width="large"),
            "negative_probability": st.column_config.ProgressColumn(
                say("watch.chance"), format=f"%.0f{say.percent_sign.replace('%', '%%')}", max_value=100, width="small"
            ),
            "repetitions": st.column_config.NumberColumn(say("peaks.repetitions"), width="small"),
            "author": st.column_config.TextColumn(say("watch.author"), width="small"),
        },
        alt=say("peaks.table"),
    )


def choose_filters(key: str, tweets: pd.DataFrame, say: Language) -> dict[str, str | None]:
    """Let the reader filter tweets by what is known of them."""
    chosen: dict[str, str | None] = {}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen["text"] = st.text_input(say("peaks.search"), key=f"search {key}", icon=":material/search:") or None
        if "author" in tweets and tweets["author"].notna().any():
            chosen["author"] = st.text_input(say("watch.author"), key=f"author {key}") or None
        for name in ("language", "certainty"):
            values: list[str | None] = sorted(tweets[name].dropna().unique()) if name in tweets else []
            if len(values) > 1:
                labels = {value: called(name, value, say) for value in [None, *values]}
                chosen[name] = st.selectbox(
                    say(f"peaks.{name}"), [*labels], format_func=labels.__getitem__, key=f"{name} {key}"
                )
    return chosen


def called(name: str, value: str | None, say: Language) -> str:
    """Return what a value of a filter is called."""
    if value is None:
        return say("peaks.all")
    return (say.language(value) or value) if name == "language" else say(f"peaks.{value}")


def filtered(tweets: pd.DataFrame, filters: Mapping[str, str | None]) -> pd.DataFrame:
    """Return the tweets that pass all filters: those of a column, a term, and words in a text or an author's name."""
    for name, value in filters.items():
        if value is None:
            continue
        if name in ("text", "author"):
            tweets = tweets[tweets[name].fillna("").str.contains(value, case=False, regex=False)]
        elif name == "term":
            has_term = [value in terms(text) for text in tweets["text"]]
            tweets = tweets[pd.Series(has_term, index=tweets.index, dtype=bool)]
        else:
            tweets = tweets[tweets[name] == value]
    return tweets
