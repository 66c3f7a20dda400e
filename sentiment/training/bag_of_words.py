"""Bags of words: build scikit-learn pipelines from the configuration, and search their settings."""

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import has_fit_parameter

from sentiment.inference.errors import SettingsError
from sentiment.training.folds import folds_by_author

log = logging.getLogger(__name__)

# Starting processes takes longer than it saves below this number of documents times fits. Measured with TF-IDF and
# logistic regression on 2 cores: 43,500 take 0.9 s in one process and 2.4 s in two, 99,000 take 8.6 s and 3.3 s.
DOCUMENTS_FOR_PROCESSES = 50_000
# The steps of a pipeline, in order; only the classifier is mandatory.
STEPS = ("vectorizer", "transformer", "classifier")


def search_space(settings: Any, path: str = "") -> tuple[Any, dict[str, list[Any]]]:
    """Separate `{search: [...]}` from settings: return the settings with each first value, and the parameter grid.

    The grid's names are paths as in scikit-learn's `set_params`: `classifier__C`.
    """
    if isinstance(settings, Mapping):
        if settings.keys() == {"search"}:
            return settings["search"][0], {path: list(settings["search"])}
        named_values = list(settings.items())
    elif is_named_list(settings):
        named_values = [tuple(entry) for entry in settings]
    else:
        return settings, {}
    values: dict[str, Any] = {}
    grid: dict[str, list[Any]] = {}
    for name, value in named_values:
        # A union's parts are addressed by name: vectorizer__words, without transformer_list in between.
        inner = path if is_named_list(value) else f"{path}__{name}".removeprefix("__")
        values[name], inner_grid = search_space(value, inner)
        grid |= inner_grid
    return (values if isinstance(settings, Mapping) else [[name, value] for name, value in values.items()]), grid


def is_named_list(settings: Any) -> bool:
    """Return whether settings are a list of [name, mapping], as for the parts of a FeatureUnion."""
    return isinstance(settings, list) and all(
        isinstance(entry, list) and len(entry) == 2 and isinstance(entry[1], Mapping) for entry in settings
    )


def build(settings: Mapping[str, Any], instantiate: Callable[[Any], Any]) -> tuple[Pipeline, dict[str, list[Any]]]:
    """Build an unfitted pipeline and its parameter grid from the settings of its steps.

    Args:
        settings: the settings of each step, by name.
        instantiate: creates a step from its settings.

    Raises:
        SettingsError: a step is unknown, or there is no classifier.
    """
    if unknown := settings.keys() - set(STEPS):
        raise SettingsError(f"train_baseline has unknown steps {sorted(unknown)}. A pipeline has {', '.join(STEPS)}.")
    if "classifier" not in settings:
        raise SettingsError("train_baseline has no classifier: add one with its _target_.")
    values, grid = search_space(settings)
    pipeline = Pipeline([(part, instantiate(values[part])) for part in STEPS if part in values])
    # YAML has no tuples, but scikit-learn requires one for an n-gram range.
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
    """Fit a pipeline with the best values of a grid by cross-validation; return it, the results and the fit's seconds.

    All tweets of an author are in one fold. `documents` are the tokens of each row of `train`, joined by spaces;
    `cache` is a folder for intermediate results that several values share. Large searches run on all cores.

    The weights of rows (column `weight`) count in the classifier, not in vectorizers and in the scores of the
    cross-validation.

    Raises:
        SettingsError: there are fewer authors than folds, the classifier takes no weights although they differ, or
            scikit-learn rejects a setting.
    """
    fit_settings = weighting(pipeline["classifier"], train["weight"])
    cv, groups = folds_by_author(train["group"], folds, seed=seed)
    combinations = math.prod(map(len, grid.values()))
    log.info("Cross-validating %d combination(s) of values in %d folds", combinations, folds)
    large = combinations * folds * len(documents) > DOCUMENTS_FOR_PROCESSES
    pipeline.set_params(memory=str(cache))
    grid_search = GridSearchCV(
        pipeline,
        dict(grid),
        scoring=scoring,
        cv=cv,
        n_jobs=-1 if large else 1,
        error_score="raise",
    )
    try:
        grid_search.fit(documents, train["negative"].to_numpy(), groups=groups, **fit_settings)
    except ValueError as error:  # an invalid parameter, or an empty vocabulary as the result of valid ones
        raise SettingsError(f"scikit-learn rejected a setting of train_baseline or search: {error}") from error
    best: Pipeline = grid_search.best_estimator_
    best.set_params(memory=None)
    table = pd.DataFrame(grid_search.cv_results_).drop(columns="params").sort_values("rank_test_score")
    return best, table, float(grid_search.refit_time_)


def weighting(classifier: Any, weight: pd.Series) -> dict[str, Any]:
    """Return the argument that passes weights to the classifier of a pipeline; none if all weights are equal.

    Raises:
        SettingsError: the classifier takes no weights.
    """
    if weight.nunique() == 1:
        return {}
    if not has_fit_parameter(classifier, "sample_weight"):
        raise SettingsError(
            f"training.weights: {type(classifier).__name__} (train_baseline.classifier) takes no weights. Choose "
            "another classifier, or training.weights=null."
        )
    return {"classifier__sample_weight": weight.to_numpy()}


def negative_probability(pipeline: Pipeline, documents: Sequence[str]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the probability that each document is negative, shape (n,)."""
    return np.asarray(pipeline.predict_proba(documents)[:, 1], dtype=np.float64)
