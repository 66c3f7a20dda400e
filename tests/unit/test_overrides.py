"""`pipeline.overrides`: values typed on the command line reach the settings."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import mlflow
import pytest
from hydra import compose, initialize_config_dir
from hypothesis import given
from hypothesis import strategies as st

from pipeline import composition, overrides
from pipeline.artifacts import ArtifactError
from sentiment.inference.errors import SettingsError
from steps.__main__ import main, split_options
from tests.integration.chain import CONF

# Characters that Hydra would not read as plain text.
SPECIAL_CHARACTERS = set("'\"[]{}(),\\$") | set(map(chr, range(32)))


@pytest.mark.parametrize(
    "value",
    [
        "tweets (1).csv",
        "tweets(1).csv",
        "catégorie",
        "/data/year=2026/tweets.csv",
        "l'avion.csv",
        "tweets #1 & 2.csv",
        "~/tweets.csv",
        "a[1].csv",
        "Août 😀.csv",
        "Tweets, août (1).csv",
        "a; b!.csv",
        r"C:\Users\Zoé\tweets.csv",
        r"ends with \\é\\",
        "plain.csv",
        "with a space.csv",
        "'quoted already'",
    ],
)
def test_text_reaches_the_setting_as_typed(value: str) -> None:
    (option,) = overrides.readable([f"data.path={value}"])
    with initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
        assert compose("config", overrides=["data=csv", option]).data.path == value.strip("'")


@given(value=st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters=SPECIAL_CHARACTERS), min_size=1))
def test_any_text_that_is_not_an_expression_reaches_the_setting(value: str) -> None:
    (option,) = overrides.readable([f"data.path={value}"])
    parsed = overrides.parse(option).value()
    if isinstance(parsed, str):
        assert parsed in (value.strip(), value)
    else:  # a number, `true` or `null`
        assert option == f"data.path={value}"


@pytest.mark.parametrize(
    "option",
    [
        "data.negative_values=[0,4]",
        "train_keras.learning_rate=tag(log,interval(0.0005,0.01))",
        "data.path=null",
        "data.text_column='a, b'",
        "train_bert=finetune",
        "+data.limits=[a]",
        "~data.limits",
        "-m",
        "--cfg",
        "job",
        "hydra.launcher.n_jobs=2",
        "data.path=a,b.csv",
        "data.path=${oc.env:HOME}/tweets.csv",
        "train_baseline={classifier: {C: 1}}",
    ],
)
def test_an_option_that_hydra_can_parse_is_unchanged(option: str) -> None:
    assert overrides.readable([option]) == [option]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["data.negative_values=[négatif, plainte,3]"], ["data.negative_values=['négatif',plainte,3]"]),
        (["inputs.candidates=[runs:/1/model,/a (1)/é]"], ["inputs.candidates=[runs:/1/model,'/a (1)/é']"]),
        (["-m", "data.label_column=catégorie,classe"], ["-m", "data.label_column='catégorie',classe"]),
        (["data.path=${oc.env:HOME}/a (1).csv"], ["data.path='${oc.env:HOME}/a (1).csv'"]),
        (["+data.note=é"], ["+data.note='é'"]),
    ],
)
def test_lists_and_sweeps_are_quoted_value_by_value(options: list[str], expected: list[str]) -> None:
    assert overrides.readable(options) == expected


def test_a_comma_in_an_existing_file_name_is_not_a_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here, there.csv").touch()
    assert overrides.readable(["data.path=here, there.csv"]) == ["data.path='here, there.csv'"]
    assert overrides.readable(["-m", "data.path=here, there.csv"]) == ["-m", "data.path=here, there.csv"]


@pytest.mark.parametrize(
    "option", ["plan.stages=[{name: été}]", "train_keras.learning_rate=interval(0.1", "data.path='é", "data.x={a: é}"]
)
def test_an_invalid_expression_is_refused_with_advice_on_quoting(option: str) -> None:
    with pytest.raises(SettingsError, match="cannot be parsed: .*\nPut single quotes around any text"):
        overrides.readable([option])


def test_the_plan_reads_quoted_overrides_as_hydra_does() -> None:
    (option,) = overrides.readable(["data.path=tweets (1).csv"])
    assert (composition.key(option), composition.root(option)) == ("data.path", "data")


@pytest.mark.parametrize(
    ("override", "key", "root"),
    [
        ("seed=3", "seed", "seed"),
        ("+data.limits=[a]", "data.limits", "data"),
        ("++data.limits=[a]", "data.limits", "data"),
        ("~data.limits", "data.limits", "data"),
        ("+data@data.extra_training.reviews=csv", "data@data.extra_training.reviews", "data"),
        ("data@split.x=vader,csv", "data@split.x", "split"),
    ],
)
def test_the_key_of_an_override_contains_where_a_group_is_mounted(override: str, key: str, root: str) -> None:
    assert overrides.readable([override]) == [override]
    assert (composition.key(override), composition.root(override)) == (key, root)


@pytest.mark.parametrize(
    "arguments",
    [
        ["data=csv", "data.path=tweets été (1).csv", "data.label_column=catégorie"],
        ["hydra_options=data=csv data.path='tweets été (1).csv' data.label_column=catégorie"],
    ],
    ids=["arguments", "hydra_options"],
)
def test_a_command_accepts_unquoted_values(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "steps", "split", "--cfg", "job", "--package", "data", *arguments]
    completed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert completed.returncode == 0, completed.stderr
    assert "path: tweets été (1).csv\n" in completed.stdout
    assert "label_column: catégorie\n" in completed.stdout


@pytest.mark.filterwarnings("ignore:'steps.predict' found in sys.modules:RuntimeWarning")
def test_a_tweet_is_not_an_override(
    new_store: Callable[[Path], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [])  # `main` replaces it
    monkeypatch.setenv("MLFLOW_TRACKING_URI", new_store(tmp_path))
    before = mlflow.get_tracking_uri()
    with pytest.raises(ArtifactError, match="cannot be read"):
        main(["predict", "mood=é", "--model", "no such model"])
    mlflow.set_tracking_uri(before)
    assert split_options("mood=é") == ["mood=é"]
