"""`sentiment.reports.model_card`: the card contains every figure and explains it to non-specialists."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from huggingface_hub import ModelCard

from sentiment.evaluation import slices
from sentiment.evaluation.bootstrap import Interval
from sentiment.evaluation.calibration import choose
from sentiment.evaluation.faithfulness import Faithfulness
from sentiment.evaluation.metrics import HIGHER_IS_BETTER, Cost, Predictions
from sentiment.evaluation.verdict import Check, Verdict
from sentiment.inference.probabilities import Reliability
from sentiment.reports import comparison, hub, model_card, pages
from sentiment.reports.canvas import blank
from sentiment.reports.model_card import Card

COST = Cost(missed_negative=2.0, false_alarm=1.0, review=0.5)
NEGATIVE = np.array([0, 1] * 30, dtype=np.int8)
TEXTS = [f"@air flight {row} was {'never on time!' if row % 2 else 'fine'}" for row in range(60)]
RANDOM = np.random.default_rng(0)
PROBABILITY = np.clip(RANDOM.normal(0.35 + 0.3 * NEGATIVE, 0.2), 0.01, 0.99)
FIGURES = {
    metric: Interval(estimate=0.8 + place / 100, low=0.7, high=0.9, confidence=0.95)
    for place, metric in enumerate(HIGHER_IS_BETTER)
}
PASSED = Verdict([Check(name="size", result="passed", reason="The model takes 2 MB.")])
CALIBRATION = choose(NEGATIVE, PROBABILITY, folds=3, seed=0).table
SLICES = slices.table(TEXTS, NEGATIVE, Predictions.at(PROBABILITY, 0.4), cost=COST, confidence=0.95)
DIGEST = "0123456789abcdef" * 4
RELIABLE = pd.DataFrame(
    {"answer": ["negative", "positive"], "tweets": [1_275, 1_125], "reliable": [640, 0], "wrong": [19, 0]}
).assign(error=[19 / 640, np.nan])
NO_ALARMS = {"found": 0, "missed": 5, "false_alarms": 0, "left_alone": 5}


def card(**changes: Any) -> Card:
    rows = [
        {**dict.fromkeys(comparison.COLUMNS, 0.5), "name": name, "roc_auc": auc}
        for name, auc in (("bilstm|x", 0.853), ("logistic_regression", 0.841))
    ]
    default = Card(
        name="tweet_sentiment",
        version="7",
        created="12 May 2026",
        candidate="bilstm|x",
        family="keras",
        languages=["en", "fr"],
        training={"train_keras": {"learning_rate": 0.0005, "units": 64}},
        data={
            "data": "tweets",
            "digest": DIGEST,
            "splits": {
                "train": {"rows": 11_200, "negative": 5_600},
                "validation": {"rows": 2_400, "negative": 1_200},
                "test": {"rows": 2_400, "negative": 1_200},
            },
            "train_on_rest": True,
            "extra_training": {"more": {"file": "more.csv", "rows_added": 4_321}},
            "unknown_groups": {"train": 12, "validation": 0, "test": 3},
            "near_duplicates": {"validation": {"rows": 46, "share": 0.019}, "test": {"rows": 12, "share": 0.005}},
        },
        data_limits=["The labels were guessed."],
        validation=FIGURES,
        test=FIGURES,
        gap="0.004 below validation, 0.4 standard errors; chance alone makes one at least as large in 69 % of runs",
        answers={"found": 1_020, "missed": 180, "false_alarms": 255, "left_alone": 945},
        cost=COST,
        threshold=0.34,
        uncertain=(0.25, 0.5),
        uncertain_share=0.22,
        reliability=Reliability(
            negative_from=0.812, positive_to=None, max_error=0.05, confidence=0.95, negative_share=(0.2, 0.5)
        ),
        reliable=RELIABLE,
        auc_without_near_duplicates=0.8234,
        calibration_method="platt",
        calibration=CALIBRATION,
        slices=SLICES,
        faithfulness=Faithfulness(
            tweets=60,
            max_words=10,
            pearson=0.9942,
            pearson_of_tweet=0.9905,
            error=0.1342,
            comprehensiveness=0.9241,
            sufficiency=0.008,
            mosaics=20,
            mosaic_mass=0.9062,
        ),
        verdict=PASSED,
        metric="roc_auc",
        targets={},
        ranked_on="the validation split",
        candidates=pd.DataFrame(rows),
        leads={"logistic_regression": Interval(estimate=0.0123, low=-0.0011, high=0.0255, confidence=0.95)},
        megabytes=2.1,
        milliseconds=0.31,
        commit="0a1b2c3",
        commands=["mlflow run . --env-manager=local", 'mlflow run . -P hydra_options="data=csv"'],
        runs={"train_keras": "runs:/abc/model"},
        versions={"numpy": "2.4.6"},
    )
    return replace(default, **changes)


def test_the_first_paragraph_counts_per_hundred_tweets() -> None:
    paragraph = model_card.markdown(card()).split("\n\n")[1]
    assert "On 2,400 tweets that it had never seen" in paragraph
    assert "it found **85 of 100** negative tweets" in paragraph
    assert "of 100 tweets that it classified as negative, **80** were" in paragraph


def test_the_first_paragraph_reports_a_model_that_finds_no_negatives() -> None:
    paragraph = model_card.markdown(card(answers=NO_ALARMS)).split("\n\n")[1]
    assert "**0 of 100** negative tweets: it classified none as negative." in paragraph


def test_every_metric_is_shown_for_both_splits_and_explained() -> None:
    assert set(model_card.METRICS) == set(HIGHER_IS_BETTER)
    text = model_card.markdown(card())
    for metric in HIGHER_IS_BETTER:
        head, _ = model_card.METRICS[metric]
        figure = model_card.formatted(metric, FIGURES[metric])
        (row,) = [line for line in text.splitlines() if line.startswith(f"| {head} | {figure} | {figure} | ")]
        assert re.fullmatch(r"\| ([^|]+ \| ){3}[a-z][^|]+ \|", row)


def test_the_card_shows_all_targets_side_by_side() -> None:
    assert "On the targets" not in model_card.markdown(card())
    scores = dict.fromkeys(HIGHER_IS_BETTER, 0.5)
    compared = card().candidates.assign(airline_roc_auc=[0.911, 0.922], people_roc_auc=[0.933, 0.944])
    targets = {"airline": scores | {"roc_auc": 0.911}, "people": scores | {"roc_auc": 0.933}}
    text = model_card.markdown(card(targets=targets, ranked_on="the target people", candidates=compared))
    assert "| metric | airline | people |" in text
    assert "| AUC | 0.911 | 0.933 |" in text
    assert "Best AUC on the target people first" in text
    assert "| candidate | AUC | AUC airline | AUC people |" in text


def test_the_card_says_which_languages_the_model_reads() -> None:
    assert "| languages | en, fr |" in model_card.markdown(card())


def test_a_figure_without_an_interval_is_shown_alone() -> None:
    figure = Interval(estimate=0.0214, low=np.nan, high=np.nan, confidence=0.95)
    assert model_card.formatted("calibration_error", figure) == "0.021"
    assert "nan" not in model_card.markdown(card(test=FIGURES | {"calibration_error": figure})).lower().split()


def test_the_card_contains_every_value() -> None:
    text = model_card.markdown(card()).replace("\\", "")  # escapes are for Markdown
    for expected in (
        "# tweet_sentiment, version 7: model card",
        'load_model("models:/tweet_sentiment/7")',
        "12 May 2026",
        "keras",
        "| train_keras.learning_rate | 0.0005 |",
        f"| digest | {DIGEST} |",
        "| extra_training.more.rows_added | 4321 |",
        "| extra_training.more.file | more.csv |",
        "| train_on_rest | True |",
        "validation AUC is 0.823.",
        "authors of 12 train, 0 validation, 3 test tweets are unknown",
        "1.9 % of the validation tweets and 0.5 % of the test tweets nearly repeat a training tweet",
        "| train | 11,200 | 5,600 | 50.0 % |",
        "- The labels were guessed.",
        "0.004 below validation",
        "| positive | 255 false alarms | 945 correct |",
        "probability is at least **0.34**",
        "1 for a false alarm",
        "**0.25 to 0.50**",
        "22 of 100 validation tweets",
        "with 95 % confidence, at most 5 % of such answers are wrong",
        "as long as 20 to 50 % of the tweets are negative",
        "| negative | from 0.812 | 640 of 1,275 | 19 | 3.0 % |",
        "| positive | never | 0 of 1,125 | 0 | – |",
        "calibrated on validation (platt)",
        "| with negation (few) | 30 |",
        "Passed all 1 checks.",
        "+0.0123\u00a0(-0.0011\u00a0to\u00a0+0.0255)",
        "2.1 MB, 0.31 ms",
        "git commit `0a1b2c3`",
        'mlflow run . -P hydra_options="data=csv"',
        "| train_keras | runs:/abc/model |",
        "| numpy | 2.4.6 |",
    ):
        assert expected in text, expected


def test_without_a_band_the_card_says_that_review_never_pays() -> None:
    text = model_card.markdown(card(uncertain=None))
    assert "a review never pays" in text
    assert "marked as uncertain (" not in text


def test_uncalibrated_probabilities_are_reported() -> None:
    assert "Probabilities were not calibrated;" in model_card.markdown(card(calibration_method="none"))


def test_missing_figures_are_omitted() -> None:
    complete = card(auc_without_near_duplicates=None)
    data = {key: value for key, value in complete.data.items() if key not in {"unknown_groups", "near_duplicates"}}
    text = model_card.markdown(replace(complete, data=data))
    assert not re.search("nearly repeat|are unknown", text)
    no_unknown_groups = {**complete.data, "unknown_groups": dict.fromkeys(("train", "validation", "test"), 0)}
    assert "are unknown" not in model_card.markdown(replace(complete, data=no_unknown_groups))


@pytest.mark.parametrize("changes", [{}, {"uncertain": None}, {"answers": NO_ALARMS}])
def test_blocks_are_separated_by_exactly_one_blank_line(changes: dict[str, Any]) -> None:
    text = model_card.markdown(card(**changes))
    assert "\n\n\n" not in text
    assert text == text.strip() + "\n"
    prose = re.sub(r"```.*?```", "code", text, flags=re.DOTALL).splitlines()
    for before, line in zip(prose, prose[1:], strict=False):
        assert not (before and line) or (before[0] == line[0] and line[0] in "|-"), (before, line)


def test_a_refusal_is_shown_at_the_top() -> None:
    refused = Verdict([Check(name="size", result="refused", reason="The model takes 900 MB.")])
    summary = model_card.markdown(card(verdict=refused)).partition("## Uses")[0]
    assert "Refused by 1 of 1 checks: size." in summary


def test_names_cannot_break_a_table() -> None:
    (row,) = [line for line in model_card.markdown(card()).splitlines() if line.startswith("| bilstm")]
    assert row.startswith("| bilstm\\|x | 0.853 |")


@pytest.mark.parametrize("metric", HIGHER_IS_BETTER)
def test_a_card_can_be_written_for_every_ranking_metric(metric: str) -> None:
    head = model_card.METRICS[metric][0]
    text = model_card.markdown(card(metric=metric))
    assert f"| {head} on test | " in text
    assert f"Best {head} on the validation split first" in text


def test_answers_are_counted_by_kind() -> None:
    negative = np.array([1, 1, 1, 0, 0, 0, 0], dtype=np.int8)
    predicted = np.array([True, True, False, True, False, False, False])
    assert model_card.count_answers(negative, predicted) == {
        "found": 2,
        "missed": 1,
        "false_alarms": 1,
        "left_alone": 3,
    }


def test_the_page_embeds_its_images(tmp_path: Path) -> None:
    for plot in model_card.PLOTS:
        blank(plot)[0].savefig(tmp_path / f"{plot}.png")
    page = pages.page(model_card.markdown(card()), tmp_path)
    sources = re.findall(r'src="([^"]{0,22})', page)
    assert sources == ["data:image/png;base64,"] * len(model_card.PLOTS)
    assert "<title>tweet_sentiment, version 7: model card</title>" in page
    assert page.count("<table>") == 14


def test_the_card_says_how_far_explanations_may_be_trusted() -> None:
    _, section = model_card.markdown(card()).split("\n## Explanations\n")
    section = section.partition("\n## ")[0]
    assert "On 60 short tweets (2 to 10 words)" in section
    assert "| Pearson's correlation | 0.994 | 1 |" in section
    assert "| mosaics | 0.906 |" in section


def test_the_card_of_a_model_that_explains_as_another_version_has_no_figures_of_trust() -> None:
    _, section = model_card.markdown(card(faithfulness=None)).split("\n## Explanations\n")
    assert "Not measured: the model was trained by another version" in section.partition("\n## ")[0]


def test_the_hub_reads_every_metric_of_the_card_and_its_text() -> None:
    target = {metric: 0.5 + place / 100 for place, metric in enumerate(model_card.METRICS)}
    digest = "f" * 64
    content = card(targets={"people": target}, data=card().data | {"targets": {"people": {"digest": digest}}})
    text = model_card.markdown(content)
    read = ModelCard(hub.with_metadata(content, text))
    assert read.text.strip() == text.strip()
    assert (read.data.model_name, read.data.license, read.data.language) == (content.name, "apache-2.0", ["en", "fr"])
    values = {
        (result.dataset_name, result.dataset_split, result.metric_type): result.metric_value
        for result in read.data.eval_results
    }
    on_test = {("tweets", "test", metric): FIGURES[metric].estimate for metric in model_card.METRICS}
    assert values == on_test | {("people", "target", metric): value for metric, value in target.items()}
    revisions = {(result.dataset_name, result.dataset_revision) for result in read.data.eval_results}
    assert revisions == {("tweets", DIGEST), ("people", digest)}
