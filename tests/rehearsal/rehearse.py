"""Rehearse releases on this machine, without a cloud: `make rehearsal`, or `python -m tests.rehearsal.rehearse PAGE`.

Versions run as containers if an engine works, otherwise as processes, behind HAProxy. Clients send requests meanwhile.
"""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from pathlib import Path
from tempfile import TemporaryDirectory

from delivery import haproxy
from delivery.haproxy import Proxy
from delivery.instances import free_port
from delivery.revisions import PREVIOUS, PRODUCTION, labelled
from pipeline.signing import sign
from sentiment.inference.errors import UserError
from tests.documentation import PROJECT
from tests.e2e.replacing import Load
from tests.rehearsal import bentos
from tests.rehearsal.page import Page, Step
from tests.signed_model import save_keys

KEY = "a-key-of-the-rehearsal-long-enough"
SMOKE_SELECTION = ("tests/unit/test_classifier.py", "tests/unit/test_delivery.py")
# A machine may be busy.
START_SECONDS, WAIT_SECONDS = 300, 600
PACE = ("--startup-seconds", str(START_SECONDS + 10), "--poll-seconds", "0.2", "--window-seconds")
WINDOW_SECONDS = 3.0
# So many, and so seldom, that they leave time for services that start.
CLIENTS, PAUSE_SECONDS = 4, 0.05
KEY_IN_CONTAINER = "/run/model.pem"
IMAGES = "localhost/tweet_sentiment_rehearsal"
REFUSED, STOPPED = 2, 128 + signal.SIGTERM
SERVICE = {
    "SERVICE_API_KEYS": KEY,
    "SERVICE_KEY": KEY,
    "SERVICE_REQUESTS_PER_MINUTE": "1000000",
    "SERVICE_START_SECONDS": str(START_SECONDS),
}


class RehearsalError(UserError):
    """A rehearsal that went otherwise than it should."""


