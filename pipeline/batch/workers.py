"""The engine `processes`: processes on this machine that each hold a served model in memory."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from pipeline.batch import worker
from pipeline.batch.engine import ONE_THREAD, SECONDS_TO_END, Answers, ScoreError


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
        return Answers(**json.loads(line)).checked(len(texts))

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


@dataclass(frozen=True, kw_only=True)
class Processes:
    """The engine."""

    def check(self, processes: int | None) -> None:
        """Do nothing: every machine can start processes."""

    @contextmanager
    def started(self, *, model: Path, processes: int, scratch: Path) -> Iterator[Pool]:
        """Start processes with a model, and end them afterwards; see `Engine.started`."""
        workers: list[Worker] = []
        try:
            for index in range(processes):
                workers.append(Worker(model, scratch / f"worker-{index}.log"))
            for each in workers:
                each.wait_until_ready()
            yield Pool(workers)
        finally:
            for each in workers:
                each.kill()
