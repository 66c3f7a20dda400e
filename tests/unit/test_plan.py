"""`pipeline.plan`: reading a plan, and the options that its candidates are run with."""

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
def configuration_of_all_families() -> DictConfig:
    return compose("config", overrides=["select.families=[baseline,keras,bert]"])


def configuration(*stages: Any) -> DictConfig:
    """Return the configuration with a plan as a file in conf/plan/ would define it."""
    cfg = deepcopy(configuration_of_all_families())
    cfg.plan = OmegaConf.create({"stages": list(stages)})
    return cfg


def stage(*candidates: Any, name: str = "only", **fields: Any) -> dict[str, Any]:
    return {"name": name, "candidates": list(candidates), **fields}


def trainer(step: str, *options: str, **fields: Any) -> dict[str, Any]:
    return {"step": step, "options": list(options), **fields}


def candidate(
    spec: CandidateSpec, overrides: list[str], kept_options: dict[str, str], best: Candidate | None = None
) -> Candidate:
    return plan.candidate(Stage(name="any", candidates=[spec]), spec, overrides, kept_options, best)


def names(stages: list[Stage], overrides: list[str]) -> list[str]:
    candidates = [plan.candidate(stage, spec, overrides, {}) for stage in stages for spec in stage.candidates]
    return [candidate.name(candidate.step) for candidate in candidates]


