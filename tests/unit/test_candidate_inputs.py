"""What each step of a candidate eats."""

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


class Noting(Launcher):
    """Note what each step is given, and run none; the id of the run of a step is its name."""

    def __init__(self) -> None:
        super().__init__(reuse_before=True, since=0)
        self.eaten: dict[str, Mapping[str, Any]] = {}

    def run(self, step: str, name: str, options: list[str], settings: Mapping[str, Any], *_: Any) -> Run:  # noqa: ARG002
        self.eaten[step] = settings["inputs"]
        return cast("Run", SimpleNamespace(info=SimpleNamespace(run_id=step)))


def eaten(item: CandidateSpec, given: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    candidate = plan.candidate(Stage("only", [item]), item, [], {})
    launcher = Noting()
    assert launcher.make(candidate.step, candidate, given) == f"runs:/{item.step}/model"
    return launcher.eaten


def test_every_step_eats_what_the_steps_before_it_have_made() -> None:
    assert eaten(CandidateSpec("train_keras"), {}) == {
        "split": {},
        "preprocess": {"splits": "runs:/split/splits"},
        "embed": {"corpus": "runs:/preprocess/corpus"},
        "train_keras": {"corpus": "runs:/preprocess/corpus", "embedding": "runs:/embed/embedding"},
    }


def test_a_student_eats_the_corpus_that_its_teacher_has_labelled() -> None:
    teacher = {"teacher": "runs:/teacher/model"}
    assert eaten(CandidateSpec("train_keras", teacher="train_bert"), teacher) == {
        "split": {},
        "preprocess": {"splits": "runs:/split/splits"},
        "distill": {"corpus": "runs:/preprocess/corpus", **teacher},
        "embed": {"corpus": "runs:/distill/corpus"},
        "train_keras": {"corpus": "runs:/distill/corpus", "embedding": "runs:/embed/embedding"},
    }


def test_what_is_given_is_not_made() -> None:
    given = {"splits": "runs:/split/splits", "candidates": ["runs:/one/model", "runs:/other/model"]}
    assert eaten(CandidateSpec("blend"), given) == {"blend": given}
