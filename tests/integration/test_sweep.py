"""The trials of a sweep, with fake steps and models."""

import json
import logging
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import mlflow
import pandas as pd
import pytest
from hydra import initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from mlflow.entities import Run

from pipeline import artifacts, candidates, launch, sweep
from pipeline.launch import StepError
from pipeline.plan import Candidate
from pipeline.sweep import SweepError
from tests.integration.candidates import command_line_configuration
from tests.integration.chain import CONF, last_run

PLAN = "plan.stages=[{name: only, candidates: [{step: train_baseline}]}]"
ALL_FAMILIES = "select.families=[baseline,keras,bert]"
C = "train_baseline.classifier.C"

pytestmark = pytest.mark.usefixtures("store", "no_plots")


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hide the sweeps of other tests, and reset Hydra's state afterwards."""
    monkeypatch.setenv(sweep.SWEEP, "")
    monkeypatch.delenv(sweep.SWEEP)
    yield
    HydraConfig.instance().cfg = None


def model(step: str, value: Any) -> str:
    """Return the URI of a fake model, which encodes its C."""
    return f"runs:/{f'{step} {value} '.encode().hex():0<32.32}/model"


class FakeLauncher:
    """Returns URIs without running steps; the URI of splits names their rows and seed."""

    def __init__(self, *, reuse_before: bool, since: int) -> None:
        """Accept the arguments of the real launcher."""

    def make(self, step: str, candidate: Candidate, existing: Any) -> str:  # noqa: ARG002
        if step == "split":
            return f"splits {candidate.cfg.data.sample_size} {candidate.cfg.seed}"
        value = candidate.cfg.train_baseline.classifier.get("C", 0)
        if isinstance(value, str):
            raise StepError(f"{candidate.name(step)} failed; see the error above.")
        return model(step.removeprefix("train_"), value)


def read(uri: str) -> dict[str, Any]:
    """Return the row of a fake model: the larger C, the better."""
    family, value, _ = bytes.fromhex(artifacts.run_id(uri)).decode().split(" ")
    quality = 0.5 + float(value) / 100 + (family == "keras") / 10
    metrics = dict.fromkeys(("accuracy", "f1", "fit_seconds", "predict_milliseconds", "megabytes"), 0.5)
    identity = {
        "family": family,
        "name": f"model {value}",
        "uri": uri,
        "validation": "1",
        "test": "1",
        "runtimes": "sklearn",
    }
    return {**metrics, **identity, "roc_auc": quality, "expected_cost": 300.0, "log_loss": 1 - quality}


