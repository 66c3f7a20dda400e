"""Split labelled texts into train, validation and test, and add what is for train only.

In: a data set (section `data`). Out: `splits/`, with `train.parquet`, `validation.parquet` and `test.parquet` (columns
`text`, `negative`, `group`), `splits.yaml`, which says what they hold, `leakage.json` and the data report.
"""

import json
import logging
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import yaml
from hydra.utils import instantiate
from omegaconf import DictConfig

from pipeline import artifacts, door, runs
from sentiment.data import checks, splitting
from sentiment.data.checks import Labelled
from sentiment.data.splitting import Deduplicated, Extra, Frames
from sentiment.inference.errors import MissingFileError
from sentiment.reports import data_report

log = logging.getLogger(__name__)

CHECKED = (
    "text_column",
    "label_column",
    "group_column",
    "negative_values",
    "positive_values",
    "ignored_values",
    "max_damaged",
)


def check(cfg: DictConfig) -> None:
    """Refuse settings that would add nothing to train, before anything is read.

    Raises:
        DataError: all rows are drawn already.
        MissingFileError: there is no file of extra training data.
    """
    if cfg.split.train_on_rest and cfg.data.sample_size is None:
        raise checks.DataError(
            "split.train_on_rest=true adds the rows that data.sample_size leaves out to train, but data.sample_size is "
            "null: no row is left out. Set data.sample_size, or split.train_on_rest=false."
        )
    if cfg.data.extra_training is not None and not (file := Path(cfg.data.extra_training).expanduser()).is_file():
        raise MissingFileError(f"No file {file.absolute()} (data.extra_training).")


def read(data: DictConfig) -> Labelled:
    """Read and check the data set."""
    table: pd.DataFrame = instantiate(data.source)
    log.info("%s: %d rows read.", data.name, len(table))
    return checks.check(table, **{key: data[key] for key in CHECKED})


def read_extra(data: DictConfig) -> Labelled | None:
    """Read and check the extra training data, if there are any; their group column may be missing.

    Raises:
        DataError: what is wrong with them, with the name of the file.
    """
    if data.extra_training is None:
        return None
    table: pd.DataFrame = instantiate(data.extra_source)
    log.info("%s: %d rows read.", data.extra_training, len(table))
    settings = {key: data[key] for key in CHECKED}
    if data.group_column not in table.columns:
        settings["group_column"] = None
    try:
        return checks.check(table, **settings)
    except checks.DataError as error:
        raise checks.DataError(f"data.extra_training={data.extra_training}: {error}") from error


def make(cfg: DictConfig, folder: Path) -> dict[str, Any]:
    """Read, check, deduplicate, sample and split the data set, and add to train what is for train only.

    Write the splits, and return what `splits.yaml` says.
    """
    check(cfg)
    labelled, more = read(cfg.data), read_extra(cfg.data)
    unique = splitting.deduplicate(labelled.frame)
    log.info("%d duplicates and %d contradictions removed.", unique.duplicates, unique.contradictions)
    rows = unique.frame
    if cfg.data.sample_size is not None:
        rows = splitting.sample(rows, size=cfg.data.sample_size, seed=cfg.seed)
    frames = splitting.split(rows, validation=cfg.split.validation, test=cfg.split.test, seed=cfg.seed)
    if cfg.split.train_on_rest:
        frames = splitting.add_to_train(frames, splitting.rest(unique.frame, frames))
    rest = sum(map(len, frames.values())) - len(rows)
    log.info("%d rows were drawn, %d of the others are added to train.", len(rows), rest)
    extra = None
    if more is not None:
        extra = splitting.extra_training(more, data=labelled.frame, frames=frames)
        log.info("%d extra rows for train; left out: %s.", len(extra.frame), extra.left_out)
        frames = splitting.add_to_train(frames, extra.frame)
    frames = write(frames, folder)
    leaks = splitting.leakage(frames)
    (folder / "leakage.json").write_text(json.dumps(leaks, indent=2) + "\n", encoding="utf-8")
    splitting.require_no_leakage(leaks)
    data_report.write(
        folder / "report",
        name=cfg.data.name,
        synthetic=cfg.data.synthetic,
        labelled=labelled,
        deduplicated=unique,
        rest=rest,
        extra=extra,
        frames=frames,
        leaks=leaks,
    )
    description = describe(cfg, unique, extra, frames)
    (folder / "splits.yaml").write_text(yaml.safe_dump(description, sort_keys=False), encoding="utf-8")
    return description


def write(frames: Frames, folder: Path) -> Frames:
    """Write the splits, and return them as they are read again."""
    for name, frame in frames.items():
        frame.to_parquet(folder / f"{name}.parquet", index=False)
    return {name: pd.read_parquet(folder / f"{name}.parquet") for name in splitting.SPLITS}


def describe(cfg: DictConfig, unique: Deduplicated, extra: Extra | None, frames: Frames) -> dict[str, Any]:
    """Return what `splits.yaml` says."""
    counts = {name: {"rows": len(frame), "negative": int(frame["negative"].sum())} for name, frame in frames.items()}
    return {
        "data": cfg.data.name,
        "synthetic": cfg.data.synthetic,
        "limits": list(cfg.data.limits),
        "digest": splitting.digest(frames),
        "digests": {name: splitting.digest({name: frame}) for name, frame in frames.items()},
        "seed": cfg.seed,
        "shares": {"validation": cfg.split.validation, "test": cfg.split.test},
        "splits": counts,
        "duplicates_removed": unique.duplicates,
        "contradictions_removed": unique.contradictions,
        "train_on_rest": cfg.split.train_on_rest,
        "extra_training": None
        if extra is None
        else {"rows_read": extra.rows_read, "rows_added": len(extra.frame), "left_out": extra.left_out},
    }


@door.step
def main(cfg: DictConfig) -> str:
    """Run the step and return the URI of the splits."""
    with runs.start("split", cfg) as scratch:
        folder = scratch / "splits"
        folder.mkdir()
        made = make(cfg, folder)
        rows = sum(counts["rows"] for counts in made["splits"].values())
        negative = sum(counts["negative"] for counts in made["splits"].values())
        removed = {key: made[key] for key in ("duplicates_removed", "contradictions_removed")}
        mlflow.log_metrics({"rows": rows, "negative_share": negative / rows, **removed})
        log.info("%d rows split, %.1f %% negative: %s.", rows, 100 * negative / rows, made["splits"])
        return artifacts.log_folder(folder, "splits")


if __name__ == "__main__":
    main()
