"""The text of reports, as Markdown templates. Python computes the values, the templates contain the sentences."""

import math
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from sentiment.reports.pages import cell, grid


def render(name: str, **values: Any) -> str:
    """Return a template in Markdown, filled with values.

    Raises:
        jinja2.TemplateNotFound: the template does not exist.
        jinja2.UndefinedError: it uses a missing value.
    """
    return environment().get_template(f"{name}.md.j2").render(values)


@cache
def environment() -> Environment:
    """Return the template environment. It escapes nothing: values written by people must go through `cell`."""
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    templates.filters |= {"cell": cell, "grid": grid, "number": number}
    return templates


def number(value: float) -> str:
    """Return a number for a table, or a dash if it is undefined."""
    return "\u2013" if math.isnan(value) else f"{value:.3f}"
