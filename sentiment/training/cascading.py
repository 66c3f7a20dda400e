"""Choose from which certainty on the fast member of a cascade answers alone."""

import numpy as np
from sklearn.metrics import roc_auc_score

from sentiment.inference.arrays import Labels, Probabilities
from sentiment.inference.errors import UserError
from sentiment.inference.probabilities import logit
from sentiment.inference.runtimes.cascade import is_sure

# Shares of tweets left to the accurate member that are tried.
SHARES = np.linspace(0.0, 0.99, 100)


class CascadeError(UserError):
    """A cascade that would never use its fast member."""


def choose_bound(negative: Labels, fast: Probabilities, accurate: Probabilities, *, max_auc_drop: float) -> float:
    """Return the lowest bound whose AUC is at most `max_auc_drop` below that of the accurate member alone.

    Both members answer with calibrated probabilities, so that the answers of one rank among those of the other.

    Args:
        negative: labels of validation tweets, shape (n,).
        fast: probabilities of the fast member, shape (n,).
        accurate: probabilities of the accurate member, shape (n,).
        max_auc_drop: the largest loss of AUC, 0 or more.

    Raises:
        CascadeError: no bound keeps the AUC.
    """
    lowest_auc = roc_auc_score(negative, accurate) - max_auc_drop
    certainty = np.abs(logit(fast))
    for bound in np.quantile(certainty, SHARES):
        if roc_auc_score(negative, cascaded(fast, accurate, bound)) >= lowest_auc:
            return float(bound)
    raise CascadeError(
        f"The fast model cannot answer any tweet alone without lowering the AUC by more than "
        f"cascade.max_auc_drop={max_auc_drop}. Use the accurate model alone, or raise that limit."
    )


def cascaded(fast: Probabilities, accurate: Probabilities, bound: float) -> Probabilities:
    """Return the probabilities of a cascade, shape (n,)."""
    return np.where(is_sure(fast, bound), fast, accurate)
