"""The documentation: links, commands and generated parts."""

import ast
import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import sqlalchemy as sa
import yaml
from hydra import compose, initialize_config_dir
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra._internal.utils import get_args_parser
from hydra.core.override_parser.overrides_parser import OverridesParser

from pipeline import headline, overrides, plan, settings
from service.settings import Settings as ServiceSettings
from steps import document
from steps.__main__ import STEPS, split_options
from telemetry import __main__ as telemetry
from telemetry import alert, pseudonyms, schema
from telemetry.alert import Rule
from telemetry.events import Feedback, Prediction
from telemetry.settings import Settings as TelemetrySettings
from telemetry.store import Store
from tests.documentation import MARKS, PAGES, PROJECT, RESULTS, Block, blocks, documented, inline, tokens
from tests.events import feedback, prediction
from tests.integration.chain import CONF
from ui.settings import Settings as PageSettings
from watch.settings import Settings as WatchSettings

README, DATA_SCIENTIST, SETTINGS = (
    PROJECT / "README.md",
    PROJECT / "docs/data-scientist.md",
    PROJECT / "docs/settings.md",
)
EVERY_PAGE = (*PAGES, RESULTS)
ENTRY_POINTS = yaml.safe_load((PROJECT / "MLproject").read_text(encoding="utf-8"))["entry_points"]
COMMANDS = [block for block in blocks() if block.language == "sh"]
# A line written by Excel, and a launcher that is not a dependency.
NOT_COMPOSED = {
    "sep=;",
    # Needs a package that is not part of the installation.
    "hydra/launcher=ray hydra.launcher.ray.init.address=auto +hydra.launcher.ray.init.object_store_memory=null",
}
# Configuration section: the option that contains all of its documented settings.
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
    addresses = [token.attrs.get("href") or token.attrs.get("src") for token in inline(page)]
    return [str(address) for address in addresses if address]


@pytest.mark.parametrize("page", EVERY_PAGE, ids=relative)
def test_relative_links_work(page: Path) -> None:
    for address in links(page):
        if address.startswith(("https:", "http:")):
            continue
        path, _, anchor = address.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), address
        assert not anchor or anchor in anchors(target), address


def test_the_readme_links_to_every_page() -> None:
    linked = {(PROJECT / address.partition("#")[0]).resolve() for address in links(README) if ":" not in address}
    assert set(EVERY_PAGE) - {README} <= linked


def test_every_test_that_the_documentation_names_exists() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in (PROJECT / "tests").rglob("test_*.py"))
    defined = set(re.findall(r"^def (test_\w+)", code, re.MULTILINE))
    named = {name for page in PAGES for name in re.findall(r"`(test_\w+)`", page.read_text(encoding="utf-8"))}
    assert named
    assert named <= defined


def test_the_readme_is_short() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 150


def test_the_results_are_up_to_date() -> None:
    results = json.loads((PROJECT / "docs/results.json").read_text(encoding="utf-8"))
    peers = json.loads((PROJECT / "docs/peers.json").read_text(encoding="utf-8"))
    _, begin, rest = README.read_text(encoding="utf-8").partition(headline.BEGIN)
    assert begin
    advice = "is out of date; run make docs"
    assert rest.partition(headline.END)[0].strip() == headline.render(results, peers).strip(), f"README.md {advice}"
    page = RESULTS.read_text(encoding="utf-8")
    assert page == document.render(results), f"docs/results.md {advice}"


def test_the_settings_reference_is_up_to_date(tmp_path: Path) -> None:
    exporter = [sys.executable, "-m", "pydantic_settings_export.cli", "--project-dir", str(PROJECT)]
    command = [*exporter, "--config-file", str(PROJECT / "pyproject.toml")]
    environment = {**os.environ, "PYDANTIC_SETTINGS_EXPORT__ROOT_DIR": str(PROJECT)}
    completed = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert completed.returncode == 0, completed.stderr
    generated = (tmp_path / "docs/settings.md").read_text(encoding="utf-8")
    assert SETTINGS.read_text(encoding="utf-8") == generated, "docs/settings.md is out of date; run make docs"


def test_the_settings_reference_describes_every_setting() -> None:
    page = SETTINGS.read_text(encoding="utf-8")
    for settings_class in (ServiceSettings, TelemetrySettings, WatchSettings, PageSettings):
        for name, field in settings_class.model_fields.items():
            variable = field.validation_alias or f"{settings_class.model_config['env_prefix']}{name.upper()}"
            assert f"| `{variable}`" in page
            assert field.description
            assert field.description in page


