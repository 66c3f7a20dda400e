"""Split labelled texts into train, validation and test; hold out parts of other tables, and add the rest to train.

In: data sets (section `data`). Out: `splits/`: `train.parquet`, `validation.parquet` and `test.parquet` (columns
`text`, `negative`, `group`; in train, `source` if there are several), `targets/<name>.parquet` (held-out parts of other
tables), `splits.yaml` (their description) and `limits.yaml` (provenance and limits of the data, for the model card).
The run also has the data report, `leakage.json`, the overlap of splits and targets, and `croissant.json`, the data card
for machines (`report/`).
"""

import logging
from typing import Any

import mlflow
from hydra.utils import instantiate
from omegaconf import DictConfig

from pipeline import artifacts, door, runs, settings
from sentiment.data import sources, splits
from sentiment.reports import croissant, data_report

log = logging.getLogger(__name__)


def log_counts(description: dict[str, Any]) -> None:
    """Log the numbers of rows, negative rows and removed rows."""
    counts = description["splits"].values()
    rows, negative = (sum(split[key] for split in counts) for key in ("rows", "negative"))
    removed = {key: description[key] for key in ("duplicates_removed", "contradictions_removed")}
    near = {f"{name}_near_duplicates": split["rows"] for name, split in description["near_duplicates"].items()}
    mlflow.log_metrics({"rows": rows, "negative_share": negative / rows, **removed, **near})
    log.info("Split %d rows (%.1f %% negative): %s.", rows, 100 * negative / rows, description["splits"])


@door.step
def main(cfg: DictConfig) -> str:
    """Run the step and return the URI of the splits."""
    sections: dict[str, Any] = {name: settings.plain(cfg[name]) for name in ("data", "split")}
    with runs.start("split", cfg) as scratch:
        splits.require_rows_to_add(**sections)
        extra = sources.read(sections["data"], sections["split"]["targets"])
        tables = [(source, sources.load(source, instantiate)) for source in extra]
        table = instantiate(cfg.data.source, section="data")
        made = splits.make(table, tables, **sections, seed=cfg.seed)
        folder = scratch / "splits"
        folder.mkdir()
        description, leakage = splits.write(made, folder, extra=extra, **sections, seed=cfg.seed)
        data_report.write(
            scratch / "report",
            name=cfg.data.name,
            splits=made,
            leakage=leakage,
            definitions=table.attrs.get("definitions", ()),
        )
        croissant.write(
            scratch / "report" / "croissant.json",
            folder,
            made.frames,
            data=sections["data"],
            limits=splits.limits(sections["data"], extra),
        )
        artifacts.log_report(scratch / "report")
        log_counts(description)
        return artifacts.log_folder(folder, "splits")


if __name__ == "__main__":
    main()
