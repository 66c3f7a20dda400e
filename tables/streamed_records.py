"""Read NDJSON (one JSON object per line) of any size, piece by piece.

A file is read twice: once to check every line and to determine the type of each column, once for its content.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Never

import pyarrow as pa

from tables.errors import TableError
from tables.pieces import pieces

# Metadata of a column whose values are texts of JSON: nested, or of several types.
AS_JSON = {b"content": b"json"}
# Larger integers are not exact as floating-point numbers, or do not fit 64 bits.
EXACT, LARGEST = 2**53, 2**63 - 1


def records(path: Path) -> Iterator[list[dict[str, Any]]]:
    """Yield the objects of a file, some at a time.

    Raises:
        TableError: "damaged", "undecodable", or "not_records" if a line is not a JSON object.
    """
    for piece in pieces(path, "utf-8", strict=True, quoted=False):
        numbered = enumerate(piece.lines, start=piece.above + 1)
        yield [_record(line, number) for number, line in numbered if line.strip()]


def _record(line: str, number: int) -> dict[str, Any]:
    try:
        record = json.loads(line, parse_constant=_refuse)
        json.dumps(record, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise TableError("not_records", f"Line {number} is not valid JSON: {error}.", row=number) from error
    if not isinstance(record, dict):
        raise TableError("not_records", f"Line {number} is not a JSON object, such as {{...}}.", row=number)
    return record


def _refuse(constant: str) -> Never:
    raise ValueError(f"{constant} is no JSON number")


def inspect(path: Path) -> tuple[pa.Schema, int]:
    """Return the columns of a file, in the order of their first appearance, and the number of its rows.

    Raises:
        TableError: as `records`, and "empty_table".
    """
    kinds: dict[str, set[str]] = {}
    rows = 0
    for some in records(path):
        rows += len(some)
        for record in some:
            for name, value in record.items():
                kinds.setdefault(name, set())
                if value is not None:
                    kinds[name].add(_kind(value))
    if not rows or not kinds:
        raise TableError("empty_table", "The file contains no rows.")
    return pa.schema([_field(name, found) for name, found in kinds.items()]), rows


def _kind(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return "exact" if abs(value) <= EXACT else "int" if abs(value) <= LARGEST else "json"
    return type(value).__name__ if isinstance(value, bool | float | str) else "json"


def _field(name: str, kinds: set[str]) -> pa.Field:
    if kinds <= {"str"}:
        return pa.field(name, pa.string())
    if kinds == {"bool"}:
        return pa.field(name, pa.bool_())
    if kinds <= {"exact", "int"}:
        return pa.field(name, pa.int64())
    if kinds <= {"exact", "float"}:
        return pa.field(name, pa.float64())
    return pa.field(name, pa.string(), metadata=AS_JSON)


def read(path: Path, schema: pa.Schema) -> Iterator[pa.Table]:
    """Yield the rows of a file with known columns, in tables of any size; missing values are null.

    Raises:
        TableError: as `records`.
    """
    for some in records(path):
        arrays = [pa.array([_value(record.get(field.name), field) for record in some], field.type) for field in schema]
        yield pa.Table.from_arrays(arrays, schema=schema)


def _value(value: Any, field: pa.Field) -> Any:
    return value if value is None or field.metadata != AS_JSON else json.dumps(value, ensure_ascii=False)