@dataclass
class Rehearsal:
    """A rehearsal under way.

    Attributes:
        page: what is written down.
        folder: for its files.
        tests: the tests of a tag: paths for pytest.
        use_champion: whether to rehearse with the champion of the registry, if there is a registry.
        engine: a container engine that works, or None.
        window_seconds: how long a version is watched at each share of the traffic.
        environment: of all commands.
        bento: the folder of the first version.
        private_key: with which models are signed.
        proxy: what divides the traffic.
        load: the clients.
        seen: what they had been answered at the end of the step before.
    """

    page: Page
    folder: Path
    tests: Sequence[str]
    use_champion: bool
    engine: str | None
    window_seconds: float
    environment: dict[str, str] = field(default_factory=lambda: os.environ | SERVICE)
    bento: Path = Path()
    private_key: Path = Path()
    proxy: Proxy = Proxy(Path())
    load: Load | None = None
    seen: Counter[str] = field(default_factory=Counter)

    def run(self, step: Step, *command: str | Path, expected: int = 0) -> str:
        """Run a command; return its output.

        Raises:
            RehearsalError: it ends with another exit code than expected.
        """
        words = [str(word) for word in command]
        done = subprocess.run(
            words,
            cwd=PROJECT,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        step.log += [f"$ {self.shown(words)}", done.stdout.strip(), ""]
        if done.returncode != expected:
            last_line = done.stdout.strip().rpartition("\n")[2]
            raise RehearsalError(f"`{self.shown(words)}` ended with {done.returncode}, not {expected}: {last_line}")
        return done.stdout.strip()

    def shown(self, words: Sequence[str]) -> str:
        """Return a command without the paths of this machine."""
        text = " ".join(words).replace(sys.executable, "python").replace(str(self.folder), "...")
        return text.replace(f"{PROJECT}/", "")

    def test_the_tag(self) -> None:
        """Run the tests of the tag: without them, nothing is released."""
        with self.page.step("Test the tag") as step:
            output = self.run(step, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *self.tests)
            step.result = output.rpartition("\n")[2].strip("= ")

    def package(self) -> None:
        """Package the champion, or a tiny model where there is no registry."""
        with self.page.step("Package the model") as step:
            if self.use_champion and (os.environ.get("MLFLOW_TRACKING_URI") or (PROJECT / "mlflow.db").exists()):
                self.run(step, sys.executable, "-m", "steps", "package")
                tag = self.run(
                    step, sys.executable, "-m", "bentoml", "get", "tweet_sentiment:latest", "--output", "path"
                )
                self.bento, step.result = Path(tag.rpartition("\n")[2]), "the champion"
                return
            self.bento = bentos.build_tiny(
                self.folder / "sources", self.folder / "bentoml", requirements=self.engine is not None
            )
            step.result = "a tiny model, because there is no registry"

    def make_keys(self) -> None:
        """Make the keys with which models are signed and verified; containers find the public one in a volume."""
        keys = save_keys(self.folder / "keys")
        self.private_key, public_key = keys.private, str(keys.public)
        if self.engine is not None:
            options = f"{self.environment.get('ENGINE_OPTIONS', '')} --volume={public_key}:{KEY_IN_CONTAINER}:ro"
            self.environment["ENGINE_OPTIONS"], public_key = options.strip(), KEY_IN_CONTAINER
        self.environment["SERVICE_MODEL_PUBLIC_KEY"] = public_key

    def image(self, version: str, bento: Path) -> str:
        """Return the image of a version: the folder of its Bento, where there are no containers."""
        if self.engine is None:
            return str(bento)
        image = f"{IMAGES}:{version}"
        with self.page.step(f"Build the image of {version}") as step:
            options = os.environ.get("BUILD_OPTIONS", "").split()
            self.run(step, self.engine, "build", *options, "--file", "service/Dockerfile", "--tag", image, bento)
            size = self.run(step, self.engine, "image", "inspect", "--format={{.Size}}", image)
            step.result = f"{int(size) / 1e6:.0f} MB"
        return image

    def version(
        self, name: str, damage: Callable[[Path], None] | None = None, *, signed: bool = True
    ) -> list[str | Path]:
        """Make a version; return the options that release it."""
        bento = bentos.copy(self.bento, self.folder / name, f"rehearsal-{name}")
        if damage is not None:
            damage(bento)
        if signed:
            sign(bentos.model_of(bento), self.private_key)
        return ["--version", name, "--image", self.image(name, bento), "--model", bentos.model_of(bento)]

    def deliver(self, step: Step, *arguments: str | Path, expected: int = 0) -> str:
        """Run the delivery program; return its last line."""
        return self.run(step, *self.program(*arguments), expected=expected).rpartition("\n")[2]

    def program(self, *arguments: str | Path) -> list[str]:
        """Return a command of the delivery program on this machine's platform."""
        command = [sys.executable, "-m", "delivery", "--haproxy", self.proxy.socket, *arguments]
        return [str(word) for word in command]

    def pace(self, window_seconds: float | None = None) -> tuple[str, ...]:
        """Return the options of checks; by default, with the window of this rehearsal."""
        return (*PACE, str(self.window_seconds if window_seconds is None else window_seconds))

    def first_release(self) -> None:
        """Release the first version, then start the clients."""
        options = self.version("v1")
        with self.page.step("Release v1, the first version") as step:
            step.result = self.deliver(step, "rollout", *options, *self.pace())

    def next_release(self) -> None:
        """Release a version under load."""
        options = self.version("v2")
        with self.page.step("Release v2 under load") as step:
            step.result = self.deliver(step, "rollout", *options, *self.pace())
            self.check_traffic(step, "v2")

    def existing_version(self) -> None:
        """Release a version again."""
        with self.page.step("Release v2 again") as step:
            options = ["--version", "v2", "--image", "another-image", "--model", bentos.model_of(self.bento)]
            step.result = self.deliver(step, "rollout", *options, *self.pace(), expected=REFUSED)
            self.check_traffic(step, "v2")

    def damaged_model(self) -> None:
        """Release a version that does not start."""
        options = self.version("v3", bentos.damage_model)
        with self.page.step("Release v3, whose model is damaged") as step:
            step.result = self.deliver(step, "rollout", *options, *self.pace(), expected=REFUSED)
            self.check_traffic(step, "v2")

    def failing_version(self) -> None:
        """Release a version that passes its smoke test, and fails under traffic."""
        options = self.version("v4", bentos.damage_service)
        production = self.holder(PRODUCTION)
        with self.page.step("Release v4, which fails every fifth prediction") as step:
            step.result = self.deliver(step, "rollout", *options, *self.pace(), expected=REFUSED)
            self.check_traffic(step, production, may_fail=True)

    def unsigned_model(self) -> None:
        """Release a version whose model nobody has signed."""
        options = self.version("v7", signed=False)
        production = self.holder(PRODUCTION)
        with self.page.step("Release v7, whose model is not signed") as step:
            step.result = self.deliver(step, "rollout", *options, *self.pace(), expected=REFUSED)
            self.check_traffic(step, production)

    def interrupted_release(self) -> None:
        """Stop a release in the middle of its shift."""
        options = self.version("v5")
        with self.page.step("Stop the release of v5 at 10 % (SIGTERM)") as step:
            self.end_at_first_share(step, options, signal.SIGTERM, "v5", STOPPED)
            step.result = "rolled back"
            self.check_traffic(step, "v2")

    def killed_release(self) -> None:
        """Kill a release in the middle of its shift, and release again."""
        options = self.version("v6")
        with self.page.step("Kill the release of v6 at 10 % (SIGKILL)") as step:
            self.end_at_first_share(step, options, signal.SIGKILL, "v6", -signal.SIGKILL)
            step.result = "v6 keeps 10 % of the traffic"
            self.deliver(step, "status")
            self.check_traffic(step)
        with self.page.step("Release v6 again") as step:
            step.result = self.deliver(step, "rollout", *options, *self.pace())
            self.check_traffic(step, "v6")

    def rollback(self) -> None:
        """Return to the former version."""
        with self.page.step("Roll back") as step:
            former = self.holder(PREVIOUS)
            step.result = self.deliver(step, "rollback", *self.pace())
            self.check_traffic(step, former)
            self.deliver(step, "status")

    def backlash(self) -> None:
        """Replay a backlash at the model in a service of its own, which watches it, until the email of the alarm.

        Raises:
            RehearsalError: no email arrives.
        """
        with self.page.step("Replay a backlash") as step:
            command = [sys.executable, "-m", "demo", str(self.bento), "--speed", "1500", "--days", "4"]
            ports = {"SERVICE_PORT": str(free_port()), "UI_PORT": str(free_port()), "PYTHONPATH": str(PROJECT)}
            with subprocess.Popen(
                command,
                cwd=self.folder,
                env=os.environ | ports | {"COLUMNS": "200"},
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            ) as demo:
                giving_up = threading.Timer(WAIT_SECONDS, demo.terminate)
                giving_up.start()
                assert demo.stdout is not None
                step.log += [f"$ {self.shown(command)}"]
                for line in demo.stdout:
                    step.log.append(line.rstrip())
                    if mails := [*self.folder.glob(".demo/mail/*")]:
                        message = message_from_bytes(mails[0].read_bytes(), policy=policy.default)
                        step.result = f"Email: {message['Subject']}"
                        demo.send_signal(signal.SIGINT)
                        break
                step.log += [demo.stdout.read(), ""]
                giving_up.cancel()
            if not step.result:
                raise RehearsalError("The backlash was replayed, and no email has arrived.")

    def remove_containers(self) -> None:
        """Remove the containers and images of the rehearsal; the layers that they share stay, for the next one."""
        if self.engine is None:
            return
        for file in self.folder.glob("v*/bento.yaml"):
            version = file.parent.name
            for command in (("rm", "--force", f"tweet_sentiment-{version}"), ("rmi", "--force", f"{IMAGES}:{version}")):
                subprocess.run([self.engine, *command], capture_output=True, check=False)

    def end_at_first_share(
        self, step: Step, options: Sequence[str | Path], number: signal.Signals, version: str, expected: int
    ) -> None:
        """Start a release, and send it a signal as soon as it has shifted some of the traffic.

        Raises:
            RehearsalError: it does not get there, or ends with another exit code than expected.
        """
        words = self.program("rollout", *options, *self.pace(WAIT_SECONDS))
        process = subprocess.Popen(
            words, cwd=PROJECT, env=self.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        deadline = time.monotonic() + WAIT_SECONDS
        while not any(revision.name == version and revision.weight for revision in self.proxy.revisions()):
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                raise RehearsalError(f"The release of {version} got no traffic: {process.communicate()[0]}")
            time.sleep(0.1)
        process.send_signal(number)
        output, _ = process.communicate(timeout=WAIT_SECONDS)
        step.log += [f"$ {self.shown(words)}", output.strip(), ""]
        if process.returncode != expected:
            raise RehearsalError(f"The release of {version} ended with {process.returncode}, not {expected}.")

    def holder(self, label: str) -> str:
        """Return the version with a label."""
        revision = labelled(self.proxy.revisions(), label)
        assert revision is not None
        return revision.name

    def check_traffic(self, step: Step, production: str | None = None, *, may_fail: bool = False) -> None:
        """Write down who answered the clients since the last step, and check it.

        Raises:
            RehearsalError: a request failed, or the wrong version has the traffic now.
        """
        assert self.load is not None
        time.sleep(1)  # some requests after the step
        now = Counter(self.load.answers) + Counter({"failed": len(self.load.failures)})
        since, self.seen = now - self.seen, now
        versions = {name.removeprefix("rehearsal-"): count for name, count in since.items() if is_version(name)}
        failed = sum(since.values()) - sum(versions.values())
        parts = [f"{count:,} by {name}" for name, count in sorted(versions.items())]
        step.traffic = ", ".join([*parts, f"{failed:,} failed" if failed else "none failed"])
        if failed and not may_fail:
            raise RehearsalError(f"{failed} requests failed: {since}")
        weights = {revision.name: revision.weight for revision in self.proxy.revisions() if revision.weight}
        if production is not None and weights != {production: 100}:
            raise RehearsalError(f"{production} should have all traffic, but the weights are {weights}.")


def is_version(answer: str) -> bool:
    """Return whether a client was answered by a version."""
    return answer.startswith("rehearsal-")


SCENES: tuple[Callable[[Rehearsal], None], ...] = (
    Rehearsal.next_release,
    Rehearsal.existing_version,
    Rehearsal.damaged_model,
    Rehearsal.failing_version,
    Rehearsal.unsigned_model,
    Rehearsal.interrupted_release,
    Rehearsal.killed_release,
    Rehearsal.rollback,
    Rehearsal.backlash,
)


def rehearse(
    file: Path,
    *,
    tests: Sequence[str] = SMOKE_SELECTION,
    scenes: Sequence[Callable[[Rehearsal], None]] = SCENES,
    use_champion: bool = True,
    engine: str | None = None,
    window_seconds: float = WINDOW_SECONDS,
) -> None:
    """Rehearse releases, and write the page.

    Args:
        file: the page.
        tests: the tests of the tag, paths for pytest.
        scenes: what happens after the first release.
        use_champion: whether to rehearse with the champion, if there is a registry.
        engine: the container engine that runs the versions; None: they run as processes.
        window_seconds: how long a version is watched at each share of the traffic.

    Raises:
        RehearsalError: something went otherwise than it should.
        DeliveryError: HAProxy is missing.
    """
    page = Page(file)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="rehearsal-")))
        rehearsal = Rehearsal(page, folder, tests, use_champion, engine, window_seconds)
        rehearsal.environment |= {"BENTOML_HOME": str(folder / "bentoml")} if not use_champion else {}
        page.introduction = [
            f"Versions run as containers ({engine})."
            if engine
            else "Versions run as processes: neither docker nor podman works here, so images are skipped.",
            f"{CLIENTS} clients send requests one after the other, half of them each on a new connection.",
            "Models are signed (model-signing); a version starts only if the signature of its model is right.",
            "Skipped: registry, vulnerability scan and signature of the image, which need a cloud.",
        ]
        stack.callback(rehearsal.remove_containers)
        rehearsal.test_the_tag()
        rehearsal.package()
        rehearsal.make_keys()
        rehearsal.proxy = stack.enter_context(haproxy.running(folder / "proxy" / "haproxy.sock", free_port()))
        rehearsal.first_release()
        rehearsal.load = stack.enter_context(
            Load(rehearsal.proxy.url, clients=CLIENTS, key=KEY, pause_seconds=PAUSE_SECONDS)
        )
        for scene in scenes:
            scene(rehearsal)


def working_engine() -> str | None:
    """Return the container engine: ENGINE, or the first of docker and podman that works; none if ENGINE is empty."""
    if "ENGINE" in os.environ:
        return os.environ["ENGINE"] or None
    for engine in filter(shutil.which, ("docker", "podman")):
        if subprocess.run([engine, "info"], capture_output=True, check=False).returncode == 0:
            return engine
    return None


def main(arguments: list[str]) -> None:
    """Rehearse, and write the page to the file of the command line.

    Raises:
        SystemExit: 2 if something went otherwise than it should.
    """
    (file,) = arguments
    try:
        rehearse(Path(file), engine=working_engine())
    except UserError as error:
        sys.stderr.write(f"{error}\nThe steps so far are in {file}.\n")
        sys.exit(REFUSED)
    sys.stderr.write(f"Everything went as it should: {file}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
