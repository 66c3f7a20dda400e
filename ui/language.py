"""French and English: the sentences of the page, and how numbers and times are written."""

import re
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from babel.dates import format_date, format_datetime, get_date_format
from babel.numbers import format_decimal, format_percent, get_decimal_symbol

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

    @property
    def day_first(self) -> bool:
        """Whether dates in numbers have the day before the month in this language, as the CLDR has it."""
        pattern = get_date_format("short", locale=self.code).pattern
        return pattern.index("d") < pattern.index("M")

    @property
    def delimiter(self) -> str:
        """What Excel expects between the columns of a CSV file in this language: no comma where numbers have one."""
        return ";" if get_decimal_symbol(self.code) == "," else ","

    def day(self, when: datetime) -> str:
        """Return a day, the name of its month written out."""
        written = str(format_date(when, "long", locale=self.code))
        return written.replace("1 ", "1er ", 1) if self.code == "fr" and when.day == 1 else written

    def moment(self, when: datetime) -> str:
        """Return a day and a time of it."""
        return str(format_datetime(when, "d MMM y, HH:mm", locale=self.code))


@cache
def speak(code: str) -> Language:
    """Return a language by its code."""
    text = (Path(__file__).parent / "languages" / f"{code}.yaml").read_text(encoding="utf-8")
    sentences = flatten(yaml.safe_load(text))
    if code == "fr":
        sentences = {name: unbroken(sentence) for name, sentence in sentences.items()}
    return Language(code=code, sentences=sentences)


def unbroken(sentence: str) -> str:
    """Return a French sentence whose punctuation marks never begin a line, nor end one after which words follow."""
    return re.sub(r" ([:;?!»])(?=[\s.,)]|$)", "\u00a0\\1", sentence).replace("« ", "«\u00a0")


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
