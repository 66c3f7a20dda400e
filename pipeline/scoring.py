"""Score tweets with a logged model, in a process of its own with the code that the model contains."""

import json
import logging
import subprocess
import sys
import tempfile
from pathlib import Path

import mlflow
import pandas as pd

from pipeline.candidates import CandidateError

log = logging.getLogger(__name__)

MAX_ERROR_LENGTH = 2_000
# What a subprocess runs: the model's folder, a file of texts, and the file for the predictions.
PREDICT = """
import json, sys
import mlflow.pyfunc, pandas

folder, texts, predictions = sys.argv[1:]
with open(texts, encoding="utf-8") as file:
    table = mlflow.pyfunc.load_model(folder).predict(json.load(file))
pandas.DataFrame(table).to_json(predictions, orient="records", double_precision=15)
"""


def predict_in_subprocess(uri: str, texts: list[str]) -> pd.DataFrame:
    """Return a model's answers, predicted in a subprocess with the code stored in the model.

    They have a column `negative_probability`.

    Raises:
        CandidateError: the model cannot be run, or does not return probabilities.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:  # a failed clean-up does not matter
        try:
            model = mlflow.artifacts.download_artifacts(uri, dst_path=folder)
        except (mlflow.MlflowException, OSError) as error:
            raise CandidateError(f"The model {uri} cannot be run: {error}") from error
        texts_file, predictions_file = Path(folder) / "texts.json", Path(folder) / "predictions.json"
        texts_file.write_text(json.dumps(texts), encoding="utf-8")
        command = [sys.executable, "-c", PREDICT, model, str(texts_file), str(predictions_file)]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            log.error("%s", done.stderr[-MAX_ERROR_LENGTH:])
            failure = done.stderr.strip() or f"the process exited with code {done.returncode} and no message"
            raise CandidateError(f"The model {uri} cannot be run: {failure.splitlines()[-1]}")
        table = pd.read_json(predictions_file, precise_float=True)
    if "negative_probability" not in table or not table["negative_probability"].between(0, 1).all():
        raise CandidateError(
            f"The model {uri} does not return a negative_probability between 0 and 1, but {table.head(3)}."
        )
    return table
