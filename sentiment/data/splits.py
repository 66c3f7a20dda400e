"""Make the splits, on which models are trained and measured, from labelled tables."""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from sentiment.data import checks, combining, keys, leakage, sources, splitting
from sentiment.data.checks import Labelled
from sentiment.data.combining import Combined, Extra
from sentiment.data.errors import DataError
from sentiment.data.folders import DESCRIPTIONS, LIMITS, read_splits, read_targets, write_splits, write_targets
from sentiment.data.leakage import Leakage
from sentiment.data.sources import CHECKED, Source
from sentiment.data.splitting import Deduplicated, Frames

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Splits:
    """The splits, and the number of rows removed or added on the way.

    Attributes:
        frames: columns `text`, `negative` and `group`; `train` also has `target` if the data have soft labels, and
            `source` if its rows are of several sources.
        targets: held-out parts of other tables by name: columns `text`, `negative` and `group`.
        labelled: the result of the checks of the main data.
        deduplicated: the result of their deduplication.
        rest: the number of their rows added to train that are not in the sample.
        dropped: the number of their rows that are not in train because their text or group is held out.
        extras: what became of the other tables, by name.
    """

    frames: Frames
    targets: Frames
    labelled: Labelled
    deduplicated: Deduplicated
    rest: int
    dropped: int
    extras: Mapping[str, Extra]


def require_rows_to_add(data: Mapping[str, Any], split: Mapping[str, Any]) -> None:
    """Reject a setting that would add no rows to train, before any file is read.

    Raises:
        DataError: all rows are in the splits already.
    """
    if split["train_on_rest"] and data["sample_size"] is None:
        raise DataError(
            "split.train_on_rest=true adds the rows outside the sample to train, but data.sample_size is null: there "
            "are none. Set data.sample_size, or split.train_on_rest=false."
        )


def make(
    table: pd.DataFrame,
    extra: Sequence[tuple[Source, pd.DataFrame]],
    *,
    data: Mapping[str, Any],
    split: Mapping[str, Any],
    seed: int,
) -> Splits:
    """Check, deduplicate, sample and split a data set, and combine the splits with other tables.

    Args:
        table: the data set as read.
        extra: the other tables as read.
        data: the section `data` of the configuration.
        split: the section `split`.
        seed: the seed of the sample and of the split.

    Raises:
        DataError: the tables cannot be used, or the settings do not fit them.
    """
    labelled = check(table, data)
    tables = [(source, sources.check(extra_table, source)) for source, extra_table in extra]
    unique = splitting.deduplicate(labelled.frame)
    log.info("Removed %d duplicates and %d rows with contradictory labels.", unique.duplicates, unique.contradictions)
    rows = unique.frame
    if data["sample_size"] is not None:
        rows = splitting.sample(rows, size=data["sample_size"], seed=seed, section="data")
    frames = splitting.split(rows, validation=split["validation"], test=split["test"], seed=seed)
    # Models learn from soft labels, but are measured by the labels.
    frames |= {name: frames[name].drop(columns="target", errors="ignore") for name in ("validation", "test")}
    if split["train_on_rest"]:
        frames = splitting.add_to_train(frames, splitting.rest(unique.frame, frames))
    rest = sum(map(len, frames.values())) - len(rows)
    log.info("Drew %d rows; added %d of the remaining rows to train.", len(rows), rest)
    combined = Combined(frames=frames, extras={}, dropped=0)
    if tables:
        targets = split["targets"] or {}
        combined = combining.combine(frames, tables, name=data["name"], data=labelled.frame, targets=targets, seed=seed)
        log_extras(combined)
    return Splits(
        frames=combined.frames,
        targets=combined.targets,
        labelled=labelled,
        deduplicated=unique,
        rest=rest,
        dropped=combined.dropped,
        extras=combined.extras,
    )


