"""Folds for cross-validation on the training split."""

from typing import Any

import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold

from sentiment.inference.errors import SettingsError


def folds_by_author(authors: Any, folds: int, *, seed: int) -> tuple[GroupKFold, NDArray[Any]]:
    """Return folds that keep each author's tweets together, and the number of each tweet's author.

    Authors are numbered because with names, scikit-learn's run time is quadratic in the number of authors.

    Args:
        authors: the author of each tweet, shape (n,).
        folds: the number of folds.
        seed: the seed of the folds.

    Raises:
        SettingsError: there are fewer authors than folds, or fewer than 2 folds.
    """
    numbers, names = pd.factorize(authors, sort=True)
    if not 2 <= folds <= len(names):
        raise SettingsError(
            f"search.folds={folds}, but the training split has {len(names)} groups: choose from 2 to {len(names)}."
        )
    return GroupKFold(folds, shuffle=True, random_state=seed), numbers
