"""What a worker tells the process that has started it: that it is ready, or why it never will be.

It tells it by a file named like its process number, so no other program on the same port can be taken for it.
"""

import os
from collections.abc import Container
from pathlib import Path

FOLDER = "TWEET_SENTIMENT_WORKERS"


def report(failure: str | None) -> None:
    """Report that this process is ready (None), or why it failed; without a folder there is nobody to tell.

    A process that failed ends, since another one behind the same port can answer its requests.
    """
    if folder := os.environ.get(FOLDER):
        path = Path(folder, str(os.getpid()))
        unfinished = path.with_suffix(".tmp")
        unfinished.write_text(failure or "", encoding="utf-8")
        unfinished.replace(path)
        if failure is not None:
            os._exit(1)  # without a traceback: the log has the reason


def read(folder: Path, worker: int) -> str | None:
    """Return what a worker has reported: its failure, "" if it is ready, or None if nothing yet."""
    try:
        return (folder / str(worker)).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def forget(folder: Path, but: Container[int]) -> None:
    """Delete the reports of workers that have ended, since process numbers are used again."""
    for report_of_worker in folder.iterdir():
        if int(report_of_worker.stem) not in but:
            report_of_worker.unlink()
