"""Log-count ratios: weight words by how much more frequent they are in one class than in the other."""

from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data


class LogCountRatio(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Scale each column of a count matrix by r = log((p / |p|) / (q / |q|)).

    p = alpha + the column's sum over the rows of class 1, q = the same over class 0, and |.| sums over columns.

    alpha is added to every count (smoothing).

    Source: Wang and Manning, Baselines and Bigrams: Simple, Good Sentiment and Topic Classification, ACL 2012.
    """

    def __init__(self, *, alpha: float = 1.0) -> None:  # noqa: D107 (documented on the class; scikit-learn requires a default)
        self.alpha = alpha

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Compute the ratio of each column of X, shape (rows, columns), from labels 0 or 1, shape (rows,)."""
        counts = validate_data(self, X, accept_sparse="csr", dtype=np.float64)
        negative = np.asarray(y) == 1
        p = self.alpha + np.asarray(counts[negative].sum(axis=0)).ravel()
        q = self.alpha + np.asarray(counts[~negative].sum(axis=0)).ravel()
        self.ratio_ = np.log((p / p.sum()) / (q / q.sum()))
        return self

    def transform(self, X: ArrayLike) -> sparse.csr_matrix:
        """Return X with each column multiplied by its ratio."""
        check_is_fitted(self)
        counts = validate_data(self, X, accept_sparse="csr", dtype=np.float64, reset=False)
        return sparse.csr_matrix(counts) @ sparse.diags_array(self.ratio_)
