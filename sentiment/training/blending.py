"""The weights of a blend of classifiers: fitted by stacking, a logistic regression on their logits, or fixed.

Source: Wolpert, Stacked generalization, 1992; with probabilities, Ting and Witten, Issues in stacked generalization,
1999. Fixed weights, a logarithmic opinion pool: Heskes, Selecting weighting factors in logarithmic opinion pools, 1998.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from sentiment.inference.arrays import Labels, Probabilities
from sentiment.inference.errors import UserError


class BlendError(UserError):
    """Weights of a blend that cannot be fitted or used."""


@dataclass(frozen=True, kw_only=True)
class Blended:
    """The weights of a blend.

    Attributes:
        weights: the weight of each member's logit, shape (members,).
        intercept: added to the weighted sum.
        out_of_fold: the out-of-fold probability of each tweet, shape (n,), for an unbiased evaluation; None if the
            weights are not fitted.
    """

    weights: NDArray[np.float64]
    intercept: float
    out_of_fold: Probabilities | None


def fix(weights: Mapping[str, float], members: Sequence[str]) -> Blended:
    """Return fixed weights (`blend.weights`) in the order of the members.

    Raises:
        BlendError: they are not one number above 0 for each member.
    """
    numbers = all(isinstance(weight, int | float) and 0 < weight < math.inf for weight in weights.values())
    if set(weights) != set(members) or not numbers:
        raise BlendError(
            f"blend.weights={dict(weights)}: set one number above 0 for each member ({', '.join(members)}), or null to "
            "fit them on validation."
        )
    ordered = np.array([weights[name] for name in members], dtype=np.float64)
    return Blended(weights=ordered, intercept=0.0, out_of_fold=None)


def fit(negative: Labels, logits: NDArray[np.float64], *, folds: int, seed: int) -> Blended:
    """Fit the weights on tweets that no member was trained on.

    Args:
        negative: labels, shape (n,).
        logits: logits of the members, shape (n, members).
        folds: the number of folds of the cross-fitting.
        seed: the seed of the folds.

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
    return Blended(weights=stacker.coef_[0], intercept=float(stacker.intercept_[0]), out_of_fold=out_of_fold)
