"""Check the spelling of the French papers with hunspell: `python -m papers.spelling` (`make spell`).

Words that the dictionary does not know, but that are right, are in spelling.txt.
"""

import logging
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from papers.rendering import DOCS, HERE, PAPERS, language_of

log = logging.getLogger("papers")

EXCEPTIONS = HERE / "spelling.txt"
DICTIONARY = "fr_FR"
# What is no prose: code, addresses, HTML tags and directives, front matter, English in quotation marks marked as code.
NOT_PROSE = re.compile(
    r"```.*?```|`[^`]*`|\]\([^)]*\)|</?\w[^>]*>|<!-- (?:_class|Written).*?-->|^---\n.*?\n---\n", re.DOTALL
)


def words(text: str) -> list[str]:
    """Return the words of a text in Markdown, without code, addresses and directives."""
    prose = NOT_PROSE.sub(" ", text).replace("’", "'")
    return sorted(set(re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*", prose)))


def unknown(vocabulary: Iterable[str], exceptions: Iterable[str]) -> list[str]:
    """Return the words that neither hunspell nor the exceptions know.

    Raises:
        CalledProcessError: hunspell has no French dictionary.
    """
    checked = sorted(set(vocabulary) - set(exceptions))
    command = ["hunspell", "-d", DICTIONARY, "-i", "utf-8", "-l"]
    completed = subprocess.run(command, input="\n".join(checked), capture_output=True, text=True, check=True)
    return sorted(set(completed.stdout.split()) - set(exceptions))


def exceptions() -> list[str]:
    """Return the words of spelling.txt."""
    return EXCEPTIONS.read_text(encoding="utf-8").split()


def main(files: Iterable[Path]) -> int:
    """Log the unknown words of files; return the exit code."""
    if shutil.which("hunspell") is None:
        log.warning("Skipped: hunspell is not installed (apt-get install hunspell hunspell-fr).")
        return 0
    found = {file: unknown(words(file.read_text(encoding="utf-8")), exceptions()) for file in files}
    for file, misspelt in found.items():
        for word in misspelt:
            log.error("%s: %s is unknown; correct it, or add it to %s", file, word, EXCEPTIONS)
    return int(any(found.values()))


FRENCH = [DOCS / paper for paper in PAPERS if language_of(paper) == "fr"] + [DOCS / "marketing.fr.md"]

if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    sys.exit(main(FRENCH))
