"""`pipeline.sweep`: invalid sweeps are refused before anything runs; how trials and values are named."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from pipeline import plan, sweep
from pipeline.plan import PlanError
from pipeline.sweep import SweepError
from pipeline.swept import affected, check, trained

CONF = Path(__file__).parents[2] / "conf"
OPTUNA = "hydra/sweeper=optuna"
# Small plans: composing the configuration of a candidate takes a tenth of a second.
KERAS = "plan.stages=[{name: only, candidates: [{step: train_keras}]}]"
ALL_KINDS_PLAN = (
    "plan.stages=[{name: a, candidates: [{step: train_bert}]}, {name: b, candidates: [{step: train_keras}, "
    "{step: train_keras, teacher: train_bert}]}, {name: c, candidates: [{step: blend}, {step: cascade}, {step: best}]}]"
)


@pytest.fixture(autouse=True)
def _no_trial(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv(sweep.SWEEP, raising=False)
    yield
    HydraConfig.instance().cfg = None


@pytest.fixture
def _hydra() -> Iterator[None]:
    with initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
        yield


def compose_trial(*overrides: str) -> DictConfig:
    """Compose the configuration of a trial, and register it with Hydra."""
    cfg = compose("config", overrides=[*overrides, "hydra.mode=MULTIRUN"], return_hydra_config=True)
    HydraConfig.instance().set_config(cfg)
    return cfg


def names(*overrides: str, swept: str) -> list[str]:
    """Return the names of the candidates that a swept setting affects."""
    stages = plan.read(compose("config", overrides=list(overrides)), list(overrides))
    candidates = trained(stages, list(overrides))
    return [candidate.name(candidate.step) for candidate in affected(candidates, list(overrides), [swept])]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["train_keras.network.unit=4,8"], "Could not override 'train_keras.network.unit'"),
        (["train_keras=bilstm,nothing"], "Could not find 'train_keras/nothing'"),
        (["train_keras=convolution,bilstm", "train_keras.network.widths=[2]"], "train_keras.network.widths"),
        (["seed=1,2", "nonsense"], "nonsense"),
        (["train_keras.epochs=4"], "needs a setting with several values"),
        (["plan=quick,study", "seed=1,2"], "No candidate of the plan depends on plan:"),
        (["train_keras.epochs=1,2", "promote.version=1,2"], "No candidate of the plan depends on promote.version:"),
        (["train_bert=features,finetune"], "No candidate of the plan uses train_bert=features"),
        (["cost.missed_negative=2,-1"], "cost.missed_negative=-1"),
        (["train_keras.learning_rate=interval(1,2)", OPTUNA], "hydra.sweeper.direction=maximize"),
        (
            ["train_keras.epochs=1,2", OPTUNA, "hydra.sweeper.direction=maximize", "select.metric=log_loss"],
            "select.metric=log_loss must be minimized: set hydra.sweeper.direction=minimize",
        ),
    ],
)
def test_an_invalid_sweep_is_refused_before_anything_runs(options: list[str], message: str) -> None:
    with pytest.raises(SweepError) as raised, sweep.around(["-m", KERAS, *options]):
        raise AssertionError("it was run")
    assert str(raised.value).startswith("The sweep cannot be run. ")
    assert message in str(raised.value)


@pytest.mark.parametrize(
    "options",
    [
        ["train_keras.network.units=32,64", "train_keras.network.dropout=0.2,0.4"],
        ["train_keras=bilstm,average", "embed=word2vec,fasttext"],
        ["train_keras=glob(*)"],
        ["train_keras.network.units=range(16,64,16)"],
        ["+train_keras.network.activation=relu,tanh"],
        ["train_keras.class_weight=null,balanced"],
        ["seed=1,2"],
        ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "preprocess=stem,plain"],
        [OPTUNA, "hydra.sweeper.direction=maximize", "train_keras.learning_rate=tag(log,interval(0.0001,0.1))"],
        [OPTUNA, "hydra.sweeper.direction=minimize", "select.metric=log_loss", "train_keras.epochs=1,2"],
    ],
)
def test_a_valid_sweep_passes_the_check(options: list[str]) -> None:
    swept, _ = check([KERAS, *options])
    settings = [option.partition("=")[0].removeprefix("+") for option in options]
    assert swept == sorted(name for name in settings if not name.startswith(("hydra", "select")))


@pytest.mark.parametrize("launcher", ["submitit_slurm", "submitit_local"])
def test_a_sweep_for_a_cluster_composes(launcher: str) -> None:
    env_copy = f"hydra.job.env_copy=[{sweep.SWEEP},MLFLOW_TRACKING_URI]"
    settings = ["hydra.launcher.timeout_min=60", "hydra.launcher.cpus_per_task=4", env_copy]
    _, cfg = check([KERAS, f"hydra/launcher={launcher}", *settings, "train_keras.network.units=32,64"])
    assert cfg.hydra.launcher._target_.startswith("hydra_plugins.hydra_submitit_launcher")
    assert (cfg.hydra.launcher.timeout_min, cfg.hydra.launcher.cpus_per_task) == (60, 4)


@pytest.mark.parametrize("arguments", [[], ["seed=3"], ["--cfg", "job"]])
def test_a_command_that_is_not_a_multirun_runs(arguments: list[str]) -> None:
    with sweep.around(arguments):
        ran = True
    assert ran


@pytest.mark.parametrize("argument", ["-m", "--multirun", "hydra.mode=MULTIRUN"])
def test_a_multirun_is_recognised_in_every_notation(argument: str) -> None:
    with pytest.raises(SweepError, match="needs a setting with several values"), sweep.around([argument]):
        raise AssertionError("it was run")


@pytest.mark.usefixtures("_hydra")
def test_a_trial_runs_only_the_candidates_that_it_affects() -> None:
    assert names("train_bert.max_tokens=32", swept="train_bert.max_tokens") == ["train_bert finetune"]
    assert names("preprocess=stem", swept="preprocess") == [
        "train_baseline dummy stem", "train_baseline logistic_regression stem", "train_keras bilstm word2vec stem",
    ]  # fmt: skip


@pytest.mark.usefixtures("_hydra")
def test_the_seed_affects_only_candidates_that_do_not_build_on_others() -> None:
    overrides = ["distill.extra_texts=texts.txt", "seed=2", ALL_KINDS_PLAN]
    assert names(*overrides, swept="seed") == ["train_bert finetune", "train_keras bilstm word2vec lemmatize"]


@pytest.mark.usefixtures("_hydra")
@pytest.mark.parametrize(
    ("override", "value"),
    [
        ("train_keras.network.units=32", 32),
        ("train_keras.learning_rate=1e-5", 1e-5),
        ("train_keras=average", "average"),
        ("train_keras.trainable_embedding=true", "true"),
        ("train_baseline.classifier.class_weight=null", "null"),
        ("train_baseline.vectorizer.ngram_range=[1,3]", "[1, 3]"),
        ("train_baseline.classifier.C={search: [1, 2]}", '{"search": [1, 2]}'),
    ],
)
def test_a_swept_value_is_a_number_or_its_text(override: str, value: Any) -> None:
    swept_value = sweep.value_of(compose_trial(override), override.partition("=")[0])
    assert swept_value == value
    assert type(swept_value) is type(value)


def test_settings_have_short_names_where_these_are_unique() -> None:
    swept = ["embed", "embed.epochs", "train_keras.epochs", "train_keras.network.units"]
    assert [sweep.short(name, swept) for name in swept] == ["embed", "embed.epochs", "train_keras.epochs", "units"]


@pytest.mark.parametrize(
    ("value", "rounded"), [(5.684706547293815, "5.68471"), (1e-5, "1e-05"), (32, "32"), ("a", "a")]
)
def test_sampled_numbers_are_rounded_for_display(value: Any, rounded: str) -> None:
    assert sweep.rounded(value) == rounded


@pytest.mark.usefixtures("_hydra")
def test_a_trial_without_its_sweep_says_how_to_pass_it_on() -> None:
    with pytest.raises(PlanError, match=r"hydra\.job\.env_copy=\[TWEET_SENTIMENT_SWEEP,MLFLOW_TRACKING_URI\]"):
        sweep.trial(compose_trial("seed=1"), ["seed=1"])
