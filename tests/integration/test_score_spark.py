"""The step `score` with `engine=spark`: what is missing is refused; the rest needs PySpark and Java."""

import importlib.util
import os
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import mlflow
import psutil
import pytest

from pipeline.batch import parts as batch_parts
from pipeline.batch.engine import ScoreError
from pipeline.batch.spark import Spark
from sentiment.inference.errors import SettingsError
from tests.integration.candidates import SharedCandidates, folder_of, make_champion, restored
from tests.integration.chain import last_run
from tests.integration.scored import CHUNK, ROWS, command, finished, killed_in_the_middle, run, table, written

SPARK = "engine=spark"


@pytest.fixture(scope="module")
def champion(shared: SharedCandidates) -> str:
    """Register a champion."""
    name = f"small_{uuid4().hex}"
    make_champion(shared.logistic_regression, name)
    return name


@pytest.fixture(scope="module")
def _spark() -> None:
    """Skip the test where PySpark or Java is missing; in CI, PySpark implies Java."""
    if importlib.util.find_spec("pyspark") is None:
        pytest.skip("PySpark is not installed (make setup-spark)")
    if shutil.which("java") is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(
            "Java is not installed (Debian: openjdk-17-jre-headless)"
        )


@pytest.mark.usefixtures("_spark")
@pytest.mark.parametrize(("ending", "output_ending"), [("csv", "csv"), ("jsonl", "jsonl.gz"), ("parquet", "parquet")])
def test_spark_writes_the_same_file_byte_for_byte(
    champion: str, tmp_path: Path, ending: str, output_ending: str
) -> None:
    path = written(tmp_path / f"tweets.{ending}", table())
    expected = run(champion, path, tmp_path / f"processes.{output_ending}").read_bytes()
    output = run(champion, path, tmp_path / f"spark.{output_ending}", SPARK, "score.processes=2")
    assert output.read_bytes() == expected
    assert last_run().data.metrics["rows"] == ROWS
    assert not batch_parts.folder_of(output).exists()
    assert psutil.Process().children(recursive=True) == []


# Its answer is the size of the batch.
COUNTING_MODEL = """
import mlflow
import pandas as pd


class Counting(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        answer = {"negative_probability": len(model_input) / 1000, "sentiment": "negative", "uncertain": False}
        return pd.DataFrame(answer, range(len(model_input)))


mlflow.models.set_model(Counting())
"""


@pytest.mark.usefixtures("_spark")
def test_a_chunk_is_one_batch_for_the_model_whatever_the_number_of_processes(tmp_path: Path) -> None:
    code = tmp_path / "counting.py"
    code.write_text(COUNTING_MODEL, encoding="utf-8")
    mlflow.pyfunc.save_model(tmp_path / "model", python_model=str(code), pip_requirements=[])
    with Spark(master=None).started(model=tmp_path / "model", processes=2, scratch=tmp_path) as scorer:
        assert scorer.score(["late again"] * 500).negative_probability == [0.5] * 500


@pytest.mark.slow
@pytest.mark.usefixtures("_spark")
def test_what_a_killed_command_has_scored_on_spark_is_not_scored_again(
    shared: SharedCandidates, champion: str, tmp_path: Path
) -> None:
    path = written(tmp_path / "tweets.csv", table(1_000))
    expected = run(champion, path, tmp_path / "whole.csv").read_bytes()
    output = tmp_path / "scored.csv"
    started = killed_in_the_middle(shared, command(champion, path, output, SPARK), output)
    kept = len(finished(output))
    assert started
    _, alive = psutil.wait_procs(started, timeout=60)
    assert alive == []
    assert not output.exists()
    run(champion, path, output)  # another engine continues
    assert output.read_bytes() == expected
    assert last_run().data.metrics["continued"] == kept * CHUNK > 0


@pytest.mark.usefixtures("_spark")
def test_a_model_that_spark_cannot_load_is_refused(shared: SharedCandidates, champion: str, tmp_path: Path) -> None:
    path, folder = written(tmp_path / "tweets.csv", table()), folder_of(shared.logistic_regression)
    with restored(folder):
        for file in folder.rglob("classifier.json"):
            file.unlink()
        with pytest.raises(ScoreError, match="A chunk could not be scored on Spark: .*classifier.json is missing"):
            run(champion, path, tmp_path / "scored.csv", SPARK)
    assert finished(tmp_path / "scored.csv") == []
    assert psutil.Process().children(recursive=True) == []


@pytest.mark.parametrize(
    ("installed", "version", "overrides", "message"),
    [
        (False, "17.0.15", [], "needs PySpark, which is not installed: make setup-spark"),
        (True, None, [], "needs Java 17 or newer, but JAVA_HOME=.* has no bin/java"),
        (True, "11.0.2", [], 'needs Java 17 or newer, but .* says: openjdk version "11.0.2"'),
        (True, "17.0.15", ["engine.master=yarn", "score.processes=null"], "engine.master=yarn: set score.processes"),
    ],
)
def test_spark_is_refused_before_any_work_if_something_is_missing(
    champion: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    installed: bool, version: str | None, overrides: list[str], message: str,
) -> None:  # fmt: skip
    monkeypatch.setitem(sys.modules, "pyspark", SimpleNamespace(__spec__="found") if installed else None)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    if version:
        (tmp_path / "bin").mkdir()
        java = tmp_path / "bin" / "java"
        java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n", encoding="utf-8")
        java.chmod(0o755)
    with pytest.raises(SettingsError, match=message):
        run(champion, tmp_path / "not_read.csv", tmp_path / "scored.csv", SPARK, *overrides)
    assert last_run().info.status == "FAILED"
    assert not list(tmp_path.glob("scored*"))
