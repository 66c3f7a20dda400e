"""The comparison of candidates: one table for the terminal, for reports and for spreadsheets."""

from collections.abc import Iterable, Sequence

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.table import Table

from sentiment.evaluation.metrics import on_target, targets
from sentiment.reports.pages import cell, grid

# For each column: its heading, and the format of its values.
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
# The columns that measure quality, on validation or on a target.
QUALITY = ("roc_auc", "accuracy", "log_loss", "expected_cost")
# The plots beside the table, each the name of a PNG file.
PLOTS = ("quality_against_time", "roc")
# The columns shown for the trials of a sweep.
TRIAL_COLUMNS = ("roc_auc", "accuracy", "f1", "expected_cost", "fit_seconds", "predict_milliseconds", "megabytes")
# The columns that fit into a terminal 80 characters wide.
TERMINAL = ("name", *TRIAL_COLUMNS)


def heading_and_format(column: str) -> tuple[str, str]:
    """Return the heading and the format of a column of COLUMNS, also on a target."""
    if column in COLUMNS:
        return COLUMNS[column]
    metric = next(name for name in COLUMNS if column.endswith(f"_{name}"))
    heading, form = COLUMNS[metric]
    return f"{heading} {column.removesuffix(f'_{metric}')}", form


def with_targets(candidates: pd.DataFrame, columns: Iterable[str], metrics: Iterable[str]) -> list[str]:
    """Return columns, each of the `metrics` among them followed by the same metric on every target."""
    names = targets(candidates.columns)
    return [
        column
        for name in columns
        for column in (name, *(on_target(name, target) for target in names if name in metrics))
    ]


def formatted(candidates: pd.DataFrame, columns: Iterable[str]) -> pd.DataFrame:
    """Return columns with headings and formatted values, one row per model; `candidates` has these columns."""
    return pd.DataFrame(
        {
            heading: candidates[column].map(form.format).to_numpy()
            for column in columns
            for heading, form in [heading_and_format(column)]
        }
    )


def terminal(candidates: pd.DataFrame, title: str) -> Table:
    """Return the table for a terminal, with the first row in bold."""
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    columns = TERMINAL if not targets(candidates.columns) else tuple(name for name in TERMINAL if name != "f1")
    shown = formatted(candidates, with_targets(candidates, columns, ["roc_auc"]))
    for heading in shown.columns:
        if heading == "candidate":  # long names are wrapped, to leave room for the numbers
            table.add_column(heading, overflow="fold")
        else:
            table.add_column({"accuracy": "acc."}.get(heading, heading), justify="right", no_wrap=True)
    for index, row in enumerate(shown.itertuples(index=False)):
        table.add_row(*row, style="bold green" if index == 0 else None)
    return table


def trials(table: pd.DataFrame, swept: Sequence[str], metric: str) -> Table:
    """Return the trials of a sweep for a terminal: swept values, then metrics; failed trials at the end.

    Args:
        table: one row per trial, best first: the swept values, `status`, and the keys of TRIAL_COLUMNS.
        swept: the columns of the swept settings.
        metric: the metric that the trials are ranked by.
    """
    metric_columns = TRIAL_COLUMNS if metric in TRIAL_COLUMNS else (metric, *TRIAL_COLUMNS)
    shown = Table(title="Trials of the sweep, best first", title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    for name in swept:
        shown.add_column(name, no_wrap=True)
    for column in metric_columns:
        shown.add_column(heading_and_format(column)[0], justify="right", no_wrap=True)
    for index, row in enumerate(table.to_dict("records")):
        finished = row["status"] == "FINISHED"
        metrics = [heading_and_format(column)[1].format(row[column]) if finished else "-" for column in metric_columns]
        values = [str(row[name]) for name in swept]
        style = "bold green" if index == 0 else None if finished else "red"
        shown.add_row(*values, *(metrics if finished else ["failed", *metrics[1:]]), style=style)
    return shown


def markdown(candidates: pd.DataFrame, title: str, note: str, plots: Sequence[str]) -> str:
    """Return the table as a Markdown report, each candidate linked to its run, with plots (names of PNG files)."""
    linked = formatted(candidates, with_targets(candidates, COLUMNS, QUALITY))
    linked["candidate"] = [
        f"[{cell(row.name)}]({row.link})" for row in candidates[["name", "link"]].itertuples(index=False)
    ]
    blocks = [f"# {title}", note, grid(linked, markdown=["candidate"]), *(f"![{plot}]({plot}.png)" for plot in plots)]
    return "\n\n".join(block for block in blocks if block) + "\n"
