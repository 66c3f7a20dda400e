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
    """Tweets that are too few to put models together by."""


def fit(
    negative: Labels, logits: NDArray[np.float64], *, folds: int, seed: int
) -> tuple[NDArray[np.float64], float, Probabilities]:
    """Fit the weights on tweets that no member was trained on.

    Args:
        negative: labels, shape (n,).
        logits: of the members, shape (n, members).
        folds: of the cross-fitting.
        seed: of its cut.

    Returns:
        The weight of each member, the intercept, and for an honest judgement the probability of each tweet, shape (n,),
        by weights that were fitted without it.

    Raises:
        BlendError: fewer tweets of a class than folds.
    """
    rarest = int(np.bincount(negative, minlength=2).min())
    if rarest < folds:
        raise BlendError(
            f"The rarer class has {rarest} tweets on validation, too few for calibration.folds={folds}. Lower that, or "
            "give more data."
        )
    stacker = LogisticRegression(C=1.0)
    cut = StratifiedKFold(folds, shuffle=True, random_state=seed)
    out_of_fold: NDArray[Any] = cross_val_predict(stacker, logits, negative, cv=cut, method="predict_proba")[:, 1]
    stacker.fit(logits, negative)
    return stacker.coef_[0], float(stacker.intercept_[0]), out_of_fold
