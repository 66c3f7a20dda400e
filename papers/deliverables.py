"""Pack the deliverables: `make deliverables TITLE=... LAST=... FIRST=... DATE=mmyyyy`.

Writes one ZIP file with the parts that the school asks for, named `Last_First_<number>_<part>_mmyyyy`. The code comes
from the last commit (`git archive`), so that neither data nor caches nor secrets are in it.
"""

import argparse
import logging
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import mlflow

from papers import printing, slides
from papers.errors import DeliverablesError
from papers.rendering import DOCS, PROJECT
from pipeline import registry, store
from pipeline.artifacts import MODEL_CARD
from sentiment.inference.errors import UserError

log = logging.getLogger("papers")

NAME = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*")
TITLE = re.compile(r"\w+(?:[ '’-]\w+)*")
DATE = re.compile(r"(?:0[1-9]|1[0-2])\d{4}")
ADDRESS = re.compile(r"https?://[\w.:\[\]-]+(?:/\S*)?")
MODEL = "tweet_sentiment"


@dataclass(frozen=True)
class Author:
    """What the names of the deliverables contain.

    Attributes:
        title: title of the project.
        last: family name.
        first: first name.
        date: month and year, mmyyyy.
    """

    title: str
    last: str
    first: str
    date: str

    def __post_init__(self) -> None:
        """Check all of them.

        Raises:
            DeliverablesError: one is invalid.
        """
        for argument, value, pattern, expected in (
            ("TITLE", self.title, TITLE, "words, such as TITLE='Vigie Air Paradis'"),
            ("LAST", self.last, NAME, "one name without spaces, such as LAST=Le-Goff"),
            ("FIRST", self.first, NAME, "one name without spaces, such as FIRST=Anne-Marie"),
            ("DATE", self.date, DATE, "month and year, such as DATE=112026"),
        ):
            if not pattern.fullmatch(value):
                raise DeliverablesError(f"{argument}={value!r} is invalid: expected {expected}.")

    @property
    def archive(self) -> str:
        """The name of the ZIP file."""
        return f"{self.title.replace(' ', '_')}_{self.last}_{self.first}.zip"

    def part(self, number: int, name: str, ending: str) -> str:
        """Return the name of a part."""
        return f"{self.last}_{self.first}_{number}_{name}_{self.date}{ending}"


def model_page(api: str, card: str) -> str:
    """Return the page about the model: the address of the API, how to call it, and the model card.

    Raises:
        DeliverablesError: the address is no URL.
    """
    if not ADDRESS.fullmatch(api):
        raise DeliverablesError(f"API={api!r} is invalid: expected an address, such as API=https://example.org.")
    call = (
        f"curl -s {api.rstrip('/')}/predict -H 'Content-Type: application/json' -d '{{\"text\": \"two hours late\"}}'"
    )
    return f"# Modèle\n\nAPI : {api}\n\n```sh\n{call}\n```\n\n{card}"


def champion_card() -> str:
    """Return the model card of the champion.

    Raises:
        DeliverablesError: there is no champion, or it has no card.
    """
    store.connect()
    champion = registry.holder(MODEL, "champion")
    if champion is None or MODEL_CARD not in champion.tags:
        raise DeliverablesError(f"{MODEL} has no champion with a model card. Train one: make run")
    return str(mlflow.artifacts.load_text(champion.tags[MODEL_CARD]))


def scripts(project: Path, output: Path) -> None:
    """Write the code of the last commit as a ZIP file.

    Raises:
        DeliverablesError: there are changes that are not committed, or no git repository.
    """
    changes = git(project, "status", "--porcelain", "--untracked-files=no")
    if changes:
        raise DeliverablesError(f"Commit your changes first, the deliverables contain the last commit:\n{changes}")
    git(project, "archive", "--format=zip", f"--output={output}", "HEAD")


def git(project: Path, *arguments: str) -> str:
    """Run git; return its output.

    Raises:
        DeliverablesError: it fails.
    """
    completed = subprocess.run(["git", *arguments], cwd=project, capture_output=True, text=True, check=False)
    if completed.returncode:
        raise DeliverablesError(f"git {arguments[0]} failed in {project}: {completed.stderr.strip()}")
    return completed.stdout.rstrip()


def pack(author: Author, parts: Sequence[tuple[int, str, Path | str]], folder: Path) -> Path:
    """Write the ZIP file of the parts, each a number, a name and a file or the text of a Markdown page."""
    folder.mkdir(parents=True, exist_ok=True)
    output = folder / author.archive
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, name, content in parts:
            if isinstance(content, Path):
                archive.write(content, author.part(number, name, content.suffix))
            else:
                archive.writestr(author.part(number, name, ".md"), content)
    return output


def main(arguments: list[str]) -> None:
    """Write the deliverables.

    Raises:
        DeliverablesError: an argument is invalid, or a part is missing.
        PaperError: the slides cannot be built.
    """
    parser = argparse.ArgumentParser(prog="python -m papers.deliverables", description=__doc__)
    for name in ("title", "last", "first", "date"):
        parser.add_argument(f"--{name}", default="", help=f"{name.upper()} of make deliverables")
    parser.add_argument("--api", default="http://127.0.0.1:3000", help="address of the API (%(default)s)")
    parser.add_argument("--folder", type=Path, default=PROJECT / "deliverables", help="output folder (%(default)s)")
    options = parser.parse_args(arguments)
    author = Author(options.title, options.last, options.first, options.date)
    model_page(options.api, "")
    with tempfile.TemporaryDirectory() as scratch:
        code = Path(scratch) / "scripts.zip"
        scripts(PROJECT, code)
        model = model_page(options.api, champion_card())
        articles = {language: Path(scratch) / f"article.{language}.pdf" for language in ("fr", "en")}
        for language, file in articles.items():
            printing.print_page(DOCS / f"article.{language}.md", file)
        pdf, powerpoint = slides.build()
        parts: list[tuple[int, str, Path | str]] = [
            (1, "modele", model),
            (2, "scripts", code),
            (3, "article_de_blog", articles["fr"]),
            (3, "article_de_blog_en", articles["en"]),
            (4, "presentation", pdf),
            (4, "presentation", powerpoint),
        ]
        log.info("%s", pack(author, parts, options.folder))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        main(sys.argv[1:])
    except UserError as error:
        log.error("%s", error)
        sys.exit(2)
