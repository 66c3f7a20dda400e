"""Downloads of a part of a stream or of a file: the brief as PDF, and the figures of the chart."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pandas as pd
import streamlit as st

from ui import brief, downloads
from ui.language import Language
from ui.topics import Part

PRODUCT = "Vigie · Air Paradis"
MOST_REASONS, MOST_WORDS, MOST_TWEETS = 6, 6, 5


class Subject(NamedTuple):
    """What a brief is about.

    Attributes:
        label: what the part is called.
        part: what is known about it.
        points: of the chart, a result of `stream.points`; may be empty.
        zone: time zone of the points.
        plan: see `resources.watch_plan`.
        with_tweets: whether this reader may see tweets.
    """

    label: str
    part: Part
    points: pd.DataFrame
    zone: ZoneInfo
    plan: Mapping[str, Any]
    with_tweets: bool


def offer(scope: str, subject: Subject, say: Language) -> None:
    """Offer the brief of a part, and the points of the chart, made when they are asked for.

    Args:
        scope: of the choice, see `peaks.choose`.
        subject: of the brief.
        say: the language.
    """
    st.download_button(
        say("peaks.download_brief"),
        lambda: brief.pdf(page(subject, say)),
        file_name="brief.pdf",
        mime="application/pdf",
        icon=":material/picture_as_pdf:",
        key=f"brief {scope}",
        on_click="ignore",
    )
    if not subject.points.empty:
        figures = subject.points.drop(columns=["start", "exceeded"]).reset_index(names="time")
        st.download_button(
            say("peaks.download_figures"),
            lambda: downloads.workbook(figures, figures[[]]),
            file_name="figures.xlsx",
            mime="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            icon=":material/table_view:",
            key=f"figures {scope}",
            on_click="ignore",
        )


def page(subject: Subject, say: Language) -> brief.Page:
    """Return the texts of a brief."""
    shown, zone = subject.points.tail(brief.MOST_POINTS), subject.zone
    ends = ("", "") if shown.empty else (say.moment(shown.index[0]), say.moment(shown.index[-1]))
    return brief.Page(
        product=PRODUCT,
        title=subject.label,
        sentences=sentences(subject.part, say),
        chart=(say("live.negative_axis"), say("live.usual")),
        points=shown,
        ends=ends,
        sections=sections(subject, say),
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


def sections(subject: Subject, say: Language) -> dict[str, Sequence[tuple[str, int]] | Sequence[str]]:
    """Return what the tweets are about, and what one could do."""
    topics, known = subject.part.topics, subject.plan.get("reasons", ())
    if topics is None:
        return {say("peaks.reason_title"): [say("peaks.no_text")]}
    labels = {reason["name"]: reason["label"][say.code] for reason in known}
    advice = {reason["name"]: reason["advice"][say.code] for reason in known}
    found: dict[str, Sequence[tuple[str, int]] | Sequence[str]] = {}
    if reasons := [(labels[name], count) for name, count in topics.reasons if name in labels]:
        found[say("peaks.reason_title")] = reasons[:MOST_REASONS]
    if topics.new:
        found[say("peaks.word_title")] = [", ".join(f"{word} ({say.number(n)})" for word, n in topics.new[:MOST_WORDS])]
    if subject.with_tweets and not topics.tweets.empty:
        texts = topics.tweets["text"].head(MOST_TWEETS)
        found[say("peaks.typical_title")] = [f"– {' '.join(text.split())}" for text in texts]
    if advised := [advice[name] for name in topics.advised if name in advice]:
        found[say("peaks.advice_title")] = [say("peaks.between").join(advised)]
    return found
