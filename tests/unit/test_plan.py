"""How a plan is read, and with which options its candidates are run."""

from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from pipeline import plan, settings
from pipeline.plan import Candidate, CandidateSpec, PlanError, Stage

CONF = Path(__file__).parents[2] / "conf"
PREPROCESS = Stage(name="preprocess", candidates=[], keep=["preprocess"])


@pytest.fixture(autouse=True)
def _hydra() -> Iterator[None]:
    with initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
        yield


@cache
def of_all_families() -> DictConfig:
    return compose("config", overrides=["select.families=[baseline,keras,bert]"])


def configuration(*stages: Any) -> DictConfig:
    """Return the configuration with a plan, as a file in conf/plan/ would write it."""
    cfg = deepcopy(of_all_families())
    cfg.plan = OmegaConf.create({"stages": list(stages)})
    return cfg


def stage(*candidates: Any, name: str = "only", **others: Any) -> dict[str, Any]:
    return {"name": name, "candidates": list(candidates), **others}


def trainer(step: str, *options: str, **others: Any) -> dict[str, Any]:
    return {"step": step, "options": list(options), **others}


def candidate(
    item: CandidateSpec, overrides: list[str], kept: dict[str, str], best: Candidate | None = None
) -> Candidate:
    return plan.candidate(Stage(name="any", candidates=[item]), item, overrides, kept, best)


def names(stages: list[Stage], overrides: list[str]) -> list[str]:
    found = [plan.candidate(stage, item, overrides, {}) for stage in stages for item in stage.candidates]
    return [candidate.name(candidate.step) for candidate in found]


def test_the_quick_plan_has_one_of_each_approach() -> None:
    assert names(plan.read(compose("config"), []), []) == [
        "train_baseline dummy lemmatize",
        "train_baseline logistic_regression lemmatize",
        "train_keras bilstm word2vec lemmatize",
        "train_bert features",
    ]


@pytest.mark.parametrize("option", sorted(path.stem for path in (CONF / "plan").glob("*.yaml")))
def test_every_plan_can_be_read(option: str) -> None:
    assert plan.read(compose("config", overrides=[f"plan={option}"]), [])


def test_an_override_reaches_the_candidates_that_it_concerns() -> None:
    overrides = ["train_baseline.classifier.C=0.1", "seed=3", "preprocess=stem"]
    dummy = candidate(CandidateSpec("train_baseline", ["train_baseline=dummy"]), overrides, {})
    plain = candidate(CandidateSpec("train_baseline"), overrides, {})
    assert "C" not in dummy.cfg.train_baseline.classifier
    assert plain.cfg.train_baseline.classifier.C == 0.1
    assert [found.cfg.seed for found in (dummy, plain)] == [3, 3]
    assert dummy.cfg.preprocess.tokenizer.words == "stem"


def test_an_override_of_the_cleaner_reaches_all_but_checkpoints_with_a_form_of_their_own() -> None:
    overrides = ["cleaner.max_repeats=2"]
    read = {
        option: candidate(CandidateSpec("train_bert", [f"train_bert={option}"]), overrides, {})
        for option in sorted(path.stem for path in (CONF / "train_bert").glob("*.yaml"))
    }
    repeats = {option: found.cfg.train_bert.cleaner.max_repeats for option, found in read.items()}
    assert repeats == {"bertweet": 3, "distilbert": 2, "features": 2, "finetune": 2, "twitter_roberta": 3}
    assert {option for option, found in read.items() if plan.depends(found, overrides)} == {
        option for option, value in repeats.items() if value == 2
    }
    words = candidate(CandidateSpec("train_baseline"), overrides, {})
    assert words.cfg.preprocess.tokenizer.cleaner.max_repeats == 2
    assert plan.depends(words, overrides)


def test_an_override_of_the_cleaner_that_no_candidate_reads_is_refused() -> None:
    overrides = ["cleaner.emoji=false"]
    cfg = configuration(stage(trainer("train_bert", "train_bert=bertweet")))
    with pytest.raises(PlanError, match=r"No candidate of the plan uses cleaner\.emoji=false"):
        plan.read(cfg, overrides)
    assert plan.read(configuration(stage(trainer("train_bert"))), overrides)


