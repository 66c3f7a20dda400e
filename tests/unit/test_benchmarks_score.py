"""The benchmark of `score`: the line through its measurements."""

import pytest

from benchmarks.score import Line, Measurement, fitted, pays_from


def test_the_start_is_not_part_of_the_rate() -> None:
    measured = [
        Measurement(seconds=5 + size / 200, cpu=3 + size / 100, peak=size / 1000) for size in (1000, 2000, 5000)
    ]
    line = fitted([1000, 2000, 5000], measured)
    assert line.rate == pytest.approx(200)
    assert line.start == pytest.approx(5)
    assert line.cpu == pytest.approx(10)
    assert line.peaks == [1, 2, 5]


def test_a_slow_start_pays_only_if_the_rate_makes_up_for_it() -> None:
    usual, slow_start = Line(rate=200, start=5, cpu=5, peaks=[1]), Line(rate=400, start=15, cpu=5, peaks=[1])
    size = pays_from(slow_start, usual)
    assert size is not None
    assert slow_start.start + size / slow_start.rate == pytest.approx(usual.start + size / usual.rate)
    assert pays_from(slow_start._replace(rate=200), usual) is None
    assert pays_from(slow_start._replace(rate=-3000), usual) is None, "measured with too few tweets"
