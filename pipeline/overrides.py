"""Overrides as people type them: Hydra's grammar refuses accents, parentheses and other signs outside quotes."""

import re
from collections.abc import Iterable
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Quote, QuotedString
from hydra.errors import HydraException

from sentiment.inference.errors import SettingsError

OVERRIDE = re.compile(r"(?P<key>\+{0,2}[A-Za-z_][\w./@:-]*)=(?P<value>.*)", re.DOTALL)
# A list of values without brackets or quotes of their own.
FLAT_LIST = re.compile(r"""\[(?P<items>[^][{}'"]*)\]""")
# What only an expression of Hydra begins with: its text is not taken for a value, so that its mistakes are reported.
EXPRESSION = re.compile(
    r"""[\[{'"]|(choice|range|interval|glob|shuffle|sort|tag|extend_list|int|float|str|bool|json_str)\("""
)
MULTIRUN = {"-m", "--multirun", "hydra.mode=MULTIRUN"}


def readable(arguments: Iterable[str]) -> list[str]:
    """Return arguments of a command line with quotes where Hydra needs them to read a value as a text.

    Arguments that Hydra can read stay as they are; so do flags. A text with a comma is a sweep to Hydra: without `-m`
    it is quoted if there is such a file.

    Raises:
        SettingsError: a list, a quoted text or a function is not one that Hydra can read.
    """
    arguments = list(arguments)
    sweeping = bool(MULTIRUN & set(arguments))
    return [quoted(argument, sweeping=sweeping) for argument in arguments]


def quoted(argument: str, *, sweeping: bool) -> str:
    """Return an argument with quotes where Hydra needs them; arguments are those of `readable`."""
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
                f"{argument} cannot be read: {str(error).partition(chr(10))[0]}.\nPut single quotes around a text in "
                "it that holds other signs than letters without accents, digits, spaces and . / - _ : % + @ (within "
                r"hydra_options, write \' for each)."
            ) from error
        return f"{key}={each_quoted(value) if sweeping else text(value)}"
    if override.is_sweep_override() and not sweeping and Path(value).expanduser().exists():
        return f"{key}={text(value)}"
    return argument


def each_quoted(values: str) -> str:
    """Return values separated by commas, in quotes where Hydra cannot read them."""
    return ",".join(value if can_be_read(value) else text(value) for value in map(str.strip, values.split(",")))


def can_be_read(value: str) -> bool:
    """Return whether Hydra can read a value."""
    try:
        parse(f"key={value}")
    except HydraException:
        return False
    return True


def parse(override: str) -> Override:
    """Parse an override.

    Raises:
        HydraException: it is not one.
    """
    return OverridesParser.create().parse_override(override)


def text(value: str) -> str:
    """Return a text in quotes, as Hydra writes it."""
    return QuotedString(text=value, quote=Quote.single).with_quotes()
