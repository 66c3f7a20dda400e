"""The benchmark of `score`: the line through its measurements."""

import pytest

from benchmarks.score import Measurement, fitted


def test_the_start_is_not_part_of_the_rate() -> None:
    measured = [
        Measurement(seconds=5 + size / 200, cpu=3 + size / 100, peak=size / 1000) for size in (1000, 2000, 5000)
    ]
    line = fitted([1000, 2000, 5000], measured)
    assert line.rate == pytest.approx(200)
    assert line.start == pytest.approx(5)
    assert line.cpu == pytest.approx(10)
    assert line.peaks == [1, 2, 5]
