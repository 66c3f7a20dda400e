"""`sentiment.evaluation.gate`: intervals that mean what they say, and a gate that refuses for a reason."""

import io
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from sentiment.evaluation import bootstrap
from sentiment.evaluation.bootstrap import Interval
from sentiment.evaluation.gate import Requirements, examine
from sentiment.evaluation.metrics import HIGHER_IS_BETTER, Cost, score
from sentiment.reports import verdict as report

COST = Cost(missed_negative=2.0, false_alarm=1.0, review=0.5)
DRAWING = {"resamples": 200, "confidence": 0.95, "seed": 1}
FEW_DRAWS = DRAWING | {"resamples": 10}
ASKED = Requirements(floor=0.75, max_megabytes=100.0, max_milliseconds=50.0, families=["keras", "bert"])
GOOD: dict[str, Any] = {
    "family": "keras",
    "metric": "roc_auc",
    "quality": 0.8,
    "megabytes": 2.0,
    "milliseconds": 0.3,
    "over_champion": None,
    "synthetic": False,
    "champion_synthetic": None,
    "withdrawn": None,
}


def draw(rows: int, seed: int, noise: float = 0.25) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    negative = (np.arange(rows) < rows / 3).astype(np.int8)
    return negative, np.clip(random.normal(0.35 + 0.3 * negative, noise), 0, 1).round(3)


def between(low: float, high: float) -> Interval:
    return Interval(estimate=(low + high) / 2, low=low, high=high, confidence=0.95)


def reason(name: str, requirements: Requirements = ASKED, **changes: Any) -> tuple[bool, str]:
    (check,) = [check for check in examine(requirements, **{**GOOD, **changes}).checks if check.name == name]
    return check.passed, check.reason


@pytest.mark.parametrize("metric", HIGHER_IS_BETTER)
@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 10), st.integers(0, 3)), min_size=1, max_size=40))
def test_figures_of_drawn_tweets_are_those_of_score(metric: str, tweets: list[tuple[bool, int, int]]) -> None:
    tweets = [*tweets, (True, 3, 1), (False, 3, 1)]  # both classes are drawn, with a tie
    negative = np.array([label for label, _, _ in tweets], dtype=np.int8)
    probability = np.array([tenths / 10 for _, tenths, _ in tweets])
    drawn = np.array([times for _, _, times in tweets])
    measure = bootstrap.statistic(negative, probability, metric, 0.35, COST)
    expected = score(np.repeat(negative, drawn), np.repeat(probability, drawn), 0.35, COST)[metric]
    assert measure(drawn) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_every_draw_holds_as_many_tweets_of_each_class_as_there_are() -> None:
    negative = np.array([1, 0, 0, 0, 1], dtype=np.int8)
    drawn = np.array(list(bootstrap.draws(negative, 50, seed=0)))
    assert (drawn[:, negative == 1].sum(axis=1) == 2).all()
    assert (drawn[:, negative == 0].sum(axis=1) == 3).all()
    assert (drawn.max(axis=1) > 1).any()


def test_an_interval_holds_the_true_figure_as_often_as_it_says() -> None:
    truth = bootstrap.interval(
        *draw(300_000, seed=0), "roc_auc", threshold=0.5, cost=COST, **DRAWING | {"resamples": 1}
    )
    found = [
        bootstrap.interval(*draw(150, seed=seed), "roc_auc", threshold=0.5, cost=COST, **DRAWING)
        for seed in range(1, 201)
    ]
    share = np.mean([one.low <= truth.estimate <= one.high for one in found])
    assert share == pytest.approx(0.95, abs=0.045)  # three standard errors of 200 trials


def test_a_lead_is_the_difference_of_the_figures_and_above_0_for_the_better() -> None:
    negative, good = draw(600, seed=0)
    _, bad = draw(600, seed=1, noise=0.6)
    for metric, higher in HIGHER_IS_BETTER.items():
        lead = bootstrap.lead(negative, good, bad, metric, thresholds=(0.5, 0.4), cost=COST, **FEW_DRAWS)
        gap = score(negative, good, 0.5, COST)[metric] - score(negative, bad, 0.4, COST)[metric]
        assert lead.estimate == pytest.approx(gap if higher else -gap)
        assert lead.estimate > 0
    lead = bootstrap.lead(negative, bad, good, "log_loss", thresholds=(0.5, 0.4), cost=COST, **DRAWING)
    assert lead.high < 0


def test_a_classifier_has_no_lead_over_itself() -> None:
    negative, probability = draw(300, seed=0)
    for metric in HIGHER_IS_BETTER:
        lead = bootstrap.lead(negative, probability, probability, metric, thresholds=(0.4, 0.4), cost=COST, **FEW_DRAWS)
        assert (lead.low, lead.estimate, lead.high) == (0.0, 0.0, 0.0)


def test_the_same_tweets_make_a_lead_surer_than_two_figures_apart() -> None:
    negative, first = draw(500, seed=0)
    second = np.clip(first + np.random.default_rng(9).normal(0, 0.05, 500), 0, 1)
    lead = bootstrap.lead(negative, first, second, "roc_auc", thresholds=(0.5, 0.5), cost=COST, **DRAWING)
    alone = bootstrap.interval(negative, first, "roc_auc", threshold=0.5, cost=COST, **DRAWING)
    assert lead.high - lead.low < (alone.high - alone.low) / 2


def test_a_seed_decides_the_draws() -> None:
    negative, probability = draw(200, seed=0)
    first, again, other = (
        bootstrap.interval(negative, probability, "brier", threshold=0.5, cost=COST, **DRAWING | {"seed": seed})
        for seed in (1, 1, 2)
    )
    assert first == again != other


