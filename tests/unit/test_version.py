"""The version: one file, which all programs show, and the newest release of the changelog."""

import re

import pytest

from pipeline.version import version as version_of_steps
from service import __main__ as service
from service.version import version as version_of_service
from steps import __main__ as steps
from tests.documentation import PROJECT, tokens
from ui.version import version as version_of_page

VERSION = (PROJECT / "VERSION").read_text(encoding="ascii").strip()
# A semantic version without pre-release or build, and its day; https://keepachangelog.com/en/1.1.0/
RELEASE = re.compile(r"\[(\d+)\.(\d+)\.(\d+)\] - (\d{4}-\d{2}-\d{2})")
KINDS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def headings(level: str) -> list[str]:
    parsed = tokens(PROJECT / "CHANGELOG.md")
    return [token.content for before, token in zip(parsed, parsed[1:], strict=False) if before.tag == level]


def test_the_newest_release_of_the_changelog_is_the_version() -> None:
    releases = [heading for heading in headings("h2") if heading and heading != "[Unreleased]"]
    matches = [match for heading in releases if (match := RELEASE.fullmatch(heading))]
    assert len(matches) == len(releases), "a release is written [1.2.3] - 2026-11-29"
    numbers = [tuple(map(int, match.groups()[:3])) for match in matches]
    assert numbers == sorted(set(numbers), reverse=True)
    assert [match[4] for match in matches] == sorted((match[4] for match in matches), reverse=True)
    assert ".".join(map(str, numbers[0])) == VERSION
    assert {heading for heading in headings("h3") if heading} <= KINDS


@pytest.mark.parametrize("program", [steps, service])
def test_a_program_prints_the_version(program: object, capsys: pytest.CaptureFixture[str]) -> None:
    program.main(["--version"])  # type: ignore[attr-defined]
    assert capsys.readouterr().out == f"{VERSION}\n"


def test_every_part_that_is_shipped_alone_reads_the_same_version() -> None:
    assert version_of_page() == version_of_service() == version_of_steps() == VERSION
    for dockerfile in ("ui/Dockerfile", ".dockerignore"):
        assert "VERSION" in (PROJECT / dockerfile).read_text(encoding="utf-8")
