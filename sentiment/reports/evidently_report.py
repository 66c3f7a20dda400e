"""evidently's report on features: their distributions before and now, side by side, as one HTML page.

Its marks use our smallest PSI on bins of its own. The verdict is not taken from here, but from `monitoring.drift`.
The page contains its scripts and contacts nobody.
"""

import os
import warnings
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

# Turns off the usage statistics that the library sends to its makers; a report alone sends none.
NO_STATISTICS = "EVIDENTLY_DISABLE_TELEMETRY"


def write(
    reference: pd.DataFrame, current: pd.DataFrame, *, names: Mapping[str, str], min_psi: float, file: Path
) -> None:
    """Write the report to a file of about 4 MB.

    Args:
        reference: the features of the reference: numbers, NaN where unknown; traits are booleans.
        current: those of the current tweets.
        names: the columns to show, and what to call them; those without a value on both sides are left out.
        min_psi: the PSI from which a column is marked.
        file: the file.
    """
    os.environ.setdefault(NO_STATISTICS, "1")
    with warnings.catch_warnings():  # importing evidently warns of what it uses itself
        warnings.simplefilter("ignore")
        from evidently import DataDefinition, Dataset, Report  # takes 9 s to import
        from evidently.presets import DataDriftPreset

        columns = [name for name in names if reference[name].notna().any() and current[name].notna().any()]
        numbers = [name for name in columns if is_number(reference[name])]
        definition = DataDefinition(
            numerical_columns=[names[name] for name in numbers],
            categorical_columns=[names[name] for name in columns if name not in numbers],
        )
        before, now = (
            Dataset.from_pandas(readable(frame[columns], numbers).rename(columns=names), data_definition=definition)
            for frame in (reference, current)
        )
        preset = DataDriftPreset(
            num_method="psi",
            cat_method="psi",
            num_threshold=min_psi,
            cat_threshold=min_psi,
            drift_share=1 / len(columns),  # one column is enough, as in our verdict
        )
        Report([preset]).run(now, before).save_html(str(file))


def is_number(column: pd.Series) -> bool:
    """Return whether a column has other values than true and false."""
    return not set(column.dropna().unique()) <= {0, 1}


def readable(frame: pd.DataFrame, numbers: list[str]) -> pd.DataFrame:
    """Return a table whose traits are `yes` and `no`; rows where one is unknown keep it unknown."""
    return pd.DataFrame(
        {
            name: column.astype("float64") if name in numbers else column.astype("float64").map({1.0: "yes", 0.0: "no"})
            for name, column in frame.items()
        }
    )
