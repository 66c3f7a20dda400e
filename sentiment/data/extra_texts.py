"""Unlabelled texts: word vectors are learned from them, and a small network from what a larger one says of them."""

from sentiment.data import files
from sentiment.inference.errors import UserError
from tables.texts import read_texts


class ExtraTextsError(UserError):
    """A file of unlabelled texts that cannot be used."""


def read(path: str, column: str, section: str) -> list[str]:
    """Read texts from a column of a table (CSV, TSV, Parquet, Excel) or, from a .txt file, one text a line.

    Empty texts are dropped. What is ambiguous is refused; what was assumed is logged.

    Args:
        path: the file.
        column: that of the texts; without meaning for a .txt file.
        section: that of the configuration that names them, as `extra_texts` and `extra_column`.

    Raises:
        ExtraTextsError: the file cannot be read, lacks the column or holds no text.
        MissingFileError: there is no such file.
    """
    settings = {"path": f"{section}.extra_texts", "column": f"{section}.extra_column"}
    file = files.require(path, settings["path"])
    with files.refusing(ExtraTextsError, file, settings):
        found = read_texts(file, column=column, strict=True)
    files.log_report(file, found.report)
    return found.texts
