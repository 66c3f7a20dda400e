"""Stacking: a logistic regression on the logits of several classifiers.

Source: Wolpert, Stacked generalization, 1992; with probabilities, Ting and Witten, Issues in stacked generalization,
1999.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from sentiment.inference.arrays import Labels, Probabilities
from sentiment.inference.errors import UserError


class BlendError(UserError):
    """Too few tweets to fit the weights of a blend."""


def fit(
    negative: Labels, logits: NDArray[np.float64], *, folds: int, seed: int
) -> tuple[NDArray[np.float64], float, Probabilities]:
    """Fit the weights on tweets that no member was trained on.

    Args:
        negative: labels, shape (n,).
        logits: logits of the members, shape (n, members).
        folds: the number of folds of the cross-fitting.
        seed: the seed of the folds.

    Returns:
        The weight of each member, the intercept, and the out-of-fold probability of each tweet, shape (n,), for an
        unbiased evaluation.

    Raises:
        BlendError: a class has fewer tweets than folds.
    """
    smaller_class = int(np.bincount(negative, minlength=2).min())
    if smaller_class < folds:
        raise BlendError(
            f"The smaller class has {smaller_class} validation tweets, too few for calibration.folds={folds}. Lower "
            "calibration.folds, or use more data."
        )
    stacker = LogisticRegression(C=1.0)
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    out_of_fold: NDArray[Any] = cross_val_predict(stacker, logits, negative, cv=splitter, method="predict_proba")[:, 1]
    stacker.fit(logits, negative)
    return stacker.coef_[0], float(stacker.intercept_[0]), out_of_fold
