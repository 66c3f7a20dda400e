"""The comparison of candidates: one table for the terminal, for reports and for spreadsheets."""

from collections.abc import Iterable, Sequence

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.table import Table

from sentiment.reports.pages import cell, grid

# Column of the table: how it is headed, and how its values are written for people.
COLUMNS = {
    "name": ("candidate", "{}"),
    "roc_auc": ("AUC", "{:.3f}"),
    "average_precision": ("average precision", "{:.3f}"),
    "accuracy": ("accuracy", "{:.3f}"),
    "accuracy_at_half": ("accuracy at 0.5", "{:.3f}"),
    "f1": ("F1", "{:.3f}"),
    "log_loss": ("log loss", "{:.3f}"),
    "brier": ("Brier", "{:.3f}"),
    "calibration_error": ("calibration error", "{:.3f}"),
    "expected_cost": ("cost", "{:.0f}"),
    "fit_seconds": ("fit", "{:.1f}"),
    "predict_milliseconds": ("ms", "{:.2f}"),
    "megabytes": ("MB", "{:.1f}"),
}
# The plots beside the table, each a PNG file of that name.
PLOTS = ("quality_against_time", "roc")
# What is shown of the trials of a sweep.
FIGURES = ("roc_auc", "accuracy", "f1", "expected_cost", "fit_seconds", "predict_milliseconds", "megabytes")
# What fits into the 80 columns of a terminal.
TERMINAL = ("name", *FIGURES)


def written(candidates: pd.DataFrame, columns: Iterable[str] = COLUMNS) -> pd.DataFrame:
    """Return columns for people, headed and rounded; `candidates` has the keys of COLUMNS and one row a model."""
    return pd.DataFrame(
        {head: candidates[column].map(form.format).to_numpy() for column in columns for head, form in [COLUMNS[column]]}
    )


def terminal(candidates: pd.DataFrame, title: str) -> Table:
    """Return the table for a terminal, the first row in bold."""
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    shown = written(candidates, TERMINAL)
    for head in shown.columns:
        if head == "candidate":  # a long name is wrapped: the figures are what the table is for
            table.add_column(head, overflow="fold")
        else:
            table.add_column({"accuracy": "acc."}.get(head, head), justify="right", no_wrap=True)
    for number, row in enumerate(shown.itertuples(index=False)):
        table.add_row(*row, style="bold green" if number == 0 else None)
    return table


def trials(table: pd.DataFrame, swept: Sequence[str], metric: str) -> Table:
    """Return the trials of a sweep for a terminal: the swept values, then figures; those that failed at the end.

    Args:
        table: one row a trial, the best first: the swept values, `status`, and the keys of FIGURES.
        swept: the columns of the swept settings.
        metric: by which the trials are ranked.
    """
    figured = FIGURES if metric in FIGURES else (metric, *FIGURES)
    shown = Table(title="Trials of the sweep, best first", title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    for name in swept:
        shown.add_column(name, no_wrap=True)
    for column in figured:
        shown.add_column(COLUMNS[column][0], justify="right", no_wrap=True)
    for number, row in enumerate(table.to_dict("records")):
        finished = row["status"] == "FINISHED"
        figures = [COLUMNS[column][1].format(row[column]) if finished else "-" for column in figured]
        values = [str(row[name]) for name in swept]
        style = "bold green" if number == 0 else None if finished else "red"
        shown.add_row(*values, *(figures if finished else ["failed", *figures[1:]]), style=style)
    return shown


def markdown(candidates: pd.DataFrame, title: str, note: str, plots: Sequence[str]) -> str:
    """Return the table as a report in Markdown, each candidate a link to its run, with plots (names of PNG files)."""
    linked = written(candidates)
    linked["candidate"] = [
        f"[{cell(row.name)}]({row.link})" for row in candidates[["name", "link"]].itertuples(index=False)
    ]
    parts = [f"# {title}", note, grid(linked, markdown=["candidate"]), *(f"![{plot}]({plot}.png)" for plot in plots)]
    return "\n\n".join(part for part in parts if part) + "\n"
