"""Unlabelled texts: for training word vectors, and for distilling a large model into a small one (pseudo-labels)."""

from sentiment.data import files
from sentiment.inference.errors import UserError
from tables.texts import read_texts


class ExtraTextsError(UserError):
    """A file of unlabelled texts that cannot be used."""


def read(path: str, column: str, section: str) -> list[str]:
    """Read texts from a column of a table (CSV, TSV, Parquet, Excel), or from a .txt file with one text per line.

    Drops empty texts. Refuses ambiguous files; logs all assumptions.

    Args:
        path: the file.
        column: the column of the texts; ignored for a .txt file.
        section: the section of the configuration with `extra_texts` and `extra_column`, for messages.

    Raises:
        ExtraTextsError: the file cannot be read, lacks the column or contains no text.
        MissingFileError: there is no such file.
    """
    settings = {"path": f"{section}.extra_texts", "column": f"{section}.extra_column"}
    file = files.require(path, settings["path"])
    with files.converting_errors(ExtraTextsError, file, settings):
        texts = read_texts(file, column=column, strict=True)
    files.log_report(file, texts.report)
    return texts.texts
