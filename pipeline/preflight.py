"""Validate settings before any work is done, if they would otherwise stop a run only at its end."""

import math
import re
from collections.abc import Sequence
from typing import Any, get_args

from omegaconf import DictConfig, OmegaConf

from sentiment.evaluation import metrics
from sentiment.evaluation.faithfulness import MAX_WORDS, MIN_WORDS
from sentiment.evaluation.metrics import CONSTANT_IS_PERFECT, Cost
from sentiment.inference.classifier import Runtime
from sentiment.inference.errors import SettingsError

# Families of candidates: the steps that train a model, without `train_`.
FAMILIES = ("baseline", "keras", "bert", "blend", "cascade")


def check(cfg: DictConfig) -> None:
    """Validate costs, calibration and the sections `select` and `faithfulness`.

    Raises:
        SettingsError: a cost or a number is out of range, a family, runtime or metric is unknown, or the metric has no
            floor or margin.
    """
    Cost(**cfg.cost)
    check_languages(cfg.select.languages)
    check_names("select.families", cfg.select.families, FAMILIES)
    check_names("select.runtimes", cfg.select.runtimes, get_args(Runtime))
    check_number("calibration.folds", cfg.calibration.folds, least=2, whole=True)
    check_number("select.resamples", cfg.select.resamples, least=20, whole=True)
    check_number("select.confidence", cfg.select.confidence, least=0.5, most=0.999)
    for name in ("min_compared", "min_of_class", "min_authors"):
        check_number(f"select.{name}", cfg.select[name], least=2, whole=True)
    for name in ("max_megabytes", "max_milliseconds"):
        check_number(f"select.{name}", cfg.select[name], least=0)
    check_number("select.feedback.min_tweets", cfg.select.feedback.min_tweets, least=2, whole=True)
    check_faithfulness(cfg)
    check_metric(cfg)


def check_faithfulness(cfg: DictConfig) -> None:
    """Validate the section `faithfulness`.

    Raises:
        SettingsError: a number is out of range.
    """
    section = cfg.faithfulness
    check_number("faithfulness.tweets", section.tweets, least=1, whole=True)
    check_number("faithfulness.max_words", section.max_words, least=MIN_WORDS, most=MAX_WORDS, whole=True)
    check_number("faithfulness.mosaics", section.mosaics, least=0, whole=True)


def check_metric(cfg: DictConfig) -> None:
    """Validate the metric to select by, its floor and its margin.

    Raises:
        SettingsError: the metric is unknown or cannot rank models, or its floor or margin is missing or out of range.
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
                f"select.{name}={section}: each metric has its own {name}; set select.{name}.{metric}={example}."
            )
        if metric not in section:
            raise SettingsError(
                f"select.{name} has no value for select.metric={metric}: set +select.{name}.{metric}=..."
            )
    if cfg.select.floor[metric] is not None:
        check_number(f"select.floor.{metric}", cfg.select.floor[metric], least=-math.inf)
    check_number(f"select.margin.{metric}", cfg.select.margin[metric], least=math.ulp(0))


def check_names(setting: str, value: Any, allowed: Sequence[str]) -> None:
    """Require a non-empty list of allowed names.

    Raises:
        SettingsError: the value is not such a list.
    """
    if isinstance(value, str) or not value or not set(value) <= set(allowed):
        raise SettingsError(f"{setting}={value}: set it to a list of names among {', '.join(allowed)}.")


def check_languages(value: Any) -> None:
    """Require a list of language codes (`select.languages`).

    Raises:
        SettingsError: the value is not such a list. YAML reads `no`, Norwegian, as false.
    """
    codes = [] if isinstance(value, str) or not isinstance(value, Sequence) else list(value)
    if not codes or not all(isinstance(code, str) and re.fullmatch("[a-z]{2}", code) for code in codes):
        raise SettingsError(
            f"select.languages={value}: set it to a list of ISO 639-1 codes, two lower-case letters each: [en,fr]."
        )


def check_number(setting: str, value: Any, *, least: float, most: float = math.inf, whole: bool = False) -> None:
    """Require a finite number within bounds; true and false are not numbers.

    Raises:
        SettingsError: the value is not such a number.
    """
    kind = int if whole else (int, float)
    if not isinstance(value, kind) or isinstance(value, bool) or not math.isfinite(value) or not least <= value <= most:
        bounds = {(False, True): f" of {least:g} or more", (True, True): f" from {least:g} to {most:g}"}
        within = bounds.get((math.isfinite(most), math.isfinite(least)), "")
        raise SettingsError(f"{setting}={value}: set it to a {'whole ' if whole else ''}number{within}.")
