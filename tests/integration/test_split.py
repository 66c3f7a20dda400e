"""The step `split` on every data set."""

import csv
import hashlib
import inspect
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest
import yaml
from hydra.errors import InstantiationException
from hydra.utils import get_method, instantiate

from pipeline import artifacts, settings
from sentiment.data import leakage, sources, splitting
from sentiment.data.errors import DataError
from sentiment.data.keys import text_key
from sentiment.data.leakage import LeakageError
from steps import split
from tests.corpora import data
from tests.integration.chain import CONF, configuration, last_run

pytestmark = pytest.mark.usefixtures("store", "no_plots")
Split = Callable[..., Path]


@pytest.fixture
def splits(tmp_path: Path) -> Split:
    """Return a function that runs the step with overrides and returns the folder it logged."""

    def run(*overrides: str) -> Path:
        uri: str = split.main(configuration(*overrides))
        assert uri.startswith("runs:/")
        assert uri.endswith("/splits")
        return Path(mlflow.artifacts.download_artifacts(uri, dst_path=str(tmp_path / uri.split("/")[1])))

    return run


def read(folder: Path) -> dict[str, pd.DataFrame]:
    return {name: pd.read_parquet(folder / f"{name}.parquet") for name in ("train", "validation", "test")}


def reported(name: str) -> str:
    """Return a file of the report of the last run."""
    text: str = mlflow.artifacts.load_text(f"{last_run().info.artifact_uri}/{artifacts.REPORT}/{name}")
    return text


def described(folder: Path) -> dict[str, Any]:
    description: dict[str, Any] = yaml.safe_load((folder / "splits.yaml").read_text(encoding="utf-8"))
    return description


def test_a_table_is_split_and_described(splits: Split) -> None:
    folder = splits(*data(600))
    frames = read(folder)
    for frame in frames.values():
        assert frame.dtypes.astype(str).to_dict() == {"text": "object", "negative": "int8", "group": "object"}
        assert set(frame["negative"]) == {0, 1}
    rows = sum(map(len, frames.values()))
    description = described(folder)
    assert description["data"] == "csv"
    assert description["splits"]["test"]["rows"] == len(frames["test"])
    assert rows + description["duplicates_removed"] + description["contradictions_removed"] == 600
    assert description["unknown_groups"] == {"train": 0, "validation": 0, "test": 0}
    assert reported("report.md").startswith("# Data report: csv\n")
    assert reported("report.html").count("data:image/png;base64,") == 3
    measured = json.loads(reported("leakage.json"))
    assert measured == asdict(leakage.measure(frames))
    train = (folder / "train.parquet").read_bytes()
    assert hashlib.sha256(train).hexdigest() in reported("croissant.json")
    assert measured["near_duplicates"] == description["near_duplicates"]
    metrics = last_run().data.metrics
    assert metrics["rows"] == rows
    assert metrics["negative_share"] == sum(frame["negative"].sum() for frame in frames.values()) / rows
    assert description["digest"] == described(splits(*data(600)))["digest"]
    assert description["digest"] != described(splits(*data(600), "seed=7"))["digest"]


