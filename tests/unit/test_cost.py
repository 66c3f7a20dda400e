"""The costs in docs/cost.md: they add up, and the quantities follow from the resources."""

import re
from collections.abc import Iterator

import pytest

from tests.bicep import Bicep, bicep, text
from tests.documentation import PROJECT

PAGE = (PROJECT / "docs/cost.md").read_text(encoding="utf-8")
SERVICE, WEB_PAGE = (bicep(PROJECT / f"infra/modules/{name}.bicep") for name in ("service", "page"))
# The assumptions of the page.
HOURS, AWAKE_HOURS, RUN_SECONDS = 730, 60, 75
Row = tuple[str, float, float, float, float]


def number(cell: str) -> float:
    return float(cell.strip("* ").replace(",", ""))


def tables() -> Iterator[tuple[list[Row], float]]:
    """Yield the rows of each table (item, quantity, free, price, cost), and its total."""
    rows: list[Row] = []
    for line in PAGE.splitlines():
        item, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        if item == "**Total**":
            yield rows, number(cells[3])
            rows = []
        elif len(cells) >= 4 and re.match(r"[\d,.]+$", cells[0]):
            quantity, free, price, cost = (number(cell) for cell in cells[:4])
            rows.append((item, quantity, free, price, cost))


TABLES = list(tables())


def resources(file: Bicep, name: str) -> tuple[float, float]:
    """Return the cores and the gibibytes of an app or job."""
    source = text(file.declarations[name].node)
    (cores,), (memory,) = re.findall(r"cpu: json\('([\d.]+)'\)", source), re.findall(r"memory: '([\d.]+)Gi'", source)
    return float(cores), float(memory)


def quantity(table: list[Row], item: str) -> float:
    (found,) = [row[1] for row in table if row[0] == item]
    return found


def test_there_is_a_table_for_each_way_to_deploy() -> None:
    assert len(TABLES) == 3


@pytest.mark.parametrize(("rows", "total"), TABLES, ids=["usual", "no database", "free plan"])
def test_costs_are_quantities_times_prices_and_add_up(rows: list[Row], total: float) -> None:
    for item, used, free, price, cost in rows:
        assert cost == pytest.approx(max(0.0, used - free) * price, abs=0.005), item
    assert total == pytest.approx(sum(row[-1] for row in rows), abs=1e-6)


def test_the_seconds_follow_from_the_sizes_of_the_apps_and_the_schedule_of_the_worker() -> None:
    (minutes,) = re.findall(r"cronExpression: '\*/(\d+) \* \* \* \*'", text(SERVICE.root))
    runs = HOURS * 60 / int(minutes)
    service, page, worker = resources(SERVICE, "service"), resources(WEB_PAGE, "page"), resources(SERVICE, "worker")
    (usual, _), (always, _), _ = TABLES
    for position, unit in enumerate(["vCPU", "GiB"]):
        item = f"Container Apps, {unit}-seconds"
        awake = page[position] * AWAKE_HOURS * 3600
        asleep_at_times = service[position] * AWAKE_HOURS * 3600 + worker[position] * runs * RUN_SECONDS
        assert quantity(usual, item) == awake + asleep_at_times
        assert quantity(always, item) == awake + service[position] * HOURS * 3600
