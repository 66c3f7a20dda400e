"""The words of reports: templates in Markdown. Python computes the values, the templates hold the sentences."""

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from sentiment.reports.pages import cell, grid


def render(name: str, **values: Any) -> str:
    """Return the Markdown that a template makes of values.

    Raises:
        jinja2.TemplateNotFound: there is no such template.
        jinja2.UndefinedError: it needs a value that is not given.
    """
    return environment().get_template(f"{name}.md.j2").render(values)


@cache
def environment() -> Environment:
    """Return what finds and fills the templates. It escapes nothing: values that people wrote go through `cell`."""
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    templates.filters |= {"cell": cell, "grid": grid}
    return templates
