"""Small splits on which a bag of words beats chance without being perfect, and models trained on them."""

import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import mlflow
import numpy as np
import pandas as pd
import yaml
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from mlflow.entities.model_registry import ModelVersion
from omegaconf import DictConfig

from pipeline import artifacts, candidates, registry
from pipeline.registry import CHAMPION
from sentiment.data import keys
from steps import train_baseline
from tests.corpora import TOKENIZER
from tests.integration.chain import CONF, configuration

WORDS = (["lovely", "thanks", "great", "smooth"], ["late", "rude", "lost", "awful"])
# Probability that a word belongs to the tweet's class.
WORD_MATCHES_CLASS = 0.7
SPLITS = {"train": range(240), "validation": range(240, 360), "test": range(360, 480)}


def tweets(numbers: Iterable[int]) -> pd.DataFrame:
    """Return tweets by number, every other one negative: a number always gives the same tweet."""
    rows = []
    for number in numbers:
        random, negative = np.random.default_rng(number), number % 2
        words = [
            random.choice(WORDS[negative if random.random() < WORD_MATCHES_CLASS else 1 - negative]) for _ in range(3)
        ]
        rows.append({"text": f"{' '.join(words)} {number}", "negative": negative, "group": str(number // 4)})
    frame = pd.DataFrame(rows).astype({"negative": np.int8})
    return frame.assign(tokens=[TOKENIZER(text) for text in frame["text"]])


def save_splits(folder: Path, **changes: Iterable[int]) -> Path:
    """Write a folder that is both splits and corpus, with the tweet numbers of SPLITS, overridden by `changes`."""
    folder.mkdir()
    frames = {name: tweets(numbers) for name, numbers in {**SPLITS, **changes}.items()}
    for name, frame in frames.items():
        frame.to_parquet(folder / f"{name}.parquet", index=False)
    counts = {name: {"rows": len(frame), "negative": int(frame["negative"].sum())} for name, frame in frames.items()}
    description = {
        "data": "small",
        "limits": ["A test made them up."],
        "digest": keys.digest(frames),
        "digests": {name: keys.digest({name: frame}) for name, frame in frames.items()},
        "splits": counts,
    }
    (folder / "splits.yaml").write_text(yaml.safe_dump(description), encoding="utf-8")
    (folder / "preprocess.yaml").write_text(yaml.safe_dump(asdict(TOKENIZER)), encoding="utf-8")
    return folder


def train(splits: Path, option: str) -> str:
    """Train an alternative of `train_baseline` on splits; return the model's URI."""
    options = [] if option == "dummy" else ["train_baseline.classifier.C=1.0"]
    cfg = configuration(f"inputs.corpus={splits}", f"train_baseline={option}", "search.folds=2", *options)
    uri: str = train_baseline.main(cfg)
    return uri


# The candidates that test modules share: names and alternatives of `train_baseline`.
SHARED = {
    "logistic_regression": "logistic_regression",
    "characters": "characters",
    "dummy": "dummy",
    "other_dummy": "dummy",
}
SHARED_FILE = "candidates.json"


@dataclass(frozen=True, kw_only=True)
class SharedCandidates:
    """Models trained once for all test modules, in a copy of their store.

    Attributes:
        store: URI of the copy.
        splits: folder of the splits that the models were trained on.
        logistic_regression: URI of this model; likewise the others.
    """

    store: str
    splits: Path
    logistic_regression: str
    characters: str
    dummy: str
    other_dummy: str

    @classmethod
    def read(cls, folder: Path, *, store: str) -> "SharedCandidates":
        """Read what `train_shared` wrote to a folder, or to the original of a copied folder."""
        uris = json.loads((folder / SHARED_FILE).read_text(encoding="utf-8"))
        return cls(store=store, splits=folder / "splits", **uris)


def train_shared(folder: Path) -> None:
    """Write splits to a folder, train the shared candidates in the current store, and save their URIs."""
    splits = save_splits(folder / "splits")
    uris = {name: train(splits, option) for name, option in SHARED.items()}
    (folder / SHARED_FILE).write_text(json.dumps(uris), encoding="utf-8")


@contextmanager
def restored(path: Path) -> Iterator[None]:
    """Restore a file or folder afterwards, even if it was changed or deleted."""
    copy = path.with_name(f"copy of {path.name}")
    (shutil.copytree if path.is_dir() else shutil.copy)(path, copy)
    try:
        yield
    finally:
        if path.is_dir():
            shutil.rmtree(path)
        copy.replace(path)


def make_champion(uri: str, name: str, **tags: Any) -> ModelVersion:
    """Register a model with tags and make it the champion without any checks."""
    version = registry.register(uri, name, {"data": "small", **tags})
    registry.move(name, CHAMPION, str(version.version), "a test")
    return version


def command_line_configuration(*overrides: str) -> DictConfig:
    """Compose the configuration of a step from overrides, and set Hydra's state as the command line does."""
    with initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
        cfg = compose("config", overrides=list(overrides), return_hydra_config=True)
    HydraConfig.instance().set_config(cfg)
    return cfg


def predict_in_process(uri: str, texts: list[str]) -> pd.DataFrame:
    """Return a model's answers, computed in this process: starting another one takes seconds."""
    return mlflow.pyfunc.load_model(uri).predict(texts)


def folder_of(uri: str) -> Path:
    """Return the folder of a model's files."""
    model_id = candidates.logged_model(mlflow.get_run(artifacts.run_id(uri))).removeprefix("models:/")
    return Path(urlparse(mlflow.get_logged_model(model_id).artifact_location).path)
