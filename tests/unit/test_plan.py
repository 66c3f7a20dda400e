"""How `main` reads a plan and hands on the overrides of the command line."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from steps.main import Candidate, PlanError, candidates, eats, run_name

CONF = Path(__file__).parents[2] / "conf"


@pytest.fixture(autouse=True)
def _hydra() -> Iterator[None]:
    with initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
        yield


def plan(*items: tuple[str, list[str]]) -> DictConfig:
    cfg = compose("config")
    stage = {"name": "only", "candidates": [{"step": step, "options": options} for step, options in items]}
    cfg.plan.stages = [stage]
    return cfg


def of(found: list[Candidate], step: str) -> list[Candidate]:
    return [candidate for candidate in found if candidate.step == step]


def test_the_quick_plan_has_one_of_each_approach() -> None:
    names = [run_name(candidate.step, candidate.cfg) for candidate in candidates(compose("config"), [])]
    assert names == [
        "train_baseline dummy lemmatize",
        "train_baseline logistic_regression lemmatize",
        "train_keras bilstm word2vec lemmatize",
        "train_bert features",
    ]


def test_an_override_reaches_the_candidates_that_it_concerns() -> None:
    found = candidates(compose("config"), ["train_baseline.classifier.C=0.1", "seed=3", "preprocess=stem"])
    dummy, logistic_regression = of(found, "train_baseline")
    assert "C" not in dummy.cfg.train_baseline.classifier
    assert logistic_regression.cfg.train_baseline.classifier.C == 0.1
    assert {candidate.cfg.seed for candidate in found} == {3}
    assert dummy.cfg.preprocess.tokenizer.words == "stem"


def test_an_alternative_of_the_command_line_replaces_the_default_but_not_the_plans() -> None:
    found = candidates(compose("config"), ["train_baseline=nb_svm", "train_baseline.transformer.alpha=0.5"])
    dummy, other = of(found, "train_baseline")
    assert "DummyClassifier" in dummy.cfg.train_baseline.classifier._target_
    assert other.cfg.train_baseline.transformer.alpha == 0.5


def test_an_override_that_no_candidate_can_use_is_refused() -> None:
    cfg = plan(("train_baseline", ["train_baseline=dummy"]))
    with pytest.raises(PlanError, match="train_baseline=nb_svm"):
        candidates(cfg, ["train_baseline=nb_svm"])
    with pytest.raises(PlanError, match=r"train_keras\.epochs=1"):
        candidates(cfg, ["train_keras.epochs=1"])


def test_a_plan_with_an_unknown_step_is_refused() -> None:
    with pytest.raises(PlanError, match="'train_magic' is no trainer"):
        candidates(plan(("train_magic", [])), [])


@pytest.mark.parametrize("option", ["train_baseline=magic", "train_baseline.magic=1"])
def test_a_plan_with_an_unknown_option_is_refused(option: str) -> None:
    with pytest.raises(PlanError, match="magic"):
        candidates(plan(("train_baseline", [option])), [])


def test_what_a_step_eats_is_read_from_mlproject() -> None:
    assert list(eats("train_keras")) == ["corpus", "embedding"]
    assert list(eats("split")) == []
