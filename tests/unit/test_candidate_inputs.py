"""The inputs of each step of a candidate."""

from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hydra import initialize_config_dir
from mlflow.entities import Run

from pipeline import plan
from pipeline.launch import Launcher
from pipeline.plan import CandidateSpec, Stage
from tests.integration.chain import CONF


@pytest.fixture(autouse=True)
def _hydra() -> Iterator[None]:
    with initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
        yield


class RecordingLauncher(Launcher):
    """Record each step's inputs without running it; the run ID is the step's name."""

    def __init__(self) -> None:
        super().__init__(reuse_before=True, since=0)
        self.inputs: dict[str, Mapping[str, Any]] = {}

    def run(self, step: str, name: str, options: list[str], settings: Mapping[str, Any], *_: Any) -> Run:  # noqa: ARG002
        self.inputs[step] = settings["inputs"]
        return cast("Run", SimpleNamespace(info=SimpleNamespace(run_id=step)))


def inputs_of_steps(spec: CandidateSpec, existing_inputs: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    candidate = plan.candidate(Stage("only", [spec]), spec, [], {})
    launcher = RecordingLauncher()
    assert launcher.make(candidate.step, candidate, existing_inputs) == f"runs:/{spec.step}/model"
    return launcher.inputs


def test_every_step_gets_the_outputs_of_the_steps_before_it() -> None:
    assert inputs_of_steps(CandidateSpec("train_keras"), {}) == {
        "split": {},
        "preprocess": {"splits": "runs:/split/splits"},
        "embed": {"corpus": "runs:/preprocess/corpus"},
        "train_keras": {"corpus": "runs:/preprocess/corpus", "embedding": "runs:/embed/embedding"},
    }


def test_a_student_gets_the_corpus_that_its_teacher_labelled() -> None:
    teacher = {"teacher": "runs:/teacher/model"}
    assert inputs_of_steps(CandidateSpec("train_keras", teacher="train_bert"), teacher) == {
        "split": {},
        "preprocess": {"splits": "runs:/split/splits"},
        "distill": {"corpus": "runs:/preprocess/corpus", **teacher},
        "embed": {"corpus": "runs:/distill/corpus"},
        "train_keras": {"corpus": "runs:/distill/corpus", "embedding": "runs:/embed/embedding"},
    }


def test_existing_inputs_are_reused() -> None:
    existing = {"splits": "runs:/split/splits", "candidates": ["runs:/one/model", "runs:/other/model"]}
    assert inputs_of_steps(CandidateSpec("blend"), existing) == {"blend": existing}
