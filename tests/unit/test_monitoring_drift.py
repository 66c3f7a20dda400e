"""Drift of features: large changes beyond chance, and no others."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring import drift
from monitoring.drift import Limits

LIMITS = Limits(min_psi=0.1, false_alarms=0.01, resamples=1_000)


def tweets(count: int, seed: int, *, length: float = 80, mentions: float = 0.4, unknown: float = 0.5) -> pd.DataFrame:
    """Return features of made-up tweets: a length, a share that is often 0, a trait."""
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "length": random.normal(length, 30, count),
            "unknown_words": np.where(random.random(count) < unknown, 0.0, random.random(count)),
            "mention": random.random(count) < mentions,
        }
    )


def drifted(reference: pd.DataFrame, current: pd.DataFrame) -> set[str]:
    table = drift.compare(reference, current, limits=LIMITS, seed=1)
    return set(table.loc[table["drifted"], "feature"])


@pytest.mark.parametrize(
    ("change", "feature"),
    [({"length": 110.0}, "length"), ({"mentions": 0.9}, "mention"), ({"unknown": 0.1}, "unknown_words")],
)
def test_a_changed_feature_has_drifted_and_the_others_have_not(change: dict[str, float], feature: str) -> None:
    assert drifted(tweets(3_000, 1), tweets(2_000, 2, **change)) == {feature}


@pytest.mark.parametrize("size", [100, 1_000, 20_000])
def test_tweets_of_the_same_kind_do_not_drift_in_any_number(size: int) -> None:
    reference = tweets(5_000, 1)
    assert [seed for seed in range(2, 22) if drifted(reference, tweets(size, seed))] == []


def test_a_trifle_in_a_large_table_is_significant_but_no_drift() -> None:
    table = drift.compare(tweets(100_000, 1), tweets(100_000, 2, mentions=0.43), limits=LIMITS, seed=1)
    row = table.set_index("feature").loc["mention"]
    assert row["p_adjusted"] < 0.01
    assert row["psi"] < 0.1
    assert not row["drifted"]


def test_a_large_change_in_a_handful_of_tweets_may_be_chance() -> None:
    table = drift.compare(tweets(3_000, 1), tweets(8, 2), limits=LIMITS, seed=1)
    assert table["psi"].max() > LIMITS.min_psi
    assert not table["drifted"].any()


def test_a_value_that_the_reference_never_has_gives_a_finite_index() -> None:
    reference = pd.DataFrame({"mention": np.zeros(500, dtype=bool)})
    table = drift.compare(reference, pd.DataFrame({"mention": np.ones(500, dtype=bool)}), limits=LIMITS, seed=1)
    assert np.isfinite(table["psi"]).all()
    assert table["drifted"].all()


def test_unknown_values_are_left_out_and_features_that_were_not_measured_are_not_compared() -> None:
    current = tweets(600, 2).drop(columns="mention")
    current.loc[:99, "length"] = np.nan
    table = drift.compare(tweets(3_000, 1), current, limits=LIMITS, seed=1).set_index("feature")
    assert list(table.index) == ["length", "unknown_words"]
    assert table.loc["length", "tweets"] == 500


def test_the_null_has_the_mean_that_theory_gives() -> None:
    reference, current = np.full(10, 400), np.full(10, 100)
    by_chance = drift.null(reference, current, resamples=4_000, random=np.random.default_rng(1))
    assert by_chance.mean() == pytest.approx(9 * (1 / 4_000 + 1 / 1_000), rel=0.03)


def test_the_index_of_two_known_distributions() -> None:
    big = 10**9
    expected = (0.5 - 0.2) * np.log(0.5 / 0.2) + (0.5 - 0.8) * np.log(0.5 / 0.8)
    assert drift.psi(np.array([0.2 * big, 0.8 * big]), np.array([0.5 * big, 0.5 * big])) == pytest.approx(expected)


def test_holm_adjusts_step_by_step() -> None:
    np.testing.assert_allclose(drift.holm(np.array([0.01, 0.04, 0.03, 0.005])), [0.03, 0.06, 0.06, 0.02])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_never_lowers_a_p_value_and_keeps_their_order(values: list[float]) -> None:
    p_values = np.array(values)
    adjusted = drift.holm(p_values)
    assert (adjusted >= p_values - 1e-12).all()
    assert (adjusted <= 1).all()
    assert (np.diff(adjusted[np.argsort(p_values)]) >= 0).all()


@given(st.lists(st.floats(-5, 5).map(lambda value: round(value, 1)), min_size=2, max_size=60))
def test_every_value_falls_into_one_bin(values: list[float]) -> None:
    first, second = drift.binned(np.array(values), np.array(values[::2]))
    assert first.sum() == len(values)
    assert second.sum() == len(values[::2])
    assert len(first) == len(second) <= 10
