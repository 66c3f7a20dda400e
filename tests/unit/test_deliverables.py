"""The deliverables of the school: names and content of the ZIP file."""

import subprocess
import zipfile
from pathlib import Path

import pytest

from papers import deliverables
from papers.deliverables import Author
from papers.errors import DeliverablesError

AUTHOR = Author("Vigie Air Paradis", "Le-Goff", "Anne", "112026")


@pytest.mark.parametrize(("arguments", "named"), [
    (["", "Le-Goff", "Anne", "112026"], "TITLE=''"),
    (["a/b", "Le-Goff", "Anne", "112026"], "TITLE='a/b'"),
    (["Vigie", "Le Goff", "Anne", "112026"], "LAST='Le Goff'"),
    (["Vigie", "Le-Goff", "../Anne", "112026"], "FIRST='../Anne'"),
    (["Vigie", "Le-Goff", "Anne", "132026"], "DATE='132026'"),
    (["Vigie", "Le-Goff", "Anne", "2026-11"], "DATE='2026-11'"),
])  # fmt: skip
def test_an_invalid_argument_is_named(arguments: list[str], named: str) -> None:
    with pytest.raises(DeliverablesError, match=f"{named} is invalid: expected .*, such as"):
        Author(*arguments)


def test_missing_arguments_are_refused_before_any_work() -> None:
    with pytest.raises(DeliverablesError, match="LAST='' is invalid"):
        deliverables.main(["--title", "Vigie"])


@pytest.mark.parametrize("api", ["example.org", "https://", "http://a b"])
def test_an_address_that_is_no_url_is_named(api: str) -> None:
    with pytest.raises(DeliverablesError, match=f"API='{api}' is invalid"):
        deliverables.model_page(api, "# Card")


def test_the_page_of_the_model_has_the_address_and_the_card() -> None:
    page = deliverables.model_page("https://example.org/", "# Model card\n")
    assert "API : https://example.org/\n" in page
    assert "curl -s https://example.org/predict " in page
    assert page.endswith("# Model card\n")


def test_the_parts_are_named_as_the_convention_asks(tmp_path: Path) -> None:
    code = tmp_path / "code.zip"
    code.write_bytes(b"")
    file = deliverables.pack(AUTHOR, [(1, "modele", "# Modèle"), (2, "scripts", code)], tmp_path / "out")
    assert file == tmp_path / "out" / "Vigie_Air_Paradis_Le-Goff_Anne.zip"
    names = ["Le-Goff_Anne_1_modele_112026.md", "Le-Goff_Anne_2_scripts_112026.zip"]
    assert zipfile.ZipFile(file).namelist() == names


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return a git repository with one commit, and with files that do not belong to it."""
    project = tmp_path / "project"
    project.mkdir()
    for name, text in {".gitignore": "*.db\ndata/\n", "code.py": "1\n"}.items():
        (project / name).write_text(text, encoding="utf-8")
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for command in (["init", "-q"], ["add", "-A"], [*identity, "commit", "-qm", "Add code"]):
        subprocess.run(["git", *command], cwd=project, check=True)
    (project / "data").mkdir()
    for name in ("data/tweets.csv", "events.db", ".env"):
        (project / name).write_text("secret", encoding="utf-8")
    return project


def test_the_code_contains_only_what_is_committed(repository: Path, tmp_path: Path) -> None:
    deliverables.scripts(repository, tmp_path / "scripts.zip")
    assert sorted(zipfile.ZipFile(tmp_path / "scripts.zip").namelist()) == [".gitignore", "code.py"]


def test_changes_that_are_not_committed_are_refused(repository: Path, tmp_path: Path) -> None:
    (repository / "code.py").write_text("2\n", encoding="utf-8")
    with pytest.raises(DeliverablesError, match=r"Commit your changes first(.|\n)* M code.py"):
        deliverables.scripts(repository, tmp_path / "scripts.zip")


def test_a_folder_without_git_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeliverablesError, match="git status failed in"):
        deliverables.scripts(tmp_path, tmp_path / "scripts.zip")