def test_the_quick_plan_has_one_of_each_approach() -> None:
    assert names(plan.read(compose("config"), []), []) == [
        "train_baseline dummy lemmatize",
        "train_baseline logistic_regression lemmatize",
        "train_keras bilstm word2vec lemmatize",
        "train_bert finetune",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("option", sorted(path.stem for path in (CONF / "plan").glob("*.yaml")))
def test_every_plan_can_be_read(option: str) -> None:
    assert plan.read(compose("config", overrides=[f"plan={option}"]), [])


def test_an_override_applies_to_candidates_that_have_the_setting() -> None:
    overrides = ["train_baseline.classifier.C=0.1", "seed=3", "preprocess=stem"]
    dummy = candidate(CandidateSpec("train_baseline", ["train_baseline=dummy"]), overrides, {})
    default = candidate(CandidateSpec("train_baseline"), overrides, {})
    assert "C" not in dummy.cfg.train_baseline.classifier
    assert default.cfg.train_baseline.classifier.C == 0.1
    assert [built.cfg.seed for built in (dummy, default)] == [3, 3]
    assert dummy.cfg.preprocess.tokenizer.words == "stem"


@pytest.mark.slow
def test_a_cleaner_override_skips_checkpoints_with_their_own_cleaner() -> None:
    overrides = ["cleaner.max_repeats=2"]
    candidates = {
        option: candidate(CandidateSpec("train_bert", [f"train_bert={option}"]), overrides, {})
        for option in sorted(path.stem for path in (CONF / "train_bert").glob("*.yaml"))
    }
    repeats = {option: built.cfg.train_bert.cleaner.max_repeats for option, built in candidates.items()}
    assert repeats == {"bertweet": 3, "distilbert": 2, "features": 2, "finetune": 2, "mpnet": 2, "twitter_roberta": 3}
    assert {option for option, built in candidates.items() if plan.depends(built, overrides)} == {
        option for option, value in repeats.items() if value == 2
    }
    baseline = candidate(CandidateSpec("train_baseline"), overrides, {})
    assert baseline.cfg.preprocess.tokenizer.cleaner.max_repeats == 2
    assert plan.depends(baseline, overrides)


def test_a_cleaner_override_that_no_candidate_uses_is_refused() -> None:
    overrides = ["cleaner.emoji=false"]
    cfg = configuration(stage(trainer("train_bert", "train_bert=bertweet")))
    with pytest.raises(PlanError, match=r"No candidate of the plan uses cleaner\.emoji=false"):
        plan.read(cfg, overrides)
    assert plan.read(configuration(stage(trainer("train_bert"))), overrides)


def test_an_override_of_a_referenced_section_is_used() -> None:
    assert plan.read(configuration(stage(trainer("train_bert", "train_bert=features"))), ["search.folds=2"])
    with pytest.raises(PlanError, match=r"search\.folds=2"):
        plan.read(configuration(stage(trainer("train_bert", "train_bert=finetune"))), ["search.folds=2"])


def test_every_section_is_read_by_a_step_or_referenced() -> None:
    read_by_steps = {section for sections in settings.READS.values() for section in sections}
    assert set(compose("config")) == read_by_steps | {"seed", "reuse", "inputs", *settings.REFERRED_TO}
    assert not read_by_steps & set(settings.REFERRED_TO)


def test_a_mounted_data_set_reaches_every_candidate_with_its_settings() -> None:
    mounted = ["+data@data.extra_training.reviews=csv", "+data@data.extra_training.more=vader"]
    overrides = ["data.extra_training.reviews.path=a.csv", *mounted, "data=sentiment140"]
    for spec in (CandidateSpec("train_baseline"), CandidateSpec("train_bert", ["train_bert=features"])):
        built = candidate(spec, overrides, {})
        assert built.cfg.data.name == "sentiment140"
        assert built.cfg.data.extra_training.reviews.path == "a.csv"
        assert built.cfg.data.extra_training.more.name == "vader"
        assert plan.depends(built, mounted)
    assert plan.read(configuration(stage(trainer("train_bert"))), overrides)


def test_a_command_line_choice_replaces_only_the_default() -> None:
    overrides = ["train_baseline=nb_svm", "train_baseline.transformer.alpha=0.5"]
    dummy = candidate(CandidateSpec("train_baseline", ["train_baseline=dummy"]), overrides, {})
    default = candidate(CandidateSpec("train_baseline"), overrides, {})
    assert "DummyClassifier" in dummy.cfg.train_baseline.classifier._target_
    assert default.cfg.train_baseline.transformer.alpha == 0.5


def test_a_value_in_the_plan_overrides_the_command_line() -> None:
    spec = CandidateSpec("train_baseline", ["train_baseline.classifier.C=4"])
    assert candidate(spec, ["train_baseline.classifier.C=0.1"], {}).cfg.train_baseline.classifier.C == 4


def test_the_next_stage_gets_only_the_kept_settings_of_the_winner() -> None:
    winner = candidate(CandidateSpec("train_baseline", ["preprocess=stem", "train_baseline=nb_svm"]), ["seed=3"], {})
    kept = plan.kept_of(winner, PREPROCESS, ["seed=3"])
    assert kept == {"preprocess": "preprocess=stem"}
    following = candidate(CandidateSpec("train_baseline"), ["seed=3", "preprocess=plain"], kept)
    assert following.cfg.preprocess.tokenizer.words == "stem", "a kept setting takes precedence over the command line"
    assert following.cfg.hydra.runtime.choices.train_baseline == "logistic_regression"


def test_settings_kept_from_earlier_stages_are_kept_again() -> None:
    kept = plan.kept_of(
        candidate(CandidateSpec("train_baseline"), [], {"preprocess": "preprocess=stem"}), PREPROCESS, []
    )
    assert kept == {"preprocess": "preprocess=stem"}


def test_command_line_overrides_are_not_kept() -> None:
    overrides = ["preprocess=stem", "preprocess.tokenizer.negation=false"]
    assert plan.kept_of(candidate(CandidateSpec("train_baseline"), overrides, {}), PREPROCESS, overrides) == {}


def test_a_candidates_own_choice_overrides_a_kept_setting() -> None:
    kept = {"preprocess": "preprocess=stem", "train_baseline.classifier.C": "train_baseline.classifier.C=2"}
    with_own_choice = candidate(
        CandidateSpec("train_baseline", ["preprocess=plain", "train_baseline.classifier.C=4"]), [], kept
    )
    assert with_own_choice.cfg.preprocess.tokenizer.words == "plain"
    assert with_own_choice.cfg.train_baseline.classifier.C == 4


def test_a_kept_setting_that_a_candidate_lacks_is_ignored() -> None:
    kept = {"train_baseline.classifier.C": "train_baseline.classifier.C=2"}
    assert (
        "C"
        not in candidate(
            CandidateSpec("train_baseline", ["train_baseline=dummy"]), [], kept
        ).cfg.train_baseline.classifier
    )


def test_the_best_is_rerun_with_its_own_options_and_the_plans() -> None:
    winner = candidate(CandidateSpec("train_keras", ["train_keras=average", "train_keras.epochs=3"]), ["seed=3"], {})
    options = ["split.train_on_rest=true", "train_keras.epochs=5"]
    rerun = candidate(CandidateSpec("best", options), ["seed=3"], {"preprocess": "preprocess=stem"}, winner)
    assert rerun.step == "train_keras"
    assert rerun.cfg.hydra.runtime.choices.train_keras == "average"
    assert (rerun.cfg.seed, rerun.cfg.train_keras.epochs, rerun.cfg.split.train_on_rest) == (3, 5, True)
    assert rerun.cfg.preprocess == winner.cfg.preprocess, "the rerun keeps the winner's own settings"


def test_a_candidate_is_named_after_its_choices_and_the_plans_values() -> None:
    built = candidate(CandidateSpec("train_keras", ["embed=glove", "train_keras.network.units=32"]), ["seed=3"], {})
    assert built.name("train_keras") == "train_keras bilstm glove lemmatize units=32"
    assert built.name("embed") == "embed glove lemmatize", (
        "an input shared with other candidates is not named after one of them"
    )
    assert candidate(CandidateSpec("train_keras", ["+train_keras.x='a.b=c'"]), [], {}).name_parts == ("x='a.b=c'",)


def test_the_best_is_named_after_its_own_values_and_the_plans() -> None:
    winner = candidate(CandidateSpec("train_baseline", ["train_baseline.classifier.C=4"]), [], {})
    rerun = candidate(CandidateSpec("best", ["split.train_on_rest=true"]), [], {}, winner)
    assert rerun.name(rerun.step) == "train_baseline logistic_regression lemmatize C=4 train_on_rest=true"


def test_a_student_rerun_as_the_best_keeps_its_teacher() -> None:
    student = candidate(CandidateSpec("train_keras", ["distill.extra_texts=more.csv"], teacher="train_bert"), [], {})
    assert student.teacher == "train_bert"
    assert student.name("train_keras") == "train_keras bilstm word2vec lemmatize extra_texts=more.csv"
    assert candidate(CandidateSpec("best", ["seed=3"]), [], {}, student).teacher == "train_bert"


def test_a_candidate_can_have_a_label_instead_of_its_values() -> None:
    student = candidate(CandidateSpec("train_keras", ["distill.extra_texts=a/more.csv"], called="distilled"), [], {})
    assert student.name("train_keras") == "train_keras bilstm word2vec lemmatize distilled"
    best = candidate(CandidateSpec("best", ["split.train_on_rest=true"], called="more data"), [], {}, student)
    assert best.name("train_keras") == "train_keras bilstm word2vec lemmatize distilled more data"


@pytest.mark.parametrize("when", [None, False])
def test_candidates_with_a_false_condition_are_dropped_with_empty_stages(when: object) -> None:
    mixed = stage(trainer("train_baseline"), trainer("train_keras", when=when), name="simple")
    cfg = configuration(mixed, stage(trainer("train_bert", when=when), name="bert"))
    (remaining,) = plan.read(cfg, [])
    assert [spec.step for spec in remaining.candidates] == ["train_baseline"]


def test_a_candidate_is_skipped_if_its_exception_applies() -> None:
    skipped, kept = trainer("train_bert", unless="a/folder"), trainer("train_keras", unless=None)
    (remaining,) = plan.read(configuration(stage(skipped, kept)), [])
    assert [spec.step for spec in remaining.candidates] == ["train_keras"]


@pytest.mark.slow
@pytest.mark.parametrize(("overrides", "checkpoint"), [([], "minilm"), (["plan.teacher=folder/mpnet"], "folder/mpnet")])
def test_the_named_teacher_of_the_champion_is_the_only_one(overrides: list[str], checkpoint: str) -> None:
    options = ["plan=champion", "+data@data.extra_training.emoticons=sentiment140", *overrides]
    teachers, *_ = plan.read(compose("config", overrides=options), options)
    (teacher,) = teachers.candidates
    settings = candidate(teacher, options, {}).cfg.train_bert
    assert (settings.checkpoint, settings.revision) == (checkpoint, None)


def test_a_candidate_whose_condition_is_true_takes_part() -> None:
    cfg = compose("config", overrides=["data.extra_training=more.csv"])
    cfg.plan = OmegaConf.create({"stages": [stage(trainer("train_bert", when="${data.extra_training}"))]})
    assert names(plan.read(cfg, []), []) == ["train_bert finetune"]


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
        ([stage(trainer("train_bert"), trainer("cascade"))], "begins with a stage of trainers"),
    ],
)
def test_an_invalid_plan_is_refused_with_the_place(stages: list[Any], message: str) -> None:
    with pytest.raises(PlanError, match=f"(?s){message}"):
        plan.read(configuration(*stages), [])


