"""`evaluation.gate`: models pass only on sufficient evidence, and every refusal gives its reason."""

import io
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from sentiment.evaluation.bootstrap import Interval
from sentiment.evaluation.gate import Feedback, Requirements, Rival, examine, tweets_needed
from sentiment.reports import verdict as report

REQUIREMENTS = Requirements(
    floor=0.75, margin=0.005, max_megabytes=100.0, max_milliseconds=50.0, families=["keras", "bert"]
)
GOOD_MODEL: dict[str, Any] = {
    "family": "keras",
    "metric": "roc_auc",
    "quality": Interval(estimate=0.8, low=0.78, high=0.82, confidence=0.95),
    "constant": 0.5,
    "megabytes": 2.0,
    "milliseconds": 0.3,
    "champion": None,
    "withdrawn": None,
}


def between(low: float, high: float) -> Interval:
    return Interval(estimate=(low + high) / 2, low=low, high=high, confidence=0.95)


def champion_led_by(low: float, high: float, *, rows: int = 1_000, behind: float = 0.0) -> Rival:
    """Return a champion over which the challenger has a lead in this interval."""
    return Rival(rows=rows, authors=rows, lead=between(low, high), behind=behind)


def reason(name: str, requirements: Requirements = REQUIREMENTS, **changes: Any) -> tuple[str, str]:
    (check,) = [check for check in examine(requirements, **{**GOOD_MODEL, **changes}).checks if check.name == name]
    return check.result, check.reason


def test_a_good_model_passes_with_a_reason_for_each_check() -> None:
    verdict = examine(REQUIREMENTS, **GOOD_MODEL)
    assert verdict.passed
    assert verdict.summary == "Passed all 6 checks."
    assert [check.name for check in verdict.checks] == [
        "family",
        "quality",
        "size",
        "latency",
        "champion",
        "withdrawal",
    ]
    assert all(check.reason.endswith(".") for check in verdict.checks)


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("family", {"family": "baseline"}, "select.families allows keras, bert"),
        (
            "quality",
            {"quality": between(0.68, 0.72)},
            "reaches 0.5, and at least 0.75 is required",
        ),
        ("quality", {"quality": between(math.nan, math.nan)}, "not significantly better than a constant answer"),
        ("quality", {"quality": between(0.49, 0.99)}, "not significantly better than a constant answer"),
        ("quality", {"quality": between(0.5, 1.0)}, "not significantly better than a constant answer"),
        ("quality", {"metric": "log_loss", "quality": between(0.6, 0.63), "constant": 0.62}, "constant answer"),
        ("champion", {"champion": champion_led_by(-0.004, -0.002)}, "worse than the champion"),
        ("size", {"megabytes": 100.5}, "select.max_megabytes"),
        ("latency", {"milliseconds": 51.0}, "select.max_milliseconds"),
        ("champion", {"champion": champion_led_by(-0.03, -0.01)}, "worse than the champion"),
        ("withdrawal", {"withdrawn": "it calls\nall thanks negative"}, '"it calls all thanks negative"'),
    ],
)
def test_a_refusal_gives_figures_and_advice(name: str, changes: dict[str, Any], message: str) -> None:
    result, explanation = reason(name, **changes)
    assert result == "refused"
    assert message in explanation
    assert ". " in explanation, "the advice is missing"
    verdict = examine(REQUIREMENTS, **{**GOOD_MODEL, **changes})
    assert not verdict.passed
    assert verdict.summary == f"Refused by 1 of 6 checks: {name}."


def test_authors_are_counted_only_if_some_wrote_several_tweets() -> None:
    champion = champion_led_by(0.01, 0.02, rows=1_000)
    assert "(by 400 authors)" in reason("champion", champion=replace(champion, authors=400))[1]
    assert "authors" not in reason("champion", champion=champion)[1]


def test_a_model_that_just_meets_the_requirements_passes() -> None:
    assert examine(
        REQUIREMENTS, **{**GOOD_MODEL, "quality": between(0.74, 0.76), "megabytes": 100.0, "milliseconds": 50.0}
    ).passed


def test_a_metric_to_minimize_has_a_ceiling() -> None:
    requirements = replace(REQUIREMENTS, floor=300.0)
    cost = {"metric": "expected_cost", "constant": 500.0}
    assert reason("quality", requirements, **cost, quality=between(280.0, 300.0))[0] == "passed"
    result, explanation = reason("quality", requirements, **cost, quality=between(300.0, 320.0))
    assert result == "refused"
    assert "at most 300 is required" in explanation
    assert "raise select.floor.expected_cost" in explanation


def test_without_a_floor_a_model_must_only_beat_a_constant_answer() -> None:
    requirements = replace(REQUIREMENTS, floor=None)
    assert reason("quality", requirements, quality=between(0.505, 0.515))[0] == "passed"
    assert reason("quality", requirements, quality=between(0.49, 0.53))[0] == "refused"


@pytest.mark.parametrize(
    ("champion", "message"),
    [
        (None, "There is no other champion"),
        (champion_led_by(0.01, 0.03), "better than the champion"),
        (champion_led_by(-0.004, 0.01), "not worse by select.margin.roc_auc=0.005"),
    ],
)
def test_a_non_inferior_challenger_passes(champion: Rival | None, message: str) -> None:
    result, explanation = reason("champion", champion=champion)
    assert result == "passed"
    assert message in explanation


