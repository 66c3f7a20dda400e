"""Processes that each hold a served model in memory and score texts."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

from pipeline.batch import worker
from sentiment.inference.errors import UserError

# One thread each: processes use all cores, and an answer does not depend on the number of processes.
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


class Worker:
    """A process with a model.

    Attributes:
        errors: the file of what it prints.
    """

    def __init__(self, model: Path, errors: Path) -> None:
        """Start the process; it loads the model in the folder `model`."""
        self.errors = errors
        with errors.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-P", worker.__file__, str(model)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                cwd=model,
                env={**os.environ, **ONE_THREAD},
                text=True,
                encoding="utf-8",
            )

    def wait_until_ready(self) -> None:
        """Wait until the model is loaded.

        Raises:
            ScoreError: it cannot be loaded.
        """
        if self._read().strip() != worker.READY:
            raise self._ended("The model cannot be loaded")

    def score(self, texts: Sequence[str]) -> Answers:
        """Score texts.

        Raises:
            ScoreError: the process ended, or the answers are not probabilities.
        """
        with suppress(BrokenPipeError):  # the answer will be missing
            assert self.process.stdin is not None
            self.process.stdin.write(json.dumps(list(texts)) + "\n")
            self.process.stdin.flush()
        line = self._read()
        if not line:
            raise self._ended("A scoring process ended")
        answers = Answers(**json.loads(line))
        probabilities = answers.negative_probability
        if len(probabilities) != len(texts) or not all(0 <= probability <= 1 for probability in probabilities):
            raise ScoreError(
                f"The model does not return one probability between 0 and 1 per tweet, but {probabilities[:3]}."
            )
        return answers

    def kill(self) -> None:
        """End the process at once."""
        self.process.kill()
        self.process.wait(SECONDS_TO_END)
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with suppress(BrokenPipeError):
                    stream.close()

    def _read(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def _ended(self, what: str) -> ScoreError:
        code = self.process.wait(SECONDS_TO_END)
        lines = self.errors.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        reason = lines[-1] if lines else f"no message, exit code {code}"
        memory = " Memory may be short: use fewer score.processes." if code < 0 else ""
        return ScoreError(f"{what} ({reason}).{memory}")


class Pool:
    """Workers that threads share."""

    def __init__(self, workers: Sequence[Worker]) -> None:
        """Take workers that are ready."""
        self.workers = workers
        self.idle: SimpleQueue[Worker] = SimpleQueue()
        for each in workers:
            self.idle.put(each)

    def score(self, texts: Sequence[str]) -> Answers:
        """Score texts with an idle worker, waiting for one; raises what `Worker.score` raises."""
        chosen = self.idle.get()
        try:
            return chosen.score(texts)
        finally:
            self.idle.put(chosen)

    def kill(self) -> None:
        """End all processes at once."""
        for each in self.workers:
            each.kill()


@contextmanager
def started(model: Path, number: int, scratch: Path) -> Iterator[Pool]:
    """Start a number of processes with a model, and end them afterwards.

    Args:
        model: the model's folder.
        number: the number of processes.
        scratch: a folder for what they print.

    Raises:
        ScoreError: the model cannot be loaded.
    """
    workers: list[Worker] = []
    try:
        for index in range(number):
            workers.append(Worker(model, scratch / f"worker-{index}.log"))
        for each in workers:
            each.wait_until_ready()
        yield Pool(workers)
    finally:
        for each in workers:
            each.kill()
