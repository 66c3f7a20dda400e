"""Targets of the Makefile that run for hours: what they start, and what they refuse to."""

import json
import re
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from steps.__main__ import split_options
from tests.documentation import PROJECT
from tests.integration.chain import CONF

# As if the environment were up to date; the suite may itself be started by make, which announces its folders then.
MAKE = ["make", "--no-print-directory", "--old-file", ".venv/installed"]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*MAKE, *arguments], cwd=PROJECT, capture_output=True, text=True, check=False)


def test_the_results_need_all_tables_before_any_work(tmp_path: Path) -> None:
    tweets, missing = tmp_path / "tweets.csv", tmp_path / "none.parquet"
    tweets.touch()
    refused = run("results", f"TWEETS={tweets}", f"UNLABELLED={missing}", f"AIRLINE={tweets}")
    assert refused.returncode == 2
    assert refused.stdout == (
        f"No such file: '{missing}'. Name all three tables: make results TWEETS=sentiment140.csv "
        "UNLABELLED=more_tweets.parquet AIRLINE=airline.csv\n"
    )


def test_the_results_are_those_of_the_documented_study() -> None:
    constants = yaml.safe_load((PROJECT / "papers" / "constants.yaml").read_text(encoding="utf-8"))
    (title,) = {runs["study"]["title"] for runs in constants.values() if "study" in runs}
    results = json.loads((PROJECT / "docs" / "results.json").read_text(encoding="utf-8"))
    documented = next(result["command"] for result in results if result["title"] == title)
    files = re.findall(r"data/[\w.]+", documented)
    tweets, unlabelled, airline = dict.fromkeys(files)
    commands = run("--dry-run", "results", f"TWEETS={tweets}", f"UNLABELLED={unlabelled}", f"AIRLINE={airline}").stdout
    (options,) = re.findall(r'-P (hydra_options=".*?")', commands.replace("\\\n", ""), re.DOTALL)
    (parameter,) = shlex.split(options)
    assert settings(parameter) == settings(shlex.split(documented)[-1])
    assert f'"{title}=latest"' in commands


def settings(parameter: str) -> Mapping[str, Any]:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = compose("config", overrides=split_options(parameter))
    return OmegaConf.to_container(cfg)