def test_an_override_of_a_section_that_another_refers_to_is_of_use() -> None:
    assert plan.read(configuration(stage(trainer("train_bert", "train_bert=features"))), ["search.folds=2"])
    with pytest.raises(PlanError, match=r"search\.folds=2"):
        plan.read(configuration(stage(trainer("train_bert", "train_bert=finetune"))), ["search.folds=2"])


def test_every_section_is_read_by_a_step_or_referred_to() -> None:
    read = {section for sections in settings.READS.values() for section in sections}
    assert set(compose("config")) == read | {"seed", "reuse", "inputs", *settings.REFERRED_TO}
    assert not read & set(settings.REFERRED_TO)


def test_an_alternative_of_the_command_line_replaces_the_default_but_not_the_plans() -> None:
    overrides = ["train_baseline=nb_svm", "train_baseline.transformer.alpha=0.5"]
    dummy = candidate(CandidateSpec("train_baseline", ["train_baseline=dummy"]), overrides, {})
    plain = candidate(CandidateSpec("train_baseline"), overrides, {})
    assert "DummyClassifier" in dummy.cfg.train_baseline.classifier._target_
    assert plain.cfg.train_baseline.transformer.alpha == 0.5


def test_a_value_of_the_plan_wins_over_the_command_line() -> None:
    item = CandidateSpec("train_baseline", ["train_baseline.classifier.C=4"])
    assert candidate(item, ["train_baseline.classifier.C=0.1"], {}).cfg.train_baseline.classifier.C == 4


def test_what_a_stage_keeps_of_its_winner_reaches_the_next_and_nothing_else_does() -> None:
    winner = candidate(CandidateSpec("train_baseline", ["preprocess=stem", "train_baseline=nb_svm"]), ["seed=3"], {})
    kept = plan.kept_of(winner, PREPROCESS, ["seed=3"])
    assert kept == {"preprocess": "preprocess=stem"}
    following = candidate(CandidateSpec("train_baseline"), ["seed=3", "preprocess=plain"], kept)
    assert following.cfg.preprocess.tokenizer.words == "stem", "what was kept wins over the command line"
    assert following.cfg.hydra.runtime.choices.train_baseline == "logistic_regression"


def test_what_a_winner_has_from_earlier_stages_is_kept_on() -> None:
    kept = plan.kept_of(
        candidate(CandidateSpec("train_baseline"), [], {"preprocess": "preprocess=stem"}), PREPROCESS, []
    )
    assert kept == {"preprocess": "preprocess=stem"}


def test_what_the_command_line_says_need_not_be_kept() -> None:
    overrides = ["preprocess=stem", "preprocess.tokenizer.negation=false"]
    assert plan.kept_of(candidate(CandidateSpec("train_baseline"), overrides, {}), PREPROCESS, overrides) == {}


def test_a_candidates_own_choice_wins_over_what_was_kept() -> None:
    kept = {"preprocess": "preprocess=stem", "train_baseline.classifier.C": "train_baseline.classifier.C=2"}
    own = candidate(CandidateSpec("train_baseline", ["preprocess=plain", "train_baseline.classifier.C=4"]), [], kept)
    assert own.cfg.preprocess.tokenizer.words == "plain"
    assert own.cfg.train_baseline.classifier.C == 4


def test_a_kept_setting_that_a_candidate_does_not_have_does_not_concern_it() -> None:
    kept = {"train_baseline.classifier.C": "train_baseline.classifier.C=2"}
    assert (
        "C"
        not in candidate(
            CandidateSpec("train_baseline", ["train_baseline=dummy"]), [], kept
        ).cfg.train_baseline.classifier
    )


