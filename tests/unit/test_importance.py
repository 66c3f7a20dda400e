"""`sentiment.evaluation.importance`: the words that push answers over many tweets; coefficients of linear models."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, make_pipeline

from sentiment.evaluation import importance
from sentiment.inference.classifier import Classifier
from sentiment.inference.explain import Contribution, Explanation, explain
from sentiment.inference.log_count_ratio import LogCountRatio
from sentiment.inference.probabilities import Calibration
from sentiment.inference.runtimes.sklearn import FILE, document
from tests.corpora import TOKENIZER
from tests.served import describe_and_load, save_bag_of_words

CALIBRATION = Calibration(slope=1.7, intercept=-0.4)
TWEETS = ["late again", "so late and rude", "thanks lovely crew", "lovely so lovely"]


def explanation(**words: float) -> Explanation:
    """Return an explanation with these contributions."""
    return Explanation(
        negative_probability=0.5,
        base=0.0,
        contributions=tuple(
            Contribution(text=text, start=0, end=len(text), contribution=value) for text, value in words.items()
        ),
        error=0.0,
        method="shapley",
    )


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("late", "late"),
        ("LATE!!!", "late"),
        ("(late),", "late"),
        ("\u201clate\u201d", "late"),
        ("sooooooo", "sooo"),
        ("@AirParadis:", "@user"),
        ("https://t.co/x1", "http"),
        ("#late", "#late"),
        ("didn't", "didn't"),
        (":(", ":("),
        (":-)", ":-)"),
        ("!!!", "!!!"),
        ("\U0001f620", "\U0001f620"),
    ],
)
def test_spellings_of_a_word_have_one_name_and_emoticons_stay_whole(word: str, name: str) -> None:
    assert importance.name_of(word) == name


def test_contributions_of_a_word_are_summed_over_all_tweets() -> None:
    table = importance.of_words(
        [explanation(late=2.0, so=0.5), explanation(Late=1.0, thanks=-3.0), explanation(so=-0.25)], min_tweets=1
    ).set_index("word")
    assert table.index.tolist() == ["late", "so", "thanks"]
    assert table.loc["late"].to_dict() == {"tweets": 2, "occurrences": 2, "mean": 1.5, "deviation": 0.5, "total": 3.0}
    assert table.loc["so", "total"] == 0.25
    assert table.loc["thanks", "total"] == -3.0


def test_a_word_that_occurs_twice_in_a_tweet_counts_once_as_a_tweet() -> None:
    table = importance.of_words([explanation(late=1.0, LATE=2.0)], min_tweets=1)
    assert table[["tweets", "occurrences", "total"]].to_dict("records") == [
        {"tweets": 1, "occurrences": 2, "total": 3.0}
    ]


def test_rare_words_are_left_out() -> None:
    table = importance.of_words([explanation(late=1.0, zoe=1.0), explanation(late=1.0)], min_tweets=2)
    assert table["word"].tolist() == ["late"]


def test_without_frequent_words_the_table_is_empty() -> None:
    assert list(importance.of_words([], min_tweets=1)) == list(importance.WORD_COLUMNS)
    assert importance.of_words([], min_tweets=1).empty


def linear(folder: Path, *steps: Any) -> Classifier:
    pipeline = make_pipeline(*steps, LogisticRegression())
    pipeline.fit([document(TOKENIZER(text)) for text in TWEETS], [1, 1, 0, 0])
    skops.io.dump(pipeline, folder / FILE)
    return describe_and_load(folder, "sklearn", TOKENIZER, CALIBRATION)


def test_the_log_odds_are_the_sum_of_the_coefficients_times_the_counts(tmp_path: Path) -> None:
    model = linear(tmp_path, CountVectorizer(token_pattern=r"\S+", lowercase=False), LogCountRatio())
    table = importance.of_features(model, TWEETS, min_tweets=1)
    assert table is not None
    assert table["coefficient"].is_monotonic_decreasing
    coefficients, explained = table.set_index("feature")["coefficient"], explain(model, "late late lovely")
    expected = 2 * coefficients["late"] + coefficients["lovely"]
    assert sum(word.contribution for word in explained.contributions) == pytest.approx(expected)
    assert table.set_index("feature")["tweets"][["late", "lovely", "crew"]].tolist() == [2, 2, 1]


def test_the_log_odds_of_tfidf_are_the_sum_of_the_coefficients_times_the_values(tmp_path: Path) -> None:
    words = TfidfVectorizer(token_pattern=r"\S+", lowercase=False)
    characters = TfidfVectorizer(analyzer="char_wb", lowercase=False, ngram_range=(2, 2))
    model = linear(tmp_path, FeatureUnion([("words", words), ("characters", characters)]))
    table = importance.of_features(model, TWEETS, min_tweets=0)
    assert table is not None
    pipeline = model.score.pipeline  # type: ignore[attr-defined]
    values = pipeline[0].transform(["late again"]).toarray()[0]
    names = [
        *((name, "words") for name in words.get_feature_names_out()),
        *((name, "characters") for name in characters.get_feature_names_out()),
    ]
    coefficients = table.set_index(["feature", "kind"])["coefficient"].loc[names].to_numpy()
    raw = CALIBRATION.slope * pipeline[-1].intercept_[0] + CALIBRATION.intercept
    probability = model.negative_probability(["late again"])[0]
    assert values @ coefficients + raw == pytest.approx(np.log(probability / (1 - probability)))


def test_rare_features_are_left_out(tmp_path: Path) -> None:
    model = linear(tmp_path, CountVectorizer(token_pattern=r"\S+", lowercase=False))
    table = importance.of_features(model, TWEETS, min_tweets=2)
    assert table is not None
    assert set(table["feature"]) == {"late", "so", "lovely"}


def test_other_models_have_no_coefficients(tmp_path: Path) -> None:
    assert importance.of_features(save_bag_of_words(tmp_path / "bayes", 1.0), TWEETS, min_tweets=1) is None
