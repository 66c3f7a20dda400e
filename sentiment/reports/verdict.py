"""The gate's verdict, in Markdown and for a terminal."""

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from sentiment.evaluation.verdict import Verdict
from sentiment.reports.pages import grid

COLOURS = {"passed": "green", "refused": "red", "undecided": "yellow"}


def markdown(verdict: Verdict) -> str:
    """Return a verdict in Markdown: a sentence and a table of the checks."""
    rows = [(check.name, check.result, check.reason) for check in verdict.checks]
    return f"**{verdict.summary}**\n\n{grid(pd.DataFrame(rows, columns=['check', 'result', 'reason']))}"


def terminal(verdict: Verdict, title: str) -> Table:
    """Return a verdict as a table for a terminal, with its summary below."""
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        caption=verdict.summary,
        caption_justify="left",
        caption_style=f"bold {COLOURS[verdict.result]}",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    for head in ("check", "result", "reason"):
        table.add_column(head, no_wrap=head != "reason")
    for check in verdict.checks:
        table.add_row(check.name, f"[{COLOURS[check.result]}]{check.result}[/]", escape(check.reason))
    return table
