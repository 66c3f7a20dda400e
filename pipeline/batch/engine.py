"""What all engines of `score` have in common: a model, texts in, answers out. The alternatives are in conf/engine/."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple, Protocol

from sentiment.inference.errors import UserError

# One thread per process: processes use all cores, and an answer does not depend on the number of processes.
ONE_THREAD = dict.fromkeys(
    (
        "LOKY_MAX_CPU_COUNT",
        "MKL_NUM_THREADS",
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "TF_NUM_INTEROP_THREADS",
        "TF_NUM_INTRAOP_THREADS",
    ),
    "1",
)
SECONDS_TO_END = 10


class ScoreError(UserError):
    """A table that cannot be scored; parts that have been scored are kept."""


class Answers(NamedTuple):
    """A model's answers to texts: lists of the same length."""

    negative_probability: list[float]
    sentiment: list[str]
    uncertain: list[bool]

    def checked(self, number: int) -> "Answers":
        """Return the answers, after a check that they are those to a number of texts.

        Raises:
            ScoreError: there is not one probability per text.
        """
        probabilities = self.negative_probability
        if len(probabilities) != number or not all(0 <= probability <= 1 for probability in probabilities):
            raise ScoreError(
                f"The model does not return one probability between 0 and 1 per tweet, but {probabilities[:3]}."
            )
        return self


class Scorer(Protocol):
    """A started engine; several threads may call it."""

    def score(self, texts: Sequence[str]) -> Answers:
        """Score texts.

        Raises:
            ScoreError: the model fails.
        """

    def kill(self) -> None:
        """End all processes at once."""


class Engine(Protocol):
    """Where a model scores texts."""

    def check(self, processes: int | None) -> None:
        """Check that the engine can be started.

        Args:
            processes: the setting `score.processes`.

        Raises:
            SettingsError: something is not installed, or a setting is missing.
        """

    def started(self, *, model: Path, processes: int, scratch: Path) -> AbstractContextManager[Scorer]:
        """Start the engine, and end it afterwards.

        Args:
            model: the folder of the model.
            processes: the number of chunks that are scored at a time, each in a process with one thread.
            scratch: a folder for temporary files.

        Raises:
            ScoreError: the engine cannot be started, or the model cannot be loaded.
        """
