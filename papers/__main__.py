"""Write the papers and their figures: `python -m papers` (`make papers`)."""

import argparse
import logging
import sys
from pathlib import Path

from papers import figures, rendering
from sentiment.inference.errors import UserError

log = logging.getLogger("papers")


def main(arguments: list[str]) -> None:
    """Write all papers and figures.

    Raises:
        PaperError: a value is missing.
    """
    parser = argparse.ArgumentParser(prog="python -m papers", description=__doc__)
    parser.add_argument("--folder", type=Path, default=rendering.DOCS, help="output folder (%(default)s)")
    folder: Path = parser.parse_args(arguments).folder
    named = rendering.values()
    for file in [*rendering.write(folder, named), *figures.write(folder / figures.FOLDER, named)]:
        log.info("%s", file)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        main(sys.argv[1:])
    except UserError as error:
        log.error("%s", error)
        sys.exit(2)
