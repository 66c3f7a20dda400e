"""Split labelled texts into train, validation and test, and add what is for train only.

In: a data set (section `data`). Out: `splits/`, with `train.parquet`, `validation.parquet` and `test.parquet` (columns
`text`, `negative`, `group`), `splits.yaml`, which says what they hold, and `limits.yaml`, what a reader must know about
the data. The run also has the data report and `leakage.json`, what the splits share (`report/`).
"""

import logging
from typing import Any

import mlflow
from hydra.utils import instantiate
from omegaconf import DictConfig

from pipeline import artifacts, door, runs, settings
from sentiment.data import splits
from sentiment.reports import data_report

log = logging.getLogger(__name__)


def log_counts(description: dict[str, Any]) -> None:
    """Log how many rows there are, how many of them are negative, and how many were removed."""
    counts = description["splits"].values()
    rows, negative = (sum(split[key] for split in counts) for key in ("rows", "negative"))
    removed = {key: description[key] for key in ("duplicates_removed", "contradictions_removed")}
    near = {f"{name}_near_duplicates": found["rows"] for name, found in description["near_duplicates"].items()}
    mlflow.log_metrics({"rows": rows, "negative_share": negative / rows, **removed, **near})
    log.info("%d rows split, %.1f %% negative: %s.", rows, 100 * negative / rows, description["splits"])


@door.step
def main(cfg: DictConfig) -> str:
    """Run the step and return the URI of the splits."""
    read: dict[str, Any] = {name: settings.plain(cfg[name]) for name in ("data", "split")}
    with runs.start("split", cfg) as scratch:
        splits.require_rows_to_add(**read)
        table = instantiate(cfg.data.source)
        extra = None if cfg.data.extra_training is None else instantiate(cfg.data.extra_source)
        made = splits.make(table, extra, **read, seed=cfg.seed)
        folder = scratch / "splits"
        folder.mkdir()
        description, leakage = splits.write(made, folder, **read, seed=cfg.seed)
        data_report.write(
            scratch / "report", name=cfg.data.name, synthetic=cfg.data.synthetic, splits=made, leakage=leakage
        )
        artifacts.log_report(scratch / "report")
        log_counts(description)
        return artifacts.log_folder(folder, "splits")


if __name__ == "__main__":
    main()
