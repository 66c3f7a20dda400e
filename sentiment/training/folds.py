"""Folds for cross-validation on the training split."""

from typing import Any

import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold

from sentiment.inference.errors import SettingsError


def folds_by_author(authors: Any, folds: int, *, seed: int) -> tuple[GroupKFold, NDArray[Any]]:
    """Return folds of which no two hold tweets of one author, and the number of each tweet's author.

    Numbers, because scikit-learn takes time in the square of the number of authors where they are names.

    Args:
        authors: of the tweets, shape (n,).
        folds: how many.
        seed: of the draw.

    Raises:
        SettingsError: there are fewer authors than folds, or fewer than 2 folds.
    """
    numbers, names = pd.factorize(authors, sort=True)
    if not 2 <= folds <= len(names):
        raise SettingsError(
            f"search.folds={folds}, but the training split has {len(names)} groups: give a number from 2 to that."
        )
    return GroupKFold(folds, shuffle=True, random_state=seed), numbers
