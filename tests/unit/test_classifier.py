"""The contract of a served model, and what may not be imported to serve one."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import skops.io
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline

from sentiment import classifier
from sentiment.classifier import Classifier, ClassifierError
from sentiment.runtimes.sklearn import FILE
from sentiment.text import Cleaner, Tokenizer

TEXT = Tokenizer(
    cleaner=Cleaner(links="http", mentions="@user", emoji=True, max_repeats=3),
    lowercase=True,
    negation=True,
    words="plain",
)
HEAVY = {"tensorflow", "keras", "torch", "transformers", "mlflow", "hydra", "gensim"}

# Makes a Python process one in which no training framework is installed.
ABSENT = f"""
import sys

class Absent:
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in {sorted(HEAVY)!r}:
            raise ModuleNotFoundError(name=name)

sys.meta_path.insert(0, Absent)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pipeline = make_pipeline(CountVectorizer(token_pattern=r"\S+"), MultinomialNB())
    pipeline.fit(["late and rude", "late again", "lovely crew", "lovely and quick"], [1, 1, 0, 0])
    skops.io.dump(pipeline, tmp_path / FILE)
    classifier.save(tmp_path, runtime="sklearn", threshold=0.6, text=TEXT)
    return tmp_path


def test_raw_tweets_go_in_and_probabilities_come_out(folder: Path) -> None:
    probability = Classifier.load(folder).negative_probability(["LATE &amp; rude!!", "lovely", ""])
    assert probability.shape == (3,)
    assert probability[0] > 0.6 > probability[1]


def test_the_stored_threshold_decides(folder: Path) -> None:
    decided = Classifier.load(folder).is_negative(np.array([0.59, 0.6, 0.61]))
    assert decided.tolist() == [False, True, True]


def test_no_tweets_give_no_probabilities(folder: Path) -> None:
    assert Classifier.load(folder).negative_probability([]).shape == (0,)


@pytest.mark.parametrize("texts", ["one string", [1], [None], [b"bytes"]])
def test_anything_but_a_list_of_strings_is_refused(folder: Path, texts: object) -> None:
    with pytest.raises(ClassifierError, match="list of tweets"):
        Classifier.load(folder).negative_probability(texts)  # type: ignore[arg-type]


def test_a_folder_without_a_classifier_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ClassifierError, match="classifier.json is missing"):
        Classifier.load(tmp_path)


def test_an_unknown_runtime_is_refused(folder: Path) -> None:
    description = json.loads((folder / classifier.DESCRIPTION).read_text())
    (folder / classifier.DESCRIPTION).write_text(json.dumps({**description, "runtime": "pickle"}))
    with pytest.raises(ClassifierError, match="'pickle'"):
        Classifier.load(folder)


@pytest.mark.parametrize("runtime", ["sklearn", "tflite", "onnx"])
def test_what_a_light_runtime_needs_holds_no_training_framework(runtime: classifier.Runtime) -> None:
    needed = {pin.partition("==")[0] for pin in classifier.requirements(runtime)}
    assert not needed & HEAVY


@pytest.mark.parametrize("runtime", ["sklearn", "tflite", "onnx"])
def test_a_light_runtime_works_where_no_training_framework_can_be_imported(runtime: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"{ABSENT}\nimport sentiment.classifier, sentiment.runtimes.{runtime}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
