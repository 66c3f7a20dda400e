"""List the settings of conf/: `python -m steps settings`, or all about some: `python -m steps settings embed select`.

In: names of groups, of options (`embed=glove`) or of sections of conf/config.yaml; or `all`. Out: a text on the
terminal.
"""

import argparse
import sys
from collections.abc import Mapping

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline import schema

ADVICE = """\
Names, types, defaults and meanings: python -m steps settings embed (a group), embed=glove, split (a section), or all.
Environment variables of the service, of events and alerts, of the watch and of the page: docs/settings.md."""


def table(title: str, rows: Mapping[str, str]) -> Table:
    """Return a table of names and what they are."""
    drawn = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    drawn.add_column(title, no_wrap=True)
    drawn.add_column(overflow="fold")
    for name, meaning in rows.items():
        drawn.add_row(Text(name), Text(meaning))
    return drawn


def main(arguments: list[str]) -> None:
    """Print the groups, options and sections, or the settings of some of them.

    Raises:
        SettingsError: conf/ has no group, option or section of this name.
    """
    parser = argparse.ArgumentParser(prog="python -m steps settings", description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="a group, <group>=<option>, a section, or all")
    names = parser.parse_args(arguments).names
    console = Console()
    if not names:
        options, sections = schema.overview()
        console.print(
            table("option", options), "", table("section of conf/config.yaml", sections), "", ADVICE, sep="\n"
        )
        return
    for line in "\n".join([schema.LEGEND, *map(schema.describe, names)]).splitlines():
        console.out(line, style="dim" if line.lstrip().startswith("#") else None, highlight=False)


if __name__ == "__main__":
    main(sys.argv[1:])
