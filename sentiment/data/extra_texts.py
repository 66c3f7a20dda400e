"""Unlabelled texts: word vectors are learned from them, and a small network from what a larger one says of them."""

from pathlib import Path

import pandas as pd
import pyarrow as pa

from sentiment.inference.errors import MissingFileError, UserError


class ExtraTextsError(UserError):
    """A file of unlabelled texts that cannot be used."""


def read(file: Path, column: str, section: str) -> list[str]:
    """Read texts from a column of a CSV or Parquet file, or from any other file, one text a line.

    `section` is that of the configuration that names them, as `extra_texts` and `extra_column`.

    Raises:
        ExtraTextsError: the file is damaged, lacks the column or holds no text.
        MissingFileError: there is no such file.
    """
    if not file.is_file():
        raise MissingFileError(f"No file {file.absolute()} ({section}.extra_texts).")
    try:
        if file.suffix in {".csv", ".parquet"}:
            texts = read_column(file, column, section)
        else:
            with file.open(encoding="utf-8", newline="\n") as lines:
                texts = list(lines)
    except (UnicodeError, pa.ArrowInvalid, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise ExtraTextsError(
            f"{file} ({section}.extra_texts) cannot be read, is it damaged, or not UTF-8? {error}"
        ) from error
    texts = [text for text in texts if text.strip()]
    if not texts:
        raise ExtraTextsError(f"{file} ({section}.extra_texts) holds no text.")
    return texts


def read_column(file: Path, column: str, section: str) -> list[str]:
    """Read the texts in a column; missing ones are left out.

    Raises:
        ExtraTextsError: there is no such column, or it holds something else than text.
    """
    table = pd.read_csv(file, dtype=str, keep_default_na=False) if file.suffix == ".csv" else pd.read_parquet(file)
    if column not in table.columns:
        raise ExtraTextsError(
            f"{file} ({section}.extra_texts) has no column {column!r} ({section}.extra_column), only "
            f"{', '.join(map(str, table.columns))}."
        )
    texts = table[column].dropna().tolist()
    if not all(isinstance(text, str) for text in texts):
        raise ExtraTextsError(
            f"{file} ({section}.extra_texts): column {column!r} ({section}.extra_column) does not hold text."
        )
    return texts