def test_a_plan_without_a_servable_candidate_is_refused() -> None:
    cfg = configuration(stage(trainer("train_baseline")))
    cfg.select.families = ["keras", "bert"]
    with pytest.raises(PlanError, match=r"select\.families=.*allows none .*\(baseline\)"):
        plan.read(cfg, [])


@pytest.mark.parametrize(("targets", "known"), [("null", "none"), ("{people: 0.5, airline: 1}", "people, airline")])
def test_an_unknown_target_is_refused_with_the_known_ones(targets: str, known: str) -> None:
    cfg = compose("config", overrides=["select.target=someone", f"split.targets={targets}"])
    with pytest.raises(PlanError, match=rf"Unknown select\.target=someone\. Targets \(split\.targets\): {known}\."):
        plan.read(cfg, [])


def test_a_teacher_from_no_earlier_stage_is_refused() -> None:
    cfg = configuration(stage(trainer("train_baseline"), trainer("train_keras", teacher="train_bert")))
    with pytest.raises(PlanError, match="The stage 'only' .* no earlier stage has a candidate of 'train_bert'"):
        plan.read(cfg, [])


def test_a_plan_without_stages_is_refused() -> None:
    cfg = compose("config")
    cfg.plan = OmegaConf.create({"stage": []})
    with pytest.raises(PlanError, match="begins with a stage of trainers"):
        plan.read(cfg, [])


def test_a_candidate_depends_on_settings_of_its_step_and_inputs() -> None:
    network = candidate(CandidateSpec("train_keras"), ["preprocess=stem", "train_baseline.classifier.C=2"], {})
    assert plan.depends(network, ["preprocess=stem"])
    assert not plan.depends(network, ["train_baseline.classifier.C=2"]), "a setting of another trainer"
    assert not plan.depends(network, ["train_keras.epochs=1"]), "the override was not applied to it"
    unstemmed = candidate(CandidateSpec("train_keras", ["preprocess=plain"]), ["preprocess=stem"], {})
    assert not plan.depends(unstemmed, ["preprocess=stem"]), "its own choice takes precedence"


def test_inputs_of_a_step_are_read_from_mlproject() -> None:
    assert plan.inputs("train_keras") == ["corpus", "embedding"]
    assert plan.inputs("split") == []


def test_every_step_of_a_plan_is_an_entry_point() -> None:
    entry_points = yaml.safe_load((CONF.parent / "MLproject").read_text(encoding="utf-8"))["entry_points"]
    assert {*plan.TRAINERS, *plan.COMBINED, *plan.MAKERS.values()} <= set(entry_points)
