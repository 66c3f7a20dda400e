"""The step `score` on small tables: as a function, as a command, and killed in the middle."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import psutil

from pipeline.batch import parts as batch_parts
from steps import score
from tables import reading
from tests.integration.candidates import SharedCandidates, tweets
from tests.integration.chain import CONF, configuration

PROJECT = CONF.parent
CHUNK = 20
ROWS = 130
ADDED = ["negative_probability", "sentiment", "certainty", "model_version"]


def table(number: int = ROWS) -> pd.DataFrame:
    """Return tweets of which every tenth has no text; they repeat after ROWS."""
    frame = tweets(range(ROWS))[["text", "group"]]
    frame = frame.iloc[[row % ROWS for row in range(number)]].reset_index(drop=True)
    frame.loc[frame.index % 10 == 3, "text"] = " "
    return frame


def written(path: Path, frame: pd.DataFrame) -> Path:
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    elif path.suffix == ".jsonl":
        frame.to_json(path, orient="records", lines=True)
    else:
        frame.to_parquet(path)
    return path


def options(champion: str, path: Path, output: Path, *overrides: str) -> list[str]:
    return [
        f"select.name={champion}",
        f"score.input='{path}'",
        f"score.output='{output}'",
        f"score.chunk_size={CHUNK}",
        "score.processes=1",
        *overrides,
    ]


def run(champion: str, path: Path, output: Path, *overrides: str) -> Path:
    score.main(configuration(*options(champion, path, output, *overrides)))
    return output


def read(path: Path) -> pd.DataFrame:
    """Read an output, probabilities as numbers."""
    if ".jsonl" in path.suffixes:
        return pd.DataFrame([json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()])
    frame = reading.read(path, strict=True).frame
    return frame.assign(negative_probability=pd.to_numeric(frame["negative_probability"]))


def finished(output: Path) -> list[Path]:
    """Return the parts of an unfinished output."""
    return sorted(batch_parts.folder_of(output).glob("[0-9]*.part"))


def command(champion: str, path: Path, output: Path, *overrides: str) -> list[str]:
    return [sys.executable, "-m", "steps", "score", *options(champion, path, output, *overrides)]


def killed_in_the_middle(shared: SharedCandidates, arguments: list[str], output: Path) -> list[psutil.Process]:
    """Start a command, and kill it with SIGKILL once some parts are there; return the processes it had started."""
    environment = {**os.environ, "MLFLOW_TRACKING_URI": shared.store, "MLFLOW_EXPERIMENT_NAME": "test"}
    process = subprocess.Popen(arguments, cwd=PROJECT, env=environment, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 240
    while len(finished(output)) < 3:
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.002)
    started = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return started