def rows(page: Path, heading: str) -> Iterator[list[list[str]]]:
    """Yield the rows of the tables below a heading, each as the code spans of its cells."""
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


def test_the_map_lists_every_package_and_no_missing_paths() -> None:
    listed = {name.rstrip("/") for first, *_ in rows(README, "Map") for name in first}
    assert {name for name in listed if not (PROJECT / name).exists()} == set()
    packages = {
        relative(path.parent) for pattern in ("*", "sentiment/*") for path in PROJECT.glob(f"{pattern}/__init__.py")
    }
    assert packages - listed == set()


def test_every_option_of_every_group_is_documented() -> None:
    documented_options = {
        group: set(options) for (group,), options, *_ in rows(DATA_SCIENTIST, "Choose models and preprocessing")
    }
    groups = {folder.name for folder in CONF.iterdir() if folder.is_dir()} - {"data", "engine"}
    assert documented_options.keys() == groups
    for group in groups:
        assert {path.stem for path in (CONF / group).glob("*.yaml")} <= documented_options[group], group
    for group, heading in (("data", "Use your own data"), ("engine", "Score on Spark")):
        names = {name for first, *_ in rows(DATA_SCIENTIST, heading) for name in first}
        assert names == {path.stem for path in (CONF / group).glob("*.yaml")}


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_documented_make_targets_exist(page: Path) -> None:
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    code = [token.content for token in inline(page) if token.type == "code_inline"]
    for command in [*code, *(command for block in COMMANDS if block.page == page for command in block.commands)]:
        before, make, targets = f" {command}".partition(" make ")
        if make and all("=" in word for word in before.split()):
            for target in (word for word in shlex.split(targets) if "=" not in word):
                assert f"\n{target}:" in makefile, command


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_marketing_pages_use_the_labels_of_the_ui(language: str) -> None:
    sections = yaml.safe_load((PROJECT / f"ui/languages/{language}.yaml").read_text(encoding="utf-8")).values()
    labels = [text for section in sections for text in section.values()]
    page = PROJECT / ("docs/marketing.md" if language == "en" else f"docs/marketing.{language}.md")
    pieces, parsed = list(inline(page)), tokens(page)
    bold = [token.content for before, token in zip(pieces, pieces[1:], strict=False) if before.type == "strong_open"]
    views = [token.content for before, token in zip(parsed, parsed[1:], strict=False) if before.tag == "h2"]
    titles = [words for words in views if words]
    assert len(titles) == 4
    named = [re.sub(r"\s", " ", words) for words in [*titles, *bold]]  # French pages have spaces that do not break
    assert [words for words in named if not any(words in text for text in labels)] == []


@pytest.mark.parametrize("block", COMMANDS, ids=lambda block: block.commands[0])
def test_untested_blocks_give_a_reason(block: Block) -> None:
    assert block.mark in ("", *MARKS)
    assert bool(block.reason) == bool(block.mark)
    if block.mark == "composed only":
        assert all(is_pipeline_command(command) for command in block.commands)


def test_every_other_command_is_tested() -> None:
    calls = [
        node
        for path in (PROJECT / "tests").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == documented.__name__
    ]
    tested = {call.args[0].value for call in calls if isinstance(call.args[0], ast.Constant)}
    documented_commands = [command for block in COMMANDS if not block.mark for command in block.commands]
    assert [command for command in documented_commands if command not in tested] == []


def test_an_undocumented_command_is_refused() -> None:
    with pytest.raises(AssertionError, match="No page contains: make coffee"):
        documented("make " + "coffee")


