"""Start a step: `python -m steps <step> [overrides]`.

MLflow hands over all Hydra options as one string, quoted by the shell, so that no value can be mistaken for another
command: the argument `hydra_options=...` is cut here into the options that it holds.
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
from sentiment.inference.errors import SettingsError

STEPS = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if path.stem not in {"__init__", "__main__"})
OPTIONS = "hydra_options="
# What Hydra answers from the configuration alone, without running the step.
ANSWERED_BY_HYDRA = {"--cfg", "-c", "--info", "-i", "--help", "-h", "--hydra-help", "--shell-completion", "-sc"}
# Collecting garbage at Python's default pace takes a fifth of the time in which MLflow is imported.
COLLECT = 50_000, 20, 20
# Libraries read these when they are first imported: a terminal is for what the steps say. The environment may override.
QUIET = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TOKENIZERS_PARALLELISM": "true",
}


def main(arguments: list[str]) -> None:
    """Run the step that the first argument names with the options that the others hold.

    Raises:
        SettingsError: there is no such step, or an option cannot be read.
    """
    if not arguments or arguments[0] not in STEPS:
        asked = f"Unknown step {arguments[0]!r}. " if arguments else ""
        raise SettingsError(
            f"{asked}Usage: python -m steps <step> [overrides], where <step> is one of {', '.join(STEPS)}."
        )
    step, *given = arguments
    options = [part for argument in given for part in split_options(argument)]
    # A step without a configuration reads its arguments itself.
    sys.argv = [f"steps.{step}", *(overrides.readable(options) if step in READS else options)]
    if step in READS and any(option.partition("=")[0] in ANSWERED_BY_HYDRA for option in options):
        sys.argv.append(f"hydra.job.name={step}")
        return configured()  # importing the step would take seconds
    runpy.run_module(f"steps.{step}", run_name="__main__")


@door.step
def configured(cfg: DictConfig) -> None:
    """Do nothing: Hydra has answered."""


def split_options(argument: str) -> list[str]:
    """Return the options in an argument; any but `hydra_options=...` is one by itself.

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
