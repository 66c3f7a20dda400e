"""The growth benchmark: powers, table and plot."""

import math

import pandas as pd
import pytest

from benchmarks import growth

MEASURED = pd.DataFrame(
    {
        "step": ["split", "embed"] * 2,
        "rows": [1000, 1000, 4000, 4000],
        "seconds": [5.0, 8.0, 20.0, 8.0],
        "memory": [0.25, 0.5, 0.5, 0.5],
    }
)


@pytest.mark.parametrize(("values", "power"), [([2.0, 8.0], 1.0), ([2.0, 2.0], 0.0), ([1.0, 2.0, 32.0], 2.0)])
def test_the_power_is_computed_from_the_two_largest_sizes(values: list[float], power: float) -> None:
    assert growth.power([250, 1000, 4000][-len(values) :], values) == pytest.approx(power)


def test_a_single_size_has_no_power() -> None:
    assert math.isnan(growth.power([1000], [2.0]))
    assert growth.wide(MEASURED[:2], "seconds")["power"].tolist() == ["", ""]


def test_the_table_has_a_row_per_step_and_a_column_per_size() -> None:
    table = growth.wide(MEASURED, "seconds")
    assert table.to_dict("list") == {
        "step": ["split", "embed"],
        "1,000 rows": ["5.0", "8.0"],
        "4,000 rows": ["20.0", "8.0"],
        "power": ["1.00", "0.00"],
    }


def test_the_plot_shows_time_and_memory_per_step_with_units() -> None:
    time, memory = growth.plot(MEASURED).axes
    assert [time.get_ylabel(), memory.get_ylabel()] == ["seconds (logarithmic)", "peak memory, GiB (logarithmic)"]
    for axes, figure in ((time, "seconds"), (memory, "memory")):
        lines = {str(line.get_label()): list(line.get_ydata()) for line in axes.get_lines()}
        for step, rows in MEASURED.groupby("step"):
            assert lines[str(step)] == rows[figure].tolist()
        assert axes.get_xscale() == axes.get_yscale() == "log"
