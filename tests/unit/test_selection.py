"""`pipeline.selection`: a model that cannot be run."""

import subprocess
from types import SimpleNamespace
from typing import Any

import mlflow
import pytest

from pipeline import selection
from pipeline.candidates import CandidateError


@pytest.mark.parametrize(
    ("printed", "said"),
    [("", "the process exited with code -9 and no message"), ("Traceback\nOSError: no room\n", "OSError: no room")],
)
def test_why_it_cannot_is_told_also_where_its_process_was_killed(
    monkeypatch: pytest.MonkeyPatch, printed: str, said: str
) -> None:
    def killed(*_: Any, **__: Any) -> SimpleNamespace:
        return SimpleNamespace(returncode=-9, stderr=printed)

    monkeypatch.setattr(subprocess, "run", killed)
    monkeypatch.setattr(mlflow.artifacts, "download_artifacts", lambda uri, dst_path: f"{dst_path}/{uri}")
    with pytest.raises(CandidateError, match=f"The model models:/a/1 cannot be run: {said}$"):
        selection.predict_in_subprocess("models:/a/1", ["late"])