def test_sentiment140_is_split_from_a_file(splits: Split, tmp_path: Path) -> None:
    path = tmp_path / "tweets.csv"
    rows = [[str(4 * (row % 2)), row, "date", "NO_QUERY", f"user{row % 150}", f"caf\u00e9 {row}"] for row in range(400)]
    rows += [
        ["0", 400, "date", "NO_QUERY", "user0", "CAF\u00c9  0"],
        ["4", 401, "date", "NO_QUERY", "u", "caf&eacute; 2"],
    ]
    with path.open("w", encoding="latin-1", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows(rows)
    folder = splits("data=sentiment140", f"data.path={path}", "data.sample_size=300")
    frames = read(folder)
    assert sum(map(len, frames.values())) == 300
    description = described(folder)
    assert (description["duplicates_removed"], description["contradictions_removed"]) == (1, 2)
    leakage.require_none(leakage.measure(frames))


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_any_table_can_be_split(splits: Split, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"mails{ending}"
    frame = pd.DataFrame(
        {
            "body": [f"mail {row}" for row in range(200)],
            "kind": ["spam" if row % 4 == 0 else "ham" if row % 4 == 1 else "list" for row in range(200)],
            "sender": [f"sender {row // 2}" for row in range(200)],
        }
    )
    if ending == ".csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path)
    folder = splits(
        "data=csv",
        f"data.path={path}",
        "data.text_column=body",
        "data.label_column=kind",
        "data.negative_values=[spam]",
        "data.group_column=sender",
    )
    frames = read(folder)
    negative = {text_key(text) for part in frames.values() for text in part["text"][part["negative"] == 1]}
    assert negative == {f"mail {row}" for row in range(0, 200, 4)}


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ([], r"The data set `csv` needs a file: data\.path="),
        (["data.path={path}", "data.label_column=wrong"], "Its columns: text, label"),
        (["data.path={path}"], r"1 row\(s\) have an empty text: 3"),
        (["data.path=absent.csv"], r"No file .*absent\.csv"),
        (["data.path={path}", "data.negative_values=[worse]"], "no row is negative"),
    ],
)
def test_bad_data_fail_the_run(splits: Split, tmp_path: Path, overrides: list[str], message: str) -> None:
    path = tmp_path / "tweets.csv"
    path.write_text("text,label\nlate,negative\nfine,positive\n,negative\n", encoding="utf-8")
    with pytest.raises((DataError, InstantiationException), match=message):
        splits("data=csv", *(override.format(path=path) for override in overrides))
    assert last_run().info.status == "FAILED"


def tweets(rows: range, *, users: int | None) -> pd.DataFrame:
    """Make a table of tweets; without users, it has no `user` column."""
    frame = pd.DataFrame(
        {"text": [f"tweet {row}" for row in rows], "label": ["positive" if row % 2 else "negative" for row in rows]}
    )
    return frame if users is None else frame.assign(user=[f"user {row % users}" for row in rows])


@pytest.fixture
def sampled(tmp_path: Path) -> list[str]:
    """Write a table of 400 tweets by 300 users; return the settings that sample half of it."""
    path = tmp_path / "tweets.csv"
    tweets(range(400), users=300).to_csv(path, index=False)
    return ["data=csv", f"data.path={path}", "data.group_column=user", "data.sample_size=200"]


def same_validation_and_test(one: Path, other: Path) -> bool:
    names = ("validation.parquet", "test.parquet")
    return all((one / name).read_bytes() == (other / name).read_bytes() for name in names)


