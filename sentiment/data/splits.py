"""Make the splits, on which models are trained and measured, from a labelled table."""

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from sentiment.data import checks, leakage, splitting
from sentiment.data.checks import DataError, Labelled
from sentiment.data.folders import DESCRIPTIONS, LIMITS, read_splits, write_splits
from sentiment.data.leakage import Leakage
from sentiment.data.splitting import Deduplicated, Extra, Frames
from sentiment.inference.errors import MissingFileError

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


@dataclass(frozen=True, kw_only=True)
class Splits:
    """The splits, and the number of rows removed or added on the way.

    Attributes:
        frames: columns `text`, `negative` and `group`; `train` also has `target` if the data have soft labels.
        labelled: the result of the checks.
        deduplicated: the result of deduplication.
        rest: the number of rows added to train that are not in the sample.
        extra: the extra training data; None without any.
    """

    frames: Frames
    labelled: Labelled
    deduplicated: Deduplicated
    rest: int
    extra: Extra | None


def require_rows_to_add(data: Mapping[str, Any], split: Mapping[str, Any]) -> None:
    """Reject settings that would add no rows to train, before any file is read.

    Raises:
        DataError: all rows are in the splits already.
        MissingFileError: the file of extra training data does not exist.
    """
    if split["train_on_rest"] and data["sample_size"] is None:
        raise DataError(
            "split.train_on_rest=true adds the rows outside the sample to train, but data.sample_size is null: there "
            "are none. Set data.sample_size, or split.train_on_rest=false."
        )
    if data["extra_training"] is not None and not (file := extra_file(data)).is_file():
        raise MissingFileError(f"No file {file.absolute()} (data.extra_training).")


def make(
    table: pd.DataFrame, extra: pd.DataFrame | None, *, data: Mapping[str, Any], split: Mapping[str, Any], seed: int
) -> Splits:
    """Check, deduplicate, sample and split a data set, and add the rows that are for train only.

    Args:
        table: the data set as read.
        extra: the table of extra training data; None without any.
        data: the section `data` of the configuration.
        split: the section `split`.
        seed: the seed of the sample and of the split.

    Raises:
        DataError: the tables cannot be used, or the settings do not fit them.
    """
    labelled = check(table, data)
    labelled_extra = None if extra is None else check_extra(extra, data)
    unique = splitting.deduplicate(labelled.frame)
    log.info("Removed %d duplicates and %d rows with contradictory labels.", unique.duplicates, unique.contradictions)
    rows = unique.frame
    if data["sample_size"] is not None:
        rows = splitting.sample(rows, size=data["sample_size"], seed=seed)
    frames = splitting.split(rows, validation=split["validation"], test=split["test"], seed=seed)
    # Models learn from soft labels, but are measured by the labels.
    frames |= {name: frames[name].drop(columns="target", errors="ignore") for name in ("validation", "test")}
    if split["train_on_rest"]:
        frames = splitting.add_to_train(frames, splitting.rest(unique.frame, frames))
    rest = sum(map(len, frames.values())) - len(rows)
    log.info("Drew %d rows; added %d of the remaining rows to train.", len(rows), rest)
    added = None
    if labelled_extra is not None:
        added = splitting.extra_training(labelled_extra, data=labelled.frame, frames=frames)
        log.info("Added %d extra rows to train; dropped: %s.", len(added.frame), added.left_out)
        frames = splitting.add_to_train(frames, added.frame)
    return Splits(frames=frames, labelled=labelled, deduplicated=unique, rest=rest, extra=added)


def check(table: pd.DataFrame, data: Mapping[str, Any]) -> Labelled:
    """Check the data set.

    Raises:
        DataError: lists its problems.
    """
    log.info("%s: read %d rows.", data["name"], len(table))
    return checks.check(table, **{name: data[name] for name in CHECKED})


def check_extra(table: pd.DataFrame, data: Mapping[str, Any]) -> Labelled:
    """Check the extra training data, which may lack the columns of groups and of soft labels.

    Raises:
        DataError: lists its problems, with the name of the file.
    """
    log.info("%s: read %d rows.", data["extra_training"], len(table))
    settings = {name: data[name] for name in CHECKED}
    settings |= {name: None for name in ("group_column", "soft_label_column") if data[name] not in table.columns}
    try:
        return checks.check(table, **settings)
    except DataError as error:
        raise DataError(f"data.extra_training={data['extra_training']}: {error}") from error


def write(
    splits: Splits, folder: Path, *, data: Mapping[str, Any], split: Mapping[str, Any], seed: int
) -> tuple[dict[str, Any], Leakage]:
    """Write the splits, their description and their limitations to a folder; settings are those of `make`.

    Returns:
        The content of `splits.yaml`, and the overlap of the splits, measured on the written files.

    Raises:
        LeakageError: the splits share a text or a known group.
    """
    write_splits(folder, splits.frames)
    measured = leakage.measure(read_splits(folder))
    leakage.require_none(measured)
    description = describe(splits, measured, data=data, split=split, seed=seed)
    for name, content in {DESCRIPTIONS["splits"]: description, LIMITS: list(data["limits"])}.items():
        (folder / name).write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return description, measured


def describe(
    splits: Splits, measured: Leakage, *, data: Mapping[str, Any], split: Mapping[str, Any], seed: int
) -> dict[str, Any]:
    """Return the content of `splits.yaml`; settings are those of `make`."""
    frames, extra = splits.frames, splits.extra
    return {
        "data": data["name"],
        "digest": splitting.digest(frames),
        "digests": {name: splitting.digest({name: frame}) for name, frame in frames.items()},
        "seed": seed,
        "shares": {"validation": split["validation"], "test": split["test"]},
        "splits": {
            name: {"rows": len(frame), "negative": int(frame["negative"].sum())} for name, frame in frames.items()
        },
        "empty_texts_dropped": splits.labelled.empty,
        "duplicates_removed": splits.deduplicated.duplicates,
        "contradictions_removed": splits.deduplicated.contradictions,
        "unknown_groups": measured.unknown,
        "near_duplicates": measured.near_duplicates,
        "train_on_rest": split["train_on_rest"],
        "extra_training": None if extra is None else describe_extra(extra, extra_file(data)),
    }


def describe_extra(extra: Extra, file: Path) -> dict[str, Any]:
    """Return the entry of `splits.yaml` for extra training data."""
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    counts = {"rows_read": extra.rows_read, "rows_added": len(extra.frame), "left_out": extra.left_out}
    return {"file": file.name, "sha256": digest, **counts}


def extra_file(data: Mapping[str, Any]) -> Path:
    """Return the file of extra training data."""
    return Path(data["extra_training"]).expanduser()
