"""The only place where commands report errors and exit.

For an error that the user can fix, including Hydra's errors about the command line, only the message is printed, as the
last output on standard error; exit code 2. For any other error, the full traceback is printed; exit code 1. Ctrl-C and
SIGTERM print nothing; exit codes 130 and 143. `HYDRA_FULL_ERROR=1` shows every traceback. A step that watches a model
ends with the exit codes of its alarms (`alarm`); its run has finished.

Hydra adds a line of its own to an exception of a step, shortens its traceback, and drops the cause of an exception that
it has wrapped. It only catches `Exception`, so errors pass through Hydra as `Leaving`, a `SystemExit`.
"""

import functools
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import hydra
import yaml
from hydra._internal import utils as hydra_utils
from hydra.errors import HydraException, InstantiationException
from omegaconf import DictConfig
from omegaconf.errors import (
    GrammarParseError,
    InterpolationResolutionError,
    MissingMandatoryValue,
    OmegaConfBaseException,
)

from sentiment.inference.errors import UserError

BY_THE_USER, BY_THE_PROGRAM = 2, 1
# Errors caused by values on the command line or in conf/. OmegaConf's other errors are caused by code.
WRONG_VALUES = (GrammarParseError, InterpolationResolutionError, yaml.MarkedYAMLError)
# Set by `mlflow run`; MLflow deletes the variable when the step opens the run.
NOT_YET_OPENED = "MLFLOW_RUN_ID"
MAX_TAG_LENGTH = 2_000
INTERRUPTED = "Interrupted."


class Leaving(SystemExit):
    """An error passing through Hydra.

    Attributes:
        text: the text to print on standard error.
        status: the exit code.
    """

    def __init__(self, text: str, status: int) -> None:
        """Pass both to `SystemExit` as arguments, so that the error can be pickled by parallel sweeps."""
        super().__init__(text, status)
        self.text, self.status = text, status
        self.code = text  # printed by Python outside `leave`


def alarm(text: str, status: int) -> None:
    """End a step that has succeeded with an alarm for a scheduler: a message and an exit code; do nothing with code 0.

    Raises:
        Leaving: the exit code is not 0.
    """
    if status:
        raise Leaving(text, status)


def step(function: Callable[[DictConfig], Any]) -> Callable[..., Any]:
    """Decorate a function of the configuration as a step; without arguments, it reads the command line with Hydra."""

    @functools.wraps(function)
    def task(cfg: DictConfig) -> Any:
        try:
            return function(cfg)
        except Exception as error:
            raise leaving(error) from error

    read_command_line = hydra.main(version_base="1.3", config_path="../conf", config_name="config")(task)

    @functools.wraps(function)
    def main(cfg: DictConfig | None = None) -> Any:
        if cfg is not None:
            return function(cfg)
        with raised_by_hydra():
            return read_command_line()

    return main


@contextmanager
def leave() -> Iterator[None]:
    """Report the errors of a command, and exit.

    Raises:
        SystemExit: there was an error, or the process was interrupted.
    """
    interrupt = interrupter()
    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    except KeyboardInterrupt as interruption:
        before[signal.SIGTERM] = signal.SIG_IGN  # MLflow's may come while this process is ending
        end_unopened_run("KILLED", INTERRUPTED)
        raise SystemExit(128 + (interruption.args or (signal.SIGINT,))[0]) from None
    except Leaving as error:
        print_and_exit(error)
    except Exception as error:  # noqa: BLE001 (the process ends with it)
        print_and_exit(leaving(error))
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def print_and_exit(error: Leaving) -> None:
    """Print an error as the last output, and exit."""
    end_unopened_run("FAILED", summary(error))
    sys.stdout.flush()
    sys.stderr.write(error.text.rstrip("\n") + "\n")
    raise SystemExit(error.status) from None


def leaving(error: Exception) -> Leaving:
    """Return the error to print: its message if the user can fix it, otherwise its traceback."""
    user_message = message(error)
    if user_message is None or os.environ.get("HYDRA_FULL_ERROR") == "1":
        text = "".join(traceback.format_exception(error))
    else:
        text = user_message
    return Leaving(text, BY_THE_PROGRAM if user_message is None else BY_THE_USER)


def message(error: BaseException) -> str | None:
    """Return the message of an error that the user can fix, without Hydra's wrappers; None for any other error."""
    cause, wrapper = error, error
    while isinstance(cause, InstantiationException) and cause.__cause__ is not None:
        cause, wrapper = cause.__cause__, cause
    if isinstance(cause, UserError):
        return str(cause)
    if isinstance(cause, MissingMandatoryValue):
        return f"{cause.full_key} is not set: add {cause.full_key}=<value> to the command."
    if isinstance(cause, WRONG_VALUES):
        return str(cause)
    # A setting does not match its target: Hydra itself fails to import or to call it.
    if isinstance(wrapper, InstantiationException):
        return str(wrapper) if cause is wrapper or deepest_module(cause).startswith("hydra.") else None
    if isinstance(error, HydraException):
        detail = f"\n{error.__cause__}" if isinstance(error.__cause__, OmegaConfBaseException) else ""
        return f"{error}{detail}"
    return None


def deepest_module(error: BaseException) -> str:
    """Return the name of the module in which an error was raised."""
    frames = list(traceback.walk_tb(error.__traceback__))
    return str(frames[-1][0].f_globals.get("__name__", "")) if frames else ""


def summary(error: BaseException) -> str:
    """Return the text of the run's tag `error`: the message, or the last line of the traceback."""
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    if isinstance(error, Leaving):
        text = error.text if error.status == BY_THE_USER else error.text.rstrip().rpartition("\n")[2]
    else:
        text = message(error) or "".join(traceback.format_exception_only(error))
    return text.strip()[:MAX_TAG_LENGTH]


def interrupter() -> Callable[[int, FrameType | None], None]:
    """Return a signal handler that raises KeyboardInterrupt with the signal number.

    It ignores SIGTERM after another signal: on Ctrl-C in a terminal, steps get SIGINT first, then SIGTERM from MLflow.
    """
    received: list[int] = []

    def interrupt(number: int, _: FrameType | None) -> None:
        received.append(number)
        if number != signal.SIGTERM or len(received) == 1:
            raise KeyboardInterrupt(number)

    return interrupt


def end_unopened_run(status: str, error: str) -> None:
    """End the run that `mlflow run` created for this process, if the step has not opened it yet."""
    if run_id := os.environ.get(NOT_YET_OPENED):
        from pipeline import store  # here, because importing MLflow takes seconds and is rarely needed

        store.end_run(run_id, status, error)


@contextmanager
def raised_by_hydra() -> Iterator[None]:
    """Make Hydra raise its errors instead of printing them and exiting."""
    before = hydra_utils.run_and_report
    hydra_utils.run_and_report = lambda func: func()
    try:
        yield
    finally:
        hydra_utils.run_and_report = before
