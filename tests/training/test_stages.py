"""`sentiment.training.stages`: the rows, weights and labels of each stage, and errors in their settings."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from sentiment.inference.errors import SettingsError
from sentiment.training import stages

TRAIN = pd.DataFrame(
    {
        "text": list("abcdef"),
        "negative": np.array([1, 0, 1, 0, 1, 0], dtype=np.int8),
        "target": [0.9, 0.1, 0.7, 0.2, 1.0, 0.0],
        "source": ["emoticons"] * 4 + ["people"] * 2,
    }
)
SOURCES = ["emoticons", "people", "airline"]
SETTINGS: dict[str, Any] = {"stages": None, "weights": None, "soft_labels": True}


def divide(train: pd.DataFrame = TRAIN, **settings: Any) -> list[pd.DataFrame]:
    return stages.divide(train, SOURCES, **SETTINGS | settings)


def texts(divided: list[pd.DataFrame]) -> list[str]:
    return ["".join(stage["text"]) for stage in divided]


def test_by_default_all_rows_count_the_same_in_one_stage() -> None:
    (stage,) = divide()
    pd.testing.assert_frame_equal(stage[TRAIN.columns], TRAIN)
    assert (stage["weight"] == 1).all()


def test_labels_are_learned_where_there_are_no_soft_ones_or_on_request() -> None:
    for (stage,) in (divide(TRAIN.drop(columns="target")), divide(soft_labels=False)):
        assert stage["target"].tolist() == TRAIN["negative"].tolist()


def test_stages_follow_the_order_of_the_setting() -> None:
    assert texts(divide(stages=[["people"], ["emoticons"]])) == ["ef", "abcd"]
    assert texts(divide(stages=[["emoticons"], ["people", "emoticons"]])) == ["abcd", "abcdef"]
    assert texts(divide(stages=[["people"]])) == ["ef"]


def test_rows_of_the_main_data_need_no_source() -> None:
    assert texts(divide(TRAIN.drop(columns="source"), stages=[["emoticons"]])) == ["abcdef"]


def test_weights_are_relative_and_1_on_average_in_each_stage() -> None:
    (mixed,) = divide(weights={"emoticons": 0.25})
    assert mixed["weight"].mean() == pytest.approx(1)
    assert mixed["weight"].iloc[0] == pytest.approx(mixed["weight"].iloc[-1] / 4)
    for stage in divide(weights={"emoticons": 0.25}, stages=[["emoticons"], ["people"]]):
        assert (stage["weight"] == 1).all()


def test_rows_without_weight_are_not_learned_from() -> None:
    assert texts(divide(weights={"emoticons": 0})) == ["ef"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"stages": [["emoticons"], ["twitter"]]},
            r"stages, stage 2: unknown source twitter\. Sources: emoticons, people",
        ),
        (
            {"weights": {"twitter": 2}},
            r"training\.weights: unknown source twitter\. Sources: emoticons, people, airline\.",
        ),
        ({"weights": {"people": -1}}, r"training\.weights\.people=-1: must be a number of 0 or more"),
        ({"weights": {"people": "much"}}, r"training\.weights\.people=much"),
        ({"weights": {"people": float("nan")}}, r"training\.weights\.people=nan"),
        ({"stages": []}, r"training\.stages=\[\]: list the sources of each stage"),
        ({"stages": [3]}, r"training\.stages=\[3\]"),
        ({"stages": ["people"]}, r"training\.stages=\['people'\]: list the sources of each stage, \[\[a\], \[b\]\]"),
        ({"stages": [["emoticons"], ["airline"]]}, r"stage 2 \(airline\): 0 rows of train, 0 of them negative"),
        ({"stages": [["people"]], "weights": {"people": 0}}, r"stage 1 \(people\): 0 rows of train"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        divide(**settings)


def test_a_stage_of_one_class_is_refused() -> None:
    with pytest.raises(
        SettingsError, match=r"stage 1 \(people\): 1 rows of train, 1 of them negative. A stage needs rows"
    ):
        divide(TRAIN[:5], stages=[["people"]])


def test_trainers_without_stages_mix_them() -> None:
    assert stages.mixed(None) is None
    assert stages.mixed([["people"]]) == [["people"]]
    assert stages.mixed([["emoticons"], ["people", "emoticons"]]) == [["emoticons", "people"]]


def test_the_epochs_of_all_stages_are_numbered_throughout() -> None:
    first, second = pd.DataFrame({"epoch": [1, 2], "loss": [3.0, 2.0]}), pd.DataFrame({"epoch": [1], "loss": [1.0]})
    assert stages.join([first]) is first
    assert stages.join([first, second]).to_dict("list") == {
        "epoch": [1, 2, 3],
        "loss": [3.0, 2.0, 1.0],
        "stage": [1, 1, 2],
    }
