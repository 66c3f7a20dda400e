"""Where packages come from: each is pinned, its hash is checked at installation, and its licence is known."""

import re
import tomllib
from importlib import metadata
from itertools import chain

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.documentation import PROJECT

CONDA = yaml.safe_load((PROJECT / "conda.yaml").read_text(encoding="utf-8"))["dependencies"]
GROUPS = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
PINS = [Requirement(line) for line in [*CONDA[-1]["pip"], *chain(*GROUPS.values())] if not line.startswith("-c ")]
DOCKERFILES = ("service/Dockerfile", "ui/Dockerfile", "compose/mlflow.Dockerfile")


def locked() -> dict[str, list[Requirement]]:
    """Return the entries of constraints.txt by package, and check that each has a hash; some depend on the platform."""
    entries: dict[str, list[Requirement]] = {}
    text = (PROJECT / "constraints.txt").read_text(encoding="utf-8").replace("\\\n", " ")
    for line in text.splitlines():
        if not line.startswith("#"):
            entry, *hashes = line.split(" --hash=")
            assert hashes, line
            assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", digest.strip()) for digest in hashes), line
            requirement = Requirement(entry.strip())
            entries.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return entries


def test_every_dependency_is_locked_at_its_version() -> None:
    entries = locked()
    for pin in PINS:
        assert [entry.specifier for entry in entries[canonicalize_name(pin.name)]] == [pin.specifier], pin.name


@pytest.mark.parametrize("variable", ["DELIVERY_PACKAGES", "SITE_PACKAGES"])
def test_every_package_that_a_target_installs_is_locked(variable: str) -> None:
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    (names,) = re.findall(rf"(?m)^{variable} := (.+)$", makefile)
    assert {canonicalize_name(name) for name in names.split()} <= locked().keys()


def test_every_dependency_of_a_locked_package_is_locked() -> None:
    entries = locked()
    for distribution in metadata.distributions():
        if canonicalize_name(distribution.name) in entries:
            needed = [Requirement(line) for line in distribution.requires or []]
            for requirement in needed:
                if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                    assert canonicalize_name(requirement.name) in entries, f"{distribution.name}: {requirement}"


@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_an_image_is_built_from_locked_packages(dockerfile: str) -> None:
    text = (PROJECT / dockerfile).read_text(encoding="utf-8").replace("\\\n", " ")
    installations = [part for part in re.split(r"&&|\n", text) if " pip " in part and " install " in part]
    assert len(installations) >= 2
    assert all("--require-hashes" in installation for installation in installations)
    assert re.search(r"^ARG BASE=\S+@sha256:[0-9a-f]{64}$", text, re.MULTILINE)


def test_exceptions_to_the_list_of_licences_are_packages_that_are_locked() -> None:
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pip-licenses"]
    entries = locked()
    assert [name for name in settings["ignore-packages"] if canonicalize_name(name) not in entries] == []


def test_dependabot_finds_an_image_in_every_folder() -> None:
    updates = yaml.safe_load((PROJECT / ".github/dependabot.yml").read_text(encoding="utf-8"))["updates"]
    (docker,) = (update for update in updates if update["package-ecosystem"] == "docker")
    folders = {folder.strip("/") for folder in docker["directories"]}
    assert folders == {dockerfile.partition("/")[0] for dockerfile in DOCKERFILES}
