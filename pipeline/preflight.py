"""Refuse settings before any work is done that would otherwise stop a run only after it."""

from omegaconf import DictConfig

from sentiment.evaluation import metrics
from sentiment.evaluation.metrics import Cost

# What may be compared: the steps that make a model, without `train_`.
FAMILIES = ("baseline", "keras", "bert", "blend")


def check(cfg: DictConfig) -> None:
    """Refuse settings that would stop a run only after its work is done.

    Raises:
        ValueError: the costs mean nothing, or there is no such family or metric to select by.
    """
    Cost(**cfg.cost)
    if isinstance(cfg.select.families, str) or not set(cfg.select.families) <= set(FAMILIES):
        raise ValueError(f"select.families={cfg.select.families}: give a list of some of {', '.join(FAMILIES)}.")
    if cfg.select.resamples < 1 or not 0 < cfg.select.confidence < 1:
        raise ValueError(
            f"select.resamples={cfg.select.resamples} must be 1 or more, and select.confidence={cfg.select.confidence} "
            "between 0 and 1."
        )
    if cfg.calibration.folds < 2:
        raise ValueError(f"calibration.folds={cfg.calibration.folds}: cross-validation takes 2 at least.")
    if cfg.select.metric not in metrics.HIGHER_IS_BETTER:
        known = ", ".join(metrics.HIGHER_IS_BETTER)
        raise ValueError(f"select.metric={cfg.select.metric} is no metric: take one of {known}.")
