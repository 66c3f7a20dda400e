"""The tweets that README, documentation, page and API show as examples, against the champion."""

import re
from pathlib import Path

import pytest

from tests.e2e.commands import PROJECT, Chain, load

pytestmark = pytest.mark.slow
SHOWN = ("README.md", "docs/*.md", "ui/languages/*.yaml", "service/schemas.py", "steps/*.py", "pipeline/*.py")
SHOWN += ("sentiment/reports/templates/*.j2", "sentiment/inference/golden.py")
# A tweet in quotation marks, which may be escaped.
QUOTED = re.compile(r'(?<!\\)"([^"\n]*@AirParadis[^"\n]*)"')
EXPECTED = {
    "@AirParadis two hours late and nobody tells us why :(": "negative",
    "@AirParadis three hours late and nobody tells us why :(": "negative",
    "@AirParadis two hours late, thanks for nothing": "negative",
    "@AirParadis two hours late :(": "negative",
    "@AirParadis you lost my bag. Again.": "negative",
    "Thank you @AirParadis, the crew was lovely!": "positive",
    "@AirParadis thank you so much, the crew was wonderful!": "positive",
    "Boarding @AirParadis to Lisbon": "positive",
}


def shown_examples() -> set[str]:
    files = [file for pattern in SHOWN for file in Path(PROJECT).glob(pattern)]
    return {tweet for file in files for tweet in QUOTED.findall(file.read_text(encoding="utf-8"))}


def test_every_example_has_an_expected_sentiment() -> None:
    assert shown_examples() == set(EXPECTED)


def test_the_champion_is_right_on_every_example(chain: Chain) -> None:
    champion = load(chain, "models:/tweet_sentiment@champion")
    predictions = champion.predict(list(EXPECTED))
    assert dict(zip(EXPECTED, predictions["sentiment"], strict=True)) == EXPECTED
