"""Correct the paths in mlflow.db after the project was moved or copied: `python -m pipeline.relocation`.

This is not a step, because a step would write its run to the former folder.
"""

import json
import shutil
import sys
from pathlib import Path

from pipeline import door, reuse, store
from pipeline.store import StoreError

# Columns with file locations in MLflow's database.
LOCATIONS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)


def relocate(file: Path) -> list[Path]:
    """Replace former folders in a database by its own, after saving a backup next to it; return the former folders.

    Raises:
        StoreError: the files of the runs are still in a former folder.
    """
    former, current = store.former_folders(file), file.parent / "mlruns"
    for folder in former:
        files = folder / "mlruns"
        if files.is_dir() and not current.is_dir():
            raise StoreError(
                f"The files of the runs are still in {files}: copy that folder to {current} first. To start without "
                f"these runs, delete {file}."
            )
    if former:
        shutil.copy(file, file.with_name(f"{file.name}.before_relocation"))
        for folder in former:
            replace(file, folder / "mlruns", current)
    return former


def replace(file: Path, former: Path, current: Path) -> None:
    """Replace a folder at the beginning of all locations in a database, both as a path and as a `file://` URI."""
    prefixes = {f"{former}/": f"{current}/", f"{former.as_uri()}/": f"{current.as_uri()}/"}
    with store.closing_connection(file) as connection:
        for old, new in prefixes.items():
            for table, column in LOCATIONS:
                connection.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?",
                    (new, len(old) + 1, len(old), old),
                )
        tags = connection.execute("SELECT run_uuid, value FROM tags WHERE key = ?", (reuse.HANDS_OVER,)).fetchall()
        for run, value in tags:
            uris = [moved(uri, prefixes) for uri in json.loads(value)]
            connection.execute(
                "UPDATE tags SET value = ? WHERE run_uuid = ? AND key = ?", (json.dumps(uris), run, reuse.HANDS_OVER)
            )


def moved(uri: str, prefixes: dict[str, str]) -> str:
    """Return a location with its prefix replaced."""
    for old, new in prefixes.items():
        if uri.startswith(old):
            return new + uri.removeprefix(old)
    return uri


def main() -> None:
    """Relocate the database in the project's folder."""
    former = relocate(store.DATABASE)
    names = ", ".join(str(folder) for folder in former)
    result = f"Replaced {names} by this folder in {store.DATABASE}." if former else "Nothing to relocate."
    sys.stdout.write(f"{result}\n")


if __name__ == "__main__":
    with door.leave():
        main()