def test_the_rest_is_added_to_train_only(splits: Split, sampled: list[str]) -> None:
    plain, enlarged = splits(*sampled), splits(*sampled, "split.train_on_rest=true")
    frames = read(enlarged)
    assert same_validation_and_test(plain, enlarged)
    leakage.require_none(leakage.measure(frames))
    held_out = {*frames["validation"]["group"], *frames["test"]["group"]}
    everything = tweets(range(400), users=300)
    expected = set(everything["text"][~everything["user"].isin(held_out)])
    assert set(frames["train"]["text"]) == expected
    assert len(expected) > 200
    before, after = described(plain), described(enlarged)
    assert (before["train_on_rest"], after["train_on_rest"]) == (False, True)
    assert [name for name in before["digests"] if before["digests"][name] != after["digests"][name]] == ["train"]
    assert before["digest"] != after["digest"]


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
@pytest.mark.parametrize("users", [None, 300])
def test_extra_training_data_are_added_to_train_only(
    splits: Split, sampled: list[str], tmp_path: Path, ending: str, users: int | None
) -> None:
    path = tmp_path / f"more{ending}"
    more = tweets(range(350, 750), users=users)
    (more.to_csv if ending == ".csv" else more.to_parquet)(path, index=False)
    plain, enlarged = splits(*sampled), splits(*sampled, "split.train_on_rest=true", f"data.extra_training={path}")
    frames = read(enlarged)
    assert same_validation_and_test(plain, enlarged)
    assert frames["train"].drop(columns="source").dtypes.to_dict() == frames["test"].dtypes.to_dict()
    held_out = {*frames["validation"]["group"], *frames["test"]["group"]}
    both = tweets(range(750 if users else 400), users=300)
    allowed = set(both["text"][~both["user"].isin(held_out)])
    assert set(frames["train"]["text"]) == allowed | (set() if users else set(more["text"][50:]))
    measured = json.loads(reported("leakage.json"))
    assert not any(count for counts in measured["shared"].values() for count in counts.values())
    assert measured["unknown"] == {"train": 0 if users else extra_rows(frames), "validation": 0, "test": 0}
    extra = described(enlarged)["extra_training"]["extra"]
    assert extra["file"] == path.name
    assert extra["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert extra["rows_read"] == 400 == extra["rows_added"] + sum(extra["left_out"].values())
    assert extra["rows_added"] == extra_rows(frames)
    assert described(plain)["extra_training"] == {}
    assert "## Source: extra" in reported("report.md")


def extra_rows(frames: dict[str, pd.DataFrame]) -> int:
    """Return the number of rows in train that are not among the data's 400."""
    return int((frames["train"]["text"].str.split().str[1].astype(int) >= 400).sum())


def test_the_splits_contain_no_report(splits: Split) -> None:
    folder = splits(*data(600))
    assert {file.name for file in folder.iterdir()} == {
        *("train.parquet", "validation.parquet", "test.parquet"),
        *("splits.yaml", "limits.yaml"),
    }
    limits = configuration("data=csv").data.limits
    assert artifacts.describe_data(folder)["limits"] == list(limits)
    assert "limits" not in described(folder)


def test_a_changed_sentence_about_the_data_does_not_change_the_digest(splits: Split) -> None:
    tags = []
    for limits in ("[Made up.]", "[A program made them up.]"):
        splits(*data(600), f"data.limits={limits}")
        tags.append(last_run().data.tags)
    assert tags[0]["digest"] == tags[1]["digest"]
    assert tags[0]["wording"] != tags[1]["wording"]
    splits(*data(601))
    assert last_run().data.tags["digest"] != tags[0]["digest"]


def test_texts_that_look_the_same_are_duplicates(splits: Split, tmp_path: Path) -> None:
    rows = [
        (f"{text.format(number)}", "negative" if number % 2 else "positive", f"{user}{number}")
        for number in range(100)
        for user, text in {
            "a": "flight {} caf\u00e9 don\u2019t \u2639\ufe0f",
            "b": ("flight {} cafe\u0301 don't \u2639", "\u200eFlight {} caf\u00e9 don`t\u200b \u2639")[number % 2],
        }.items()
    ]
    path = tmp_path / "lookalikes.csv"
    pd.DataFrame(rows, columns=["text", "label", "user"]).to_csv(path, index=False)
    folder = splits("data=csv", f"data.path={path}", "data.group_column=user")
    assert described(folder)["duplicates_removed"] == 100
    assert sum(map(len, read(folder).values())) == 100


def test_unknown_authors_are_reported(splits: Split, tmp_path: Path) -> None:
    path = tmp_path / "tweets.csv"
    tweets(range(400), users=None).to_csv(path, index=False)
    folder = splits("data=csv", f"data.path={path}")
    rows = {name: len(frame) for name, frame in read(folder).items()}
    assert described(folder)["unknown_groups"] == rows
    assert json.loads(reported("leakage.json"))["unknown"] == rows
    assert "The group of 400 rows is unknown" in reported("report.md")


def test_rows_without_text_are_dropped_on_request(splits: Split, tmp_path: Path) -> None:
    path = tmp_path / "tweets.csv"
    table = pd.concat(
        [tweets(range(200), users=None), pd.DataFrame({"text": [" ", None], "label": ["negative", "positive"]})]
    )
    table.to_csv(path, index=False)
    options = ["data=csv", f"data.path={path}"]
    with pytest.raises(
        DataError, match=r"2 row\(s\) have an empty text: 201, 202 \(data\.drop_empty_texts=true drops such rows\)"
    ):
        splits(*options)
    folder = splits(*options, "data.drop_empty_texts=true")
    assert described(folder)["empty_texts_dropped"] == 2
    assert "| dropped: no text | 2 |" in reported("report.md")


@pytest.mark.parametrize("values", ["negative_values=negative", "negative_values=[negative]"])
def test_a_single_label_does_not_need_a_list(splits: Split, tmp_path: Path, values: str) -> None:
    path = tmp_path / "tweets.csv"
    tweets(range(200), users=None).to_csv(path, index=False)
    counts = described(splits("data=csv", f"data.path={path}", f"data.{values}"))["splits"]
    assert sum(split["negative"] for split in counts.values()) == 100


def test_a_label_may_be_a_number(splits: Split, tmp_path: Path) -> None:
    path = tmp_path / "tweets.csv"
    frame = tweets(range(200), users=None)
    frame.assign(label=(frame["label"] == "positive").astype(int)).to_csv(path, index=False)
    counts = described(splits("data=csv", f"data.path={path}", "data.negative_values=0"))["splits"]
    assert sum(split["negative"] for split in counts.values()) == 100
    for nothing in ("[]", "null"):
        with pytest.raises(DataError, match=r"data\.negative_values=(\[\]|None) names no label"):
            splits("data=csv", f"data.path={path}", f"data.negative_values={nothing}")


@pytest.mark.parametrize("option", sorted(path.stem for path in (CONF / "data").glob("*.yaml")))
def test_every_data_set_accepts_extra_training_data(option: str, tmp_path: Path) -> None:
    path = tmp_path / "more.csv"
    tweets(range(4), users=None).to_csv(path, index=False)
    data = configuration(f"data={option}", f"data.extra_training={path}").data
    (source,) = sources.read(settings.plain(data), None)
    assert len(sources.load(source, instantiate)) == 4


@pytest.mark.parametrize("option", sorted(path.stem for path in (CONF / "data").glob("*.yaml")))
def test_every_data_set_can_be_the_main_one_and_another_one(option: str) -> None:
    mounted = [f"+data@data.extra_training.other={option}", "data.extra_training.other.path=there.csv"]
    cfg = configuration(f"data={option}", "data.path=here.csv", *mounted)
    (other,) = sources.read(settings.plain(cfg.data), None)
    for source, path in ((settings.plain(cfg.data)["source"], "here.csv"), (other.settings["source"], "there.csv")):
        assert source["path"] == path
        bound = {name: value for name, value in source.items() if name != "_target_"}
        inspect.signature(get_method(source["_target_"])).bind(**bound, section="data")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "text,label\nlate,negative\n,positive\n",
            r"extra_training \(.*more\.csv\): .*\n- 1 row\(s\) have an empty text: 2",
        ),
        ("text,label\ncaf\ufffd,negative\nfine,positive\n", r"more\.csv\): (.|\n)*more than data\.max_damaged=0\.05"),
        ("tweet,label\nlate,negative\n", r"more\.csv\): No column text in the table"),
    ],
)
def test_errors_in_extra_training_data_name_the_file(
    splits: Split, sampled: list[str], tmp_path: Path, content: str, message: str
) -> None:
    path = tmp_path / "more.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        splits(*sampled, f"data.extra_training={path}")
    assert last_run().info.status == "FAILED"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["split.train_on_rest=true", "data.sample_size=null"], "there are none. Set data.sample_size, or"),
        (["data.extra_training=absent.csv"], r"No file .*absent\.csv \(data\.extra_training\)"),
    ],
)
def test_settings_that_add_no_tweets_are_refused_before_reading(
    splits: Split, sampled: list[str], overrides: list[str], message: str
) -> None:
    with pytest.raises((DataError, FileNotFoundError), match=message):
        splits(*sampled, "data.path=absent_too.csv", *overrides)


