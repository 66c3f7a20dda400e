"""Features: the encoder stays as it is, and a logistic regression learns on its sentence vectors."""

import logging
from collections.abc import Mapping
from typing import Literal

import pandas as pd
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

from sentiment.training.bert import network
from sentiment.training.bert.network import SentenceClassifier, Training, Tweets
from sentiment.training.folds import folds_by_author

log = logging.getLogger(__name__)


def fit(
    model: SentenceClassifier,
    tweets: Mapping[str, Tweets],
    *,
    C: list[float],
    max_iter: int,
    class_weight: Literal["balanced"] | None,
    folds: int,
    scoring: str,
    seed: int,
) -> Training:
    """Fit the head as a logistic regression, its `C` chosen by cross-validation, no author on two sides of a fold.

    The vectors are not standardised: MiniLM has dead dimensions (standard deviation 1e-32), which would be blown up.

    Args:
        model: the network; its head is set.
        tweets: `train` is used.
        C: the values to try, inverse strengths of the penalty.
        max_iter: of the solver.
        class_weight: `balanced` lets both classes weigh the same; None each tweet.
        folds: of the cross-validation.
        scoring: what scikit-learn ranks the values by.
        seed: of the folds.

    Raises:
        SettingsError: there are fewer authors than folds.
    """
    train = tweets["train"]
    cv, groups = folds_by_author(train.group, folds, seed=seed)
    log.info("Sentence vectors of %d tweets on %s", len(train.tokens), model.head.weight.device)
    with network.progress(len(train.tokens), "sentence vectors") as bar:
        vectors = network.sentence_vectors(model, train.tokens, bar)
    search = GridSearchCV(
        LogisticRegression(class_weight=class_weight, max_iter=max_iter),
        {"C": list(C)},
        scoring=scoring,
        cv=cv,
        error_score="raise",
    ).fit(vectors, train.negative, groups=groups)
    best: LogisticRegression = search.best_estimator_
    with torch.no_grad():
        model.head.weight.copy_(torch.from_numpy(best.coef_))
        model.head.bias.copy_(torch.from_numpy(best.intercept_))
    table = pd.DataFrame(search.cv_results_).drop(columns="params").sort_values("rank_test_score")
    return Training(tables={"search": table}, chosen=search.best_params_)
