"""Read user files with `tables`, and turn its errors into errors of the setting that names the file."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sentiment.inference.errors import MissingFileError, UserError
from tables.errors import TableError
from tables.report import Report

log = logging.getLogger(__name__)

# The option of `tables` that would resolve each error.
OPTIONS = {
    "unknown_encoding": "encoding",
    "undecodable": "encoding",
    "bad_delimiter": "delimiter",
    "ambiguous_quotes": "quoted",
    "broken_quotes": "quoted",
    "unknown_sheet": "sheet",
    "unknown_column": "column",
}


def require(path: str, setting: str) -> Path:
    """Return the path of a file that exists.

    Raises:
        MissingFileError: there is no such file.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise MissingFileError(f"No file {file.absolute()} ({setting}).")
    return file


@contextmanager
def converting_errors(error: type[UserError], file: Path, settings: Mapping[str, str]) -> Iterator[None]:
    """Convert the errors of `tables` into a `UserError`; its cause keeps `row`, `column` and other details.

    Args:
        error: the class to raise.
        file: the file being read.
        settings: the names of the settings: that of the `path`, and those of the available `OPTIONS`.
    """
    try:
        yield
    except TableError as table_error:
        setting = settings.get(OPTIONS.get(table_error.code, ""))
        hint = f" Setting: {setting}." if setting else ""
        raise error(f"{file} ({settings['path']}): {table_error}{hint}") from table_error


def log_report(file: Path, report: Report) -> str:
    """Log the assumptions made to read a file, as a warning if it may be damaged; return the log line."""
    line = f"{file.name}: {report}."
    log.log(logging.WARNING if report.doubtful else logging.INFO, "%s", line)
    return line
