"""Features: the encoder is frozen, and a logistic regression is trained on its sentence vectors."""

import logging
from collections.abc import Mapping
from typing import Literal

import pandas as pd
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

from sentiment.inference.errors import SettingsError
from sentiment.training.bert import network
from sentiment.training.bert.network import SentenceClassifier, Training, Tweets
from sentiment.training.bert.saved_progress import SavedProgress
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
    stage: int,  # noqa: ARG001
    stages: int,
    progress: SavedProgress,  # noqa: ARG001
) -> Training:
    """Fit the head as a logistic regression, choosing `C` by cross-validation with all tweets of an author in one fold.

    The weights of the tweets count in each fit, not in the scores of the cross-validation.

    The vectors are not standardised: that would amplify MiniLM's dead dimensions (standard deviation 1e-32).

    Args:
        model: the network; its head is replaced.
        tweets: the splits; only `train` is used.
        C: the values to try: inverse regularization strengths.
        max_iter: the maximum number of solver iterations.
        class_weight: `balanced` gives both classes the same total weight; None gives each tweet the same.
        folds: the number of folds of the cross-validation.
        scoring: the metric of scikit-learn that ranks the values.
        seed: the seed of the folds.
        stage: not used: there is only one.
        stages: the number of stages, which must be 1.
        progress: not used: the encoder is not trained.

    Raises:
        SettingsError: there are fewer authors than folds, or several stages.
    """
    if stages > 1:
        raise SettingsError(
            "training.stages: train_bert=features has no stages. List all sources in one, [[a, b]], or set null, or "
            "use train_bert=finetune."
        )
    train = tweets["train"]
    cv, groups = folds_by_author(train.group, folds, seed=seed)
    log.info("Computing sentence vectors of %d tweets on %s", len(train.tokens), model.head.weight.device)
    with network.progress(len(train.tokens), "sentence vectors") as bar:
        vectors = network.sentence_vectors(model, train.tokens, bar)
    search = GridSearchCV(
        LogisticRegression(class_weight=class_weight, max_iter=max_iter),
        {"C": list(C)},
        scoring=scoring,
        cv=cv,
        error_score="raise",
    ).fit(vectors, train.negative, groups=groups, sample_weight=train.weight)
    best: LogisticRegression = search.best_estimator_
    with torch.no_grad():
        model.head.weight.copy_(torch.from_numpy(best.coef_))
        model.head.bias.copy_(torch.from_numpy(best.intercept_))
    table = pd.DataFrame(search.cv_results_).drop(columns="params").sort_values("rank_test_score")
    return Training(tables={"search": table}, chosen=search.best_params_)