@pytest.mark.parametrize(
    "champion",
    [champion_led_by(-0.03, -0.01), champion_led_by(-0.03, 0.01), champion_led_by(-0.02, 0.008)],
)
def test_a_challenger_worse_than_the_margin_is_refused(champion: Rival) -> None:
    result, explanation = reason("champion", champion=champion)
    assert result == "refused"
    assert "worse than the champion. Train a better model" in explanation


def test_the_gate_is_undecided_with_too_few_tweets_and_says_how_many_it_needs() -> None:
    result, explanation = reason("champion", champion=champion_led_by(-0.018, 0.018, rows=300))
    assert result == "undecided"
    assert "About 7,644 more test tweets are needed to decide (with a power of 80%)" in explanation
    verdict = examine(REQUIREMENTS, **{**GOOD_MODEL, "champion": champion_led_by(-0.018, 0.018)})
    assert not verdict.passed
    assert verdict.summary == "Undecided, so not promoted: champion."


def test_the_requested_number_of_tweets_gives_a_power_of_80_percent() -> None:
    needed = tweets_needed(between(-0.018, 0.018), 300, distance=0.005)
    standard_error = 0.018 / 1.96 * (300 / needed) ** 0.5
    leads = np.random.default_rng(0).normal(0, standard_error, 10_000)
    assert np.mean(leads - 1.96 * standard_error > -0.005) == pytest.approx(0.8, abs=0.02)


def test_the_number_of_tweets_needed_is_capped_at_a_million() -> None:
    assert "More than 1,000,000 more test tweets" in reason("champion", champion=champion_led_by(-0.0149, 0.0051))[1]


@pytest.mark.parametrize("half_width", [0.018, 0.004, 0.0009])
def test_repeated_retraining_cannot_erode_quality(half_width: float) -> None:
    best, champion, behind = 0.9, 0.9, 0.0
    for step in range(20):
        lead = [-0.004, -0.0005, -0.002][step % 3]
        rival = champion_led_by(lead - half_width, lead + half_width, rows=100_000, behind=behind)
        if reason("champion", champion=rival)[0] == "passed":
            champion, behind = champion + lead, min(0.0, behind + lead)
    assert champion > best - REQUIREMENTS.margin


def test_a_lead_makes_up_for_earlier_losses() -> None:
    assert reason("champion", champion=champion_led_by(-0.002, 0.001, behind=-0.004))[0] != "passed"
    assert reason("champion", champion=champion_led_by(0.001, 0.004, behind=-0.004))[0] == "passed"


def test_a_champion_without_comparison_leaves_the_gate_undecided() -> None:
    rival = Rival(rows=12, authors=12, lead=None, obstacle="only 12 tweets are unseen by it; 300 are required.")
    result, explanation = reason("champion", champion=rival)
    assert result == "undecided"
    assert "only 12 tweets are unseen by it; 300 are required. Decide manually (step promote)." in explanation


def test_a_refusal_outweighs_an_undecided_check() -> None:
    verdict = examine(REQUIREMENTS, **{**GOOD_MODEL, "megabytes": 200.0, "champion": champion_led_by(-0.018, 0.018)})
    assert verdict.result == "refused"
    assert verdict.summary == "Refused by 1 of 6 checks: size."


def test_a_verdict_is_shown_in_markdown_and_on_the_terminal() -> None:
    verdict = examine(REQUIREMENTS, **{**GOOD_MODEL, "withdrawn": "[red]wrong|rude"})
    text = report.markdown(verdict)
    assert text.startswith("**Refused by 1 of 6 checks: withdrawal.**\n\n| check | result | reason |")
    assert "| size | passed | The served form takes 2 MB; the limit is 100 MB. |" in text
    assert "wrong\\|rude" in text
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(report.terminal(verdict, "The gate"))
    output = " ".join(console.export_text().split())
    assert "withdrawal refused" in output
    assert '"[red]wrong|rude"' in output
    assert output.endswith("Refused by 1 of 6 checks: withdrawal.")


def on_feedback(correct: int, champion_correct: int, rows: int = 36) -> Feedback:
    lead = (correct - champion_correct) / rows
    return Feedback(rows=rows, correct=correct, champion_correct=champion_correct, lead=between(lead - 0.1, lead + 0.1))


def test_without_a_feedback_set_there_is_no_check_of_it() -> None:
    assert "feedback" not in {check.name for check in examine(REQUIREMENTS, **GOOD_MODEL).checks}


@pytest.mark.parametrize(("correct", "champion_correct"), [(30, 4), (20, 20), (36, 35)])
def test_a_model_as_good_as_the_champion_on_the_feedback_set_passes(correct: int, champion_correct: int) -> None:
    result, explanation = reason("feedback", feedback=on_feedback(correct, champion_correct))
    assert result == "passed"
    assert f"{correct} of 36 tweets of the feedback set correctly, the champion {champion_correct}" in explanation


def test_a_model_worse_than_the_champion_on_the_feedback_set_is_refused_though_better_on_test() -> None:
    changes = {"champion": champion_led_by(0.01, 0.02), "feedback": on_feedback(19, 20)}
    result, explanation = reason("feedback", **changes)
    assert result == "refused"
    assert "worse than the champion. Train on more labels" in explanation
    assert examine(REQUIREMENTS, **{**GOOD_MODEL, **changes}).summary == "Refused by 1 of 7 checks: feedback."


def test_a_feedback_set_that_cannot_be_compared_leaves_the_verdict_undecided() -> None:
    result, explanation = reason("feedback", feedback=Feedback(rows=3, obstacle="only 3 tweets."))
    assert (result, explanation) == (
        "undecided",
        "It cannot be compared on the feedback set: only 3 tweets. Decide manually (step promote).",
    )
