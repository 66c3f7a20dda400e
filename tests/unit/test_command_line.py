"""The arguments of `python -m steps`."""

import subprocess
import sys

import pytest

from pipeline import door, plan
from sentiment.inference.errors import SettingsError
from steps.__main__ import STEPS, main, split_options


@pytest.mark.parametrize(
    ("argument", "options"),
    [
        ("hydra_options=", []),
        ("hydra_options=seed=1 split.test=0.2", ["seed=1", "split.test=0.2"]),
        ("hydra_options=data.path='a b.csv'", ["data.path=a b.csv"]),
        ("hydra_options=data.negative_values=[0,'$(touch x)']", ["data.negative_values=[0,$(touch x)]"]),
        ("inputs.splits=/a folder/with spaces", ["inputs.splits=/a folder/with spaces"]),
    ],
)
def test_only_hydra_options_are_split(argument: str, options: list[str]) -> None:
    assert split_options(argument) == options


def test_an_unclosed_quote_is_reported() -> None:
    with pytest.raises(SettingsError, match="No closing quotation"):
        split_options("hydra_options=data.path='a")


def test_steps_and_entry_points_match() -> None:
    assert sorted(plan.entry_points()) == STEPS


@pytest.mark.parametrize("arguments", [[], ["splitt"]])
def test_a_missing_or_unknown_step_lists_the_valid_ones(arguments: list[str]) -> None:
    completed = subprocess.run([sys.executable, "-m", "steps", *arguments], capture_output=True, text=True, check=False)
    assert completed.returncode == 2
    assert ", ".join(STEPS) in completed.stderr


@pytest.mark.filterwarnings("ignore:'steps.split' found in sys.modules:RuntimeWarning")
@pytest.mark.parametrize(
    ("option", "shown"),
    [("data.sample_sise=3", "data.sample_sise"), ("data=nothing", "sentiment140")],
    ids=["an unknown key with its path", "an unknown option with the valid ones"],
)
def test_an_unknown_key_or_option_stops_before_the_step_starts(
    option: str, shown: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [])  # `main` replaces it
    with pytest.raises(SystemExit) as exited, door.leave():
        main(["split", option])
    assert exited.value.code == 2
    assert shown in capsys.readouterr().err
