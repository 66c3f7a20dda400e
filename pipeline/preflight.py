"""Refuse settings before any work is done that would otherwise stop a run only after it."""

import math
from collections.abc import Sequence
from typing import Any, get_args

from omegaconf import DictConfig, OmegaConf

from sentiment.evaluation import metrics
from sentiment.evaluation.metrics import CONSTANT_IS_PERFECT, Cost
from sentiment.inference.classifier import Runtime
from sentiment.inference.errors import SettingsError

# What may be compared: the steps that make a model, without `train_`.
FAMILIES = ("baseline", "keras", "bert", "blend")


def check(cfg: DictConfig) -> None:
    """Refuse settings that would stop a run only after its work is done, or make a check of the gate mean nothing.

    Raises:
        SettingsError: the costs mean nothing, there is no such family, runtime or metric, the metric has no floor or
            margin, or a number is none that could be meant.
    """
    Cost(**cfg.cost)
    check_names("select.families", cfg.select.families, FAMILIES)
    check_names("select.runtimes", cfg.select.runtimes, get_args(Runtime))
    check_number("calibration.folds", cfg.calibration.folds, least=2, whole=True)
    check_number("select.resamples", cfg.select.resamples, least=20, whole=True)
    check_number("select.confidence", cfg.select.confidence, least=0.5, most=0.999)
    for name in ("min_compared", "min_of_class", "min_authors"):
        check_number(f"select.{name}", cfg.select[name], least=2, whole=True)
    for name in ("max_megabytes", "max_milliseconds"):
        check_number(f"select.{name}", cfg.select[name], least=0)
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
    if cfg.select.floor[metric] is not None:
        check_number(f"select.floor.{metric}", cfg.select.floor[metric], least=-math.inf)
    check_number(f"select.margin.{metric}", cfg.select.margin[metric], least=math.ulp(0))


def check_names(setting: str, given: Any, known: Sequence[str]) -> None:
    """Refuse what is no list of known names.

    Raises:
        SettingsError: it is none.
    """
    if isinstance(given, str) or not given or not set(given) <= set(known):
        raise SettingsError(f"{setting}={given}: give a list of some of {', '.join(known)}.")


def check_number(setting: str, given: Any, *, least: float, most: float = math.inf, whole: bool = False) -> None:
    """Refuse what is no finite number within bounds; true and false are none.

    Raises:
        SettingsError: it is none.
    """
    kind = int if whole else (int, float)
    if not isinstance(given, kind) or isinstance(given, bool) or not math.isfinite(given) or not least <= given <= most:
        bounds = {(False, True): f" of {least:g} or more", (True, True): f" from {least:g} to {most:g}"}
        within = bounds.get((math.isfinite(most), math.isfinite(least)), "")
        raise SettingsError(f"{setting}={given}: give a {'whole ' if whole else ''}number{within}.")
