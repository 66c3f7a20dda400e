"""Quote overrides for Hydra, whose grammar rejects accents, parentheses and other characters outside quotes."""

import re
from collections.abc import Iterable
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Quote, QuotedString
from hydra.errors import HydraException

from sentiment.inference.errors import SettingsError

OVERRIDE = re.compile(r"(?P<key>\+{0,2}[A-Za-z_][\w./@:-]*)=(?P<value>.*)", re.DOTALL)
# A list without nested brackets or quotes.
FLAT_LIST = re.compile(r"""\[(?P<items>[^][{}'"]*)\]""")
# Beginnings of Hydra expressions: these are never quoted as text, so that Hydra reports syntax errors in them.
EXPRESSION = re.compile(
    r"""[\[{'"]|(choice|range|interval|glob|shuffle|sort|tag|extend_list|int|float|str|bool|json_str)\("""
)
MULTIRUN = {"-m", "--multirun", "hydra.mode=MULTIRUN"}


def readable(arguments: Iterable[str]) -> list[str]:
    """Quote the values that Hydra could not parse otherwise.

    Leaves flags and parsable arguments unchanged. Hydra takes a value with a comma as a sweep; without `-m`, it is
    quoted if it is the path of an existing file.

    Raises:
        SettingsError: Hydra cannot parse a list, a quoted text or a function.
    """
    arguments = list(arguments)
    sweeping = bool(MULTIRUN & set(arguments))
    return [quoted(argument, sweeping=sweeping) for argument in arguments]


def quoted(argument: str, *, sweeping: bool) -> str:
    """Quote the value of one argument if Hydra needs it; see `readable`."""
    match = OVERRIDE.fullmatch(argument)
    if match is None:
        return argument
    key, value = match["key"], match["value"]
    try:
        override = parse(argument)
    except HydraException as error:
        if flat := FLAT_LIST.fullmatch(value):
            return f"{key}=[{each_quoted(flat['items'])}]"
        if EXPRESSION.match(value):
            raise SettingsError(
                f"{argument} cannot be parsed: {str(error).partition(chr(10))[0]}.\nPut single quotes around any text "
                "in it with characters other than unaccented letters, digits, spaces and . / - _ : % + @ (within "
                r"hydra_options, write \' for each quote)."
            ) from error
        return f"{key}={each_quoted(value) if sweeping else text(value)}"
    if override.is_sweep_override() and not sweeping and Path(value).expanduser().exists():
        return f"{key}={text(value)}"
    return argument


def each_quoted(values: str) -> str:
    """Quote those of several values, separated by commas, that Hydra cannot parse."""
    return ",".join(value if can_be_read(value) else text(value) for value in map(str.strip, values.split(",")))


def can_be_read(value: str) -> bool:
    """Return whether Hydra can parse a value."""
    try:
        parse(f"key={value}")
    except HydraException:
        return False
    return True


def parse(override: str) -> Override:
    """Parse an override.

    Raises:
        HydraException: the syntax is invalid.
    """
    return OverridesParser.create().parse_override(override)


def text(value: str) -> str:
    """Return a text in single quotes, escaped for Hydra."""
    return QuotedString(text=value, quote=Quote.single).with_quotes()
