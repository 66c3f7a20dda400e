"""French and English: the texts of the page, and the format of numbers and dates."""

import re
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from babel import Locale
from babel.dates import format_date, get_date_format
from babel.numbers import format_decimal, format_percent, get_decimal_symbol, get_group_symbol

LANGUAGES = ("fr", "en")
DEFAULT = "en"


@dataclass(frozen=True)
class Language:
    """A language of the page.

    Attributes:
        code: `fr` or `en`.
        sentences: texts by key, `<view>.<name>`.
    """

    code: str
    sentences: dict[str, str]

    def __call__(self, name: str, **values: object) -> str:
        """Return a text with its placeholders filled.

        Raises:
            KeyError: the key is unknown, or a placeholder has no value.
        """
        return self.sentences[name].format(**values)

    def number(self, value: float, digits: int = 0) -> str:
        """Format a number."""
        return str(format_decimal(value, format="#,##0" + ("." + "0" * digits if digits else ""), locale=self.code))

    def percent(self, share: float) -> str:
        """Format a share (0 to 1) as a percentage."""
        return str(format_percent(share, locale=self.code))

    def chance(self, probability: float) -> str:
        """Format a probability: 1% to 99%, as no answer is certain."""
        return self.percent(min(max(probability, 0.01), 0.99))

    @property
    def percent_sign(self) -> str:
        """What follows the number of a percentage: `%`, in French after a no-break space."""
        return self.percent(1).removeprefix("100")

    @property
    def thousands(self) -> str:
        """What separates thousands."""
        return str(get_group_symbol(self.code))

    @property
    def months(self) -> list[str]:
        """The abbreviated names of the months."""
        return list(Locale(self.code).months["format"]["abbreviated"].values())

    @property
    def day_first(self) -> bool:
        """Whether dates put the day before the month (from the CLDR)."""
        pattern = get_date_format("short", locale=self.code).pattern
        return pattern.index("d") < pattern.index("M")

    @property
    def delimiter(self) -> str:
        """The CSV delimiter that Excel expects: a semicolon where the decimal separator is a comma."""
        return ";" if get_decimal_symbol(self.code) == "," else ","

    def day(self, when: datetime) -> str:
        """Format a date."""
        formatted = str(format_date(when, "long", locale=self.code))
        return formatted.replace("1 ", "1er ", 1) if self.code == "fr" and when.day == 1 else formatted

    def moment(self, when: datetime) -> str:
        """Format a date and time.

        Source for French: Imprimerie nationale, Lexique des règles typographiques (2002), « heure ».
        """
        if self.code == "fr":
            return f"{self.day(when)} à {when.hour}\u00a0h\u00a0{when:%M}"
        return f"{self.day(when)}, {when:%H:%M}"

    def period(self, start: datetime, width: str) -> str:
        """Name a period by its start and its width: `15min`, `h`, `D`, `W` or `MS`, as in pandas."""
        match width:
            case "D":
                return self.day(start)
            case "W":
                return self("time.week", day=self.day(start))
            case "MS":
                return str(format_date(start, "MMMM y", locale=self.code))
            case _:
                return self.moment(start)

    def language(self, code: str) -> str | None:
        """Return the name of a language in this one; None if the code is unknown."""
        return Locale(self.code).languages.get(code)


@cache
def speak(code: str) -> Language:
    """Load the language with this code."""
    text = (Path(__file__).parent / "languages" / f"{code}.yaml").read_text(encoding="utf-8")
    sentences = flatten(yaml.safe_load(text))
    if code == "fr":
        sentences = {name: with_no_break_spaces(sentence) for name, sentence in sentences.items()}
    return Language(code=code, sentences=sentences)


def with_no_break_spaces(sentence: str) -> str:
    """Replace the spaces at which a French line must not break: before `: ; ? ! »` and units, and after `«`."""
    sentence = re.sub(r" ([:;?!»])(?=[\s.,)]|$)", "\u00a0\\1", sentence).replace("« ", "«\u00a0")
    return re.sub(r"(?<=[\d}]) (?=%|(?:Mo|s)\b)", "\u00a0", sentence)


def flatten(nested: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """Return the texts of a nested mapping by dotted key."""
    flat: dict[str, str] = {}
    for name, value in nested.items():
        flat |= flatten(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return flat


def preferred(*codes: str | None) -> str:
    """Return the first of the codes (`fr`, `fr-CA`) whose language the page has, or the default."""
    supported = [code[:2].lower() for code in codes if code and code[:2].lower() in LANGUAGES]
    return supported[0] if supported else DEFAULT
