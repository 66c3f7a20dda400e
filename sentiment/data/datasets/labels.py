"""Labels of the relabelling queue: a table of `python -m telemetry labels`, with its data card."""

import hashlib
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from sentiment.data import files
from sentiment.data.datasets import table
from sentiment.data.errors import DataError

# Version of the columns that this module reads.
SCHEMA = 1
PARTS = ("train", "check")
EXPORT = "python -m telemetry labels --output labels.csv"


def load(*, path: str | None, part: str, section: str) -> pd.DataFrame:
    """Read one part of a table of labels: columns `text`, `label`, `negative_share` and others.

    The version in the card is that of the data set: `attrs["version"]`.

    Args:
        path: the table; its card has the same name, with the ending `.md`.
        part: `train`, or `check` for the labels that no model may learn from.
        section: the section of the configuration with these settings, for messages.

    Raises:
        DataError: no path, no card, a table of another schema, a table that has changed since it was written, or a part
            without rows.
        MissingFileError: the file does not exist.
    """
    if path is None:
        raise DataError(f"Labels need a file: {section}.path=labels.csv, written by `{EXPORT}`.")
    if part not in PARTS:
        raise DataError(f"{section}.part={part}: choose one of {', '.join(PARTS)}.")
    setting = f"{section}.path"
    file = files.require(path, setting)
    card = read_card(file, setting)
    frame = table.read_file(
        path, encoding="utf-8", delimiter=",", quoted=True, sheet=None, setting=setting, section=section
    )
    rows = frame[frame["part"] == part].reset_index(drop=True)
    if rows.empty:
        raise DataError(f"{file} ({setting}) has no rows of the part {part}. Label more tweets, then export again.")
    rows.attrs |= {**frame.attrs, "version": card["version"]}
    return rows


def read_card(file: Path, setting: str) -> dict[str, Any]:
    """Return the figures in the card of a table.

    Raises:
        DataError: there is no card, or it is not that of this table or of this schema.
    """
    path = file.with_suffix(".md")
    advice = f"Export it again: {EXPORT}"
    if not path.is_file():
        raise DataError(f"{file} ({setting}) has no data card {path.name} beside it. {advice}")
    _, _, rest = path.read_text(encoding="utf-8").partition("---\n")
    try:
        card = yaml.safe_load(rest.partition("\n---\n")[0])
    except yaml.YAMLError:
        card = None
    if not isinstance(card, dict) or not {"schema", "version"} <= card.keys():
        raise DataError(f"{path} is not the data card of a table of labels. {advice}")
    if card["schema"] != SCHEMA:
        raise DataError(
            f"{file} ({setting}) has schema {card['schema']}, this program reads schema {SCHEMA}. Export it with the "
            f"same version of this project: {EXPORT}"
        )
    version = str(card["version"])
    if not hashlib.sha256(file.read_bytes()).hexdigest().startswith(version):
        raise DataError(f"{file} ({setting}) is not version {version} of its card: it was changed. {advice}")
    return card | {"version": version}
