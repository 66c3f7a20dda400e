"""The champion's behaviour: invariance, direction, and minimum functionality on plain sentences."""

import pandas as pd
import pytest

from sentiment.evaluation import behaviour
from tests.e2e.commands import Chain, load

pytestmark = pytest.mark.slow
# Lowest share of cases that must pass, after little training.
REQUIRED = {
    "another mention": 1.0,
    "another link": 1.0,
    "with or without a mention or link": 1.0,
    "another airline": 1.0,
    "a typo": 0.6,
    "negation": 0.8,
    "negated praise is negative": 0.8,
    "plain negative sentences": 0.8,
    "plain positive sentences": 0.8,
}
# Judged by the mean effect of its cases.
INTENSIFIER = "intensifier"


@pytest.fixture(scope="module")
def cases(chain: Chain) -> pd.DataFrame:
    """Run the behavioural tests on the champion."""
    return behaviour.cases(load(chain, "models:/tweet_sentiment@champion").predict(behaviour.texts()))


def test_every_behavioural_test_is_required_of_the_champion() -> None:
    assert {test.name for test in behaviour.TESTS} == {*REQUIRED, INTENSIFIER}


@pytest.mark.parametrize("name", REQUIRED)
def test_the_champion_passes_the_cases(name: str, cases: pd.DataFrame) -> None:
    share = behaviour.table(cases).set_index("test").loc[name, "share"]
    assert share >= REQUIRED[name], cases[cases["test"] == name].to_string()


def test_intensifiers_strengthen_the_sentiment(cases: pd.DataFrame) -> None:
    assert cases.loc[cases["test"] == INTENSIFIER, "effect"].mean() > 0
