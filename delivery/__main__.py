"""Release a version of the service step by step, and take it back: `python -m delivery --help`."""

import argparse
import logging
import os
import signal
import sys
import traceback
from pathlib import Path

from delivery import haproxy
from delivery.checks import KEY_VARIABLE, Checks, Pace, Packaged
from delivery.container_apps import ContainerApp
from delivery.errors import AttentionError, DeliveryError
from delivery.haproxy import Proxy
from delivery.interruption import Interruption
from delivery.revisions import Platform, check_version
from delivery.rollout import Release, revert, roll_back, roll_out
from sentiment.inference.errors import UserError

log = logging.getLogger("delivery")

# Exit codes, as those of the steps.
BY_THE_USER, BY_THE_PROGRAM, ATTENTION = 2, 1, 3

ROLLOUT = """\
Create a revision without traffic, test it, and give it 10, 50 and 100 % of the traffic while both are watched. If
anything fails, or on SIGTERM or Ctrl-C, production gets all traffic again. A release that was cut off is continued if
it is the same, and reverted otherwise."""
STAGE = "Create a revision without traffic, and test it. `rollout` with the same version and image continues."
ROLLBACK = """\
Revert the release that was cut off, if there is one; otherwise return to the former version, or to any other one."""
REVERT = "Revert the release that was cut off; without one, do nothing."
STATUS = "Print the revisions: weight, label, state, image."
PROXY = "Run HAProxy in front of revisions on this machine, until SIGTERM or Ctrl-C. Then all of them stop."


def main(arguments: list[str]) -> None:
    """Run a command.

    Raises:
        SystemExit: 2 if the release was refused or rolled back, 3 if the platform needs attention, 1 after a bug, 130
            or 143 after a signal.
    """
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    options = commands().parse_args(arguments)
    interruption = Interruption()
    interruption.install()
    try:
        options.run(options, interruption)
    except KeyboardInterrupt as error:
        sys.exit(128 + (error.args or (signal.SIGINT,))[0])
    except AttentionError as error:
        leave(str(error), ATTENTION)
    except UserError as error:
        leave(str(error), BY_THE_USER)
    except Exception:  # noqa: BLE001 (the process ends with it)
        leave(traceback.format_exc(), BY_THE_PROGRAM)


def leave(text: str, status: int) -> None:
    """Exit with a message, which is the last line."""
    sys.stdout.flush()
    sys.stderr.write(f"{text.rstrip()}\n")
    sys.exit(status)


def commands() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="python -m delivery", description=__doc__)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--container-app", metavar="GROUP/APP", help="Azure Container Apps: resource group and app")
    where.add_argument("--haproxy", type=Path, metavar="SOCKET", help="this machine: the runtime API of `proxy`")
    subparsers = parser.add_subparsers(
        title="commands", required=True, metavar="{rollout,stage,revert,rollback,status,proxy}"
    )
    for name, description in (("rollout", ROLLOUT), ("stage", STAGE)):
        release = subparsers.add_parser(name, help=f"{name} a version", description=description)
        release.set_defaults(run=rollout if name == "rollout" else stage)
        release.add_argument("--version", required=True, help="such as v1.4.0")
        release.add_argument(
            "--image", required=True, help="with its digest; on this machine also the folder of a Bento"
        )
        release.add_argument("--model", required=True, type=Path, metavar="FOLDER", help="src/model of the Bento")
        add_pace(release)
    back = subparsers.add_parser("rollback", help="return to an earlier version", description=ROLLBACK)
    back.set_defaults(run=rollback)
    back.add_argument("--to", metavar="VERSION", help="default: the former version")
    add_pace(back)
    undo = subparsers.add_parser("revert", help="revert a release that was cut off", description=REVERT)
    undo.set_defaults(run=revert_unfinished)
    subparsers.add_parser("status", help="print the revisions", description=STATUS).set_defaults(run=status)
    proxy = subparsers.add_parser("proxy", help="run HAProxy on this machine", description=PROXY)
    proxy.set_defaults(run=run_proxy)
    proxy.add_argument("--port", type=int, default=8080, help="public port (default: 8080)")
    return parser


def add_pace(parser: argparse.ArgumentParser) -> None:
    """Add the options of checks."""
    add = parser.add_argument
    add("--startup-seconds", type=float, default=180, metavar="S", help="time to become ready (default: 180)")
    add("--window-seconds", type=float, default=120, metavar="S", help="watch at each share so long (default: 120)")
    add("--poll-seconds", type=float, default=2, metavar="S", help="pause between test requests (default: 2)")
    add("--max-error-rate", type=float, default=0.01, metavar="R", help="share of failed requests (default: 0.01)")


def platform(options: argparse.Namespace) -> Platform:
    """Return the platform of the command line.

    Raises:
        DeliveryError: it is not written as GROUP/APP.
    """
    if options.haproxy is not None:
        return Proxy(options.haproxy.resolve())
    group, _, app = options.container_app.partition("/")
    if not group or not app:
        raise DeliveryError(f"--container-app is {options.container_app!r} instead of GROUP/APP.")
    return ContainerApp(group, app)


def checks(options: argparse.Namespace, interruption: Interruption) -> Checks:
    """Return the checks, with the options and the API key of the environment.

    Raises:
        DeliveryError: the key is missing, which a service on the internet always requires.
    """
    key = os.environ.get(KEY_VARIABLE) or None
    if key is None and options.container_app is not None:
        raise DeliveryError(f"{KEY_VARIABLE} is not set: the checks need one of the service's SERVICE_API_KEYS.")
    pace = Pace(
        startup_seconds=options.startup_seconds,
        window_seconds=options.window_seconds,
        poll_seconds=options.poll_seconds,
        max_error_rate=options.max_error_rate,
    )
    return Checks(pace, interruption, key)


def release(options: argparse.Namespace) -> Release:
    """Return the release of the command line."""
    image = str(Path(options.image).resolve()) if Path(options.image).is_dir() else options.image
    return Release(check_version(options.version), image, Packaged.read(options.model))


def rollout(options: argparse.Namespace, interruption: Interruption) -> None:
    """Release a version."""
    roll_out(platform(options), checks(options, interruption), release(options))


def stage(options: argparse.Namespace, interruption: Interruption) -> None:
    """Create and test a revision without traffic."""
    roll_out(platform(options), checks(options, interruption), release(options), percentages=())


def revert_unfinished(options: argparse.Namespace, _: Interruption) -> None:
    """Revert the release that was cut off."""
    if not revert(platform(options)):
        log.info("No release was cut off.")


def rollback(options: argparse.Namespace, interruption: Interruption) -> None:
    """Return to an earlier version."""
    roll_back(platform(options), checks(options, interruption), options.to)


def status(options: argparse.Namespace, _: Interruption) -> None:
    """Print the revisions."""
    for revision in platform(options).revisions():
        state = "active" if revision.active else "stopped"
        log.info(
            "%-30s %3d %%  %-10s  %-7s  %s",
            revision.name,
            revision.weight,
            revision.label or "-",
            state,
            revision.image,
        )


def run_proxy(options: argparse.Namespace, interruption: Interruption) -> None:
    """Run HAProxy until a signal.

    Raises:
        DeliveryError: this is Azure, HAProxy cannot start, or its socket has another name.
        KeyboardInterrupt: a signal was received.
    """
    if options.haproxy is None:
        raise DeliveryError("`proxy` runs on this machine: pass --haproxy.")
    with haproxy.running(options.haproxy, options.port) as running:
        log.info("HAProxy answers on %s.", running.url)
        while True:
            interruption.wait(3600)


if __name__ == "__main__":
    main(sys.argv[1:])
