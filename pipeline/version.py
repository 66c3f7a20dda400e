"""The version of this project: the file VERSION, next to the package."""

from pathlib import Path

FILE = Path(__file__).parents[1] / "VERSION"


def version() -> str:
    """Return the version, as in CHANGELOG.md."""
    return FILE.read_text(encoding="ascii").strip()
