"""Tell whether lines look like the rows of a table, by the columns whose values all look alike."""

import re
from collections.abc import Callable, Sequence

Looks = Callable[[str], bool]

SAMPLE = 2_000
FEWEST = 4  # rows that a column must have before it is known how its values look


def shape(value: str) -> str:
    """Return what a value looks like: "2026-02-05 08:00" is "9-9-9 9:9"."""
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d+", "9", value))


def look(values: Sequence[str]) -> Looks | None:
    """Return what tells the values of a column from others: few values (labels) or few shapes (times), else None."""
    if len(values) < FEWEST or not any(values):
        return None
    allowed = set(values)
    if len(allowed) <= max(1, len(values) // 3):
        return allowed.__contains__
    shapes = set(map(shape, allowed))
    return (lambda value: shape(value) in shapes) if len(shapes) <= max(1, len(values) // 5) else None


def looks(rows: Sequence[list[str]], width: int) -> list[Looks | None]:
    """Return for each column what tells its values from others, if anything does."""
    sample = [row for row in rows[1:] if len(row) == width and not any("\n" in cell for cell in row)][:SAMPLE]
    return [look([row[column] for row in sample]) for column in range(width)]


def fit(lines: Sequence[list[str]], columns: Sequence[Looks | None], quoted: int) -> float | None:
    """Return which share of the values of lines look as those of their columns do; None if no column tells.

    The lines are those of one row if a mark in the column `quoted` opens a field, else rows of their own. Before that
    column the first line looks like a row, after it the last one, either way: these are left out.
    """
    found = []
    for column, looks_alike in enumerate(columns):
        if looks_alike is None or column == quoted:
            continue
        block = lines if len(lines) == 1 else lines[:-1] if column > quoted else lines[1:]
        found += [looks_alike(line[column].strip('"')) for line in block if column < len(line)]
    return sum(found) / len(found) if found else None