def test_all_metrics_have_an_interval_around_them_but_the_calibration_error() -> None:
    found = bootstrap.intervals(*draw(300, seed=0), threshold=0.5, cost=COST, **DRAWING)
    assert list(found) == list(HIGHER_IS_BETTER)
    error = found.pop("calibration_error")
    assert math.isnan(error.low)
    assert math.isnan(error.high)
    assert all(one.low < one.estimate < one.high for one in found.values())


def test_one_class_has_no_interval() -> None:
    with pytest.raises(ValueError, match="All 3 tweets are of one class"):
        bootstrap.interval(np.ones(3, np.int8), np.zeros(3), "accuracy", threshold=0.5, cost=COST, **DRAWING)


def test_classifiers_are_compared_on_the_same_tweets() -> None:
    negative, probability = draw(9, seed=0)
    with pytest.raises(ValueError, match="give the same tweets"):
        bootstrap.lead(negative, probability, probability[:8], "roc_auc", thresholds=(0.5, 0.5), cost=COST, **DRAWING)


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"resamples": 0}, "select.resamples=0"), ({"confidence": 95}, "select.confidence=95")],
)
def test_senseless_intervals_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        bootstrap.interval(*draw(9, seed=0), "roc_auc", threshold=0.5, cost=COST, **DRAWING | changes)


def test_an_unknown_metric_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="recall is no metric: take one of accuracy, "):
        bootstrap.interval(*draw(9, seed=0), "recall", threshold=0.5, cost=COST, **DRAWING)


def test_a_good_model_passes_with_a_reason_for_each_check() -> None:
    verdict = examine(ASKED, **GOOD)
    assert verdict.passed
    assert verdict.summary == "Passed all 7 checks."
    assert [check.name for check in verdict.checks] == [
        "family",
        "quality",
        "size",
        "latency",
        "data",
        "champion",
        "withdrawal",
    ]
    assert all(check.reason.endswith(".") for check in verdict.checks)


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("family", {"family": "baseline"}, "select.families allows keras, bert"),
        ("quality", {"quality": 0.7}, "roc_auc is 0.7 on validation, at least 0.75 is asked for"),
        ("quality", {"quality": math.nan}, "select.floor"),
        ("size", {"megabytes": 100.5}, "select.max_megabytes"),
        ("latency", {"milliseconds": 51.0}, "select.max_milliseconds"),
        ("champion", {"over_champion": between(-0.03, -0.01)}, "worse than the champion"),
        ("data", {"synthetic": True, "champion_synthetic": False}, "the champion on real ones"),
        ("withdrawal", {"withdrawn": "it calls\nall thanks negative"}, '"it calls all thanks negative"'),
    ],
)
def test_a_refusal_names_its_figures_and_what_to_do(name: str, changes: dict[str, Any], message: str) -> None:
    passed, why = reason(name, **changes)
    assert not passed
    assert message in why
    assert ". " in why, "what to do is missing"
    verdict = examine(ASKED, **{**GOOD, **changes})
    assert not verdict.passed
    assert verdict.summary == f"Refused by 1 of 7 checks: {name}."


def test_what_just_meets_a_requirement_passes() -> None:
    assert examine(ASKED, **{**GOOD, "quality": 0.75, "megabytes": 100.0, "milliseconds": 50.0}).passed


def test_a_metric_that_is_better_the_lower_it_is_has_a_ceiling() -> None:
    requirements = Requirements(floor=300.0, max_megabytes=100.0, max_milliseconds=50.0, families=["keras"])
    assert reason("quality", requirements, metric="expected_cost", quality=290.0)[0]
    passed, why = reason("quality", requirements, metric="expected_cost", quality=310.0)
    assert not passed
    assert "at most 300 is asked for" in why
    assert "raise select.floor" in why


@pytest.mark.parametrize(
    ("over_champion", "words"),
    [
        (None, "There is no other champion"),
        (between(0.01, 0.03), "better than the champion"),
        (between(-0.03, 0.01), "not worse than chance explains"),
        (between(-0.03, 0.0), "not worse than chance explains"),
    ],
)
def test_only_a_champion_that_leads_beyond_chance_keeps_its_place(over_champion: Interval | None, words: str) -> None:
    passed, why = reason("champion", over_champion=over_champion)
    assert passed
    assert words in why


def test_a_lead_is_told_with_its_interval() -> None:
    assert bootstrap.signed(between(-0.01, 0.03)) == "+0.0100 (95 % interval -0.0100 to +0.0300)"
    assert bootstrap.signed(between(-20.0, -10.0)) == "-15.0 (95 % interval -20.0 to -10.0)"


def test_families_must_be_a_list() -> None:
    with pytest.raises(ValueError, match=r"select.families=keras: give a list, \[keras\]"):
        Requirements(floor=0.75, max_megabytes=100.0, max_milliseconds=50.0, families="keras")


def test_a_verdict_is_told_in_markdown_and_on_a_terminal() -> None:
    verdict = examine(ASKED, **{**GOOD, "withdrawn": "[red]wrong|rude"})
    text = report.markdown(verdict)
    assert text.startswith("**Refused by 1 of 7 checks: withdrawal.**\n\n| check | result | reason |")
    assert "| size | passed | The model takes 2 MB, at most 100 MB is allowed. |" in text
    assert "wrong\\|rude" in text
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(report.terminal(verdict, "The gate"))
    shown = " ".join(console.export_text().split())
    assert "withdrawal refused" in shown
    assert '"[red]wrong|rude"' in shown
    assert shown.endswith("Refused by 1 of 7 checks: withdrawal.")
