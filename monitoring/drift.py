"""Drift: whether tweets still look like those that a model was made for, one feature at a time.

A feature has drifted if the change is large (effect size) and chance does not explain it (p-value). The first condition
ignores trifles, which are significant in large tables; the second ignores noise, which is large in small ones.

The effect size is the population stability index, PSI: the sum over bins of (q - p) ln(q / p), where p and q are the
shares of the reference and of the current tweets. Below 0.1, a change is conventionally negligible, from 0.25 on it is
major. Source: Siddiqi, Credit risk scorecards, Wiley 2006.

By chance alone, the PSI of two samples of m and n tweets in k bins is about (k - 1)(1/m + 1/n) on average (Yurdakul,
Statistical properties of population stability index, Western Michigan University, 2018). The p-value is therefore
simulated for these two sample sizes, and corrected for the number of features (Holm, A simple sequentially rejective
multiple test procedure, 1979).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Counts = NDArray[np.int64]
Numbers = NDArray[np.float64]

# Values are compared in tenths of the reference.
QUANTILES = np.linspace(0, 1, 11)[1:-1]
# Added to each count, so that an empty bin has a finite PSI: the prior of Jeffreys.
PRIOR = 0.5


@dataclass(frozen=True, kw_only=True)
class Limits:
    """When a feature counts as drifted.

    Attributes:
        min_psi: the smallest PSI that matters.
        false_alarms: the probability of at least one drifted feature among unchanged ones, 0 to 1.
        resamples: the number of simulated pairs of samples; at least the number of features / `false_alarms`.
    """

    min_psi: float
    false_alarms: float
    resamples: int


def compare(reference: pd.DataFrame, current: pd.DataFrame, *, limits: Limits, seed: int) -> pd.DataFrame:
    """Compare the features of current tweets with those of the reference.

    Returns one row per column of `current`: `feature`, `tweets` (with a value), the means `reference_mean` and
    `current_mean`, `psi`, `noise` (the PSI that chance exceeds in 5 % of such samples), `p_value`, `p_adjusted` (Holm)
    and `drifted`.

    Args:
        reference: a column of numbers or booleans per feature; NaN: unknown.
        current: some or all of these columns; each has a known value.
        limits: when a feature counts as drifted.
        seed: the seed of the simulation.
    """
    random, rows = np.random.default_rng(seed), []
    for feature in current:
        old = reference[feature].dropna().to_numpy(dtype=np.float64)
        new = current[feature].dropna().to_numpy(dtype=np.float64)
        counts = binned(old, new)
        index, by_chance = psi(*counts), null(*counts, resamples=limits.resamples, random=random)
        rows.append(
            {
                "feature": feature,
                "tweets": len(new),
                "reference_mean": float(old.mean()),
                "current_mean": float(new.mean()),
                "psi": float(index),
                "noise": float(np.quantile(by_chance, 0.95)),
                "p_value": float((1 + np.sum(by_chance >= index)) / (1 + limits.resamples)),
            }
        )
    table = pd.DataFrame(rows)
    table["p_adjusted"] = holm(table["p_value"].to_numpy())
    table["drifted"] = (table["psi"] >= limits.min_psi) & (table["p_adjusted"] <= limits.false_alarms)
    return table


def binned(reference: Numbers, current: Numbers) -> tuple[Counts, Counts]:
    """Count the values of two samples in the same bins, shape (k,) each; the bins are tenths of the reference.

    Bins are closed above: the value 0, if frequent, has a bin without larger values. Fewer than ten different values
    give fewer bins.
    """
    edges = np.unique(np.quantile(reference, QUANTILES, method="lower"))
    first, second = (
        np.bincount(np.searchsorted(edges, values), minlength=len(edges) + 1) for values in (reference, current)
    )
    return first, second


def psi(reference: Counts, current: Counts) -> Numbers:
    """Return the population stability index of counts of shape (..., k): shape (...)."""
    old, new = (
        (counts + PRIOR) / (counts.sum(axis=-1, keepdims=True) + PRIOR * counts.shape[-1])
        for counts in (reference, current)
    )
    return np.asarray(((new - old) * np.log(new / old)).sum(axis=-1), dtype=np.float64)


def null(reference: Counts, current: Counts, *, resamples: int, random: np.random.Generator) -> Numbers:
    """Simulate the PSI of two samples of these sizes from one distribution, that of both together.

    Treats tweets as independent. Where many are about the same event, chance alone changes more than this: hence the
    condition on the effect size.
    """
    shares = (reference + current) / (reference.sum() + current.sum())
    first, second = (random.multinomial(counts.sum(), shares, size=resamples) for counts in (reference, current))
    return psi(first, second)


def holm(p_values: Numbers) -> Numbers:
    """Return p-values adjusted for their number: rejecting those up to alpha keeps the family-wise error rate alpha."""
    order, count = np.argsort(p_values), len(p_values)
    adjusted = np.empty(count)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(p_values[order] * np.arange(count, 0, -1)))
    return adjusted
