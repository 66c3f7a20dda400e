"""The steps on two sources: weights, stages and a target, from the splits to the registered model."""

from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest
from hydra.core.hydra_config import HydraConfig

from pipeline import artifacts, candidates, scoring, selection
from pipeline.artifacts import run_id
from pipeline.candidates import CandidateError
from sentiment.evaluation.metrics import HIGHER_IS_BETTER
from sentiment.inference.errors import SettingsError
from sentiment.training.bert import finetune
from steps import embed, preprocess, select, split, train_baseline, train_bert, train_keras
from tests.checkpoints import save_checkpoint
from tests.corpora import data, labelled
from tests.integration.candidates import command_line_configuration, predict_in_process
from tests.integration.chain import Chain, assert_repeated, configuration, last_run

pytestmark = pytest.mark.usefixtures("store", "no_plots")
MOUNTED = [
    "+data@data.extra_training.people=csv",
    f"data.extra_training.people.path='{labelled(300)}'",
    "split.targets={people:0.3}",
]
IN_STAGES = "training.stages=[[csv],[people]]"


@pytest.fixture(scope="module")
def chain(store: str) -> Chain:  # noqa: ARG001
    """Run the first steps on tweets of two sources."""
    splits = split.main(configuration(*data(400), *MOUNTED))
    return Chain(splits=splits, corpus=preprocess.main(configuration(f"inputs.splits={splits}")))


def baseline(chain: Chain, *options: str) -> str:
    uri: str = train_baseline.main(configuration(f"inputs.corpus={chain.corpus}", "search.folds=2", *options))
    return uri


@pytest.fixture(scope="module")
def models(chain: Chain) -> list[str]:
    """Train a constant, and a linear model with weights."""
    options = ("train_baseline.classifier.C=1.0", "training.weights={people:3}")
    return [baseline(chain, "train_baseline=dummy"), baseline(chain, *options)]


def artifact(path: str, run: str | None = None) -> str:
    info = (last_run() if run is None else mlflow.get_run(run)).info
    return str(mlflow.artifacts.load_text(f"{info.artifact_uri}/{path}"))


def test_a_model_is_scored_on_every_target(models: list[str]) -> None:
    metrics = mlflow.get_run(run_id(models[1])).data.metrics
    assert {f"people_{name}" for name in HIGHER_IS_BETTER} <= set(metrics)
    assert metrics["people_roc_auc"] > 0.7
    assert metrics["people_roc_auc"] != metrics["val_roc_auc"]


def test_weights_change_the_model_and_its_settings_are_logged(chain: Chain, models: list[str]) -> None:
    unweighted = mlflow.get_run(run_id(baseline(chain, "train_baseline.classifier.C=1.0")))
    weighted = mlflow.get_run(run_id(models[1]))
    assert weighted.data.params["training.weights.people"] == "3"
    assert weighted.data.metrics["val_log_loss"] != unweighted.data.metrics["val_log_loss"]


def test_a_baseline_mixes_the_sources_of_all_stages_and_says_so(chain: Chain, caplog: pytest.LogCaptureFixture) -> None:
    baseline(chain, IN_STAGES, "train_baseline=dummy")
    assert "This trainer has no stages: it learns from csv, people together (training.stages)." in caplog.text


def test_an_unknown_source_is_refused_with_the_known_ones(chain: Chain) -> None:
    with pytest.raises(SettingsError, match=r"stage 1: unknown source vader\. Sources: csv, people\."):
        baseline(chain, "training.stages=[[vader]]")


def test_a_keras_network_goes_on_with_the_second_stage(chain: Chain) -> None:
    options = ["embed=learned", "embed.min_count=1"]
    embedding = embed.main(configuration(f"inputs.corpus={chain.corpus}", *options))
    inputs = [f"inputs.corpus={chain.corpus}", f"inputs.embedding={embedding}"]
    quick = ["train_keras=average", "train_keras.network.units=8", "train_keras.epochs=2"]
    train_keras.main(configuration(*inputs, *quick, IN_STAGES))
    history = pd.read_csv(StringIO(artifact("tables/history.csv")))
    assert history["stage"].tolist() == [1, 1, 2, 2]
    assert history["epoch"].tolist() == [1, 2, 3, 4]
    assert "people_roc_auc" in last_run().data.metrics


