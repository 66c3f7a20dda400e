"""Judge whether lines are rows of a table, by the columns whose values look alike."""

import re
from collections.abc import Callable, Sequence

Matcher = Callable[[str], bool]

SAMPLE = 2_000
MIN_VALUES = 4  # values that a column needs before its pattern is known


def shape(value: str) -> str:
    """Return the shape of a value: "9-9-9 9:9" for "2026-02-05 08:00"."""
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d+", "9", value))


def matcher(values: Sequence[str]) -> Matcher | None:
    """Return a test for the values of a column with few values (labels) or few shapes (times); None for others."""
    if len(values) < MIN_VALUES or not any(values):
        return None
    allowed = set(values)
    if len(allowed) <= max(1, len(values) // 3):
        return allowed.__contains__
    shapes = set(map(shape, allowed))
    return (lambda value: shape(value) in shapes) if len(shapes) <= max(1, len(values) // 5) else None


def column_matchers(rows: Sequence[list[str]], width: int) -> list[Matcher | None]:
    """Return a test for the values of each column, or None for columns without a pattern."""
    sample = [row for row in rows[1:] if len(row) == width and not any("\n" in cell for cell in row)][:SAMPLE]
    return [matcher([row[column] for row in sample]) for column in range(width)]


def share_matching(lines: Sequence[list[str]], columns: Sequence[Matcher | None], quoted: int) -> float | None:
    """Return the share of the values of lines that match their columns; None if no column has a pattern.

    If a quotation mark in the column `quoted` opens a field, the lines are a single row, otherwise one row each. In
    both cases, the first line is like a row before that column, and the last line after it: these are ignored.
    """
    matches = []
    for column, matches_column in enumerate(columns):
        if matches_column is None or column == quoted:
            continue
        block = lines if len(lines) == 1 else lines[:-1] if column > quoted else lines[1:]
        matches += [matches_column(line[column].strip('"')) for line in block if column < len(line)]
    return sum(matches) / len(matches) if matches else None
