"""Which candidates may be served, and models that fail to run."""

import time

import mlflow
import pandas as pd
import pytest

from pipeline import candidates, scoring
from pipeline.candidates import CandidateError
from tests.integration.chain import configuration

RANKED = pd.DataFrame(
    {
        "name": ["teacher", "student", "linear"],
        "family": ["bert", "bert", "baseline"],
        "runtimes": ["onnx", "onnx", "sklearn"],
        "megabytes": [110.0, 24.0, 1.0],
        "predict_milliseconds": [12.0, 2.0, 0.3],
    }
)


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"max_megabytes": 100}, ["student"]),
        ({"max_megabytes": 200, "max_milliseconds": 5}, ["student"]),
        ({"max_megabytes": 200}, ["teacher", "student"]),
        ({"max_megabytes": 1}, ["teacher", "student"]),  # the gate refuses the winner
    ],
)
def test_candidates_beyond_the_limits_are_served_only_if_all_are(limits: dict[str, float], expected: list[str]) -> None:
    cfg = configuration(*(f"select.{name}={value}" for name, value in limits.items()))
    assert candidates.servable(RANKED, cfg)["name"].tolist() == expected


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "the process exited with code -9 and no message"),
        ("raise OSError('no room')", "OSError: no room"),
    ],
)
def test_a_failed_model_is_reported_with_the_reason(monkeypatch: pytest.MonkeyPatch, program: str, reason: str) -> None:
    monkeypatch.setattr(scoring, "PREDICT", program)
    monkeypatch.setattr(mlflow.artifacts, "download_artifacts", lambda uri, dst_path: f"{dst_path}/{uri}")
    with pytest.raises(CandidateError, match=f"The model models:/a/1 cannot be run: {reason}$"):
        scoring.predict_in_subprocess("models:/a/1", ["late"])


def test_an_interrupt_stops_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    endless = f"import time; print('{scoring.SCORED}', 1, flush=True); time.sleep(600)"
    monkeypatch.setattr(scoring, "PREDICT", endless)
    monkeypatch.setattr(mlflow.artifacts, "download_artifacts", lambda uri, dst_path: f"{dst_path}/{uri}")
    monkeypatch.setattr(scoring.tqdm, "update", interrupted)
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        scoring.predict_in_subprocess("models:/a/1", ["late"])
    assert time.monotonic() - started < 60
