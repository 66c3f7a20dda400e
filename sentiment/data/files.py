"""Read the files that people bring with `tables`: what it refuses is an error of the setting that names the file."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sentiment.inference.errors import MissingFileError, UserError
from tables.errors import TableError
from tables.report import Report

log = logging.getLogger(__name__)

# Which option of `tables` would settle what it refuses.
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
def refusing(error: type[UserError], file: Path, settings: Mapping[str, str]) -> Iterator[None]:
    """Raise what `tables` refuses as an error that a user can mend; its cause keeps `row`, `column` and the like.

    Args:
        error: the class.
        file: the file.
        settings: the name of the setting of the `path`, and those of the values of `OPTIONS` that can be set.
    """
    try:
        yield
    except TableError as refusal:
        setting = settings.get(OPTIONS.get(refusal.code, ""))
        hint = f" Setting: {setting}." if setting else ""
        raise error(f"{file} ({settings['path']}): {refusal}{hint}") from refusal


def log_report(file: Path, report: Report) -> str:
    """Log what was assumed to read a file, as a warning where it may be damaged; return that line."""
    line = f"{file.name}: {report}."
    log.log(logging.WARNING if report.doubtful else logging.INFO, "%s", line)
    return line
