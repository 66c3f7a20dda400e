"""`evaluation.slices`: tweets are sliced by traits that people see, and each slice has its own metrics."""

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
    by_slice = slices.table(texts, negative, Predictions.at(probability, 0.5), cost=COST, confidence=0.95)
    return by_slice.set_index("slice")


@pytest.fixture(scope="module")
def by_slice() -> pd.DataFrame:
    negative, probability = labelled(300)
    return table(["@air late again" if row % 3 else "lovely :)" for row in range(300)], negative, probability)


def labelled(rows: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    negative = random.integers(0, 2, rows).astype(np.int8)
    return negative, np.clip(random.normal(0.35 + 0.3 * negative, 0.3), 0, 1)


@pytest.mark.parametrize(
    ("trait", "text", "expected"),
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
def test_traits_are_detected_as_people_see_them(trait: str, text: str, expected: bool) -> None:
    masks = slices.masks([text])
    assert masks[f"with {trait}"].tolist() == [expected]
    assert masks[f"without {trait}"].tolist() == [not expected]


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
    lengths = [
        slice_name for slice_name, mask in slices.masks(["x" * length]).items() if mask[0] and "with" not in slice_name
    ]
    assert lengths == [slices.ALL, name]


@given(st.lists(st.text(max_size=120), min_size=1, max_size=5))
def test_every_tweet_has_one_length_and_has_or_lacks_each_trait(texts: list[str]) -> None:
    masks = slices.masks(texts)
    assert masks.pop(slices.ALL).all()
    names = list(masks)
    assert (sum(masks[name].astype(int) for name in names[:3]) == 1).all()
    for present, absent in zip(names[3::2], names[4::2], strict=True):
        assert absent == present.replace("with ", "without ")
        assert (masks[present] ^ masks[absent]).all()


def test_metrics_are_computed_on_the_slice_alone(by_slice: pd.DataFrame) -> None:
    negative, probability = labelled(300)
    inside = np.arange(300) % 3 > 0
    row = by_slice.loc["with mention"]
    expected = score(negative[inside], Predictions.at(probability[inside], 0.5), COST)
    for metric in ("roc_auc", "accuracy", "expected_cost"):
        assert row[metric] == pytest.approx(expected[metric])
    assert row["tweets"] == 200
    assert row["negative_share"] == pytest.approx(negative[inside].mean())
    half_width = 1.959964 * auc_standard_error(negative[inside], expected["roc_auc"])
    assert row["roc_auc_high"] - row["roc_auc"] == pytest.approx(half_width)
    assert row["roc_auc"] - row["roc_auc_low"] == pytest.approx(half_width)


def test_the_first_row_is_all_tweets(by_slice: pd.DataFrame) -> None:
    negative, probability = labelled(300)
    assert by_slice.index[0] == slices.ALL
    assert by_slice.iloc[0]["roc_auc"] == pytest.approx(
        score(negative, Predictions.at(probability, 0.5), COST)["roc_auc"]
    )


def test_an_empty_slice_is_kept_without_metrics(by_slice: pd.DataFrame) -> None:
    row = by_slice.loc["with link"]
    assert row["tweets"] == 0
    assert row["few"]
    figures = ["negative_share", "roc_auc", "roc_auc_low", "roc_auc_high", "accuracy", "accuracy_low", "expected_cost"]
    assert row[figures].isna().all()


def test_the_interval_of_the_accuracy_is_wilsons(by_slice: pd.DataFrame) -> None:
    row = by_slice.loc["with mention"]
    n, z = 200, 1.959964
    center, half = (
        row["accuracy"] + z**2 / (2 * n),
        z * np.sqrt(row["accuracy"] * (1 - row["accuracy"]) / n + z**2 / (4 * n**2)),
    )
    assert row["accuracy_low"] == pytest.approx((center - half) / (1 + z**2 / n))
    assert row["accuracy_high"] == pytest.approx((center + half) / (1 + z**2 / n))


def test_tweets_are_sliced_by_the_values_of_a_column() -> None:
    columns = pd.DataFrame({"airline": ["Delta", "United", "Delta", ""], "day": ["1", "1", "1", "1"]})
    masks = {name: mask.tolist() for name, mask in slices.column_masks(columns).items()}
    assert masks == {
        "airline: Delta": [True, False, True, False],
        "airline: United": [False, True, False, False],
        "airline: none": [False, False, False, True],
        "day: 1": [True] * 4,
    }


def test_the_rare_values_of_a_column_share_a_slice() -> None:
    numbers = [number for number in range(25) for _ in range(25 - number)]
    masks = slices.column_masks(pd.DataFrame({"n": [str(number) for number in numbers]}))
    assert len(masks) == slices.MAX_VALUES + 1
    assert masks["n: 5 other values"].sum() == 1 + 2 + 3 + 4 + 5
    assert (sum(mask.astype(int) for mask in masks.values()) == 1).all()


@pytest.mark.parametrize(
    ("text", "english"),
    [
        ("@united two hours late and nobody tells us why http://t.co/x", True),
        ("Thank you for the lovely flight!", True),
        ("@AirParadis deux heures de retard et personne ne nous dit rien", False),
        ("Danke f\u00fcr den sch\u00f6nen Flug", False),
        ("@united http://t.co/x", False),
    ],
)
def test_english_tweets_are_told_by_their_words(text: str, english: bool) -> None:
    masks = slices.language_masks([text])
    assert masks["with mostly English words"].tolist() == [english]
    assert masks["without mostly English words"].tolist() == [not english]


def test_a_slice_of_one_class_has_no_auc_but_an_accuracy() -> None:
    row = table(["late!"] * 3 + ["fine"] * 3, np.array([1, 1, 1, 0, 0, 0], np.int8), np.full(6, 0.7)).loc["with ? or !"]
    assert np.isnan(row["roc_auc"])
    assert row["accuracy"] == 1.0
    assert row["expected_cost"] == 0.0


def test_small_slices_are_marked() -> None:
    negative, probability = labelled(199)
    texts = ["late!"] * 100 + ["fine"] * 99
    by_slice = table(texts, negative, probability)
    assert not by_slice.loc["with ? or !", "few"]
    assert by_slice.loc["without ? or !", "few"]
    labels = report.formatted(by_slice.reset_index())["slice"].tolist()
    assert "with ? or !" in labels
    assert "without ? or ! (few)" in labels


def test_an_interval_stays_between_0_and_1() -> None:
    negative = np.array([0, 1, 0, 1, 1], np.int8)
    row = table(["x"] * 5, negative, np.array([0.1, 0.9, 0.8, 0.85, 0.3])).iloc[0]
    assert row["roc_auc_high"] == 1.0
    assert 0.0 <= row["roc_auc_low"] < row["roc_auc"]


def test_missing_metrics_are_shown_as_a_dash(by_slice: pd.DataFrame) -> None:
    formatted = report.formatted(by_slice.reset_index()).set_index("slice")
    assert formatted.loc["with link (few)"].tolist() == [0, *[report.NONE] * 4]
    row = by_slice.loc[slices.ALL]
    assert formatted.loc[slices.ALL, "AUC (interval)"] == (
        f"{row['roc_auc']:.3f} ({row['roc_auc_low']:.3f} to {row['roc_auc_high']:.3f})"
    )
    assert not formatted.map(lambda value: "nan" in str(value)).any(axis=None)


def test_the_plot_shows_the_slices_that_have_an_auc(by_slice: pd.DataFrame) -> None:
    axes = report.plot(by_slice.reset_index(), "AUC").axes[0]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels[0] == "all, 300"
    assert "with mention, 200" in labels
    assert len(labels) == by_slice["roc_auc"].notna().sum() < len(by_slice)
