"""Score tweets with a logged model, in a process of its own with the code that the model contains."""

import json
import logging
import subprocess
import sys
import tempfile
from pathlib import Path

import mlflow
import pandas as pd
from tqdm import tqdm

from pipeline.candidates import CandidateError

log = logging.getLogger(__name__)

MAX_ERROR_LENGTH = 2_000
# Tweets scored at a time: their answers bound the time between two reports of progress.
CHUNK = 1_000
SCORED = "scored "
# What a subprocess runs: the model's folder, a file of texts, and the file for the predictions. It prints the number of
# tweets in each chunk.
PREDICT = f"""
import json, sys
import mlflow.pyfunc, pandas

folder, texts_file, predictions = sys.argv[1:]
with open(texts_file, encoding="utf-8") as file:
    texts = json.load(file)
model = mlflow.pyfunc.load_model(folder)
tables = []
for start in range(0, max(1, len(texts)), {CHUNK}):
    tables.append(pandas.DataFrame(model.predict(texts[start : start + {CHUNK}])))
    print("{SCORED}", len(tables[-1]), flush=True)
pandas.concat(tables).to_json(predictions, orient="records", double_precision=15)
"""


def predict_in_subprocess(uri: str, texts: list[str]) -> pd.DataFrame:
    """Return a model's answers, predicted in a subprocess with the code stored in the model.

    They have a column `negative_probability`. Shows progress if that takes more than two seconds.

    Raises:
        CandidateError: the model cannot be run, or does not return probabilities.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:  # a failed clean-up does not matter
        folder = Path(scratch)
        try:
            model = mlflow.artifacts.download_artifacts(uri, dst_path=scratch)
        except (mlflow.MlflowException, OSError) as error:
            raise CandidateError(f"The model {uri} cannot be run: {error}") from error
        texts_file, predictions_file, errors_file = (
            folder / "texts.json",
            folder / "predictions.json",
            folder / "errors",
        )
        texts_file.write_text(json.dumps(texts), encoding="utf-8")
        command = [sys.executable, "-c", PREDICT, model, str(texts_file), str(predictions_file)]
        exit_code = run(command, folder, errors_file, total=len(texts))
        if exit_code != 0:
            errors = errors_file.read_text(encoding="utf-8", errors="replace").strip()
            log.error("%s", errors[-MAX_ERROR_LENGTH:])
            failure = errors or f"the process exited with code {exit_code} and no message"
            raise CandidateError(f"The model {uri} cannot be run: {failure.splitlines()[-1]}")
        table = pd.read_json(predictions_file, precise_float=True)
    if "negative_probability" not in table or not table["negative_probability"].between(0, 1).all():
        raise CandidateError(
            f"The model {uri} does not return a negative_probability between 0 and 1, but {table.head(3)}."
        )
    return table


def run(command: list[str], folder: Path, errors_file: Path, *, total: int) -> int:
    """Run `PREDICT` in a folder, showing its progress; write its errors to a file, and return its exit code."""
    with (
        errors_file.open("w", encoding="utf-8") as errors,
        subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
        tqdm(total=total, desc="predict", unit=" tweets", delay=2) as progress,
    ):
        try:
            for line in process.stdout or ():
                if line.startswith(SCORED):  # libraries may print, too
                    progress.update(int(line.removeprefix(SCORED)))
            return process.wait()
        except BaseException:
            process.kill()
            raise
