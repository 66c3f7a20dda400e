"""The comparison of candidates: one table for the terminal, for reports and for spreadsheets."""

from collections.abc import Iterable

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.table import Table

from sentiment.report import cell, grid

# Column of the table: how it is headed, and how its values are written for people.
COLUMNS = {
    "name": ("candidate", "{}"),
    "roc_auc": ("AUC", "{:.3f}"),
    "average_precision": ("average precision", "{:.3f}"),
    "accuracy": ("accuracy", "{:.3f}"),
    "f1": ("F1", "{:.3f}"),
    "log_loss": ("log loss", "{:.3f}"),
    "brier": ("Brier", "{:.3f}"),
    "expected_cost": ("cost", "{:.0f}"),
    "fit_seconds": ("fit", "{:.1f}"),
    "predict_seconds": ("ms", "{:.2f}"),
    "megabytes": ("MB", "{:.1f}"),
}
# The plots beside the table, each a PNG file of that name.
PLOTS = ("quality_against_time", "roc")
# What fits into the 80 columns of a terminal.
TERMINAL = ("name", "roc_auc", "accuracy", "f1", "expected_cost", "fit_seconds", "predict_seconds", "megabytes")


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
        table.add_column(
            {"accuracy": "acc."}.get(head, head), justify="left" if head == "candidate" else "right", no_wrap=True
        )
    for number, row in enumerate(shown.itertuples(index=False)):
        table.add_row(*row, style="bold green" if number == 0 else None)
    return table


def markdown(candidates: pd.DataFrame, title: str, note: str) -> str:
    """Return the table as a report in Markdown, each candidate a link to its run, with the plots that go with it."""
    linked = written(candidates)
    linked["candidate"] = [
        f"[{cell(row.name)}]({row.link})" for row in candidates[["name", "link"]].itertuples(index=False)
    ]
    plots = "\n\n".join(f"![{plot}]({plot}.png)" for plot in PLOTS)
    return f"# {title}\n\n{note}\n\n{grid(linked, markdown=['candidate'])}\n\n{plots}\n"
