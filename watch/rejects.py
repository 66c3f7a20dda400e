"""What was not sent, with the reason, in a file of newline-delimited JSON."""

import json
from pathlib import Path

from watch.errors import WatchError
from watch.tweets import Rejected


class Rejects:
    """Append to the file; after a restart, the last ones may be in it twice."""

    def __init__(self, file: Path) -> None:
        """Choose the file, which is created when there is something to write."""
        self.file, self.count = file, 0

    def add(self, rejected: Rejected) -> None:
        """Write what was rejected.

        Raises:
            WatchError: the file cannot be written.
        """
        try:
            with self.file.open("a", encoding="utf-8") as file:
                file.write(json.dumps(rejected._asdict(), ensure_ascii=False) + "\n")
        except OSError as error:
            raise WatchError(f"{self.file} (--rejected) cannot be written: {error.strerror}.") from None
        self.count += 1
