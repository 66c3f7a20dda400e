"""Upload a table or paste tweets, see how they were read, and correct it."""

from collections.abc import Callable
from typing import NamedTuple

import pandas as pd
import streamlit as st

from tables import columns, encoding, reading
from tables.errors import TableError
from tables.reading import Table
from tables.texts import from_lines
from ui import notes, sample
from ui.client import MOST_CHARACTERS
from ui.language import Language
from ui.memory import remember
from ui.notes import Note
from ui.views.columns import Source, choose_columns, usable

MOST_BYTES = 100_000_000  # of a file, decompressed
MOST_WORDS = 3  # in the only cell of a first row; a longer one is taken for a tweet, not a column name
SERIOUS = 0.1  # share of lost rows above which the notes are expanded at once


# Streamlit's uploader speaks English only. Its own words are hidden, except from screen readers, which need a name.
UPLOADER = """
<style>
[data-testid="stFileUploaderDropzone"] button p {{position: absolute; clip-path: inset(50%)}}
[data-testid="stFileUploaderDropzoneInstructions"] span {{display: none}}
[data-testid="stFileUploaderDropzone"] button [data-testid="stMarkdownContainer"]::after {{content: "{choose}"}}
[data-testid="stFileUploaderDropzoneInstructions"]::after {{content: "{most}"; color: #4b5763}}
</style>"""


class File(NamedTuple):
    """An uploaded file, kept until the reader chooses another one: the uploader forgets it when the view changes."""

    id: str
    name: str
    content: bytes


class Upload(NamedTuple):
    """Uploaded or pasted tweets.

    Attributes:
        frame: the table as read from the file.
        tweets: the rows that can be scored: columns `text`, `time`, `author`.
        zone: time zone of `time`; None if no time in the file has one, and times are shown as they are.
        file: id of the upload.
        name: name of the file; empty if tweets were pasted.
        digest: fingerprint of the texts.
        key: fingerprint of the texts and of how they were read.
    """

    frame: pd.DataFrame
    tweets: pd.DataFrame
    zone: str | None
    file: str
    name: str
    digest: str
    key: tuple[object, ...]


def upload(say: Language) -> Upload | None:
    """Return the tweets that the reader uploads or pastes."""
    file: File | None = st.session_state.get("file")
    if file is None:
        lines = from_lines(choose_tweets(say))
        source = Source(str(hash(tuple(lines))))
        return select(pd.DataFrame({"text": lines}), source, "", [], say) if lines else None
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/description: **{notes.literal(file.name)}**")
        st.button(say("watch.other_file"), key="other_file", icon=":material/close:", on_click=forget)
    return read_file(file, say)


def choose_tweets(say: Language) -> str:
    """Let the reader upload a file, paste tweets, or take a sample; return the pasted text."""
    left, right = st.columns(2)
    st.html(UPLOADER.format(choose=say("watch.choose"), most=say("watch.most_bytes")))
    with left:
        # No filter on file types: the uploader would refuse files in English only; `read` explains in the page's
        # language.
        chosen = st.file_uploader(say("watch.upload"), help=say("watch.upload_help"), key="upload")
        if chosen is not None:
            keep(File(chosen.file_id, chosen.name, chosen.getvalue()))
            st.rerun()
        st.button(say("watch.sample"), key="sample", icon=":material/science:", on_click=keep, args=(sample_file(say),))
    with right:
        return st.text_area(say("watch.paste"), key="pasted", height=170, persist_state="session")


def sample_file(say: Language) -> File:
    """Return the sample tweets."""
    return File("sample", say("watch.sample_file"), sample.csv())


def keep(file: File) -> None:
    """Keep a file for this visitor."""
    st.session_state["file"] = file


def forget() -> None:
    """Drop the file, so that the reader can choose other tweets."""
    for name in ("file", "scoring", "upload"):
        st.session_state.pop(name, None)


def read_file(file: File, say: Language) -> Upload | None:
    """Return the tweets of a file with the reader's choices; explain why it cannot be read."""
    source = Source(file.id, *(st.session_state.get(f"{name} {file.id}") for name in ("encoding", "sheet", "header")))
    try:
        table = remember("table", source, lambda: read(file.content, file.name, source))
    except TableError as error:
        if source.sheet is not None:
            choose_sheet(st.session_state[f"sheets {source.file}"], source.sheet, source.file, say)
        st.error(notes.of_error(error, say), icon=":material/error:")
        if source.encoding is not None:
            choose_encoding(source.file, say)
        return None
    report = table.report
    if len(report.sheets) > 1:
        st.session_state[f"sheets {source.file}"] = report.sheets
        choose_sheet(report.sheets, report.sheet, source.file, say)
    reading_notes = notes.of_file(report, say)
    if report.kind != "parquet" and (report.header_row is None or unsure_header(table.frame)):
        header = "no_header" if report.header_row is None else "header"
        reading_notes.append(Note(say(f"reading.{header}_short"), say(f"reading.{header}"), "header"))
    return select(table.frame, source, file.name, reading_notes, say)