def test_the_best_is_run_again_with_its_options_and_those_of_the_plan() -> None:
    winner = candidate(CandidateSpec("train_keras", ["train_keras=average", "train_keras.epochs=3"]), ["seed=3"], {})
    options = ["split.train_on_rest=true", "train_keras.epochs=5"]
    again = candidate(CandidateSpec("best", options), ["seed=3"], {"preprocess": "preprocess=stem"}, winner)
    assert again.step == "train_keras"
    assert again.cfg.hydra.runtime.choices.train_keras == "average"
    assert (again.cfg.seed, again.cfg.train_keras.epochs, again.cfg.split.train_on_rest) == (3, 5, True)
    assert again.cfg.preprocess == winner.cfg.preprocess, "it is the best as it was, not as another would be now"


def test_a_candidate_is_named_by_its_alternatives_and_the_values_of_the_plan() -> None:
    found = candidate(CandidateSpec("train_keras", ["embed=glove", "train_keras.network.units=32"]), ["seed=3"], {})
    assert found.name("train_keras") == "train_keras bilstm glove lemmatize units=32"
    assert found.name("embed") == "embed glove lemmatize", "what other candidates eat, too, is not named after one"
    assert candidate(CandidateSpec("train_keras", ["+train_keras.x='a.b=c'"]), [], {}).name_parts == ("x='a.b=c'",)


def test_the_best_is_named_by_the_values_of_both() -> None:
    winner = candidate(CandidateSpec("train_baseline", ["train_baseline.classifier.C=4"]), [], {})
    again = candidate(CandidateSpec("best", ["split.train_on_rest=true"]), [], {}, winner)
    assert again.name(again.step) == "train_baseline logistic_regression lemmatize C=4 train_on_rest=true"


def test_a_student_keeps_its_teacher_also_as_the_best() -> None:
    student = candidate(CandidateSpec("train_keras", ["distill.extra_texts=more.csv"], teacher="train_bert"), [], {})
    assert student.teacher == "train_bert"
    assert student.name("train_keras") == "train_keras bilstm word2vec lemmatize extra_texts=more.csv"
    assert candidate(CandidateSpec("best", ["seed=3"]), [], {}, student).teacher == "train_bert"


def test_a_candidate_may_be_called_by_a_word_instead_of_its_values() -> None:
    student = candidate(CandidateSpec("train_keras", ["distill.extra_texts=a/more.csv"], called="distilled"), [], {})
    assert student.name("train_keras") == "train_keras bilstm word2vec lemmatize distilled"
    best = candidate(CandidateSpec("best", ["split.train_on_rest=true"], called="more data"), [], {}, student)
    assert best.name("train_keras") == "train_keras bilstm word2vec lemmatize distilled more data"


@pytest.mark.parametrize("when", [None, False])
def test_a_candidate_without_what_it_needs_is_left_out_and_so_is_a_stage_without_others(when: object) -> None:
    simple = stage(trainer("train_baseline"), trainer("train_keras", when=when), name="simple")
    cfg = configuration(simple, stage(trainer("train_bert", when=when), name="bert"))
    (left,) = plan.read(cfg, [])
    assert [item.step for item in left.candidates] == ["train_baseline"]


def test_a_candidate_with_what_it_needs_takes_part() -> None:
    cfg = compose("config", overrides=["data.extra_training=more.csv"])
    cfg.plan = OmegaConf.create({"stages": [stage(trainer("train_bert", when="${data.extra_training}"))]})
    assert names(plan.read(cfg, []), []) == ["train_bert features"]


@pytest.mark.parametrize("override", ["train_baseline=nb_svm", "train_keras.epochs=1", "embed=glove"])
def test_an_override_that_no_candidate_can_use_is_refused(override: str) -> None:
    cfg = configuration(stage(trainer("train_baseline", "train_baseline=dummy"), trainer("train_bert")))
    with pytest.raises(PlanError, match=f"No candidate of the plan uses {override}"):
        plan.read(cfg, ["seed=3", override])