@pytest.fixture
def reviews(tmp_path: Path) -> list[str]:
    """Write a table with other columns and labels, which repeats 20 tweets; return the settings that mount it."""
    path, numbers = tmp_path / "reviews.csv", range(380, 600)
    kinds = ["?" if number % 11 == 0 else "gut" if number % 2 else "schlecht" for number in numbers]
    pd.DataFrame({"body": [f"tweet {number}" for number in numbers], "kind": kinds}).to_csv(path, index=False)
    section = "data.extra_training.reviews"
    return [
        f"+data@{section}=csv",
        f"{section}.path={path}",
        f"{section}.text_column=body",
        f"{section}.label_column=kind",
        f"{section}.negative_values=[schlecht]",
        f"{section}.positive_values=[gut]",
        f"{section}.ignored_values=['?']",
    ]


def test_a_table_of_another_form_is_held_out_in_part_and_added_to_train(
    splits: Split, sampled: list[str], reviews: list[str]
) -> None:
    plain, folder = splits(*sampled), splits(*sampled, *reviews, "split.targets={reviews:0.3}")
    assert same_validation_and_test(plain, folder)
    train, target = (pd.read_parquet(folder / name) for name in ("train.parquet", "targets/reviews.parquet"))
    assert list(target.columns) == ["text", "negative", "group"]
    described_source = described(folder)["extra_training"]["reviews"]
    assert described_source["rows_held_out"] == len(target) == described(folder)["targets"]["reviews"]["rows"]
    assert described_source["rows_added"] == (train["source"] == "reviews").sum()
    assert described_source["rows_read"] == 220
    assert described_source["left_out"]["label_ignored"] == 20
    assert described(folder)["dropped_from_train"] + (train["source"] == "csv").sum() == len(read(plain)["train"])
    measured = json.loads(reported("leakage.json"))
    assert not any(count for counts in measured["shared"].values() for count in counts.values())
    assert "validation and reviews" in measured["shared"]
    assert "## Source: reviews" in reported("report.md")


