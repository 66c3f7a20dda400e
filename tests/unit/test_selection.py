"""Which candidates may be served, and models that fail to run."""

import subprocess
from types import SimpleNamespace
from typing import Any

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
    ("stderr", "reason"),
    [("", "the process exited with code -9 and no message"), ("Traceback\nOSError: no room\n", "OSError: no room")],
)
def test_a_failed_model_is_reported_with_the_reason(monkeypatch: pytest.MonkeyPatch, stderr: str, reason: str) -> None:
    def killed(*_: Any, **__: Any) -> SimpleNamespace:
        return SimpleNamespace(returncode=-9, stderr=stderr)

    monkeypatch.setattr(subprocess, "run", killed)
    monkeypatch.setattr(mlflow.artifacts, "download_artifacts", lambda uri, dst_path: f"{dst_path}/{uri}")
    with pytest.raises(CandidateError, match=f"The model models:/a/1 cannot be run: {reason}$"):
        scoring.predict_in_subprocess("models:/a/1", ["late"])
