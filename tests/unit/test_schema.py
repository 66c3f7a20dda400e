"""`python -m steps settings`: the settings of conf/, with types, defaults and comments."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline import schema
from sentiment.inference.errors import SettingsError
from steps import settings
from tests.documentation import documented

FILES = sorted(schema.CONF.glob("*/*.yaml"))
SECTIONS = yaml.safe_load(schema.CONFIG.read_text(encoding="utf-8")).keys() - set(schema.OF_HYDRA)


def keys(section: Any, name: str) -> Iterator[str]:
    """Yield the names of all settings below a section; a mapping with the key `search` is a value."""
    if not isinstance(section, dict) or not section or "search" in section:
        yield name
        return
    for key, value in section.items():
        yield from keys(value, f"{name}.{key}")


def printed(capsys: pytest.CaptureFixture[str], *names: str) -> list[str]:
    """Return the lines that the step prints."""
    settings.main(list(names))
    return [line.strip() for line in capsys.readouterr().out.splitlines()]


def test_every_option_and_section_of_conf_is_listed_and_explained(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, *documented("python -m steps settings")[4:])
    rows = [line.replace(" (default)", "").split(maxsplit=1) for line in lines]
    explained = {row[0] for row in rows if len(row) == 2}
    assert {f"{file.parent.name}={file.stem}" for file in FILES} <= explained
    assert explained >= SECTIONS


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}={file.stem}")
def test_every_setting_of_an_option_is_listed(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, f"{file.parent.name}={file.stem}")
    expected = list(keys(yaml.safe_load(file.read_text(encoding="utf-8")), file.parent.name))
    assert [name for line in lines if (name := re.split("[: ]", line)[0]) in expected] == expected


def test_every_setting_of_the_sections_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    content = yaml.safe_load(schema.CONFIG.read_text(encoding="utf-8"))
    lines = [line for section in SECTIONS for line in printed(capsys, section)]
    listed = {re.split("[: ]", line)[0] for line in lines if " =" in line and not line.startswith("#")}
    assert {name for section in SECTIONS for name in keys(content[section], section)} <= listed


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("train_keras=convolution", ["per width.", "train_keras.network.widths: list[int] = [2, 3, 4, 5]"]),
        ("data=csv", ["# The file (required).", "data.path: str | None = null"]),
        ("preprocess=stem", ["preprocess.tokenizer.words: Literal['plain', 'lemma', 'stem'] = stem"]),
        ("train_baseline=nb_svm", ["train_baseline.transformer.alpha: float = 1.0"]),
        ("promote", ["promote.version = ???"]),
        ("plan=quick", ["plan.stages: list =", "- name: simple"]),
    ],
    ids=["of a function", "by a reference", "of a class", "of a constructor", "required", "a list in several lines"],
)
def test_a_setting_has_its_type_default_and_comment(
    name: str, lines: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert "\n".join(lines) in "\n".join(printed(capsys, name))


def test_all_lists_the_options_of_every_group_and_every_section(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, schema.ALL)
    titles = [line.removesuffix(" (default)") for line in lines]
    assert {*SECTIONS, *(f"{file.parent.name}={file.stem}" for file in FILES)} <= set(titles)
    defaults = [line for line in lines if line.endswith(" (default)")]
    assert len(defaults) == len({file.parent for file in FILES})


def test_several_names_are_described_one_after_the_other(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, *documented("python -m steps settings train_keras=convolution select")[4:])
    assert lines.index("train_keras=convolution") < lines.index("select")


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SettingsError, match="no settings called 'embedding'. Choose data, embed, .* package"):
        settings.main(["embedding"])
