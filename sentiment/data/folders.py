"""The folders that steps hand over: their files and file names."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

# The splits, each a file of that name; trainers use only the first two.
SPLITS = ("train", "validation", "test")
IN_TRAINING = SPLITS[:2]
# The description file of each kind of folder, which also identifies the kind.
DESCRIPTIONS = {"splits": "splits.yaml", "corpus": "preprocess.yaml", "embedding": "embedding.yaml"}
# The limitations of the data, as a list of sentences for the reader, stored with the splits. No model learns from it.
LIMITS = "limits.yaml"
# In a splits or corpus folder: held-out parts of other tables, each a file. Models are only scored on them.
TARGETS = "targets"


def write_splits(folder: Path, frames: Mapping[str, pd.DataFrame]) -> None:
    """Write splits to a folder."""
    for name, frame in frames.items():
        frame.to_parquet(file_of(folder, name), index=False)


def read_splits(
    folder: Path, names: Iterable[str] = SPLITS, columns: list[str] | None = None
) -> dict[str, pd.DataFrame]:
    """Read splits, or only some `columns` of them, from a splits or corpus folder."""
    return {name: pd.read_parquet(file_of(folder, name), columns=columns) for name in names}


def write_targets(folder: Path, frames: Mapping[str, pd.DataFrame]) -> None:
    """Write targets to a splits folder; without any, nothing."""
    if frames:
        (folder / TARGETS).mkdir()
        write_splits(folder / TARGETS, frames)


def read_targets(folder: Path) -> dict[str, pd.DataFrame]:
    """Read the targets in a splits or corpus folder by name."""
    return read_splits(folder / TARGETS, sorted(file.stem for file in (folder / TARGETS).glob("*.parquet")))


def file_of(folder: Path, name: str) -> Path:
    """Return the file of a split."""
    return folder / f"{name}.parquet"
