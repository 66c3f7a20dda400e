"""`evaluation.gate`: it lets nothing pass that it cannot tell, and refuses for a reason."""

import io
import math
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from sentiment.evaluation.bootstrap import Interval
from sentiment.evaluation.gate import Requirements, Rival, examine
from sentiment.reports import verdict as report

ASKED = Requirements(
    floor=0.75, margin=0.005, min_compared=300, max_megabytes=100.0, max_milliseconds=50.0, families=["keras", "bert"]
)
GOOD: dict[str, Any] = {
    "family": "keras",
    "metric": "roc_auc",
    "quality": 0.8,
    "constant": 0.5,
    "megabytes": 2.0,
    "milliseconds": 0.3,
    "champion": None,
    "synthetic": False,
    "withdrawn": None,
}


def against(low: float, high: float, *, rows: int = 1_000, synthetic: bool = False) -> Rival:
    lead = Interval(estimate=(low + high) / 2, low=low, high=high, confidence=0.95)
    return Rival(synthetic=synthetic, rows=rows, lead=lead)


def reason(name: str, requirements: Requirements = ASKED, **changes: Any) -> tuple[str, str]:
    (check,) = [check for check in examine(requirements, **{**GOOD, **changes}).checks if check.name == name]
    return check.result, check.reason


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
        (
            "quality",
            {"quality": 0.7},
            "reaches 0.5, at least 0.75 is required",
        ),
        ("quality", {"quality": math.nan}, "no better than a constant answer"),
        ("quality", {"metric": "log_loss", "quality": 0.62, "constant": 0.62}, "no better than a constant answer"),
        ("size", {"megabytes": 100.5}, "select.max_megabytes"),
        ("latency", {"milliseconds": 51.0}, "select.max_milliseconds"),
        ("champion", {"champion": against(-0.03, -0.01)}, "worse than the champion"),
        ("data", {"synthetic": True, "champion": against(0.01, 0.03)}, "the champion on real ones"),
        ("withdrawal", {"withdrawn": "it calls\nall thanks negative"}, '"it calls all thanks negative"'),
    ],
)
def test_a_refusal_names_its_figures_and_what_to_do(name: str, changes: dict[str, Any], message: str) -> None:
    result, why = reason(name, **changes)
    assert result == "refused"
    assert message in why
    assert ". " in why, "what to do is missing"
    verdict = examine(ASKED, **{**GOOD, **changes})
    assert not verdict.passed
    assert verdict.summary == f"Refused by 1 of 7 checks: {name}."


def test_what_just_meets_a_requirement_passes() -> None:
    assert examine(ASKED, **{**GOOD, "quality": 0.75, "megabytes": 100.0, "milliseconds": 50.0}).passed


def test_a_metric_that_is_better_the_lower_it_is_has_a_ceiling() -> None:
    requirements = replace(ASKED, floor=300.0)
    of_cost = {"metric": "expected_cost", "constant": 500.0}
    assert reason("quality", requirements, **of_cost, quality=290.0)[0] == "passed"
    result, why = reason("quality", requirements, **of_cost, quality=310.0)
    assert result == "refused"
    assert "at most 300 is required" in why
    assert "raise select.floor.expected_cost" in why


def test_without_a_floor_a_model_must_only_beat_a_constant_answer() -> None:
    requirements = replace(ASKED, floor=None)
    assert reason("quality", requirements, quality=0.51)[0] == "passed"
    assert reason("quality", requirements, quality=0.5)[0] == "refused"


@pytest.mark.parametrize(
    ("champion", "words"),
    [
        (None, "There is no other champion"),
        (against(0.01, 0.03), "better than the champion"),
        (against(-0.004, 0.01), "not worse by select.margin.roc_auc=0.005"),
    ],
)
def test_a_challenger_passes_where_it_is_certainly_not_worse_by_the_margin(champion: Rival | None, words: str) -> None:
    result, why = reason("champion", champion=champion)
    assert result == "passed"
    assert words in why


@pytest.mark.parametrize(
    "champion",
    [against(-0.03, -0.01), against(-0.03, 0.01), against(-0.02, 0.008)],
)
def test_a_challenger_that_is_worse_by_the_margin_is_refused(champion: Rival) -> None:
    result, why = reason("champion", champion=champion)
    assert result == "refused"
    assert "worse than the champion. Train a better model" in why


def test_where_the_tweets_are_too_few_to_tell_the_gate_is_undecided_and_says_how_many_more_it_takes() -> None:
    result, why = reason("champion", champion=against(-0.018, 0.018, rows=300))
    assert result == "undecided"
    assert "About 3,588 more test tweets are needed" in why  # 300 * (0.018 / 0.005) ** 2 - 300
    verdict = examine(ASKED, **{**GOOD, "champion": against(-0.018, 0.018)})
    assert not verdict.passed
    assert verdict.summary == "Undecided, so not promoted: champion."


def test_retraining_alike_models_never_ratchets_downwards() -> None:
    quality, champion = 0.9, 0.9
    for _ in range(10):  # each a little worse than the one before, by less than 300 tweets can tell
        quality -= 0.004
        if reason("champion", champion=against(quality - champion - 0.018, quality - champion + 0.018))[0] == "passed":
            champion = quality
    assert champion == 0.9


def test_a_champion_that_cannot_be_compared_leaves_the_gate_undecided() -> None:
    rival = Rival(synthetic=False, rows=12, lead=None, obstacle="only 12 tweets are unseen by it; 300 are required.")
    result, why = reason("champion", champion=rival)
    assert result == "undecided"
    assert "only 12 tweets are unseen by it; 300 are required. Decide by hand (step promote)." in why


def test_a_refusal_outweighs_what_is_undecided() -> None:
    verdict = examine(ASKED, **{**GOOD, "megabytes": 200.0, "champion": against(-0.018, 0.018)})
    assert verdict.result == "refused"
    assert verdict.summary == "Refused by 1 of 7 checks: size."


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
