"""Values that the project already states: results of benchmarks, defaults of settings, the configuration."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from papers.errors import PaperError

NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")


@dataclass(frozen=True)
class Table:
    """A table of a benchmark.

    Attributes:
        benchmark: name of the result in docs/benchmarks.json.
        header: cells of the first row.
        rows: the other cells, by the first cell of their row.
        command: the command that measures the values.
    """

    benchmark: str
    header: list[str]
    rows: Mapping[str, list[str]]
    command: str

    def number(self, row: str, column: str) -> float:
        """Return the first number of a cell: 0.87 of `0.87 (0.80-0.91)`.

        Raises:
            PaperError: there is no such row, column or number.
        """
        cell = self.rows[row][self.header.index(column)] if row in self.rows and column in self.header else ""
        found = NUMBER.search(cell.lstrip(">"))
        if found is None:
            raise PaperError(
                f"Benchmark {self.benchmark!r}, table {' | '.join(self.header[:2])}: row {row!r}, column {column!r} "
                f"has no number. To measure it: {self.command}"
            )
        return float(found[0].replace(",", ""))


def read_table(records: Mapping[str, Mapping[str, Any]], benchmark: str, header: list[str]) -> Table:
    """Return the table of a benchmark whose first row starts with these cells.

    Args:
        records: the results by name.
        benchmark: name of the result.
        header: the first cells.

    Raises:
        PaperError: there is no such result, or it has no such table.
    """
    record = records.get(benchmark, {"lines": (), "command": f"python -m benchmarks.{benchmark.split()[0]} ..."})
    lines = iter(record["lines"])
    for line in lines:
        if line.startswith("|") and (first := cells(line))[: len(header)] == header:
            next(lines)  # the rule below the header
            rows = {}
            for row in lines:
                if not row.startswith("|"):
                    break
                name, *rest = cells(row)
                rows[name] = [name, *rest]
            return Table(benchmark, first, rows, record["command"])
    raise PaperError(
        f"docs/benchmarks.json has no table of {benchmark!r} that starts with {' | '.join(header)}. "
        f"To measure it: {record['command']}"
    )


def cells(line: str) -> list[str]:
    """Return the cells of a row in Markdown, without emphasis and code marks."""
    return [re.sub(r"[*`]", "", cell).strip() for cell in line.strip().strip("|").split("|")]


def defaults(docs: Path) -> dict[str, str]:
    """Return the default of every environment variable, as docs/settings.md states it."""
    rows = (
        cells(line)
        for line in (docs / "settings.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("| `")
    )
    return {name: default for name, default, *_ in rows}


def configuration(file: Path) -> dict[str, Any]:
    """Return the settings of the pipeline (conf/config.yaml), by dotted name."""

    def flat(section: Mapping[str, Any], prefix: str) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name, value in section.items():
            values |= flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
        return values

    return flat(yaml.safe_load(file.read_text(encoding="utf-8")), "")
