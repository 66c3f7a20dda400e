"""How `main` carries out a plan, with the steps run in this process."""

from collections.abc import Iterator

import mlflow
import pytest
from hydra import compose

from pipeline import candidates, plan
from pipeline.launch import Launcher, StepError
from pipeline.plan import CandidateSpec, Stage
from pipeline.study import Study
from tests.corpora import data

OPTIONS = [*data(700), "search.folds=2", "train_baseline.classifier.C=1.0", "select.resamples=100"]
DUMMY = CandidateSpec("train_baseline", ["train_baseline=dummy"])
# No word occurs in that many tweets.
FAILING = CandidateSpec("train_baseline", ["train_baseline.vectorizer.min_df=100000"])
STUDENT = CandidateSpec("train_keras", ["distill.extra_texts=more.csv"], teacher="train_bert")
FAILED = "logistic_regression lemmatize min_df=100000"


@pytest.fixture
def study(launched_steps: list[str]) -> Iterator[Study]:  # noqa: ARG001
    """Start a study inside an open run; in the module's experiment, it reuses the splits of other tests."""
    with mlflow.start_run(run_name="main") as main:
        launcher = Launcher(reuse_before=True, since=main.info.start_time)
        yield Study(compose("config", overrides=OPTIONS), OPTIONS, launcher)


def logged(path: str) -> str:
    run = mlflow.active_run()
    assert run is not None
    text: str = mlflow.artifacts.load_text(f"{run.info.artifact_uri}/{path}")
    return text


def test_a_failed_candidate_is_listed_and_does_not_stop_its_stage(
    study: Study, capsys: pytest.CaptureFixture[str]
) -> None:
    study.run(Stage("simple", [FAILING, DUMMY]), 1)
    output = capsys.readouterr().out
    for table in (output, logged("stages/01 simple.md")):
        assert "dummy lemmatize" in table
        assert f"Failed: {FAILED}." in table
    assert logged("stages/01 simple.csv").count("\n") == 2, "the header and one candidate"
    assert len(study.candidates) == 1


@pytest.mark.parametrize("before", [[], [Stage("simple", [DUMMY])]])
def test_a_failed_stage_ends_the_plan_if_later_stages_need_it(study: Study, before: list[Stage]) -> None:
    for number, stage in enumerate(before, 1):
        study.run(stage, number)
    with pytest.raises(StepError, match=rf"The stage 'words' of the plan: all candidates failed \({FAILED}\)"):
        study.run(Stage("words", [FAILING], keep=["preprocess"]), 2)


def test_the_plan_continues_after_a_failed_stage_that_no_other_needs(
    study: Study, caplog: pytest.LogCaptureFixture
) -> None:
    study.run(Stage("simple", [DUMMY]), 1)
    study.run(Stage("more", [FAILING]), 2)
    assert "all candidates failed" in caplog.text
    assert "Continuing with the next stage." in caplog.text
    assert len(study.candidates) == 1


def test_a_cascade_without_a_faster_candidate_fails_alone(study: Study, caplog: pytest.LogCaptureFixture) -> None:
    study.run(Stage("simple", [DUMMY]), 1)
    study.run(Stage("cascade", [CandidateSpec("cascade")]), 2)
    assert "cascade: no candidate is 2 times as fast as the best, dummy lemmatize." in caplog.text
    assert "all candidates failed (cascade). Continuing" in caplog.text


def test_a_candidate_listed_twice_is_compared_once(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    study.run(Stage("simple", [DUMMY, DUMMY]), 1)
    assert " leads " not in capsys.readouterr().out


def test_a_candidate_without_a_teacher_is_listed_as_failed(
    study: Study, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    study.run(Stage("simple", [DUMMY]), 1)
    study.run(Stage("students", [STUDENT, DUMMY]), 2)
    student = "bilstm word2vec lemmatize extra_texts=more.csv"
    assert f"train_keras {student}: its teacher, train_bert, has no finished model" in caplog.text
    assert f"Failed: {student}." in capsys.readouterr().out


def test_a_stage_keeps_the_simplest_candidate_that_is_not_significantly_worse(
    study: Study, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = (f"train_baseline.classifier.C={value}" for value in (0.999, 1.001))
    for number, options in enumerate(((first, second), (second, first)), 1):  # regardless of which is better
        similar = [CandidateSpec("train_baseline", [option]) for option in options]
        study.run(Stage("strength", [DUMMY, *similar], keep=["train_baseline"]), number)
        assert study.kept == {"train_baseline.classifier.C": options[0]}
    assert "not significant, so the simpler one is chosen." in capsys.readouterr().out


def test_a_candidate_that_must_not_be_served_is_not_kept(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates, "may_be_served", lambda rows, cfg: rows["name"] == "dummy lemmatize")  # noqa: ARG005
    stem = CandidateSpec("train_baseline", ["preprocess=stem"])
    study.run(Stage("preprocessing", [DUMMY, stem], keep=["preprocess"]), 1)
    assert study.kept == {}
    assert study.best().name("train_baseline") == "train_baseline dummy lemmatize"


@pytest.mark.usefixtures("experiment")
def test_later_stages_use_the_best_settings_so_far_on_the_same_splits(
    study: Study, launched_steps: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    stem = CandidateSpec("train_baseline", ["preprocess=stem"])
    study.run(Stage("preprocessing", [DUMMY, stem], keep=["preprocess"]), 1)
    assert study.kept == {"preprocess": "preprocess=stem"}, "word features beat the dummy"
    output = capsys.readouterr().out
    assert "logistic_regression stem leads dummy lemmatize by +0." in output
    assert "Kept for the next stages: preprocess=stem." in output
    study.run(Stage("model", [DUMMY, CandidateSpec("train_baseline")]), 2)
    study.run(Stage("again", [CandidateSpec(plan.BEST, ["cost.review=0.4"])]), 3)
    names = [row["name"] for row in study.rows]
    assert names == [
        "dummy lemmatize",
        "logistic_regression stem",
        "dummy stem",
        "logistic_regression stem review=0.4",
    ], "the second stage reuses the best run of the first, under its name"
    assert launched_steps.count("split") == 1
    assert launched_steps.count("preprocess") == 2
    assert len({row["validation"] for row in study.rows}) == 1