def read(content: bytes, name: str, source: Source) -> Table:
    """Read a table with the reader's choices; unless they chose, a first row that does not look like names is data."""

    def with_header(header: bool) -> Table:
        return reading.read(
            content, name, encoding=source.encoding, sheet=source.sheet, header=header, most_bytes=MOST_BYTES
        )

    if source.header is not None:
        return with_header(source.header)
    table = with_header(True)
    is_data = table.report.kind != "parquet" and unsure_header(table.frame) and not are_names(list(table.frame.columns))
    return with_header(False) if is_data else table


def select(frame: pd.DataFrame, source: Source, name: str, reading_notes: list[Note], say: Language) -> Upload:
    """Return the tweets of a table, and show how they were read."""
    chosen = choose_columns(frame, source, say)
    tweets, read_times, left_out, digest = usable(frame, chosen, source, say)
    zone = None
    if read_times is not None and chosen.times is not None:
        reading_notes += notes.of_times(read_times, frame[chosen.times.date], say)
        zone = read_times.zone if read_times.zoneless < read_times.moments.notna().sum() else None
        if tweets["time"].notna().any():
            first, last = (say.day(when) for when in (tweets["time"].min(), tweets["time"].max()))
            st.caption(say("watch.day", day=first) if first == last else say("watch.period", first=first, last=last))
    if left_out:
        count, most = say.number(left_out), say.number(MOST_CHARACTERS)
        sentence = say("watch.left_out", count=count, most=most)
        reading_notes.append(Note(say("watch.left_out_short", count=count), sentence, rows=left_out))
    show_notes(reading_notes, len(frame), source, say)
    order = None if read_times is None else read_times.day_first
    return Upload(frame, tweets, zone, source.file, name, digest, (digest, chosen, order, zone))


def unsure_header(frame: pd.DataFrame) -> bool:
    """Return whether the first row may be data: no known column name, and a single column or a cell unlike a name."""
    names = list(frame.columns)
    return not columns.count_known_names(names) and (len(names) == 1 or not are_names(names))


def are_names(names: list[str]) -> bool:
    """Return whether a row may be column names: each has a letter, and a single one has few words."""
    return all(any(map(str.isalpha, name)) for name in names) and (
        len(names) > 1 or len(names[0].split()) <= MOST_WORDS
    )


def choose_sheet(sheets: tuple[str, ...], current: str | None, file: str, say: Language) -> None:
    """Let the reader choose the sheet of a workbook."""
    index = 0 if current is None else sheets.index(current)
    st.selectbox(say("watch.sheet"), sheets, index=index, key=f"sheet {file}", persist_state="session")


def choose_encoding(file: str, say: Language) -> None:
    """Let the reader choose the encoding."""
    st.selectbox(
        say("watch.encoding"),
        [None, *encoding.OFFERED],
        format_func=lambda name: say("watch.automatic") if name is None else encoding.label(name),
        key=f"encoding {file}",
        persist_state="session",
    )


def show_notes(reading_notes: list[Note], rows: int, source: Source, say: Language) -> None:
    """Show the notes in one line that expands to sentences and controls."""
    if not reading_notes:
        return
    lost = sum(note.rows for note in reading_notes)
    label = " · ".join([say("reading.title"), *(note.short for note in reading_notes)])
    is_header = say("reading.no_header") not in {note.sentence for note in reading_notes}
    controls: dict[str, Callable[[], None]] = {
        "encoding": lambda: choose_encoding(source.file, say),
        "header": lambda: choose_header(is_header, source.file, say),
        "order": lambda: choose_order(source.file, say),
    }
    icon = ":material/warning:" if lost else ":material/info:"
    with st.expander(label, expanded=lost > SERIOUS * rows, icon=icon, key=f"notes {source.file}"):
        for number, note in enumerate(reading_notes):
            st.write(note.sentence)
            if note.control and note.control not in {later.control for later in reading_notes[number + 1 :]}:
                controls[note.control]()


def choose_header(value: bool, file: str, say: Language) -> None:
    """Let the reader choose whether the first row contains column names."""
    st.toggle(say("watch.header"), value=value, key=f"header {file}", persist_state="session")


def choose_order(file: str, say: Language) -> None:
    """Let the reader choose whether dates put the day or the month first."""
    st.segmented_control(
        say("watch.order"),
        [True, False],
        format_func=lambda first: say("reading.day_first" if first else "reading.month_first"),
        required=True,
        key=f"order {file}",
        persist_state="session",
    )
