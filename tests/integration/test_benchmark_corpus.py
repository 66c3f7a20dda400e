"""The texts that benchmarks read without `--file`."""

import pytest

from benchmarks import corpus


@pytest.mark.parametrize(("names", "rows"), [([corpus.TWEETS], 4_200), (corpus.ALL, 23_703)])
def test_benchmarks_read_the_rated_texts(names: list[str], rows: int) -> None:
    texts = corpus.read(*names)
    assert len(texts) == rows
    assert {"text", "label"} <= set(texts.columns)