def test_a_table_for_evaluation_only_takes_its_texts_out_of_train(
    splits: Split, sampled: list[str], reviews: list[str]
) -> None:
    plain, folder = splits(*sampled), splits(*sampled, *reviews, "split.targets={reviews:1}")
    assert same_validation_and_test(plain, folder)
    assert "source" not in read(folder)["train"]
    target = pd.read_parquet(folder / "targets/reviews.parquet")
    repeated = read(plain)["train"]["text"].isin(target["text"]).sum()
    assert repeated > 0
    assert described(folder)["dropped_from_train"] == repeated
    assert f"| of these, dropped from train: text or group held out in a target | {repeated} |" in reported("report.md")


def test_splits_are_made_again_if_another_table_has_changed(
    splits: Split, sampled: list[str], reviews: list[str]
) -> None:
    fingerprints = []
    for content in ("", "one more,gut\n"):
        with Path(reviews[1].partition("=")[2]).open("a", encoding="utf-8") as file:
            file.write(content)
        splits(*sampled, *reviews)
        fingerprints.append(last_run().data.tags["fingerprint"])
    assert fingerprints[0] != fingerprints[1]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["data.extra_training.reviews.ignored_values=[]"],
            r"reviews \(.*reviews\.csv\): .*none of data\.extra_training\.r",
        ),
        (["split.targets={review:1}"], r"split\.targets\.review: no such source; choose one of reviews"),
        (["split.targets={reviews:0.02}"], r"at least 10 of each class are required"),
        (["data.name=reviews"], r"the main data has this name, too"),
    ],
)
def test_errors_in_another_table_name_its_settings(
    splits: Split, sampled: list[str], reviews: list[str], overrides: list[str], message: str
) -> None:
    with pytest.raises(DataError, match=f"(?s){message}"):
        splits(*sampled, *reviews, *overrides)
    assert last_run().info.status == "FAILED"


def test_a_leak_stops_the_step(splits: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    original = splitting.split

    def leaking(rows: pd.DataFrame, **settings: Any) -> dict[str, pd.DataFrame]:
        frames = original(rows, **settings)
        return {**frames, "test": pd.concat([frames["test"], frames["train"][:3]])}

    monkeypatch.setattr(splitting, "split", leaking)
    with pytest.raises(LeakageError, match="3 texts in both train and test"):
        splits(*data(600))
    assert last_run().info.status == "FAILED"
