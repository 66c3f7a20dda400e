"""Render the papers: Jinja2 templates, with the values that runs and benchmarks have measured."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError

from benchmarks import documented as benchmarks
from papers import documented, results
from papers.errors import PaperError
from papers.language import LANGUAGES, punctuate

HERE = Path(__file__).parent
PROJECT = HERE.parent
DOCS = PROJECT / "docs"
TEMPLATES = HERE / "templates"
# Every paper, relative to docs/: its template has the same name, without the folder, and ends with .j2.
PAPERS = ("article.fr.md", "article.en.md", "method.fr.md", "mlops.fr.md", "mlops.en.md", "slides/slides.fr.md")
# The first lines of every paper.
GENERATED = "<!-- Written by `make papers` from papers/templates/{template}; do not edit. -->\n\n"


@cache
def constants() -> dict[str, Any]:
    """Return the content of constants.yaml."""
    return dict(yaml.safe_load((HERE / "constants.yaml").read_text(encoding="utf-8")))


def values(docs: Path = DOCS) -> dict[str, Any]:
    """Return what templates can name: results of runs, tables, constants, published results and settings.

    Raises:
        PaperError: a result or a table is missing.
    """
    fixed = constants()
    measured = benchmarks.read_records(docs)
    tables = {name: documented.read_table(measured, **table) for name, table in fixed["tables"].items()}
    peers = json.loads((docs / "peers.json").read_text(encoding="utf-8"))
    return {
        **results.read(docs / "results.json", fixed["runs"]),
        "tables": results.Figures(tables, "The tables of constants.yaml", "add it"),
        "constants": {name: constant["value"] for name, constant in fixed["constants"].items()},
        "talk": fixed["talk"],
        "peers": peers,
        "setting": results.Figures(
            documented.configuration(docs.parent / "conf/config.yaml"), "conf/config.yaml", "add the setting"
        ),
        "variable": results.Figures(documented.defaults(docs), "docs/settings.md", "make docs"),
    }


def language_of(paper: str) -> str:
    """Return the code of a paper's language: fr of `article.fr.md`."""
    return paper.split(".")[-2]


@cache
def environment(code: str) -> Environment:
    """Return the environment of the templates of a language."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - the output is Markdown
    )
    made.filters |= {**LANGUAGES[code].formats(), "model": LANGUAGES[code].model}
    return made


def render(paper: str, named: Mapping[str, Any]) -> str:
    """Return a paper.

    Args:
        paper: one of PAPERS.
        named: the values.

    Raises:
        PaperError: its template names a value that does not exist; the message names both.
    """
    template, code = f"{Path(paper).name}.j2", language_of(paper)
    root = "../" * paper.count("/")
    slides: Counter[str] = Counter()

    def pace(part: str) -> str:
        """Return the seconds for a slide: the time of its part, shared by its slides, once these are counted."""
        slides[part] += 1
        return LANGUAGES[code].number(60 * named["talk"][part] / total[part], 0) if total else ""

    total: dict[str, int] = {}
    try:
        made = environment(code).get_template(template)
        for _ in range(2):  # the first time, the slides of each part are counted
            text = made.render(**named, root=root, link=linker(code, root), pace=pace)
            total = dict(slides)
    except (PaperError, TemplateError) as error:
        raise PaperError(f"docs/{paper} cannot be built: {error}") from error
    # Marp reads its directives in the first lines.
    text = text if text.startswith("---\n") else GENERATED.format(template=template) + text
    return punctuate(text, code)


def linker(code: str, root: str) -> Callable[..., str]:
    """Return a function that links to a run's section of docs/results.md: its command, and its id where it is kept."""
    word = {"fr": "exécution", "en": "run"}[code]

    def link(result: results.Result, name: str = word) -> str:
        name = f"{name} `{result.run[:8]}`" if result.run else name
        return f"[{name}]({root}results.md#{result.anchor})"

    return link


def write(folder: Path, named: Mapping[str, Any]) -> list[Path]:
    """Write all papers into a folder; return their files."""
    files = []
    for paper in PAPERS:
        file = folder / paper
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(render(paper, named), encoding="utf-8")
        files.append(file)
    return files


def differences(paper: str, text: str, expected: str) -> list[str]:
    """Return where a text differs from what `render` gives: `docs/article.fr.md:12: <the line>`."""
    lines, others = text.splitlines(), expected.splitlines()
    found = [
        f"docs/{paper}:{number}: {line}"
        for number, (line, other) in enumerate(zip(lines, others, strict=False), start=1)
        if line != other
    ]
    return found + [f"docs/{paper}: {len(lines)} lines instead of {len(others)}"] * (len(lines) != len(others))
