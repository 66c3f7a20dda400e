"""The folder beside an unfinished output, with the parts scored so far: an interrupted command continues from it.

A part is written under another name, and then renamed: it is complete or not there. Its name contains its position and
its counts. `state.json` says what the parts were made from; parts of anything else are not continued.
"""

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from pipeline.batch.engine import ScoreError

STATE, LOCK, UNFINISHED = "state.json", "lock", "unfinished"
PART = re.compile(r"(?P<index>\d{8})-(?P<rows>\d+)-(?P<empty>\d+)-(?P<negative>\d+)-(?P<uncertain>\d+)\.part")


@dataclass(frozen=True)
class Counts:
    """Numbers of rows: all, those without text, those called negative, and uncertain ones."""

    rows: int = 0
    empty: int = 0
    negative: int = 0
    uncertain: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        """Return the sum."""
        return Counts(*map(sum, zip(astuple(self), astuple(other), strict=True)))


class Parts:
    """The parts of an output.

    Attributes:
        folder: where they are.
        finished: the files of the parts scored so far with their counts, by position.
    """

    def __init__(self, folder: Path) -> None:
        """Find the parts in a folder."""
        self.folder = folder
        self.finished: dict[int, tuple[Path, Counts]] = {}
        for path in folder.iterdir():
            if match := PART.fullmatch(path.name):
                index, *counts = map(int, match.groups())
                self.finished[index] = path, Counts(*counts)

    @property
    def counts(self) -> Counts:
        """The sum of the counts of all parts."""
        return sum((counts for _, counts in self.finished.values()), start=Counts())

    def add(self, index: int, counts: Counts, write: Callable[[Path], None]) -> None:
        """Add the part at a position, written by a function of the path."""
        path = self.folder / f"{index:08d}-{'-'.join(map(str, astuple(counts)))}.part"
        _write_whole(path, write)
        self.finished[index] = path, counts

    def in_order(self, rows: int) -> list[Path]:
        """Return the files of all parts in their order.

        Raises:
            ScoreError: parts are missing, or do not have this number of rows in total.
        """
        if sorted(self.finished) != list(range(len(self.finished))) or self.counts.rows != rows:
            raise ScoreError(
                f"The parts in {self.folder} have {self.counts.rows:,} rows, the input has {rows:,}. Delete this "
                "folder, and run the command again."
            )
        return [path for _, (path, _) in sorted(self.finished.items())]

    def finish(self, output: Path, write: Callable[[Path], None]) -> None:
        """Write the output with a function of the path, give it its name, and delete the parts."""
        joined = self.folder / f"joined{''.join(output.suffixes)}"
        _write_whole(joined, write)
        joined.replace(output)
        self.discard()

    def discard(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self.folder)


def folder_of(output: Path) -> Path:
    """Return the folder of the parts of an output."""
    return output.with_name(f"{output.name}.parts")


@contextmanager
def opened(output: Path, state: Mapping[str, Any]) -> Iterator[Parts]:
    """Create the folder of the parts of an output, or continue with those in it; lock it meanwhile.

    Args:
        output: the output.
        state: what determines the output, as JSON values.

    Raises:
        ScoreError: the folder cannot be written, another command uses it, or its parts were made from something else.
    """
    folder = folder_of(output)
    try:
        folder.mkdir(exist_ok=True)
        with FileLock(folder / LOCK, timeout=0):
            _require_same(folder, json.loads(json.dumps(state)))
            yield Parts(folder)
    except Timeout as error:
        raise ScoreError(f"Another command is writing {output}. Wait until it has finished.") from error


def _require_same(folder: Path, state: dict[str, Any]) -> None:
    """Write the state of a folder without parts, or compare it with that of the former attempt."""
    file = folder / STATE
    if not file.exists() and (others := {path.name for path in folder.iterdir()} - {LOCK, f"{UNFINISHED}-{STATE}"}):
        raise ScoreError(
            f"{folder} is needed for unfinished parts, but contains {min(others)}. Move it, or choose another "
            "score.output."
        )
    if not Parts(folder).finished:
        _write_whole(file, lambda path: path.write_text(json.dumps(state, indent=2) + "\n", encoding="utf-8"))
        return
    former = json.loads(file.read_text(encoding="utf-8"))
    changes = [name for name in state if former.get(name) != state[name]]
    if changes:
        listed = "; ".join(f"{name} was {former.get(name)}, is now {state[name]}" for name in changes)
        raise ScoreError(
            f"{folder} contains the unfinished output of an interrupted command with other inputs ({listed}). Restore "
            "them to continue, or delete this folder to start again."
        )


def _write_whole(path: Path, write: Callable[[Path], Any]) -> None:
    """Write a file so that, whenever the process or the machine stops, it is complete or missing."""
    unfinished = path.with_name(f"{UNFINISHED}-{path.name}")
    write(unfinished)
    with unfinished.open("rb") as file:
        os.fsync(file.fileno())
    unfinished.replace(path)
