"""Where a source continues after a restart: a small file, replaced at once."""

import json
import os
from pathlib import Path
from typing import Any

from watch.errors import WatchError


class Progress:
    """The position in a source, kept in a file, or in memory only."""

    def __init__(self, file: Path | None, source: dict[str, Any]) -> None:
        """Read the position.

        Args:
            file: of the state; None keeps nothing.
            source: what the state belongs to, as JSON.

        Raises:
            WatchError: the file belongs to another source, or cannot be read.
        """
        self.file, self.source = file, source
        self.position: Any = None
        if file is None or not file.exists():
            return
        try:
            state = json.loads(file.read_text(encoding="utf-8"))
            found, self.position = state["source"], state["position"]
        except OSError as error:
            raise WatchError(f"{file} (--state) cannot be read: {error.strerror}.") from None
        except (ValueError, KeyError, TypeError):
            raise WatchError(f"{file} (--state) is not a state of the watch. Choose another file.") from None
        if found != source:
            raise WatchError(f"{file} (--state) belongs to another source: {json.dumps(found)}. Choose another file.")

    def save(self, position: Any) -> None:
        """Save a position; whenever the process dies, the file holds this one or the one before.

        Raises:
            WatchError: the file cannot be written.
        """
        if position == self.position:
            return
        self.position = position
        if self.file is None:
            return
        beside = self.file.with_name(f"{self.file.name}.tmp")
        try:
            with beside.open("w", encoding="utf-8") as file:
                json.dump({"source": self.source, "position": position}, file)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self.file)
        except OSError as error:
            raise WatchError(f"{self.file} (--state) cannot be written: {error.strerror}.") from None
