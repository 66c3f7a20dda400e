"""Stages of a training: which rows are learned from in which order, what they count, and from which kind of label."""

import logging
import math
from collections.abc import Mapping, Sequence
from itertools import chain

import pandas as pd

from sentiment.inference.errors import SettingsError

log = logging.getLogger(__name__)


def divide(
    train: pd.DataFrame,
    sources: Sequence[str],
    *,
    stages: Sequence[Sequence[str]] | None,
    weights: Mapping[str, float] | None,
    soft_labels: bool,
) -> list[pd.DataFrame]:
    """Return the rows of each stage, with the probability to learn (`target`) and a `weight`, 1 on average in a stage.

    Args:
        train: the training split: `negative`; `target` if there are soft labels, `source` if there are several sources.
        sources: the names of all sources, the main data first.
        stages: the sources of each stage, in order; None for all sources in one stage.
        weights: the weights of the rows of a source, relative to each other; a row of any other source has weight 1.
            Rows with weight 0 are not learned from. None if there are none.
        soft_labels: whether to learn from soft labels where there are any, or from labels only.

    Raises:
        SettingsError: a source or a weight is unknown, or a stage lacks rows of a class.
    """
    weights = weights or {}
    require_known("training.weights", list(weights), sources)
    for source, weight in weights.items():
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight < math.inf:
            raise SettingsError(f"training.weights.{source}={weight}: must be a number of 0 or more.")
    if stages is not None and not (stages and all(isinstance(names, list | tuple) for names in stages)):
        raise SettingsError(f"training.stages={stages}: list the sources of each stage, [[a], [b]], or set null.")
    source_of_row = train.get("source", pd.Series(sources[0], index=train.index))
    weight_of_row = source_of_row.map(weights).fillna(1.0).astype(float)
    target = train.get("target", train["negative"]) if soft_labels else train["negative"]
    divided = []
    for number, names in enumerate([sources] if stages is None else stages, 1):
        require_known(f"training.stages, stage {number}", names, sources)
        rows = source_of_row.isin(names) & (weight_of_row > 0)
        if train["negative"][rows].nunique() < 2:
            negative = int(train["negative"][rows].sum())
            raise SettingsError(
                f"training.stages, stage {number} ({', '.join(names)}): {rows.sum():,} rows of train, {negative:,} of "
                "them negative. A stage needs rows of both classes: use other sources, or smaller split.targets."
            )
        relative = weight_of_row[rows] / weight_of_row[rows].mean()
        divided.append(train[rows].assign(target=target[rows], weight=relative).reset_index(drop=True))
    return divided


def require_known(setting: str, names: Sequence[str], sources: Sequence[str]) -> None:
    """Raise a SettingsError if a name is not that of a source."""
    if unknown := [name for name in names if name not in sources]:
        raise SettingsError(f"{setting}: unknown source {', '.join(map(str, unknown))}. Sources: {', '.join(sources)}.")


def mixed(stages: Sequence[Sequence[str]] | None) -> Sequence[Sequence[str]] | None:
    """Return the sources of all stages as one stage, for trainers without stages; if that changes any, log it."""
    if stages is None or len(stages) < 2:
        return stages
    names = list(dict.fromkeys(chain.from_iterable(stages)))
    log.warning("This trainer has no stages: it learns from %s together (training.stages).", ", ".join(map(str, names)))
    return [names]


def join(histories: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return the epochs of all stages as one table, numbered throughout; with several stages, with a column `stage`."""
    if len(histories) == 1:
        return histories[0]
    joined = pd.concat([history.assign(stage=number) for number, history in enumerate(histories, 1)], ignore_index=True)
    return joined.assign(epoch=range(1, len(joined) + 1))
