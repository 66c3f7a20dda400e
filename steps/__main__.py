"""Run a step: `python -m steps <step> [overrides]`; or print the version: `python -m steps --version`.

MLflow passes all Hydra options as one shell-quoted string, so that no value can be executed as a command. This module
splits the argument `hydra_options=...` into single options.
"""

import gc
import os
import runpy
import shlex
import sys
from pathlib import Path

from omegaconf import DictConfig

from pipeline import door, overrides
from pipeline.settings import READS
from pipeline.version import version
from sentiment.inference.errors import SettingsError

STEPS = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if path.stem not in {"__init__", "__main__"})
OPTIONS = "hydra_options="
# Options that Hydra handles alone, without running the step.
ANSWERED_BY_HYDRA = {"--cfg", "-c", "--info", "-i", "--help", "-h", "--hydra-help", "--shell-completion", "-sc"}
# Garbage collection thresholds. With Python's own, it takes a fifth of MLflow's import time.
COLLECT = 50_000, 20, 20
# Keep libraries quiet. They read these variables at import; values already in the environment take precedence.
QUIET = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TOKENIZERS_PARALLELISM": "true",
}


def main(arguments: list[str]) -> None:
    """Run the step named by the first argument, with the other arguments as options.

    Raises:
        SettingsError: the step is unknown, or an option cannot be parsed.
    """
    if arguments == ["--version"]:
        sys.stdout.write(f"{version()}\n")
        return
    if not arguments or arguments[0] not in STEPS:
        unknown = f"Unknown step {arguments[0]!r}. " if arguments else ""
        raise SettingsError(
            f"{unknown}Usage: python -m steps <step> [overrides], where <step> is one of {', '.join(STEPS)}."
        )
    step, *step_arguments = arguments
    options = [option for argument in step_arguments for option in split_options(argument)]
    # Steps without a configuration parse their arguments themselves.
    sys.argv = [f"steps.{step}", *(overrides.readable(options) if step in READS else options)]
    if step in READS and any(option.partition("=")[0] in ANSWERED_BY_HYDRA for option in options):
        sys.argv.append(f"hydra.job.name={step}")
        configured()  # importing the step would take seconds
    else:
        runpy.run_module(f"steps.{step}", run_name="__main__")


@door.step
def configured(cfg: DictConfig) -> None:
    """Do nothing: Hydra prints the configuration."""


def split_options(argument: str) -> list[str]:
    """Split `hydra_options=...` into single options; return any other argument unchanged, as the only option.

    Raises:
        SettingsError: a quote is not closed.
    """
    if not argument.startswith(OPTIONS):
        return [argument]
    try:
        return shlex.split(argument.removeprefix(OPTIONS))
    except ValueError as error:
        raise SettingsError(f"hydra_options cannot be read, {error}: {argument.removeprefix(OPTIONS)}") from error


if __name__ == "__main__":
    gc.set_threshold(*COLLECT)
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    with door.leave():
        main(sys.argv[1:])
