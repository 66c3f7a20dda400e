"""What each step reads of the configuration, and what of it can be refused before any work is done."""

from collections.abc import Mapping
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf

from sentiment.evaluation import metrics
from sentiment.evaluation.metrics import Cost

# The sections of the configuration that a step reads beside `seed` and `inputs`: nothing else changes what it makes.
READS = {
    "split": ("data", "split"),
    "preprocess": ("preprocess",),
    "distill": ("distill",),
    "embed": ("embed",),
    "train_baseline": ("train_baseline", "search", "cost", "calibration", "export"),
    "train_keras": ("train_keras", "cost", "calibration", "export"),
    "train_bert": ("train_bert", "cost", "calibration", "export"),
    "blend": ("cost", "calibration", "export"),
    "select": ("select", "cost"),
    "promote": ("promote", "select"),
    "package": ("select",),
    "main": ("plan", "cost", "select"),
}
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


def read(step: str, cfg: DictConfig, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return all that decides what a step makes: `seed`, its inputs, and the sections that it reads, resolved.

    The launcher asks with it for a finished run, and the step logs the same: both fingerprints are made of this.
    """
    return {"seed": cfg.seed, "inputs": dict(inputs), **{section: plain(cfg[section]) for section in READS[step]}}


def plain(section: DictConfig) -> dict[str, Any]:
    """Return a section of the configuration as plain Python values, resolved."""
    return cast(dict[str, Any], OmegaConf.to_container(section, resolve=True, throw_on_missing=True))


def flatten(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested settings as parameters with dotted names, as Hydra's command line writes them."""
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        flat |= flatten(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return flat
