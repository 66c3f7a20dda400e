"""No trainer needs the test split: `select` reads it once, to measure the winner."""

import shutil
from pathlib import Path
from typing import Any
from uuid import uuid4

import mlflow
import pandas as pd
import pytest
from hydra.core.hydra_config import HydraConfig

from pipeline import scoring
from pipeline.artifacts import run_id
from sentiment.data.corpus import read_tokenizer
from sentiment.training.embedding import WordEmbedding, save
from steps import blend, cascade, select, train_baseline, train_bert, train_keras
from tests.checkpoints import save_checkpoint
from tests.integration.candidates import WORDS, SharedCandidates, command_line_configuration, predict_in_process
from tests.integration.chain import configuration

pytestmark = pytest.mark.usefixtures("shared", "no_plots")
STEPS = Path(__file__).parents[2] / "steps"
TRAINERS = {
    "blend": blend,
    "cascade": cascade,
    "train_baseline": train_baseline,
    "train_bert": train_bert,
    "train_keras": train_keras,
}


@pytest.fixture(scope="module")
def without_test(shared: SharedCandidates, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the splits of the shared candidates, without the test split."""
    folder = Path(shutil.copytree(shared.splits, tmp_path_factory.mktemp("without test") / "splits"))
    (folder / "test.parquet").unlink()
    return folder


def settings_of(trainer: str, shared: SharedCandidates, splits: Path, scratch: Path) -> list[str]:
    """Return settings with which a trainer takes a few seconds."""
    match trainer:
        case "blend" | "cascade":
            candidates = f"inputs.candidates=[{shared.logistic_regression},{shared.characters}]"
            return [f"inputs.splits={splits}", candidates, "calibration.folds=3", "cascade.max_auc_drop=0.05"]
        case "train_baseline":
            return [f"inputs.corpus={splits}", "search.folds=2", "train_baseline.classifier.C=1.0"]
        case "train_bert":
            checkpoint = f"train_bert.checkpoint={save_checkpoint(scratch / 'checkpoint')}"
            return [f"inputs.splits={splits}", checkpoint, "train_bert=features", "train_bert.max_tokens=16"]
        case _:
            words = WordEmbedding(words=[*WORDS[0], *WORDS[1]], vectors=None, vector_size=8)
            save(scratch / "embedding", words, read_tokenizer(splits))
            network = ["train_keras=average", "train_keras.sequence_length=9", "train_keras.network.units=8"]
            inputs = [f"inputs.corpus={splits}", f"inputs.embedding={scratch / 'embedding'}"]
            return [*inputs, *network, "train_keras.epochs=2"]


def test_these_are_all_trainers() -> None:
    assert set(TRAINERS) == {"blend", "cascade", *(path.stem for path in STEPS.glob("train_*.py"))}


@pytest.mark.parametrize("trainer", TRAINERS)
def test_a_trainer_does_not_need_the_test_split(
    trainer: str, shared: SharedCandidates, without_test: Path, tmp_path: Path
) -> None:
    model = TRAINERS[trainer].main(configuration(*settings_of(trainer, shared, without_test, tmp_path)))
    run = mlflow.get_run(run_id(model))
    assert run.info.status == "FINISHED"
    assert not [name for name in run.data.metrics if name.startswith("test")]


def run_select(shared: SharedCandidates, splits: Path) -> None:
    candidates = f"inputs.candidates=[{shared.logistic_regression},{shared.dummy}]"
    settings = [f"select.name=small_{uuid4().hex}", "select.families=[baseline]", "select.resamples=50"]
    try:
        select.main(command_line_configuration(f"inputs.splits={splits}", candidates, *settings))
    finally:
        HydraConfig.instance().cfg = None


def test_select_needs_the_test_split(shared: SharedCandidates, without_test: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"test\.parquet"):
        run_select(shared, without_test)


def test_select_scores_only_the_winner_on_the_test_split_and_only_once(
    shared: SharedCandidates, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[str] = []
    predictions: list[tuple[str, int]] = []
    read_parquet = pd.read_parquet

    def record_and_read(file: Any, **options: Any) -> pd.DataFrame:
        reads.append(Path(file).name)
        return read_parquet(file, **options)

    def record_and_predict(uri: str, texts: list[str]) -> pd.Series:
        predictions.append((uri, len(texts)))
        return predict_in_process(uri, texts)

    monkeypatch.setattr(pd, "read_parquet", record_and_read)
    monkeypatch.setattr(scoring, "predict_in_subprocess", record_and_predict)
    run_select(shared, shared.splits)
    assert reads.count("test.parquet") == 1
    assert predictions == [(shared.logistic_regression, 120)]
