"""The documentation: its links, its commands, and what the program writes of it."""

import ast
import json
import os
import shlex
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from functools import cache
from pathlib import Path

import pytest
import yaml
from hydra import compose, initialize_config_dir
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra._internal.utils import get_args_parser
from hydra.core.override_parser.overrides_parser import OverridesParser

from pipeline import headline, overrides, plan, settings
from service.settings import Settings as ServiceSettings
from steps import document
from steps.__main__ import STEPS, split_options
from telemetry.events import Feedback
from telemetry.settings import Settings as TelemetrySettings
from telemetry.store import Store
from tests.documentation import MARKS, PAGES, PROJECT, RESULTS, Block, blocks, documented, inline, tokens
from tests.events import feedback
from tests.integration.chain import CONF
from ui.settings import Settings as PageSettings

README, DATA_SCIENTIST, SETTINGS = (
    PROJECT / "README.md",
    PROJECT / "docs/data-scientist.md",
    PROJECT / "docs/settings.md",
)
EVERY_PAGE = (*PAGES, RESULTS)
ENTRY_POINTS = yaml.safe_load((PROJECT / "MLproject").read_text(encoding="utf-8"))["entry_points"]
COMMANDS = [block for block in blocks() if block.language == "sh"]
# A line that Excel writes, and a launcher that is not among the dependencies, as the page says.
NOT_COMPOSED = {"sep=;", "hydra/launcher=ray"}
# Section of the configuration: the option that has all the settings shown.
CONTEXTS = {"data": ["data=csv"], "plan": ["plan=study"]}


def relative(path: Path) -> str:
    return str(path.relative_to(PROJECT))


@cache
def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    parsed = tokens(page)
    titles = [token.content for before, token in zip(parsed, parsed[1:], strict=False) if before.type == "heading_open"]
    plain = ["".join(sign for sign in title.lower() if sign.isalnum() or sign in " -_") for title in titles]
    return {title.replace(" ", "-") for title in plain}


def links(page: Path) -> list[str]:
    """Return the addresses of a page's links and pictures."""
    found = [token.attrs.get("href") or token.attrs.get("src") for token in inline(page)]
    return [str(address) for address in found if address]


@pytest.mark.parametrize("page", EVERY_PAGE, ids=relative)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    for address in links(page):
        if address.startswith(("https:", "http:")):
            continue
        path, _, anchor = address.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), address
        assert not anchor or anchor in anchors(target), address


def test_the_readme_leads_to_every_page() -> None:
    linked = {(PROJECT / address.partition("#")[0]).resolve() for address in links(README) if ":" not in address}
    assert set(EVERY_PAGE) - {README} <= linked


def test_the_readme_fits_on_a_few_screens() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 150


def test_the_results_are_those_that_the_program_writes() -> None:
    results = json.loads((PROJECT / "docs/results.json").read_text(encoding="utf-8"))
    _, begin, rest = README.read_text(encoding="utf-8").partition(headline.BEGIN)
    assert begin
    again = "is not what the program writes: make docs"
    assert rest.partition(headline.END)[0].strip() == headline.render(results).strip(), f"README.md {again}"
    written = RESULTS.read_text(encoding="utf-8")
    assert written == document.render(results), f"docs/results.md {again}"