def log_extras(combined: Combined) -> None:
    """Log what became of the rows of other tables."""
    for name, extra in combined.extras.items():
        counts = name, len(extra.rows), extra.rows_held_out, dict(extra.left_out)
        log.info("%s: added %d rows to train, held out %d; dropped: %s.", *counts)
    if combined.dropped:
        log.info("Dropped %d rows of the main data from train: their text or group is held out.", combined.dropped)


def check(table: pd.DataFrame, data: Mapping[str, Any]) -> Labelled:
    """Check the data set.

    Raises:
        DataError: lists its problems.
    """
    log.info("%s: read %d rows.", data["name"], len(table))
    return checks.check(table, **{name: data[name] for name in CHECKED}, section="data")


def write(
    splits: Splits,
    folder: Path,
    *,
    extra: Sequence[Source],
    data: Mapping[str, Any],
    split: Mapping[str, Any],
    seed: int,
) -> tuple[dict[str, Any], Leakage]:
    """Write the splits, the targets, their description and their limitations to a folder.

    Args:
        splits: the result of `make`, whose settings the others are.
        folder: the folder.
        extra: the other tables.
        data: the section `data` of the configuration.
        split: the section `split`.
        seed: the seed.

    Returns:
        The content of `splits.yaml`, and the overlap of splits and targets, measured on the written files.

    Raises:
        LeakageError: they share a text or a known group.
    """
    write_splits(folder, splits.frames)
    write_targets(folder, splits.targets)
    measured = leakage.measure({**read_splits(folder), **read_targets(folder)})
    leakage.require_none(measured)
    description = describe(splits, measured, extra=extra, data=data, split=split, seed=seed)
    for name, content in {DESCRIPTIONS["splits"]: description, LIMITS: limits(data, extra)}.items():
        (folder / name).write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return description, measured


def limits(data: Mapping[str, Any], extra: Sequence[Source]) -> list[str]:
    """Return what readers should know of the section `data` and of other tables, a sentence each."""
    return [*data["limits"], *(f"{source.name}: {limit}" for source in extra for limit in source.settings["limits"])]


def describe(
    splits: Splits,
    measured: Leakage,
    *,
    extra: Sequence[Source],
    data: Mapping[str, Any],
    split: Mapping[str, Any],
    seed: int,
) -> dict[str, Any]:
    """Return the content of `splits.yaml`; arguments are those of `write`."""
    frames = splits.frames
    return {
        "data": data["name"],
        "digest": keys.digest(frames),
        "digests": {name: keys.digest({name: frame}) for name, frame in frames.items()},
        "seed": seed,
        "shares": {"validation": split["validation"], "test": split["test"]},
        "splits": {name: count(frame) for name, frame in frames.items()},
        "targets": {
            name: count(frame) | {"digest": keys.digest({name: frame})} for name, frame in splits.targets.items()
        },
        "empty_texts_dropped": splits.labelled.empty,
        "duplicates_removed": splits.deduplicated.duplicates,
        "contradictions_removed": splits.deduplicated.contradictions,
        "unknown_groups": measured.unknown,
        "near_duplicates": measured.near_duplicates,
        "train_on_rest": split["train_on_rest"],
        "dropped_from_train": splits.dropped,
        "extra_training": {source.name: describe_extra(source, splits.extras[source.name]) for source in extra},
    }


def count(frame: pd.DataFrame) -> dict[str, int]:
    """Return the number of rows, and of negative ones."""
    return {"rows": len(frame), "negative": int(frame["negative"].sum())}


def describe_extra(source: Source, extra: Extra) -> dict[str, Any]:
    """Return the entry of `splits.yaml` for another table, with the checksum of its file if it has one."""
    counts = {
        "rows_read": extra.rows_read,
        "rows_added": len(extra.rows),
        "rows_held_out": extra.rows_held_out,
        "left_out": {reason: extra.left_out[reason] for reason in combining.REASONS},
    }
    if source.settings.get("path") is None:
        return counts
    file = Path(source.settings["path"]).expanduser()
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    return {"file": file.name, "sha256": digest, **counts}
