"""The progress of a training on disk, from which an interrupted training resumes with the same result."""

import contextlib
import logging
import os
import time
from pathlib import Path
from typing import Any

import torch

from sentiment.inference.errors import UserError

log = logging.getLogger(__name__)

FILE = "progress.pt"


class SavedProgressError(UserError):
    """Saved progress that cannot be read."""


class SavedProgress:
    """The latest state of a training, written to its own folder every few minutes."""

    def __init__(self, folder: Path, *, minutes: float) -> None:
        """Use a folder, which need not exist, and write at most once per `minutes`."""
        self.file, self.seconds = folder / FILE, 60 * minutes
        self.written = time.monotonic()

    def read(self) -> dict[str, Any] | None:
        """Return the saved state, or None if the training starts anew.

        Raises:
            SavedProgressError: the file is damaged.
        """
        if not self.file.exists():
            return None
        try:
            state: dict[str, Any] = torch.load(self.file, weights_only=True)
        except Exception as error:  # noqa: BLE001  # a damaged file raises whatever its content suggests
            raise SavedProgressError(
                f"The saved progress of this training is damaged: {self.file} ({error}). Delete the file to train from "
                "the start."
            ) from error
        return state

    @property
    def due(self) -> bool:
        """Whether it is time to write."""
        return time.monotonic() - self.written >= self.seconds

    def write(self, state: dict[str, Any]) -> None:
        """Replace the saved state, once all of the new one is on disk.

        If that fails, for instance on a full disk, the training continues with a warning, and the former state stays.
        """
        part = self.file.with_suffix(f".{os.getpid()}")  # two processes may run the same training
        try:
            part.parent.mkdir(parents=True, exist_ok=True)
            torch.save(state, part)
            part.replace(self.file)
        except (OSError, RuntimeError) as error:  # PyTorch reports a full disk as a RuntimeError
            with contextlib.suppress(OSError):
                part.unlink()
            log.warning("The progress could not be saved to %s: %s. The training continues.", self.file, error)
        self.written = time.monotonic()