def test_erasure_removes_only_texts_with_the_phrase_and_their_alerts(
    event_store: Store, events_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    texts = ["Zoé lost my bag", "late again", "100 % late", "rude crew"]
    event_store.add(
        feedback(number, now, text, comment="not Zoé" if number == 3 else None) for number, text in enumerate(texts)
    )
    event_store.add([prediction(9, now, "ask ZOé"), prediction(8, now)])
    alert.fire(event_store, Rule(tweets=1, seconds=60, cool_down_seconds=0), undo_seconds=0)
    command = documented('python -m telemetry erase "PHRASE"', PHRASE="Zoé")
    monkeypatch.setenv("TELEMETRY_DATABASE", events_url)
    telemetry.main(command[3:])
    assert [event.text for event in event_store.read(Feedback)] == ["late again", "100 % late"]
    assert [event.text for event in event_store.read(Prediction)] == [None]
    with event_store.database.reading() as connection:
        mistakes = [[mistake.text for mistake in fired.mistakes] for fired in alert.listed(connection)]
        numbers = connection.scalars(sa.select(schema.alerts.c.number)).all()
    assert all(texts and "Zoé" not in str(texts) and "rude crew" not in texts for texts in mistakes)
    assert len(numbers) == len(mistakes)
    telemetry.main(["erase", "0 %"])
    assert [event.text for event in event_store.read(Feedback)] == ["late again"]


def test_erasure_removes_what_is_stored_about_an_author(
    event_store: Store, events_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = pseudonyms.author(event_store.key(), "anna")
    event_store.add([prediction(1, author=anna), prediction(2, author=pseudonyms.author(event_store.key(), "bob"))])
    event_store.add([prediction(3), feedback(1), feedback(2)])
    command = documented('python -m telemetry erase --author "NAME"', NAME="@Anna")
    monkeypatch.setenv("TELEMETRY_DATABASE", events_url)
    telemetry.main(command[3:])
    assert [event.id for event in event_store.read(Prediction)] == [prediction(2).id, prediction(3).id]
    assert [event.id for event in event_store.read(Feedback)] == [feedback(2).id]


@pytest.mark.parametrize("phrase", ["", "  "])
def test_a_blank_phrase_erases_nothing(event_store: Store, events_url: str, phrase: str) -> None:
    event_store.add([feedback(1)])
    with pytest.raises(SystemExit):
        telemetry.main(["erase", phrase, "--database", events_url])
    assert len(list(event_store.read(Feedback))) == 1


def is_pipeline_command(command: str) -> bool:
    return command.startswith(("mlflow run .", "python -m steps "))


def arguments(command: str) -> list[str]:
    """Return the arguments of `python -m steps`, as `mlflow run` would pass them.

    Raises:
        KeyError: the entry point does not exist, or a required parameter is missing.
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


@pytest.mark.slow
@pytest.mark.parametrize(
    "command", [command for block in COMMANDS for command in block.commands if is_pipeline_command(command)]
)
def test_the_overrides_of_every_command_are_valid(command: str) -> None:
    step, *step_arguments = arguments(command)
    assert step in STEPS
    if step not in settings.READS:  # it has its own arguments, and a test runs it
        return
    parsed_arguments = get_args_parser().parse_args(
        overrides.readable(part for argument in step_arguments for part in split_options(argument))
    )
    with initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
        parsed = OverridesParser.create().parse_overrides(parsed_arguments.overrides)
        (trials,) = BasicSweeper.split_arguments(parsed, max_batch_size=None)
        assert (len(trials) > 1) == parsed_arguments.multirun
        for number, trial in enumerate(trials):
            cfg = compose("config", overrides=list(trial))
            if step != "main":
                settings.read(step, cfg, {})
            elif number == 0 and "plan=study" not in trial:  # reading a plan takes seconds
                assert plan.read(cfg, list(trial))


def documented_overrides() -> list[str]:
    """Return the overrides in the text and tables of the page for data scientists."""
    code = [token.content for token in inline(DATA_SCIENTIST) if token.type == "code_inline"]
    code = [words for words in code if "=" in words and words not in NOT_COMPOSED]
    return [words for words in code if all(overrides.OVERRIDE.fullmatch(word) for word in shlex.split(words))]


@pytest.mark.slow
@pytest.mark.parametrize("words", documented_overrides())
def test_every_override_in_the_text_is_valid(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("TWEET_SENTIMENT_SWEEP", "MLFLOW_TRACKING_URI"):  # hydra.job.env_copy copies them
        monkeypatch.setenv(variable, "set")
    parsed = OverridesParser.create().parse_overrides(overrides.readable(["-m", *shlex.split(words)])[1:])
    context = [] if "." not in words else CONTEXTS.get(words.partition(".")[0], [])
    fixed = [override.input_line or "" for override in parsed if not override.is_sweep_override()]
    swept = [f"{override.key_or_group}=0" for override in parsed if override.is_sweep_override()]
    with initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
        assert compose("config", overrides=[*context, *fixed, *swept], return_hydra_config=True)
