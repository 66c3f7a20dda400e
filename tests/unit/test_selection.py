"""`pipeline.selection`: models that fail to run."""

import subprocess
from types import SimpleNamespace
from typing import Any

import mlflow
import pytest

from pipeline import selection
from pipeline.candidates import CandidateError


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
        selection.predict_in_subprocess("models:/a/1", ["late"])
