"""The page of a rehearsal: what was done, what came of it, and which version answered meanwhile."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path


@dataclass
class Step:
    """A step of a rehearsal.

    Attributes:
        name: what it does.
        result: what came of it.
        traffic: who answered the clients meanwhile; empty before there are any.
        log: the output of its commands.
        seconds: how long it took.
    """

    name: str
    result: str = ""
    traffic: str = ""
    log: list[str] = field(default_factory=list)
    seconds: float = 0.0


@dataclass
class Page:
    """All steps of a rehearsal.

    Attributes:
        file: where it is written, after each step.
        introduction: what was rehearsed with.
        steps: in their order.
    """

    file: Path
    introduction: list[str] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Carry out a step; whatever ends it is written down."""
        step = Step(name)
        self.steps.append(step)
        started = time.monotonic()
        try:
            yield step
        except BaseException as error:
            step.result = f"**failed**: {error}"
            raise
        finally:
            step.seconds = time.monotonic() - started
            self.file.write_text(self.markdown(), encoding="utf-8")

    def markdown(self) -> str:
        """Return the page."""
        rows = [
            f"| {number} | {step.name} | {one_line(step.result)} | {step.traffic} | {step.seconds:.1f} |"
            for number, step in enumerate(self.steps, start=1)
        ]
        logs = [
            f"### {number}. {step.name}\n\n```\n{output}\n```\n"
            for number, step in enumerate(self.steps, start=1)
            if (output := "\n".join(step.log).strip())
        ]
        finished = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
        return "\n".join(
            [
                "# Rehearsal of a release",
                "",
                f"{finished}, {sum(step.seconds for step in self.steps):.0f} s.",
                *(f"- {line}" for line in self.introduction),
                "",
                "| | step | result | requests answered meanwhile | s |",
                "|---|---|---|---|---:|",
                *rows,
                "",
                "## Log",
                "",
                *logs,
            ]
        )


def one_line(text: str) -> str:
    """Return a text as a cell of a table."""
    return " ".join(text.split()).replace("|", r"\|")
