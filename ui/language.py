"""French and English: the sentences of the page, and how numbers and times are written."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal, format_percent

LANGUAGES = ("fr", "en")
DEFAULT = "en"


@dataclass(frozen=True)
class Language:
    """A language of the page.

    Attributes:
        code: `fr` or `en`.
        sentences: by their names, `<page>.<what>`.
    """

    code: str
    sentences: dict[str, str]

    def __call__(self, name: str, **values: object) -> str:
        """Return a sentence, with values in their places.

        Raises:
            KeyError: there is no such sentence, or it needs a value that is not given.
        """
        return self.sentences[name].format(**values)

    def number(self, value: float, digits: int = 0) -> str:
        """Return a number as it is written in this language."""
        return str(format_decimal(value, format="#,##0" + ("." + "0" * digits if digits else ""), locale=self.code))

    def percent(self, share: float) -> str:
        """Return a share of 1 as so many of a hundred."""
        return str(format_percent(share, locale=self.code))

    def day(self, when: datetime) -> str:
        """Return a day, the name of its month written out."""
        return str(format_date(when, "long", locale=self.code))

    def moment(self, when: datetime) -> str:
        """Return a day and a time of it."""
        return str(format_datetime(when, "d MMM y, HH:mm", locale=self.code))


@cache
def speak(code: str) -> Language:
    """Return a language by its code."""
    text = (Path(__file__).parent / "languages" / f"{code}.yaml").read_text(encoding="utf-8")
    return Language(code=code, sentences=flatten(yaml.safe_load(text)))


def flatten(nested: dict[str, Any], before: str = "") -> dict[str, str]:
    """Return the sentences of a nested mapping by their dotted names."""
    flat: dict[str, str] = {}
    for name, value in nested.items():
        flat |= flatten(value, f"{before}{name}.") if isinstance(value, dict) else {f"{before}{name}": value}
    return flat


def preferred(*wishes: str | None) -> str:
    """Return the first language that is wished for and spoken; wishes are codes such as `fr` or `fr-CA`."""
    spoken = [wish[:2].lower() for wish in wishes if wish and wish[:2].lower() in LANGUAGES]
    return spoken[0] if spoken else DEFAULT
