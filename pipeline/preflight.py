"""Refuse settings before any work is done that would otherwise stop a run only after it."""

from omegaconf import DictConfig, OmegaConf

from sentiment.evaluation import metrics
from sentiment.evaluation.bootstrap import Resampling
from sentiment.evaluation.metrics import CONSTANT_IS_PERFECT, Cost
from sentiment.inference.errors import SettingsError

# What may be compared: the steps that make a model, without `train_`.
FAMILIES = ("baseline", "keras", "bert", "blend")


def check(cfg: DictConfig) -> None:
    """Refuse settings that would stop a run only after its work is done.

    Raises:
        SettingsError: the costs mean nothing, there is no such family or metric, or the metric has no floor or margin.
    """
    Cost(**cfg.cost)
    Resampling(resamples=cfg.select.resamples, confidence=cfg.select.confidence, seed=cfg.seed)
    if isinstance(cfg.select.families, str) or not set(cfg.select.families) <= set(FAMILIES):
        raise SettingsError(f"select.families={cfg.select.families}: give a list of some of {', '.join(FAMILIES)}.")
    if cfg.calibration.folds < 2:
        raise SettingsError(f"calibration.folds={cfg.calibration.folds}: cross-validation takes 2 at least.")
    check_metric(cfg)


def check_metric(cfg: DictConfig) -> None:
    """Refuse a metric that models cannot be selected by, and requirements that are not those of a metric.

    Raises:
        SettingsError: it is one.
    """
    metric, names = cfg.select.metric, [name for name in metrics.HIGHER_IS_BETTER if name != CONSTANT_IS_PERFECT]
    if metric == CONSTANT_IS_PERFECT:
        raise SettingsError(
            f"select.metric={metric} cannot rank models: the same probability for every tweet is perfectly calibrated. "
            f"Choose one of {', '.join(names)}."
        )
    if metric not in names:
        raise SettingsError(f"Unknown metric select.metric={metric}; choose one of {', '.join(names)}.")
    for name, example in (("floor", "0.75"), ("margin", "0.005")):
        section = cfg.select[name]
        if not OmegaConf.is_dict(section):
            raise SettingsError(
                f"select.{name}={section}: a {name} belongs to a metric; set select.{name}.{metric}={example}."
            )
        if metric not in section:
            raise SettingsError(
                f"select.{name} has no value for select.metric={metric}: set +select.{name}.{metric}=..."
            )
    floor, margin = cfg.select.floor[metric], cfg.select.margin[metric]
    if not (floor is None or is_number(floor)) or not is_number(margin) or margin <= 0:
        raise SettingsError(
            f"select.floor.{metric}={floor} and select.margin.{metric}={margin}: give a number or null, "
            "and a number above 0."
        )


def is_number(value: object) -> bool:
    """Return whether a setting is a number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)