def test_the_settings_reference_is_what_the_program_writes(tmp_path: Path) -> None:
    exporter = [sys.executable, "-m", "pydantic_settings_export.cli", "--project-dir", str(PROJECT)]
    command = [*exporter, "--config-file", str(PROJECT / "pyproject.toml")]
    there = {**os.environ, "PYDANTIC_SETTINGS_EXPORT__ROOT_DIR": str(PROJECT)}
    done = subprocess.run(command, cwd=tmp_path, env=there, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    written = (tmp_path / "docs/settings.md").read_text(encoding="utf-8")
    assert SETTINGS.read_text(encoding="utf-8") == written, "Regenerate it: make docs"


def test_the_settings_reference_names_and_describes_every_setting() -> None:
    page = SETTINGS.read_text(encoding="utf-8")
    for kind in (ServiceSettings, TelemetrySettings, PageSettings):
        for name, field in kind.model_fields.items():
            variable = field.validation_alias or f"{kind.model_config['env_prefix']}{name.upper()}"
            assert f"| `{variable}`" in page
            assert field.description
            assert field.description in page


def rows(page: Path, heading: str) -> Iterator[list[list[str]]]:
    """Yield the rows of the tables below a heading: the pieces of code in each cell."""
    section, row = "", []
    for before, token in zip([None, *tokens(page)], tokens(page), strict=False):
        if token.type == "inline" and before is not None:
            if before.type == "heading_open":
                section = token.content
            elif before.type == "td_open":
                row.append([child.content for child in token.children or () if child.type == "code_inline"])
        if token.type == "tr_close":
            if row and section == heading:
                yield row
            row = []


def test_the_map_names_what_exists_and_every_package() -> None:
    named = {name.rstrip("/") for first, *_ in rows(README, "Map") for name in first}
    assert {name for name in named if not (PROJECT / name).exists()} == set()
    packages = {
        relative(path.parent) for pattern in ("*", "sentiment/*") for path in PROJECT.glob(f"{pattern}/__init__.py")
    }
    assert packages - named == set()


def test_the_options_of_every_group_are_named() -> None:
    for (group,), options, *_ in rows(DATA_SCIENTIST, "Choose models and preprocessing"):
        assert {path.stem for path in (CONF / group).glob("*.yaml")} <= set(options), group
    data = {name for first, *_ in rows(DATA_SCIENTIST, "Use your own data") for name in first}
    assert data == {path.stem for path in (CONF / "data").glob("*.yaml")}


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_every_make_target_exists(page: Path) -> None:
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    code = [token.content for token in inline(page) if token.type == "code_inline"]
    for command in [*code, *(command for block in COMMANDS if block.page == page for command in block.commands)]:
        before, make, targets = f" {command}".partition(" make ")
        if make and all("=" in word for word in before.split()):
            for target in (word for word in shlex.split(targets) if "=" not in word):
                assert f"\n{target}:" in makefile, command


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_pages_for_marketing_use_the_words_of_the_page(language: str) -> None:
    sections = yaml.safe_load((PROJECT / f"ui/languages/{language}.yaml").read_text(encoding="utf-8")).values()
    shown = [text for section in sections for text in section.values()]
    page = PROJECT / ("docs/marketing.md" if language == "en" else f"docs/marketing.{language}.md")
    pieces, parsed = list(inline(page)), tokens(page)
    bold = [token.content for before, token in zip(pieces, pieces[1:], strict=False) if before.type == "strong_open"]
    views = [token.content for before, token in zip(parsed, parsed[1:], strict=False) if before.tag == "h2"]
    titles = [words for words in views if words]
    assert len(titles) == 3
    assert [words for words in [*titles, *bold] if not any(words in text for text in shown)] == []


@pytest.mark.parametrize("block", COMMANDS, ids=lambda block: block.commands[0])
def test_a_block_without_tests_says_why(block: Block) -> None:
    assert block.mark in ("", *MARKS)
    assert bool(block.reason) == bool(block.mark)
    if block.mark == "composed only":
        assert all(is_of_the_pipeline(command) for command in block.commands)


def test_every_other_command_is_run_by_a_test() -> None:
    calls = [
        node
        for path in (PROJECT / "tests").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == documented.__name__
    ]
    run = {call.args[0].value for call in calls if isinstance(call.args[0], ast.Constant)}
    needed = [command for block in COMMANDS if not block.mark for command in block.commands]
    assert [command for command in needed if command not in run] == []


def test_a_command_that_no_page_contains_is_not_documented() -> None:
    with pytest.raises(AssertionError, match="No page contains: make coffee"):
        documented("make " + "coffee")


def test_erasure_removes_a_phrase_with_an_accent_and_nothing_else(tmp_path: Path) -> None:
    store = Store(tmp_path / "events.db")
    store.create()
    store.add([feedback(1, 0.0, "Zoé lost my bag"), feedback(2, 0.0, "late again")])
    commands = [
        documented(
            'sqlite3 events.db "DELETE FROM events '
            "WHERE EXISTS (SELECT 1 FROM json_tree(body) WHERE atom LIKE '%PHRASE%')\"",
            PHRASE="Zoé",
        ),
        documented(
            'sqlite3 events.db "DELETE FROM alerts '
            "WHERE EXISTS (SELECT 1 FROM json_tree(body) WHERE atom LIKE '%PHRASE%')\"",
            PHRASE="Zoé",
        ),
    ]
    with closing(sqlite3.connect(store.path)) as database:
        database.execute("INSERT INTO alerts (time, body) VALUES (0, ?)", [json.dumps([{"text": "Zoé lost my bag"}])])
        for *_, statement in commands:
            database.execute(statement)
        database.commit()
    assert [event["text"] for event in store.read(Feedback.kind)] == ["late again"]
    assert store.alerts() == []


def is_of_the_pipeline(command: str) -> bool:
    return command.startswith(("mlflow run .", "python -m steps "))


def arguments(command: str) -> list[str]:
    """Return the arguments of `python -m steps`, as MLflow would pass them on for `mlflow run`.

    Raises:
        KeyError: there is no such entry point, or it needs another parameter.
    """
    words = shlex.split(command)
    if words[0] == "python":
        return words[3:]
    options = list(zip(words[3:], words[4:], strict=False))
    entry = ENTRY_POINTS[next((value for flag, value in options if flag in ("-e", "--entry-point")), "main")]
    values = dict(value.split("=", 1) for flag, value in options if flag == "-P")
    assert values.keys() <= entry["parameters"].keys(), command
    defaults = {name: kind["default"] for name, kind in entry["parameters"].items() if isinstance(kind, dict)}
    quoted = {name: shlex.quote(value) for name, value in {**defaults, **values}.items()}
    return shlex.split(entry["command"].format(**quoted))[3:]


@pytest.mark.parametrize(
    "command", [command for block in COMMANDS for command in block.commands if is_of_the_pipeline(command)]
)
def test_the_settings_of_every_command_fit(command: str) -> None:
    step, *given = arguments(command)
    assert step in STEPS
    if step not in settings.READS:  # it has arguments of its own, and a test that runs it
        return
    read = get_args_parser().parse_args(overrides.readable(part for each in given for part in split_options(each)))
    with initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
        parsed = OverridesParser.create().parse_overrides(read.overrides)
        (trials,) = BasicSweeper.split_arguments(parsed, max_batch_size=None)
        assert (len(trials) > 1) == read.multirun
        for number, trial in enumerate(trials):
            cfg = compose("config", overrides=list(trial))
            if step != "main":
                settings.read(step, cfg, {})
            elif number == 0 and "plan=study" not in trial:  # to read a plan takes seconds
                assert plan.read(cfg, list(trial))


def shown_overrides() -> list[str]:
    """Return the overrides that the page for data scientists shows within its text and tables."""
    code = [token.content for token in inline(DATA_SCIENTIST) if token.type == "code_inline"]
    code = [words for words in code if "=" in words and words not in NOT_COMPOSED]
    return [words for words in code if all(overrides.OVERRIDE.fullmatch(word) for word in shlex.split(words))]


@pytest.mark.parametrize("words", shown_overrides())
def test_every_override_in_the_text_fits_some_configuration(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("TWEET_SENTIMENT_SWEEP", "MLFLOW_TRACKING_URI"):  # hydra.job.env_copy copies them
        monkeypatch.setenv(variable, "set")
    parsed = OverridesParser.create().parse_overrides(overrides.readable(["-m", *shlex.split(words)])[1:])
    context = [] if "." not in words else CONTEXTS.get(words.partition(".")[0], [])
    fixed = [override.input_line or "" for override in parsed if not override.is_sweep_override()]
    swept = [f"{override.key_or_group}=0" for override in parsed if override.is_sweep_override()]
    with initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
        assert compose("config", overrides=[*context, *fixed, *swept], return_hydra_config=True)
