"""Targets of the Makefile that run for hours: what they start, and what they refuse to."""

import re
import subprocess
from pathlib import Path

import yaml
from hydra import compose, initialize_config_dir

from steps.__main__ import split_options
from tests.documentation import PROJECT
from tests.integration.chain import CONF

# As if the environment were up to date; the suite may itself be started by make, which announces its folders then.
MAKE = ["make", "--no-print-directory", "--old-file", ".venv/installed"]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*MAKE, *arguments], cwd=PROJECT, capture_output=True, text=True, check=False)


def test_the_results_need_both_tables_before_any_work(tmp_path: Path) -> None:
    tweets, missing = tmp_path / "tweets.csv", tmp_path / "none.parquet"
    tweets.touch()
    refused = run("results", f"TWEETS={tweets}", f"UNLABELLED={missing}")
    assert refused.returncode == 2
    assert refused.stdout == (
        f"No such file: '{missing}'. Name both tables: make results TWEETS=sentiment140.csv "
        "UNLABELLED=more_tweets.parquet\n"
    )


def test_the_results_are_those_of_the_study_on_these_tables() -> None:
    commands = run("--dry-run", "results", "TWEETS=my tweets.csv", "UNLABELLED=more.parquet").stdout
    (options,) = re.findall(r'-P (hydra_options=)"(.*?)"', commands.replace("\\\n", ""), re.DOTALL)
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = compose("config", overrides=split_options("".join(options)))
    assert (cfg.data.name, cfg.data.path, cfg.plan.unlabelled) == ("sentiment140", "my tweets.csv", "more.parquet")
    constants = yaml.safe_load((PROJECT / "papers" / "constants.yaml").read_text(encoding="utf-8"))
    (title,) = {runs["study"]["title"] for runs in constants.values() if "study" in runs}
    assert f'"{title}=latest"' in commands
