"""The texts of a table without labels."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from sentiment.data.checks import is_blank, problem, require_columns
from sentiment.data.errors import DataError


def texts(table: pd.DataFrame, data: Mapping[str, Any]) -> pd.Series:
    """Return the texts of a table, of which no label is needed.

    Args:
        table: the table as read.
        data: the section `data` of the configuration; `drop_empty_texts` drops rows without text.

    Raises:
        DataError: the column of the texts is missing or has other values than text, or rows without text are not to be
            dropped.
    """
    require_columns(table, [data["text_column"]], "data")
    column = table[data["text_column"]]
    is_text = column.map(lambda value: isinstance(value, str)).to_numpy(dtype=bool)
    missing = column.isna().to_numpy()
    text = column.where(is_text, "").astype(object)
    empty = missing | (is_blank(text) & is_text)
    kept = ~empty if data["drop_empty_texts"] else np.ones(len(table), dtype=bool)
    problems = [
        problem("have no text", kept & empty, advice=" (data.drop_empty_texts=true drops such rows)"),
        problem("contain something other than text in the text column", kept & ~is_text & ~missing),
    ]
    if reported := [line for line in problems if line]:
        raise DataError(
            "\n- ".join(["The table cannot be used (rows are counted from 1, without a header):", *reported])
        )
    kept_texts: pd.Series = text[kept].reset_index(drop=True)
    return kept_texts
