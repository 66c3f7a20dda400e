"""Downloads of a part of a stream or of a file: the brief as PDF, and the figures of the chart."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import streamlit as st

from ui import brief, downloads
from ui.language import Language
from ui.topics import Part

PRODUCT = "Vigie · Air Paradis"
MOST_REASONS, MOST_WORDS, MOST_TWEETS = 6, 6, 5


def offer(
    scope: str,
    label: str,
    part: Part,
    points: pd.DataFrame,
    zone: ZoneInfo,
    plan: Mapping[str, Any],
    say: Language,
    *,
    with_tweets: bool,
) -> None:
    """Offer the brief of a part, and the points of the chart, made when they are asked for.

    Args:
        scope: of the choice, see `peaks.choose`.
        label: what the part is called.
        part: what is known about it.
        points: result of `stream.points`; may be empty.
        zone: time zone of the points.
        plan: answer of `GET /monitoring/watch`.
        say: the language.
        with_tweets: whether this reader may see tweets.
    """
    st.download_button(
        say("peaks.download_brief"),
        lambda: brief.pdf(page(label, part, points, zone, plan, say, with_tweets=with_tweets)),
        file_name="brief.pdf",
        mime="application/pdf",
        icon=":material/picture_as_pdf:",
        key=f"brief {scope}",
        on_click="ignore",
    )
    if not points.empty:
        figures = points.drop(columns=["start", "exceeded"]).reset_index(names="time")
        st.download_button(
            say("peaks.download_figures"),
            lambda: downloads.workbook(figures, figures[[]]),
            file_name="figures.xlsx",
            mime="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            icon=":material/table_view:",
            key=f"figures {scope}",
            on_click="ignore",
        )


def page(
    label: str,
    part: Part,
    points: pd.DataFrame,
    zone: ZoneInfo,
    plan: Mapping[str, Any],
    say: Language,
    *,
    with_tweets: bool,
) -> brief.Page:
    """Return the texts of a brief."""
    shown = points if points.empty else points.iloc[-brief.MOST_POINTS :]
    ends = ("", "") if shown.empty else (say.moment(shown.index[0]), say.moment(shown.index[-1]))
    return brief.Page(
        product=PRODUCT,
        title=label,
        sentences=[*sentences(part, say)],
        chart=(say("live.negative_axis"), say("live.usual")),
        points=shown,
        ends=ends,
        sections=sections(part, plan, say, with_tweets=with_tweets),
        note=say("peaks.made", when=say.moment(datetime.now(zone)), zone=zone.key),
    )


def sentences(part: Part, say: Language) -> list[str]:
    """Return how unusual a part is, and how many people it concerns."""
    share = say.percent(part.negative / part.tweets) if part.tweets else "–"
    figures = [say("peaks.brief_negative", negative=say.number(part.negative), share=share)]
    if part.usual_negative:
        usual, times = part.usual_negative, part.negative / part.usual_negative
        figures.append(
            say("peaks.brief_usual", usual=say.number(usual, 1 if usual < 10 else 0), times=say.number(times, 1))
        )
    if part.people:
        people = say.number(part.people)
        figures.append(say("peaks.brief_people" if part.is_known else "peaks.brief_least_people", people=people))
    return figures


def sections(
    part: Part, plan: Mapping[str, Any], say: Language, *, with_tweets: bool
) -> dict[str, Sequence[tuple[str, int]] | Sequence[str]]:
    """Return what the tweets are about, and what one could do."""
    topics = part.topics
    if topics is None:
        return {say("peaks.reason_title"): [say("peaks.no_text")]}
    labels = {reason["name"]: reason["label"][say.code] for reason in plan.get("reasons", ())}
    advice = {reason["name"]: reason["advice"][say.code] for reason in plan.get("reasons", ())}
    found: dict[str, Sequence[tuple[str, int]] | Sequence[str]] = {}
    if reasons := [(labels[name], count) for name, count in topics.reasons if name in labels]:
        found[say("peaks.reason_title")] = reasons[:MOST_REASONS]
    if topics.new:
        found[say("peaks.word_title")] = [", ".join(f"{word} ({say.number(n)})" for word, n in topics.new[:MOST_WORDS])]
    if with_tweets and not topics.tweets.empty:
        texts = topics.tweets["text"].head(MOST_TWEETS)
        found[say("peaks.typical_title")] = [f"– {' '.join(text.split())}" for text in texts]
    if advised := [advice[name] for name in topics.advised if name in advice]:
        found[say("peaks.advice_title")] = [say("peaks.between").join(advised)]
    return found
