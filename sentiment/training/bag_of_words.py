"""Bags of words: scikit-learn pipelines as the configuration describes them, and their search."""

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline

from sentiment.inference.errors import SettingsError
from sentiment.training.folds import folds_by_author

log = logging.getLogger(__name__)

# The order of a pipeline's parts; only the last one is in all of them.
PARTS = ("vectorizer", "transformer", "classifier")


def search_space(settings: Any, path: str = "") -> tuple[Any, dict[str, list[Any]]]:
    """Take `{search: [...]}` apart: the settings with the first value of each, and scikit-learn's parameter grid.

    The grid's names are paths as `set_params` writes them: `classifier__C`.
    """
    if isinstance(settings, Mapping):
        if settings.keys() == {"search"}:
            return settings["search"][0], {path: list(settings["search"])}
        named = list(settings.items())
    elif is_named_list(settings):
        named = [tuple(item) for item in settings]
    else:
        return settings, {}
    values: dict[str, Any] = {}
    grid: dict[str, list[Any]] = {}
    for name, value in named:
        # The parts of a union go by their own names: vectorizer__words, without transformer_list in between.
        inner = path if is_named_list(value) else f"{path}__{name}".removeprefix("__")
        values[name], found = search_space(value, inner)
        grid |= found
    return (values if isinstance(settings, Mapping) else [[name, value] for name, value in values.items()]), grid


def is_named_list(settings: Any) -> bool:
    """Return whether settings are a list of [name, mapping], as FeatureUnion takes its parts."""
    return isinstance(settings, list) and all(
        isinstance(item, list) and len(item) == 2 and isinstance(item[1], Mapping) for item in settings
    )


def build(settings: Mapping[str, Any], instantiate: Callable[[Any], Any]) -> tuple[Pipeline, dict[str, list[Any]]]:
    """Build an unfitted pipeline and its parameter grid from the settings of its parts.

    Args:
        settings: of each part, by its name.
        instantiate: what makes a part of its settings.

    Raises:
        SettingsError: there is a part that no pipeline has, or no classifier.
    """
    if unknown := settings.keys() - set(PARTS):
        raise SettingsError(f"train_baseline has {sorted(unknown)}: the parts of a pipeline are {', '.join(PARTS)}.")
    if "classifier" not in settings:
        raise SettingsError("train_baseline has no classifier: give one with its _target_.")
    values, grid = search_space(settings)
    pipeline = Pipeline([(part, instantiate(values[part])) for part in PARTS if part in values])
    # YAML has no tuples, and scikit-learn takes nothing else for an n-gram range.
    ranges = {name: tuple(value) for name, value in pipeline.get_params().items() if name.endswith("ngram_range")}
    pipeline.set_params(**ranges)
    return pipeline, {
        name: [tuple(value) for value in values] if name in ranges else values for name, values in grid.items()
    }


def search(
    pipeline: Pipeline,
    grid: Mapping[str, list[Any]],
    documents: Sequence[str],
    train: pd.DataFrame,
    *,
    folds: int,
    scoring: str,
    seed: int,
    cache: Path,
) -> tuple[Pipeline, pd.DataFrame, float]:
    """Fit a pipeline with the best values of a grid by cross-validation; return it, the table and the fit's seconds.

    No author is on two sides of a fold. `documents` are the tokens of each row of `train`, joined by spaces; `cache`
    is a folder for what does not change from one value to the next.

    Raises:
        SettingsError: there are fewer authors than folds, or scikit-learn refuses a setting.
    """
    cv, groups = folds_by_author(train["group"], folds, seed=seed)
    combinations = math.prod(map(len, grid.values()))
    log.info("Cross-validation of %d combination(s) of values in %d folds", combinations, folds)
    pipeline.set_params(memory=str(cache))
    found = GridSearchCV(
        pipeline,
        dict(grid),
        scoring=scoring,
        cv=cv,
        n_jobs=-1,
        error_score="raise",
    )
    try:
        found.fit(documents, train["negative"].to_numpy(), groups=groups)
    except ValueError as error:  # its own check of parameters, or a vocabulary that they leave empty
        raise SettingsError(f"scikit-learn refuses a setting of train_baseline or search: {error}") from error
    best: Pipeline = found.best_estimator_
    best.set_params(memory=None)
    table = pd.DataFrame(found.cv_results_).drop(columns="params").sort_values("rank_test_score")
    return best, table, float(found.refit_time_)


def negative_probability(pipeline: Pipeline, documents: Sequence[str]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the probability that each document is negative, shape (n,)."""
    return np.asarray(pipeline.predict_proba(documents)[:, 1], dtype=np.float64)
