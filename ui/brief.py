"""The brief: what a part of a stream or of a file is about, on one page of paper (PDF)."""

import io
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Literal, NamedTuple
from xml.sax.saxutils import escape

import pandas as pd
from reportlab.graphics.shapes import Drawing, PolyLine, String
from reportlab.lib.colors import Color, HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Flowable, KeepInFrame, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

NEGATIVE, USUAL, GRID = HexColor("#b3361b"), HexColor("#55606b"), HexColor("#d5dade")
MARGIN = 18 * mm
WIDTH, HEIGHT = A4[0] - 2 * MARGIN, A4[1] - 2 * MARGIN
# More points would not be told apart.
MOST_POINTS = 400
CHART_HEIGHT, LABEL_WIDTH, BAR_WIDTH = 38 * mm, 62 * mm, 70 * mm


class Page(NamedTuple):
    """The texts of a brief, in the reader's language.

    Attributes:
        product: name of the product.
        title: what happened.
        sentences: how unusual it is, and who is concerned.
        chart: what the line shows, and what the usual value is called.
        points: columns `negative`, `usual_negative`; see `stream.points`.
        ends: what the chart begins and ends with.
        sections: title and content of each: counted names, or paragraphs.
        note: at the foot of the page.
    """

    product: str
    title: str
    sentences: Sequence[str]
    chart: tuple[str, str]
    points: pd.DataFrame
    ends: tuple[str, str]
    sections: Mapping[str, Sequence[tuple[str, int]] | Sequence[str]]
    note: str


def pdf(page: Page) -> bytes:
    """Return a brief as PDF: one page of A4; a text that is too long for it is set smaller."""
    styles = _styles()
    story: list[Flowable] = [
        Paragraph(_plain(page.product), styles["note"]),
        Paragraph(_plain(page.title), styles["title"]),
        *(Paragraph(_plain(sentence), styles["lead"]) for sentence in page.sentences),
    ]
    if len(page.points) > 1:
        story += [Spacer(0, 4 * mm), _chart(page), Spacer(0, 2 * mm)]
    for title, content in page.sections.items():
        story.append(Paragraph(_plain(title), styles["section"]))
        counted = [entry for entry in content if isinstance(entry, tuple)]
        if counted:
            story.append(_bars(counted, styles["text"]))
        story += [Paragraph(_plain(entry), styles["text"]) for entry in content if isinstance(entry, str)]
    story += [Spacer(0, 4 * mm), Paragraph(_plain(page.note), styles["note"])]
    file = io.BytesIO()
    document = SimpleDocTemplate(
        file,
        pagesize=A4,
        title=_plain(page.title),
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=MARGIN,
        bottomMargin=MARGIN,
    )
    document.build([KeepInFrame(WIDTH - 12, HEIGHT - 12, story, mode="shrink")])
    return file.getvalue()


@cache
def _fonts() -> frozenset[int]:
    """Make the fonts known that come with ReportLab; return the characters that they have."""
    for name in ("Vera", "VeraBd"):
        pdfmetrics.registerFont(TTFont(name, f"{name}.ttf"))
    return frozenset(TTFont("Vera", "Vera.ttf").face.charToGlyph)


def _styles() -> dict[str, ParagraphStyle]:
    _fonts()
    text = ParagraphStyle("text", fontName="Vera", fontSize=9, leading=13, spaceAfter=1.2 * mm)
    return {
        "text": text,
        "lead": ParagraphStyle("lead", text, fontSize=10.5, leading=15),
        "title": ParagraphStyle("title", text, fontName="VeraBd", fontSize=17, leading=22, spaceAfter=2.5 * mm),
        "section": ParagraphStyle("section", text, fontName="VeraBd", fontSize=10.5, leading=14, spaceBefore=3 * mm),
        "note": ParagraphStyle("note", text, fontSize=8, textColor=USUAL),
    }


def _plain(text: str) -> str:
    """Return a text without the characters that the font lacks, such as emoji, safe for ReportLab's markup."""
    spaced = text.replace("\u202f", "\u00a0")
    return escape("".join(each for each in spaced if ord(each) in _fonts()))


def _bars(counted: Sequence[tuple[str, int]], style: ParagraphStyle) -> Table:
    """Return names with their counts, as bars."""
    most = max(count for _, count in counted)
    rows = []
    for name, count in counted:
        bar = Drawing(BAR_WIDTH, 8)
        bar.add(PolyLine([0, 4, max(1.0, BAR_WIDTH * count / most), 4], strokeColor=NEGATIVE, strokeWidth=8))
        rows.append([Paragraph(_plain(name), style), bar, Paragraph(str(count), style)])
    table = Table(rows, colWidths=[LABEL_WIDTH, BAR_WIDTH + 4 * mm, None], hAlign="LEFT")
    whole = (0, 0), (-1, -1)
    tight = [("VALIGN", *whole, "MIDDLE"), ("TOPPADDING", *whole, 0), ("BOTTOMPADDING", *whole, 0)]
    table.setStyle(TableStyle([("LEFTPADDING", (0, 0), (0, -1), 0), *tight]))
    return table


def _chart(page: Page) -> Drawing:
    """Return the negative tweets over time as a line, beside the usual ones."""
    drawing, left, bottom = Drawing(WIDTH - 12, CHART_HEIGHT), 12 * mm, 6 * mm
    width, height = WIDTH - 12 - left, CHART_HEIGHT - bottom - 6 * mm
    values = page.points[["negative", "usual_negative"]]
    most = max(1.0, float(values.max(skipna=True).max()))

    def place(number: int, value: float) -> tuple[float, float]:
        return left + width * number / (len(values) - 1), bottom + height * value / most

    for level in (0.0, most):
        _, y = place(0, level)
        drawing.add(PolyLine([left, y, left + width, y], strokeColor=GRID, strokeWidth=0.5))
        drawing.add(_label(f"{level:.0f}", left - 4, y - 3, "end"))
    for column, colour, dash in (("usual_negative", USUAL, [3, 2]), ("negative", NEGATIVE, [])):
        known = [place(number, value) for number, value in enumerate(values[column]) if not pd.isna(value)]
        if len(known) > 1:
            line = [each for point in known for each in point]
            drawing.add(PolyLine(line, strokeColor=colour, strokeDashArray=dash))
    drawing.add(_label(page.ends[0], left, 0, "start"))
    drawing.add(_label(page.ends[1], left + width, 0, "end"))
    actual, usual = page.chart
    drawing.add(_label(f"— {actual}", left, CHART_HEIGHT - 8, "start", NEGATIVE))
    drawing.add(_label(f"- - {usual}", left + width, CHART_HEIGHT - 8, "end", USUAL))
    return drawing


def _label(text: str, x: float, y: float, anchor: Literal["start", "end"], colour: Color = USUAL) -> String:
    plain = "".join(each for each in text.replace("\u202f", "\u00a0") if ord(each) in _fonts())
    return String(x, y, plain, fontName="Vera", fontSize=7.5, fillColor=colour, textAnchor=anchor)
