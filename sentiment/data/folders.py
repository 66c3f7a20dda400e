"""The folders that steps hand over: what lies in them, under which names."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

# The splits, each a file of that name; a trainer sees the first two.
SPLITS = ("train", "validation", "test")
IN_TRAINING = SPLITS[:2]
# The file by which a folder of each kind is known: it says how its content was made.
DESCRIPTIONS = {"splits": "splits.yaml", "corpus": "preprocess.yaml", "embedding": "embedding.yaml"}
# What a reader must know about the data, in sentences: a list, beside the splits. No model learns from it.
LIMITS = "limits.yaml"


def write_splits(folder: Path, frames: Mapping[str, pd.DataFrame]) -> None:
    """Write splits into a folder."""
    for name, frame in frames.items():
        frame.to_parquet(file_of(folder, name), index=False)


def read_splits(
    folder: Path, names: Iterable[str] = SPLITS, columns: list[str] | None = None
) -> dict[str, pd.DataFrame]:
    """Read splits from a splits or corpus folder; `columns` of them, or all."""
    return {name: pd.read_parquet(file_of(folder, name), columns=columns) for name in names}


def file_of(folder: Path, name: str) -> Path:
    """Return the file of a split."""
    return folder / f"{name}.parquet"