@pytest.mark.extended
def test_fine_tuning_goes_on_with_the_second_stage_even_if_it_is_interrupted_there(
    chain: Chain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = f"train_bert.checkpoint={save_checkpoint(tmp_path / 'checkpoint')}"
    quick = ["train_bert.fit.epochs=1", "train_bert.max_tokens=32", "train_bert.fit.batch_size=64"]
    cfg = configuration(f"inputs.splits={chain.splits}", checkpoint, *quick, IN_STAGES)
    monkeypatch.setenv("TWEET_SENTIMENT_CACHE", str(tmp_path))
    monkeypatch.setattr(train_bert, "SAVED_MINUTES", 0.0)
    uninterrupted = train_bert.main(cfg)
    assert pd.read_csv(StringIO(artifact("tables/history.csv")))["stage"].tolist() == [1, 2]
    assert "people_roc_auc" in last_run().data.metrics

    train_on_batch, rows_of_stages = finetune.step, []

    def interrupted(*arguments: Any) -> Any:
        rows_of_stages.append(len(arguments[1].tokens))
        if len(rows_of_stages) > 1 and rows_of_stages[-2] != rows_of_stages[0]:
            raise KeyboardInterrupt
        return train_on_batch(*arguments)

    with monkeypatch.context() as interruption, pytest.raises(KeyboardInterrupt):
        interruption.setattr(finetune, "step", interrupted)
        train_bert.main(cfg)
    assert len(list(tmp_path.glob("trainings/*/stage */progress.pt"))) == 2
    assert_repeated(uninterrupted, train_bert.main(cfg))
    assert not list(tmp_path.glob("trainings/*"))


@pytest.fixture
def selected(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Return the settings of `select` for few tweets; run the winner in this process."""
    monkeypatch.setattr(scoring, "predict_in_subprocess", predict_in_process)
    yield ["select.families=[baseline]", "select.floor.roc_auc=null", "select.resamples=20", "select.name=two_sources"]
    HydraConfig.instance().cfg = None


def inputs(chain: Chain, models: list[str]) -> list[str]:
    return [f"inputs.splits={chain.splits}", f"inputs.candidates=[{','.join(models)}]"]


def test_a_target_can_rank_and_is_shown_beside_validation(chain: Chain, models: list[str], selected: list[str]) -> None:
    select.main(command_line_configuration(*inputs(chain, models), *selected, "select.target=people"))
    metrics = last_run().data.metrics
    scores = [mlflow.get_run(run_id(uri)).data.metrics["people_roc_auc"] for uri in models]
    assert metrics["lead_over_second"] == pytest.approx(scores[1] - scores[0])
    assert "people_roc_auc" in artifact("comparison/candidates.csv").splitlines()[0]
    table = artifact("comparison/candidates.md")
    assert "Candidates on the target people, best first" in table
    assert "| AUC | AUC people |" in table
    card = artifact("model_card/model_card.md")
    assert "Best AUC on the target people first" in card
    assert f"| AUC | {scores[1]:.3f} |" in card


def test_an_unknown_target_is_refused_with_the_known_ones(chain: Chain, models: list[str], selected: list[str]) -> None:
    with pytest.raises(CandidateError, match=r"select\.target=airline\. Targets of these candidates: people"):
        select.main(command_line_configuration(*inputs(chain, models), *selected, "select.target=airline"))
    data_of_splits = {"targets": {"people": {}}}
    cfg = configuration("select.target=airline")
    with pytest.raises(CandidateError, match=r"Unknown select\.target=airline\. Targets of these splits: people\."):
        selection.read_ranking(Path(), data_of_splits, cfg)


def test_a_candidate_that_was_not_scored_on_the_target_is_named(models: list[str]) -> None:
    first, second = (candidates.read(uri) for uri in models)
    without = {name: value for name, value in second.items() if not name.startswith("people_")}
    with pytest.raises(
        CandidateError, match=rf"^{second['name']} {run_id(models[1])[:4]}: not scored on select\.target=people"
    ):
        candidates.rank([first, without], "roc_auc", "people")


def test_predictions_on_a_target_are_part_of_what_a_run_hands_over(models: list[str]) -> None:
    run = mlflow.get_run(run_id(models[1]))
    assert artifacts.predictions_file("people") in run.data.tags["hands_over"]
