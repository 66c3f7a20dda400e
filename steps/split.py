"""Split labelled texts into train, validation and test.

In: a data set (section `data`). Out: `splits/`, with `train.parquet`, `validation.parquet` and `test.parquet` (columns
`text`, `negative`, `group`), `splits.yaml`, which says what they hold, `leakage.json` and the data report.
"""

import json
import logging
from pathlib import Path
from typing import Any

import hydra
import mlflow
import pandas as pd
import yaml
from hydra.utils import instantiate
from omegaconf import DictConfig

from sentiment import checks, data_report, splitting
from steps import tracking

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


def make(cfg: DictConfig, folder: Path) -> dict[str, Any]:
    """Read, check, deduplicate, sample and split the data set; write the splits and return what `splits.yaml` says."""
    table: pd.DataFrame = instantiate(cfg.data.source)
    log.info("%s: %d rows read.", cfg.data.name, len(table))
    labelled = checks.check(table, **{key: cfg.data[key] for key in CHECKED})
    unique = splitting.deduplicate(labelled.frame)
    log.info("%d duplicates and %d contradictions removed.", unique.duplicates, unique.contradictions)
    rows = unique.frame
    if cfg.data.sample_size is not None:
        rows = splitting.sample(rows, size=cfg.data.sample_size, seed=cfg.seed)
    for name, frame in splitting.split(rows, **cfg.split, seed=cfg.seed).items():
        frame.to_parquet(folder / f"{name}.parquet", index=False)

    frames = {name: pd.read_parquet(folder / f"{name}.parquet") for name in splitting.SPLITS}
    leaks = splitting.leakage(frames)
    (folder / "leakage.json").write_text(json.dumps(leaks, indent=2) + "\n", encoding="utf-8")
    splitting.require_no_leakage(leaks)
    data_report.write(
        folder / "report",
        name=cfg.data.name,
        synthetic=cfg.data.synthetic,
        rows_read=len(table),
        labelled=labelled,
        deduplicated=unique,
        frames=frames,
        leaks=leaks,
    )
    counts = {name: {"rows": len(frame), "negative": int(frame["negative"].sum())} for name, frame in frames.items()}
    description = {
        "data": cfg.data.name,
        "synthetic": cfg.data.synthetic,
        "digest": splitting.digest(frames),
        "seed": cfg.seed,
        "shares": dict(cfg.split),
        "splits": counts,
        "duplicates_removed": unique.duplicates,
        "contradictions_removed": unique.contradictions,
    }
    (folder / "splits.yaml").write_text(yaml.safe_dump(description, sort_keys=False), encoding="utf-8")
    return description


@hydra.main(version_base="1.3", config_path="../conf", config_name="config")
def main(cfg: DictConfig) -> str:
    """Run the step and return the URI of the splits."""
    with tracking.run("split", cfg) as scratch:
        folder = scratch / "splits"
        folder.mkdir()
        made = make(cfg, folder)
        rows = sum(counts["rows"] for counts in made["splits"].values())
        negative = sum(counts["negative"] for counts in made["splits"].values())
        removed = {key: made[key] for key in ("duplicates_removed", "contradictions_removed")}
        mlflow.log_metrics({"rows": rows, "negative_share": negative / rows, **removed})
        log.info("%d rows split, %.1f %% negative: %s.", rows, 100 * negative / rows, made["splits"])
        return tracking.log_folder(folder, "splits")


if __name__ == "__main__":
    main()
