"""Make a registered version the champion by hand, or go back to an earlier one.

In: the number of a version. Out: the alias `champion` on it, and the record of the move. A version that is replaced so
is marked as withdrawn: the gate does not promote it again by itself.
"""

import logging

import mlflow
import pandas as pd
from omegaconf import DictConfig

from pipeline import door, promotion, registry, runs
from pipeline.registry import CHAMPION

log = logging.getLogger(__name__)


@door.step
def main(cfg: DictConfig) -> None:
    """Run the step."""
    name, version = cfg.select.name, str(cfg.promote.version)
    with runs.start("promote", cfg):
        before = promotion.promote(name, version, cfg.promote.reason)
        mlflow.set_tags({"from": str(before), "to": version})
        runs.log_table(pd.DataFrame(registry.history(name)), "history.csv")
        same = " already" if before == version else f", before it was {before or 'none'}"
        log.info("%s@%s is version %s%s. Reason: %s", name, CHAMPION, version, same, cfg.promote.reason)


if __name__ == "__main__":
    main()
