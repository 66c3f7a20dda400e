"""Promote a registered version manually, or roll back to an earlier one.

In: a version number. Out: the alias `champion` on that version, and a record of the move. The former champion is marked
as withdrawn: the gate does not promote it again.
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
        former = promotion.promote(name, version, cfg.promote.reason)
        mlflow.set_tags({"from": str(former), "to": version})
        runs.log_table(pd.DataFrame(registry.history(name)), "history.csv")
        change = "was already" if former == version else f"was {former or 'none'}, is now"
        log.info("%s@%s %s version %s. Reason: %s", name, CHAMPION, change, version, cfg.promote.reason)


if __name__ == "__main__":
    main()
