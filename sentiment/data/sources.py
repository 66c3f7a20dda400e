"""The labelled tables beside the main data (`data.extra_training`): their settings, and the checks of their rows."""

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from sentiment.data import checks
from sentiment.data.checks import Labelled
from sentiment.data.datasets import table
from sentiment.data.errors import DataError

log = logging.getLogger(__name__)

# The settings of a data set that `checks.check` takes.
CHECKED = (
    "text_column",
    "label_column",
    "group_column",
    "soft_label_column",
    "negative_values",
    "positive_values",
    "ignored_values",
    "drop_empty_texts",
    "max_damaged",
)
SECTION = "data.extra_training"
# The name of a table of which only the path is given.
UNNAMED = "extra"
# The name of a source is also that of a file, and the prefix of metrics.
NAME = re.compile("[A-Za-z][A-Za-z0-9_-]*")
RESERVED = ("train", "validation", "val", "test")


@dataclass(frozen=True, kw_only=True)
class Source:
    """A table of `data.extra_training`.

    Attributes:
        name: the name of the source.
        section: the section of the configuration that describes it, for messages.
        settings: its settings, as in a file of conf/data/.
        like_main: whether only its path is given: it has the columns and labels of the main data, and may lack the
            columns of groups and of soft labels.
    """

    name: str
    section: str
    settings: Mapping[str, Any]
    like_main: bool


def read(data: Mapping[str, Any], targets: Mapping[str, float] | None) -> list[Source]:
    """Return the tables of `data.extra_training`, before any of them is read.

    Args:
        data: the section `data` of the configuration, resolved.
        targets: the share of each source that is held out (`split.targets`).

    Raises:
        DataError: a table has no usable name, or is described in another form; a target is unknown, or no share.
    """
    entries = data["extra_training"] or {}
    if isinstance(entries, str):
        sources = [like_main(UNNAMED, SECTION, entries, data)]
    elif isinstance(entries, Mapping):
        sources = [read_entry(name, entry, data) for name, entry in entries.items()]
    else:
        raise DataError(
            f"{SECTION}={entries}: set it to the path of a table, or mount tables (+data@{SECTION}.NAME=csv)."
        )
    names = [source.name for source in sources]
    for name, share in (targets or {}).items():
        if name not in names:
            known = f"choose one of {', '.join(names)}" if names else f"there are none in {SECTION}"
            raise DataError(
                f"split.targets.{name}: no such source; {known}. (For the main data, see split.validation.)"
            )
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 1:
            raise DataError(f"split.targets.{name}={share}: must be above 0, and at most 1 (evaluation only).")
    return sources


def read_entry(name: str, entry: Any, data: Mapping[str, Any]) -> Source:
    """Return one table of `data.extra_training`.

    Raises:
        DataError: see `read`.
    """
    section = f"{SECTION}.{name}"
    if name == data["name"]:
        raise DataError(f"{section}: the main data has this name, too (data.name). Choose another name for the table.")
    if not NAME.fullmatch(name) or name in RESERVED:
        raise DataError(
            f"{section}: a source's name consists of letters, digits, _ and -, begins with a letter, and is none of "
            f"{', '.join(RESERVED)}. Choose another name."
        )
    if isinstance(entry, str):
        return like_main(name, section, entry, data)
    if not isinstance(entry, Mapping) or not {"source", *CHECKED} <= entry.keys():
        raise DataError(f"{section}={entry}: set it to a path, or mount a data set: +data@{section}=csv.")
    if entry.get("extra_training"):
        raise DataError(f"{section}.extra_training: list this table in {SECTION} instead.")
    return Source(name=name, section=section, settings=entry, like_main=False)


def like_main(name: str, section: str, path: str, data: Mapping[str, Any]) -> Source:
    """Return a table with the columns and labels of the main data."""
    settings = {setting: data[setting] for setting in CHECKED}
    settings |= {option: data.get(option) for option in table.OPTIONS}
    settings |= {"path": path, "sample_size": None, "limits": []}
    return Source(name=name, section=section, settings=settings, like_main=True)


def load(source: Source, instantiate: Callable[..., pd.DataFrame]) -> pd.DataFrame:
    """Read a table; `instantiate` calls the `_target_` of a data set's section `source`.

    Raises:
        DataError: the table cannot be read.
        MissingFileError: its file does not exist.
    """
    if not source.like_main:
        return instantiate(source.settings["source"], section=source.section)
    options = {option: source.settings[option] for option in table.OPTIONS}
    return table.read_file(source.settings["path"], **options, setting=source.section, section="data")


def check(frame: pd.DataFrame, source: Source) -> Labelled:
    """Check a table as read.

    Raises:
        DataError: lists its problems, with the name of the table.
    """
    log.info("%s: read %d rows.", source.name, len(frame))
    settings = {setting: source.settings[setting] for setting in CHECKED}
    if source.like_main:
        optional = ("group_column", "soft_label_column")
        settings |= {setting: None for setting in optional if settings[setting] not in frame.columns}
    # If the labels of both classes are listed, a wrong label cannot pass for the other class.
    settings |= {"one_class": settings["positive_values"] is not None}
    try:
        return checks.check(frame, **settings, section="data" if source.like_main else source.section)
    except DataError as error:
        path = source.settings.get("path")
        raise DataError(f"{source.section}{'' if path is None else f' ({path})'}: {error}") from error