def test_the_best_does_not_make_an_override_useful() -> None:
    cfg = configuration(stage(trainer("train_baseline")), stage(trainer("best", "seed=5"), name="again"))
    with pytest.raises(PlanError, match=r"train_keras\.epochs=1"):
        plan.read(cfg, ["train_keras.epochs=1"])


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ([stage(trainer("train_magic"))], "The stage 'only'.*'train_magic' is not a step.*train_baseline, train_keras"),
        ([stage(trainer("split"))], "'split' is not a step that trains a candidate"),
        ([stage(trainer("train_baseline", "train_baseline=magic"))], "The stage 'only'.*train_baseline=magic.*nb_svm"),
        ([stage(trainer("train_baseline", "train_baseline.magic=1"))], "The stage 'only'.*train_baseline.magic=1"),
        ([stage(trainer("train_baseline", "train_baseline"))], "The stage 'only'.*cannot be composed"),
        ([stage(trainer("train_baseline"), keep=["magic"])], "The stage 'only' of the plan keeps magic"),
        ([stage(trainer("train_baseline"), keeps=["preprocess"])], "Stage 1.*'keep', 'name'"),
        ([stage({"options": []})], "The stage 'only'.*'step'"),
        ([stage(trainer("train_baseline", option=[]))], "The stage 'only'.*'option': .*'options', 'step'"),
        ([stage("train_baseline")], "The stage 'only'.*train_baseline must have"),
        (["train_baseline"], "Stage 1 of the plan: train_baseline must have"),
        ([{"name": "only", "candidates": None}], "Stage 1 of the plan: candidates must be a list"),
        ([stage(trainer("train_baseline"), keep="preprocess")], "Stage 1 of the plan: keep must be a list"),
        ([stage({"step": "train_bert", "options": "seed=1"})], "The stage 'only'.*options must be a list"),
        ([], "begins with a stage of trainers"),
        ([stage(trainer("train_bert", when=False))], "begins with a stage of trainers"),
        ([stage(trainer("best")), stage(trainer("train_bert"))], "begins with a stage of trainers"),
        ([stage(trainer("train_bert"), trainer("blend"))], "begins with a stage of trainers"),
    ],
)
def test_what_a_plan_cannot_mean_is_refused_with_the_place(stages: list[Any], message: str) -> None:
    with pytest.raises(PlanError, match=f"(?s){message}"):
        plan.read(configuration(*stages), [])


def test_a_plan_of_which_nothing_may_be_served_is_refused() -> None:
    cfg = configuration(stage(trainer("train_baseline")))
    cfg.select.families = ["keras", "bert"]
    with pytest.raises(PlanError, match=r"select\.families=.*allows none .*\(baseline\)"):
        plan.read(cfg, [])


def test_a_teacher_that_no_stage_before_has_is_refused() -> None:
    cfg = configuration(stage(trainer("train_baseline"), trainer("train_keras", teacher="train_bert")))
    with pytest.raises(PlanError, match="The stage 'only' .* no earlier stage has a candidate of 'train_bert'"):
        plan.read(cfg, [])


def test_a_plan_without_stages_is_refused() -> None:
    cfg = compose("config")
    cfg.plan = OmegaConf.create({"stage": []})
    with pytest.raises(PlanError, match="begins with a stage of trainers"):
        plan.read(cfg, [])


def test_a_candidate_depends_on_what_it_or_its_inputs_read() -> None:
    network = candidate(CandidateSpec("train_keras"), ["preprocess=stem", "train_baseline.classifier.C=2"], {})
    assert plan.depends(network, ["preprocess=stem"])
    assert not plan.depends(network, ["train_baseline.classifier.C=2"]), "another trainer's"
    assert not plan.depends(network, ["train_keras.epochs=1"]), "it does not have it"
    plain = candidate(CandidateSpec("train_keras", ["preprocess=plain"]), ["preprocess=stem"], {})
    assert not plan.depends(plain, ["preprocess=stem"]), "its own choice wins"


def test_what_a_step_eats_is_read_from_mlproject() -> None:
    assert plan.inputs("train_keras") == ["corpus", "embedding"]
    assert plan.inputs("split") == []


def test_every_step_of_a_plan_is_an_entry_point() -> None:
    written = yaml.safe_load((CONF.parent / "MLproject").read_text(encoding="utf-8"))["entry_points"]
    assert {*plan.TRAINERS, plan.BLEND, *plan.MAKERS.values()} <= set(written)
