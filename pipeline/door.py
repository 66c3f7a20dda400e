"""The one door through which errors leave a command.

An error that a user can mend leaves as its message: alone, last on the standard error, exit code 2. So do Hydra's
complaints about a command line. Any other error shows its whole traceback, exit code 1. Ctrl-C and SIGTERM show
nothing; their exit codes are 130 and 143. `HYDRA_FULL_ERROR=1` shows every traceback.

Hydra prints a line of its own for an exception that leaves a step, shortens its traceback, and drops the cause of one
that it has wrapped. It lets through what is not an `Exception`, so within Hydra errors travel as `Leaving`.
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
# What a value on the command line or in a file of conf/ can cause. OmegaConf's other errors come from code.
WRONG_VALUES = (GrammarParseError, InterpolationResolutionError, yaml.MarkedYAMLError)
# Set by `mlflow run`; MLflow deletes it when the step opens the run.
NOT_YET_OPENED = "MLFLOW_RUN_ID"
MAX_TAG_LENGTH = 2_000
INTERRUPTED = "Interrupted."


class Leaving(SystemExit):
    """An error on its way out of Hydra.

    Attributes:
        text: what to print on the standard error.
        status: the exit code.
    """

    def __init__(self, text: str, status: int) -> None:
        """Keep both as arguments, so that a process of a sweep can pass them on to another."""
        super().__init__(text, status)
        self.text, self.status = text, status
        self.code = text  # what Python prints where nobody calls `leave`


def step(function: Callable[[DictConfig], Any]) -> Callable[..., Any]:
    """Make a function of the configuration a step: without arguments, it reads the command line by Hydra."""

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
    """Let the errors of a command leave the process.

    Raises:
        SystemExit: there was an error, or the process was interrupted.
    """
    interrupt = interrupter()
    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    except KeyboardInterrupt as interruption:
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
    """Print an error as the last thing of a process, and end it."""
    end_unopened_run("FAILED", summary(error))
    sys.stdout.flush()
    sys.stderr.write(error.text.rstrip("\n") + "\n")
    raise SystemExit(error.status) from None


def leaving(error: Exception) -> Leaving:
    """Return an error in the form in which it leaves: as its message if a user can mend it, else as its traceback."""
    told = message(error)
    if told is None or os.environ.get("HYDRA_FULL_ERROR") == "1":
        text = "".join(traceback.format_exception(error))
    else:
        text = told
    return Leaving(text, BY_THE_PROGRAM if told is None else BY_THE_USER)


def message(error: BaseException) -> str | None:
    """Return the message of an error that a user can mend, whatever Hydra has wrapped around it; None for any other."""
    cause, wrapper = error, error
    while isinstance(cause, InstantiationException) and cause.__cause__ is not None:
        cause, wrapper = cause.__cause__, cause
    if isinstance(cause, UserError):
        return str(cause)
    if isinstance(cause, MissingMandatoryValue):
        return f"{cause.full_key} is not set: add {cause.full_key}=<value> to the command."
    if isinstance(cause, WRONG_VALUES):
        return str(cause)
    # Settings that do not fit what they configure: Hydra itself fails to find it or to call it.
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
    """Return an error for the tag `error` of its run: the message, or the last line of the traceback."""
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    if isinstance(error, Leaving):
        told = error.text if error.status == BY_THE_USER else error.text.rstrip().rpartition("\n")[2]
    else:
        told = message(error) or "".join(traceback.format_exception_only(error))
    return told.strip()[:MAX_TAG_LENGTH]


def interrupter() -> Callable[[int, FrameType | None], None]:
    """Return a handler of signals that raises KeyboardInterrupt with the number of the signal.

    It ignores SIGTERM after another signal: MLflow sends it to steps that Ctrl-C in a terminal has reached already.
    """
    received: list[int] = []

    def interrupt(number: int, _: FrameType | None) -> None:
        received.append(number)
        if number != signal.SIGTERM or len(received) == 1:
            raise KeyboardInterrupt(number)

    return interrupt


def end_unopened_run(status: str, error: str) -> None:
    """End the run that `mlflow run` has made for this process, if the step did not come to open it."""
    if run_id := os.environ.get(NOT_YET_OPENED):
        from pipeline import store  # with MLflow: seconds, and this is rare

        store.end_run(run_id, status, error)


@contextmanager
def raised_by_hydra() -> Iterator[None]:
    """Have Hydra raise its errors, instead of printing them in its own way and exiting."""
    before = hydra_utils.run_and_report
    hydra_utils.run_and_report = lambda func: func()
    try:
        yield
    finally:
        hydra_utils.run_and_report = before
