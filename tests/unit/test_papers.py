"""The papers: articles, notes and slides, built from the results of runs."""

import copy
import io
import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from jinja2 import nodes
from PIL import Image

from papers import figures, rendering, results, spelling
from papers.errors import PaperError
from papers.language import LANGUAGES, NARROW, punctuate
from papers.rendering import DOCS, PAPERS, PROJECT, TEMPLATES, constants, differences, render
from tests.documentation import inline

NUMBER = re.compile(r"\d+(?:[.,]\d+)?")
# Names that contain digits.
NAMES = re.compile(r"Sentiment140|Word2Vec|\bF1\b")
TEMPLATE_FILES = sorted(TEMPLATES.glob("*.j2"))
SLIDES = "slides/slides.fr.md"
ARTICLES = ("article.fr.md", "article.en.md")
HUMAN = ("", "human labels only", "human labels only, hard", "mixed", "mixed, weighted",
         "human labels first", "human labels last", "human labels last, hard")  # fmt: skip
Records = list[dict[str, Any]]


@pytest.fixture(scope="module")
def records() -> Records:
    """Return the content of docs/results.json."""
    return list(json.loads((DOCS / "results.json").read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def named() -> Mapping[str, Any]:
    """Return the values of the committed papers."""
    return rendering.values()


@pytest.fixture(scope="module")
def texts(named: Mapping[str, Any]) -> dict[str, str]:
    """Return what the papers should be."""
    return {paper: render(paper, named) for paper in PAPERS}


def complete(records: Records, people: tuple[float, float] = (0.90, 0.97)) -> Records:
    """Return results whose study has all optional parts; `people`: AUC on people of emoticons and of human labels."""
    made = copy.deepcopy(records)
    study = made[0]
    study |= {"run": "c715a678228f42c3ac21d02293a88bbc", "curves": {"finetune": [0.0, 0.9, 1.0]}}
    study["metrics"] |= {"faithfulness_mosaic_mass": 0.92}
    study["stages"] = {name: rows for name, rows in study["stages"].items() if name.split(" ", 1)[1] != "human labels"}
    (bert,) = (rows for name, rows in study["stages"].items() if name.endswith(" bert"))
    study["stages"]["98 cascade"] = [{**bert[0], "name": "cascade"}]
    study["stages"]["99 human labels"] = [{**bert[0], "name": f"finetune {words}".strip()} for words in HUMAN]
    (network,) = (rows for name, rows in study["stages"].items() if name.endswith(" network"))
    network[:] = [*(row for row in network if row["name"] != "dense use"), {**network[-1], "name": "dense use"}]
    for rows in study["stages"].values():
        for row in rows:
            row |= {"people_roc_auc": people[1], "airline_roc_auc": people[1] - 0.01}
            if row["name"] == "finetune":
                row |= {"people_roc_auc": people[0], "airline_roc_auc": people[0] - 0.01}
    return made


def bare(records: Records) -> Records:
    """Return results whose study has no optional part."""
    made = copy.deepcopy(records)
    study = made[0]
    study["stages"] = {
        name: rows
        for name, rows in study["stages"].items()
        if name.split(" ", 1)[1] in ("baselines", "preprocessing", "embedding", "network", "bert")
    }
    for key in ("run", "curves"):
        study.pop(key, None)
    return made


def with_results(named: Mapping[str, Any], records: Records, folder: Path) -> dict[str, Any]:
    """Return the values with other results."""
    file = folder / "results.json"
    file.write_text(json.dumps(records), encoding="utf-8")
    return {**named, **results.read(file, constants()["runs"])}


@pytest.mark.parametrize("paper", PAPERS)
def test_the_committed_papers_are_what_the_results_give(paper: str, texts: Mapping[str, str]) -> None:
    text = (DOCS / paper).read_text(encoding="utf-8")
    assert differences(paper, text, texts[paper]) == [], "run make papers"


@pytest.mark.parametrize("paper", PAPERS)
def test_every_altered_number_is_found_by_document_and_line(paper: str, texts: Mapping[str, str]) -> None:
    text = texts[paper]
    numbers = list(NUMBER.finditer(text))
    assert len(numbers) > 3
    for number in numbers:
        last = str((int(number[0][-1]) + 1) % 10)
        altered = f"{text[: number.end() - 1]}{last}{text[number.end() :]}"
        line = text.count("\n", 0, number.end() - 1) + 1
        (found,) = differences(paper, altered, text)
        assert found.startswith(f"docs/{paper}:{line}: ")


def test_a_missing_line_is_found() -> None:
    assert differences("a.fr.md", "one\n", "one\ntwo\n") == ["docs/a.fr.md: 1 lines instead of 2"]


@pytest.mark.parametrize("template", TEMPLATE_FILES, ids=lambda path: path.name)
def test_templates_contain_no_figure(template: Path) -> None:
    source = template.read_text(encoding="utf-8")
    environment = rendering.environment(template.name.split(".")[1])
    for line, kind, value in environment.lex(source):
        if kind in ("data", "comment"):
            assert not re.search(r"\d", NAMES.sub("", value)), f"{template.name}:{line}: {value.strip()}"
        if kind in ("integer", "float"):  # indexes and signs
            assert value in ("0", "1"), f"{template.name}:{line}: {value}"
    for output in environment.parse(source).find_all(nodes.Output):
        for node in output.nodes:
            shown = str(node.value) if isinstance(node, nodes.Const) else ""
            assert not re.search(r"\d", shown), f"{template.name}:{output.lineno}: {shown}"


def test_every_template_is_used() -> None:
    expected = {f"{Path(paper).name}.j2" for paper in PAPERS} | {"macros.fr.j2", "macros.en.j2"}
    assert {template.name for template in TEMPLATE_FILES} == expected


def test_every_constant_has_a_source_and_is_used() -> None:
    sources = "".join(template.read_text(encoding="utf-8") for template in TEMPLATE_FILES)
    code = "".join(path.read_text(encoding="utf-8") for path in (PROJECT / "papers").glob("*.py"))
    for name, constant in constants()["constants"].items():
        assert len(constant["source"]) > 10, name
        assert f"constants.{name}" in sources or f'["{name}"]' in code, name


@pytest.mark.parametrize("shape", [bare, complete])
@pytest.mark.parametrize("paper", PAPERS)
def test_papers_work_with_and_without_the_optional_parts_of_a_study(
    paper: str, shape: Any, named: Mapping[str, Any], records: Records, tmp_path: Path
) -> None:
    text = render(paper, with_results(named, shape(records), tmp_path))
    assert "\n\n\n\n" not in text
    if paper in ARTICLES:
        assert 1000 <= count_words(text) <= 1200
        assert ("labels." in text) == (shape is complete)
    if shape is complete and "mlops" not in paper:
        assert "`c715a678`" in text
        assert "roc.fr.png" in text or "roc.en.png" in text


@pytest.mark.parametrize(("people", "conclusion"), [
    ((0.90, 0.97), "Peu d’étiquettes humaines valent donc mieux que beaucoup d’émoticônes"),
    ((0.97, 0.90), "Les émoticônes, plus nombreuses, l’emportent donc"),
])  # fmt: skip
def test_conclusions_follow_the_values(
    people: tuple[float, float], conclusion: str, named: Mapping[str, Any], records: Records, tmp_path: Path
) -> None:
    assert conclusion in render("article.fr.md", with_results(named, complete(records, people), tmp_path))


def count_words(text: str) -> int:
    """Return the number of words of an article: headings and prose, without tables, pictures and addresses."""
    prose = re.sub(r"(?s:<!--.*?-->)|!\[[^\]]*\]\([^)]*\)|\]\([^)]*\)|^\|.*$", " ", text, flags=re.MULTILINE)
    return len(re.findall(r"\w+(?:[’'.,-]\w+)*", prose.replace(NARROW, "")))


@pytest.mark.parametrize("paper", ARTICLES)
def test_an_article_has_1000_to_1200_words(paper: str, texts: Mapping[str, str]) -> None:
    assert 1000 <= count_words(texts[paper]) <= 1200


def test_a_missing_value_names_the_paper_the_value_and_the_command(
    named: Mapping[str, Any], records: Records, tmp_path: Path
) -> None:
    broken = copy.deepcopy(records)
    for rows in broken[0]["stages"].values():
        for row in rows:
            del row["expected_cost"]
    with pytest.raises(PaperError, match=r"docs/article.fr.md cannot be built: .*expected_cost is missing.*document"):
        render("article.fr.md", with_results(named, broken, tmp_path))


def test_a_missing_run_is_named_with_its_command(named: Mapping[str, Any], records: Records, tmp_path: Path) -> None:
    with pytest.raises(PaperError, match=r"no results of 'The study, 16,000 tweets' .called study.*steps document"):
        with_results(named, records[1:], tmp_path)


def test_a_missing_stage_is_named(named: Mapping[str, Any], records: Records, tmp_path: Path) -> None:
    broken = copy.deepcopy(records)
    broken[0]["stages"] = {name: rows for name, rows in broken[0]["stages"].items() if " bert" not in name}
    with pytest.raises(PaperError, match="has no candidate of approach bert"):
        render("mlops.fr.md", with_results(named, broken, tmp_path)) and render(
            "method.fr.md", with_results(named, broken, tmp_path)
        )


def test_a_misspelt_name_in_a_template_is_an_error(named: Mapping[str, Any]) -> None:
    with pytest.raises(PaperError, match=r"slides.fr.md cannot be built: .*most"):
        render(SLIDES, {name: value for name, value in named.items() if name != "most"})


def test_a_table_without_the_row_names_what_measures_it(named: Mapping[str, Any]) -> None:
    with pytest.raises(PaperError, match=r"row 'no such', column 'p50 ms' has no number.*benchmarks\.service"):
        named["tables"]["service"].number("no such", "p50 ms")


def test_figures_show_the_values(named: Mapping[str, Any]) -> None:
    expected = {}
    for name in figures.FIGURES:
        content = figures.shown(name, named)
        if content != "{}":
            expected |= {f"{name}.{code}.png": content for code in LANGUAGES}
    files = sorted((DOCS / figures.FOLDER).iterdir())
    assert {file.name: Image.open(file).text[figures.SHOWN] for file in files} == expected, "run make papers"


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("span", [0.02, 0.05, 0.1, 0.3])
def test_ticks_of_a_figure_are_where_their_labels_say(code: str, span: float) -> None:
    rows = {"a": ["simple", 0.9 - span, 0.1, 1], "b": ["bert", 0.9, 2.0, 20]}
    figure = figures.draw("speed", json.dumps(rows), code)
    figure.savefig(io.BytesIO())
    axis = figure.axes[0].yaxis
    read = [float(label.get_text().replace(LANGUAGES[code].decimal, ".")) for label in axis.get_ticklabels()]
    assert len(read) > 2
    assert read == pytest.approx(list(axis.get_ticklocs()), abs=1e-9)


def test_figures_without_values_are_deleted(
    named: Mapping[str, Any], records: Records, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "FIGURES", {name: figures.FIGURES[name] for name in ("roc", "labels")})
    drawn = figures.write(tmp_path / "all", with_results(named, complete(records), tmp_path), ["fr"])
    assert [file.name for file in drawn] == ["roc.fr.png", "labels.fr.png"]
    assert figures.write(tmp_path / "all", with_results(named, bare(records), tmp_path), ["fr"]) == []
    assert list((tmp_path / "all").iterdir()) == []


def test_the_slides_fit_the_talk(texts: Mapping[str, str]) -> None:
    assert sum(constants()["talk"].values()) == 20
    slides = texts[SLIDES].split("\n---\n")[1:]
    assert len(slides) <= 30
    assert [slide for slide in slides if not re.search(r"<!--\n.*[Ee]nviron \d+\ss\.", slide, re.DOTALL)] == []
    seconds = sum(int(number) for number in re.findall(rf"[Ee]nviron (\d+){NARROW}s\.", texts[SLIDES]))
    assert abs(seconds - 20 * 60) <= len(slides)


def test_the_pictures_and_links_of_the_slides_exist() -> None:
    page = DOCS / SLIDES
    addresses = [str(token.attrs.get("src") or token.attrs.get("href") or "") for token in inline(page)]
    local = [address.partition("#")[0] for address in addresses if address and ":" not in address]
    assert len(local) > 3
    assert [address for address in local if not (page.parent / address).exists()] == []


@pytest.mark.parametrize("paper", PAPERS)
def test_what_a_paper_names_exists(paper: str, named: Mapping[str, Any]) -> None:
    targets = (PROJECT / "Makefile").read_text(encoding="utf-8")
    table = yaml.safe_load((PROJECT / "conf" / "data" / "csv.yaml").read_text(encoding="utf-8"))
    datasets = {f"data.{name}" for name in table}
    for code in (token.content for token in inline(DOCS / paper) if token.type == "code_inline"):
        if code.startswith("make "):
            assert f"\n{code.split()[1]}:" in targets, code
        elif code.startswith("python -m "):
            package, *words = code.split()[2:]
            assert (PROJECT / package / "__main__.py").is_file(), code
            assert not words or f'"{words[0]}"' in (PROJECT / package / "__main__.py").read_text(encoding="utf-8"), code
        elif "/" in code:
            artifact = code.startswith("report/")
            assert artifact or (PROJECT / code).exists(), code
        elif re.fullmatch(r"[a-z]+\.[a-z_]+", code):
            assert code in named["setting"] or code in datasets, code


def test_french_numbers_and_spaces_follow_the_rules_of_french() -> None:
    french = LANGUAGES["fr"]
    assert french.number(263198, 0) == f"263{NARROW}198"
    assert french.number(-0.25, 2) == "−0,25"
    assert french.duration(35.4) == "35 s"
    assert french.duration(277.7) == "4,6 min"
    assert punctuate("Pourquoi ? « l'AUC » : `a : b`", "fr") == (
        f"Pourquoi{NARROW}? «\u00a0l’AUC\u00a0»\u00a0: `a : b`"
    )
    assert punctuate("Why ? it's", "en") == "Why ? it's"
    assert french.model("finetune human labels only, hard") == "MiniLM affiné human labels only hard"


def test_an_interval_narrows_with_more_tweets() -> None:
    # Hanley and McNeil, 1982, table II: area 0.893 of 51 abnormal and 58 normal cases has standard error 0.032.
    assert results.standard_error(0.893, 51, 58) == pytest.approx(0.032, abs=0.001)
    assert results.standard_error(0.9, 4000, 4000) < results.standard_error(0.9, 400, 400)


@pytest.mark.parametrize("page", spelling.FRENCH, ids=lambda page: page.name)
def test_french_punctuation_does_not_begin_a_line(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert differences(page.name, text, punctuate(text, "fr")) == []


@pytest.mark.skipif(shutil.which("hunspell") is None, reason="hunspell is not installed")
def test_the_french_pages_have_no_unknown_words(named: Mapping[str, Any], records: Records, tmp_path: Path) -> None:
    texts = [file.read_text(encoding="utf-8") for file in spelling.FRENCH]
    values = with_results(named, complete(records), tmp_path)
    texts += [render(paper, values) for paper in PAPERS if rendering.language_of(paper) == "fr"]
    vocabulary = {word for text in texts for word in spelling.words(text)}
    assert spelling.unknown(vocabulary, spelling.exceptions()) == []
    assert spelling.unknown(["maison", "maizon"], []) == ["maizon"]


def test_the_list_of_exceptions_has_no_unused_words() -> None:
    text = "\n".join(
        path.read_text(encoding="utf-8") for path in (*spelling.FRENCH, *TEMPLATE_FILES, PROJECT / "papers/language.py")
    )
    assert [word for word in spelling.exceptions() if word not in text] == []


def test_the_check_of_spelling_is_skipped_with_a_message_without_hunspell(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PATH", "")
    assert spelling.main(spelling.FRENCH) == 0
    assert "hunspell is not installed" in caplog.text
