"""`evaluation.slices`: kinds of tweets are told apart as people would, and figures are those of the kind alone."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentiment.evaluation import slices
from sentiment.evaluation.metrics import Cost, Predictions, auc_standard_error, score
from sentiment.reports import slices as report

COST = Cost(missed_negative=2.0, false_alarm=1.0, review=0.5)


def table(texts: list[str], negative: np.ndarray, probability: np.ndarray) -> pd.DataFrame:
    made = slices.table(texts, negative, Predictions.at(probability, 0.5), cost=COST, confidence=0.95)
    return made.set_index("slice")


@pytest.fixture(scope="module")
def made() -> pd.DataFrame:
    negative, probability = labelled(300)
    return table(["@air late again" if row % 3 else "lovely :)" for row in range(300)], negative, probability)


def labelled(rows: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    negative = random.integers(0, 2, rows).astype(np.int8)
    return negative, np.clip(random.normal(0.35 + 0.3 * negative, 0.3), 0, 1)


@pytest.mark.parametrize(
    ("trait", "text", "has"),
    [
        ("mention", "thanks @AirParadis", True),
        ("mention", "write to me@air.example", False),
        ("link", "see http://t.co/x1", True),
        ("link", "see www.air.example", True),
        ("link", "see http for yourself", False),
        ("hashtag", "late again #fail", True),
        ("hashtag", "we are #1", False),
        ("hashtag", "it&#39;s late", False),
        ("hashtag", "see http://air.example/#seats", False),
        ("emoji or emoticon", "late again \U0001f620", True),
        ("emoji or emoticon", "late again :(", True),
        ("emoji or emoticon", "lovely ;-).", True),
        ("emoji or emoticon", "love you &lt;3", True),
        ("emoji or emoticon", "at 8:54 (in the morning) and: 12:30", False),
        ("emoji or emoticon", "see http://air.example", False),
        ("emoji or emoticon", "caf\u00e9 \u65e5\u672c", False),
        ("negation", "not again", True),
        ("negation", "No seat", True),
        ("negation", "it didn\u2019t work", True),
        ("negation", "it didnt work", True),
        ("negation", "I cannot", True),
        ("negation", "nobody knows", True),
        ("negation", "notice the knot", False),
        ("negation", "thanks @nothing_air", False),
        ("? or !", "where is it?", True),
        ("? or !", "at last!", True),
        ("? or !", "see http://air.example/?a=1", False),
        ("capitals", "this is RIDICULOUS", True),
        ("capitals", "BA to JFK, LOL", False),
        ("capitals", "#LATE again", True),
        ("capitals", "thanks @AIRPARADIS", False),
    ],
)
def test_a_trait_is_found_where_people_see_it(trait: str, text: str, has: bool) -> None:
    found = slices.masks([text])
    assert found[f"with {trait}"].tolist() == [has]
    assert found[f"without {trait}"].tolist() == [not has]


@pytest.mark.parametrize(
    ("length", "name"),
    [
        (1, "short (below 50 characters)"),
        (49, "short (below 50 characters)"),
        (50, "medium (50 to 99)"),
        (99, "medium (50 to 99)"),
        (100, "long (100 or more)"),
    ],
)
def test_length_is_counted_in_characters(length: int, name: str) -> None:
    lengths = [kind for kind, inside in slices.masks(["x" * length]).items() if inside[0] and "with" not in kind]
    assert lengths == [slices.ALL, name]


@given(st.lists(st.text(max_size=120), min_size=1, max_size=5))
def test_every_tweet_is_on_one_side_of_each_trait_and_of_one_length(texts: list[str]) -> None:
    found = slices.masks(texts)
    assert found.pop(slices.ALL).all()
    names = list(found)
    assert (sum(found[name].astype(int) for name in names[:3]) == 1).all()
    for with_it, without in zip(names[3::2], names[4::2], strict=True):
        assert without == with_it.replace("with ", "without ")
        assert (found[with_it] ^ found[without]).all()


def test_figures_are_those_of_the_tweets_of_the_slice_alone(made: pd.DataFrame) -> None:
    negative, probability = labelled(300)
    inside = np.arange(300) % 3 > 0
    row = made.loc["with mention"]
    expected = score(negative[inside], Predictions.at(probability[inside], 0.5), COST)
    for metric in ("roc_auc", "accuracy", "expected_cost"):
        assert row[metric] == pytest.approx(expected[metric])
    assert row["tweets"] == 200
    assert row["negative_share"] == pytest.approx(negative[inside].mean())
    half_width = 1.959964 * auc_standard_error(negative[inside], expected["roc_auc"])
    assert row["roc_auc_high"] - row["roc_auc"] == pytest.approx(half_width)
    assert row["roc_auc"] - row["roc_auc_low"] == pytest.approx(half_width)


def test_the_first_row_is_all_tweets(made: pd.DataFrame) -> None:
    negative, probability = labelled(300)
    assert made.index[0] == slices.ALL
    assert made.iloc[0]["roc_auc"] == pytest.approx(score(negative, Predictions.at(probability, 0.5), COST)["roc_auc"])


def test_a_slice_without_tweets_is_kept_and_says_nothing(made: pd.DataFrame) -> None:
    row = made.loc["with link"]
    assert row["tweets"] == 0
    assert row["few"]
    figures = ["negative_share", "roc_auc", "roc_auc_low", "roc_auc_high", "accuracy", "expected_cost"]
    assert row[figures].isna().all()


def test_a_slice_of_one_class_has_no_auc_but_an_accuracy() -> None:
    row = table(["late!"] * 3 + ["fine"] * 3, np.array([1, 1, 1, 0, 0, 0], np.int8), np.full(6, 0.7)).loc["with ? or !"]
    assert np.isnan(row["roc_auc"])
    assert row["accuracy"] == 1.0
    assert row["expected_cost"] == 0.0


def test_small_slices_are_marked() -> None:
    negative, probability = labelled(199)
    texts = ["late!"] * 100 + ["fine"] * 99
    made = table(texts, negative, probability)
    assert not made.loc["with ? or !", "few"]
    assert made.loc["without ? or !", "few"]
    written = report.formatted(made.reset_index())["slice"].tolist()
    assert "with ? or !" in written
    assert "without ? or ! (few)" in written


def test_an_interval_stays_between_0_and_1() -> None:
    negative = np.array([0, 1, 0, 1, 1], np.int8)
    row = table(["x"] * 5, negative, np.array([0.1, 0.9, 0.8, 0.85, 0.3])).iloc[0]
    assert row["roc_auc_high"] == 1.0
    assert 0.0 <= row["roc_auc_low"] < row["roc_auc"]


def test_what_cannot_be_computed_is_written_as_a_dash(made: pd.DataFrame) -> None:
    written = report.formatted(made.reset_index()).set_index("slice")
    assert written.loc["with link (few)"].tolist() == [0, *[report.NONE] * 4]
    row = made.loc[slices.ALL]
    assert written.loc[slices.ALL, "AUC (interval)"] == (
        f"{row['roc_auc']:.3f} ({row['roc_auc_low']:.3f} to {row['roc_auc_high']:.3f})"
    )
    assert not written.map(lambda value: "nan" in str(value)).any(axis=None)


def test_the_plot_shows_the_slices_that_have_an_auc(made: pd.DataFrame) -> None:
    axes = report.plot(made.reset_index()).axes[0]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels[0] == "all, 300"
    assert "with mention, 200" in labels
    assert len(labels) == made["roc_auc"].notna().sum() < len(made)
