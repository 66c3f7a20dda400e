"""Explanations of the champion: faithful to the model, as `select` has measured on validation tweets of the chain."""

from datetime import timedelta

import pytest

from tests.e2e.commands import Chain

pytestmark = pytest.mark.slow
# Bounds after little training, by metric; comprehensiveness and mosaics depend on how sure the model is of its words.
AT_LEAST = {"pearson": 0.95, "pearson_of_tweet": 0.95, "comprehensiveness": 0.8, "mosaic_mass": 0.8, "tweets": 60}
AT_MOST = {"sufficiency": 0.1, "max_words": 10}


@pytest.fixture(scope="module")
def figures(chain: Chain) -> dict[str, float]:
    """Return the figures of the run of `select`."""
    (selected,) = chain.runs("select")
    metrics = selected.data.metrics
    return {name.removeprefix("faithfulness_"): value for name, value in metrics.items()}


@pytest.mark.parametrize("name", AT_LEAST)
def test_explanations_of_the_champion_are_faithful(name: str, figures: dict[str, float]) -> None:
    assert figures[name] >= AT_LEAST[name], figures


@pytest.mark.parametrize("name", AT_MOST)
def test_explanations_of_the_champion_exceed_no_bound(name: str, figures: dict[str, float]) -> None:
    assert figures[name] <= AT_MOST[name], figures


def test_faithfulness_is_measured_within_two_minutes(chain: Chain) -> None:
    """`select` does everything else, too."""
    (selected,) = chain.runs("select")
    assert timedelta(milliseconds=selected.info.end_time - selected.info.start_time) < timedelta(minutes=2)
