"""evidently's report: one page that contacts nobody, and a library that does not while it is written."""

import re
import socket
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sentiment.reports import evidently_report

pytestmark = pytest.mark.slow
NAMES = {"length": "length in characters", "mention": "with a mention", "unknown_words": "unknown", "negative": "label"}
# What makes a browser load something when it opens a page; addresses within scripts do not.
LOADED = re.compile(r"<(?:script|link|img|iframe|source)\b[^>]*(?:src|href)\s*=|url\(\s*['\"]?https?:", re.IGNORECASE)


def tweets(count: int, seed: int, **known: object) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    columns = {
        "length": random.normal(80, 30, count),
        "mention": random.random(count) < 0.4,
        "unknown_words": random.random(count),
        "negative": (random.random(count) < 0.5).astype(float),
    }
    return pd.DataFrame(columns | known)


def test_a_page_that_loads_nothing_is_written_without_contacting_anybody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("connect", "sendto"):
        monkeypatch.setattr(socket.socket, name, lambda *_: pytest.fail("evidently contacts somebody."))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: pytest.fail("evidently looks up a host."))
    page = tmp_path / "evidently.html"
    current = tweets(300, 2, unknown_words=np.nan, negative=np.nan)
    evidently_report.write(tweets(500, 1), current, names=NAMES, min_psi=0.1, file=page)
    text = page.read_text(encoding="utf-8")
    assert "length in characters" in text
    assert "with a mention" in text
    assert "unknown" not in re.findall(r"column_name[^,]*", text)
    assert LOADED.search(text) is None


def test_traits_are_told_from_numbers() -> None:
    frame = tweets(50, 1)
    assert [name for name in NAMES if evidently_report.is_number(frame[name])] == ["length", "unknown_words"]
    assert set(evidently_report.readable(frame, ["length"])["mention"]) == {"yes", "no"}