@pytest.fixture
def select_arguments(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Use fake steps and models; return the list of the arguments that `select` gets."""
    arguments: list[Any] = []
    monkeypatch.setattr(sweep, "Launcher", FakeLauncher)
    monkeypatch.setattr(candidates, "read", read)
    monkeypatch.setattr(launch, "select", lambda launcher, *args: arguments.append(args))  # noqa: ARG005
    return arguments


def trial(*overrides: str) -> float | None:
    """Run a trial as Hydra does."""
    cfg = command_line_configuration(*overrides)
    with initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
        return sweep.trial(cfg, list(overrides))


def run_sweep(name: str, values: list[str], *overrides: str) -> list[float | None]:
    """Run a sweep over a setting, one trial after the other."""
    fixed = [PLAN, ALL_FAMILIES, *overrides]
    with sweep.around(["-m", *fixed, f"{name}={','.join(values)}"]):
        return [trial(*fixed, f"{name}={value}") for value in values]


def sweep_run() -> Run:
    """Return the last sweep."""
    return mlflow.search_runs(filter_string="tags.step = 'sweep'", max_results=1, output_format="list")[0]


def table() -> pd.DataFrame:
    """Return the table of the last sweep."""
    return pd.read_csv(StringIO(mlflow.artifacts.load_text(f"{sweep_run().info.artifact_uri}/sweep/trials.csv")))


def test_trials_are_ranked_in_a_table_and_the_best_is_selected(
    select_arguments: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    objectives = run_sweep(C, ["1", "nonsense", "4", "2"], "data.sample_size=300")
    assert objectives == [0.51, None, 0.54, 0.52], "a search needs the metric, or None for a failed trial"
    assert table()[C].tolist() == ["4", "2", "1", "nonsense"]
    assert table()["status"].tolist() == ["FINISHED"] * 3 + ["FAILED"]
    ((splits, candidates, cfg, overrides),) = select_arguments
    assert (splits, candidates) == ("splits 300 42", [model("baseline", 4)])
    assert cfg.select.name == "tweet_sentiment"
    assert overrides == [PLAN, ALL_FAMILIES, "data.sample_size=300", f"{C}=4"]
    lines = [line.split()[:2] for line in capsys.readouterr().out.splitlines()]
    assert [line for line in lines if line[1:] in (["0.540"], ["0.520"], ["0.510"], ["failed"])] == [
        ["4", "0.540"], ["2", "0.520"], ["1", "0.510"], ["nonsense", "failed"],
    ]  # fmt: skip
    assert sweep_run().info.status == "FINISHED"


@pytest.mark.usefixtures("select_arguments")
def test_trials_are_children_of_the_sweep_named_by_their_values() -> None:
    run_sweep(C, ["1", "2"])
    trials = sweep.trials(sweep_run())
    assert {run.info.run_name for run in trials} == {"C=1", "C=2"}
    assert {run.data.params[C] for run in trials} == {"1", "2"}
    assert {run.data.tags["candidate"] for run in trials} == {"model 1", "model 2"}
    assert all(run.data.tags["mlflow.parentRunId"] == sweep_run().info.run_id for run in trials)


def test_of_a_metric_to_minimize_the_lowest_value_is_best(select_arguments: list[Any]) -> None:
    assert run_sweep(C, ["1", "4"], "select.metric=log_loss") == [0.49, pytest.approx(0.46)]
    assert table()[C].tolist() == [4, 1]
    assert select_arguments[0][1] == [model("baseline", 4)]


def test_a_sweep_whose_trials_all_fail_fails_and_selects_nothing(select_arguments: list[Any]) -> None:
    with pytest.raises(SweepError, match="None of the 2 trials finished. Nothing was registered.\n.* failed"):
        run_sweep(C, ["nonsense", "more"])
    assert table()["status"].tolist() == ["FAILED"] * 2
    assert sweep_run().info.status == "FAILED"
    assert not select_arguments


@pytest.mark.parametrize(("name", "values"), [("data.sample_size", ["300", "400"]), ("seed", ["1", "2"])])
def test_trials_with_different_splits_are_listed_but_none_is_selected(
    select_arguments: list[Any], caplog: pytest.LogCaptureFixture, name: str, values: list[str]
) -> None:
    caplog.set_level(logging.INFO, logger="pipeline")
    run_sweep(name, values, f"{C}=1")
    assert len(table()) == 2
    assert "Not selecting a trial: the trials have different splits" in caplog.text
    assert not select_arguments


def test_a_winner_of_a_family_that_is_not_allowed_is_not_selected(
    select_arguments: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="pipeline")
    both = "plan.stages=[{name: only, candidates: [{step: train_baseline}, {step: train_keras}]}]"
    run_sweep(C, ["1", "2"], both, "select.families=[keras]")
    assert "Not selecting a trial: select.families=['keras'] and select.runtimes=" in caplog.text
    assert "allow neither the best, model 2 (baseline, sklearn)" in caplog.text
    assert select_arguments == []


def test_a_winner_with_a_runtime_that_is_not_allowed_is_not_selected(
    select_arguments: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    run_sweep(C, ["1", "2"], "select.runtimes=[onnx]", ALL_FAMILIES)
    assert select_arguments == []
    assert "select.runtimes=['onnx'] allow neither the best, model 2 (baseline, sklearn)" in caplog.text


def test_a_trial_counts_by_its_best_servable_candidate(select_arguments: list[Any]) -> None:
    both = "plan.stages=[{name: only, candidates: [{step: train_baseline}, {step: train_keras}]}]"
    families = "select.families=[baseline]"
    run_sweep("preprocess", ["stem", "plain"], both, families, f"{C}=1")
    assert select_arguments[0][1] == [model("baseline", 1)]
    run_sweep("preprocess", ["stem", "plain"], both, f"{C}=1")
    assert select_arguments[1][1] == [model("keras", 1)]


@pytest.mark.usefixtures("select_arguments")
def test_values_of_all_types_are_preserved() -> None:
    run_sweep("train_baseline.vectorizer.ngram_range", ["[1,1]", "[1,2]"], f"{C}=1")
    assert set(table()["train_baseline.vectorizer.ngram_range"]) == {"[1, 1]", "[1, 2]"}
    run_sweep("train_baseline.classifier.class_weight", ["null", "balanced"], f"{C}=1")
    assert [json.loads(run.data.tags["values"]) for run in sweep.trials(sweep_run())] == [
        {"train_baseline.classifier.class_weight": "balanced"}, {"train_baseline.classifier.class_weight": "null"},
    ]  # fmt: skip
    run_sweep(C, ["1e-5", "2e-1"])
    assert table()[C].tolist() == [0.2, 1e-5]


@pytest.mark.parametrize(("end", "status"), [(KeyboardInterrupt, "KILLED"), (SystemExit, "FAILED")])
def test_an_interrupted_sweep_lists_its_finished_trials_and_selects_nothing(
    select_arguments: list[Any],
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    end: Callable[[], BaseException],
    status: str,
) -> None:
    fixed = [PLAN, ALL_FAMILIES]
    with pytest.raises(BaseException) as error, sweep.around(["-m", *fixed, f"{C}=1,2"]):  # noqa: B017, PT011
        trial(*fixed, f"{C}=1")
        killed = mlflow.start_run(run_name="C=2", nested=True, tags=last_run().data.tags)
        mlflow.tracking.fluent._active_run_stack.get().pop()  # its process died without ending the run
        raise end
    assert error.type is end
    assert mlflow.get_run(killed.info.run_id).info.status == "KILLED"
    assert sorted(table()["status"]) == ["FINISHED", "KILLED"]
    assert "failed" in capsys.readouterr().out
    assert "The sweep was interrupted. Repeat the same command to resume it" in caplog.text
    assert sweep_run().info.status == status
    assert not select_arguments
