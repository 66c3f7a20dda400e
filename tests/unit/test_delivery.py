"""Releases on Azure Container Apps, with a stand-in for `az` and for the services."""

import json
import logging
import os
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from delivery import __main__ as program
from delivery import rollout
from delivery.checks import Checks, Pace, Packaged
from delivery.container_apps import ContainerApp
from delivery.errors import AttentionError, DeliveryError
from delivery.interruption import Interruption
from delivery.rollout import Release, roll_back, roll_out
from sentiment.inference import golden
from tests.fake_az import DOMAIN, FakeAzure, image, install

KEY = "a-key-of-the-tests-long-enough"
GOLDEN = {text: position / 100 for position, text in enumerate(golden.TEXTS)}
APP = ContainerApp("group", "app")
PRODUCTION_AS_IT_WAS = {"app--v1": 100}


@dataclass
class Services:
    """The revisions' answers, by host.

    Attributes:
        versions: of the model, where it is not the default.
        probabilities: of the first golden tweet, where it is not the default.
        unready: hosts that are not ready.
        failing: hosts whose predictions fail, from a request on.
        errors: server errors by host, which its metrics show.
        requests: predictions, by host.
        on_request: called at each prediction.
    """

    versions: dict[str, str] = field(default_factory=dict)
    probabilities: dict[str, float] = field(default_factory=dict)
    unready: set[str] = field(default_factory=set)
    failing: dict[str, int] = field(default_factory=dict)
    errors: Counter[str] = field(default_factory=Counter)
    requests: Counter[str] = field(default_factory=Counter)
    key: str | None = KEY
    on_request: Callable[[str], None] = lambda _: None

    def answer(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host.removesuffix(f".{DOMAIN}")
        match request.url.path:
            case "/readyz":
                return httpx.Response(503 if host in self.unready else 200)
            case _ if self.key is not None and request.headers.get("Authorization") != f"Bearer {self.key}":
                return httpx.Response(401)
            case "/model":
                return httpx.Response(200, json={"version": self.versions.get(host, "7")})
            case "/metrics":
                return httpx.Response(200, text=self.metrics(host))
        self.requests[host] += 1
        self.on_request(host)
        if self.requests[host] > self.failing.get(host, 10**9):
            return httpx.Response(500)
        answers = dict(GOLDEN) | {golden.TEXTS[0]: self.probabilities.get(host, 0.0)}
        texts = json.loads(request.content)["texts"]
        return httpx.Response(200, json={"predictions": [{"negative_probability": answers[text]} for text in texts]})

    def metrics(self, host: str) -> str:
        name = "tweet_sentiment_requests_total"
        counts = {"200": 1000 + self.requests[host] * 100, "500": self.errors[host]}
        lines = [f'{name}{{route="/predict",status="{status}"}} {count}.0' for status, count in counts.items()]
        return "\n".join([f"# TYPE {name} counter", *lines, ""])

    def connect(self, base_url: str, key: str | None) -> httpx.Client:
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        return httpx.Client(base_url=base_url, headers=headers, transport=httpx.MockTransport(self.answer))


@pytest.fixture
def azure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeAzure:
    """Return a container app; `az` is carried out in this process, which takes no time."""
    app = FakeAzure(tmp_path / "azure.json")

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, *app.run(command))

    monkeypatch.setattr("delivery.container_apps.subprocess.run", run)
    monkeypatch.setattr(rollout, "RESTORE_PAUSES", (0.0, 0.0, 0.0))
    return app


@pytest.fixture
def services() -> Services:
    return Services()


@pytest.fixture
def checks(services: Services) -> Checks:
    pace = Pace(startup_seconds=0, window_seconds=0, poll_seconds=0, max_error_rate=0.01)
    return Checks(pace, Interruption(), KEY, services.connect)


def release(version: str = "v2") -> Release:
    return Release(version, image(version), Packaged("7", GOLDEN))


def test_a_release_gets_the_traffic_in_three_steps_and_keeps_the_former_revision(
    azure: FakeAzure, checks: Checks
) -> None:
    roll_out(APP, checks, release())
    assert azure.calls == [
        "ingress traffic set app--v1=100",
        f"update v2 {image('v2')}",
        "revision label add production app--v1",
        "revision label add staging app--v2",
        "ingress traffic set app--v1=90 app--v2=10",
        "ingress traffic set app--v1=50 app--v2=50",
        "ingress traffic set app--v1=0 app--v2=100",
        "revision label add production app--v2",
        "revision label add previous app--v1",
    ]
    assert azure.weights() == {"app--v2": 100}
    assert azure.labels() == {"production": "app--v2", "previous": "app--v1"}


def test_the_next_release_stops_the_revision_before_the_former_one(azure: FakeAzure, checks: Checks) -> None:
    for version in ("v2", "v3"):
        roll_out(APP, checks, release(version))
    assert azure.active() == ["app--v2", "app--v3"]
    assert azure.labels() == {"production": "app--v3", "previous": "app--v2"}


def test_a_staged_release_has_no_traffic_until_it_is_continued(azure: FakeAzure, checks: Checks) -> None:
    roll_out(APP, checks, release(), percentages=())
    assert azure.weights() == PRODUCTION_AS_IT_WAS
    assert azure.labels() == {"production": "app--v1", "staging": "app--v2"}
    roll_out(APP, checks, release())
    assert azure.weights() == {"app--v2": 100}
    assert sum(call.startswith("update") for call in azure.calls) == 1


def assert_rolled_back(azure: FakeAzure, name: str = "app--v2") -> None:
    assert azure.weights() == PRODUCTION_AS_IT_WAS
    assert azure.labels() == {"production": "app--v1"}
    assert name not in azure.active()


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"versions": {"app--v2": "6"}}, "app--v2 serves version 6 of the model instead of 7"),
        ({"probabilities": {"app--v2": 0.5}}, "answers 0.5000 instead of 0.0000 to '@AirParadis two hours late"),
        ({"unready": {"app--v2"}}, r"app--v2 is not ready after 0 s \(/readyz: 503\)"),
        ({"failing": {"app--v2": 0}}, "app--v2 fails its smoke test: .*500"),
    ],
)
def test_a_revision_that_fails_its_smoke_test_gets_no_traffic(
    azure: FakeAzure, checks: Checks, services: Services, broken: dict[str, object], message: str
) -> None:
    for name, value in broken.items():
        setattr(services, name, value)
    with pytest.raises(DeliveryError, match=message) as raised:
        roll_out(APP, checks, release())
    assert str(raised.value).endswith("Rolled back: app--v1 has 100 % of the traffic.")
    assert_rolled_back(azure)
    assert not any("app--v2=10" in call for call in azure.calls)


def test_a_platform_that_cannot_pull_the_image_says_why(azure: FakeAzure, checks: Checks, services: Services) -> None:
    services.unready = {"app--v2"}
    azure.set(unpullable={image("v2"): "UNAUTHORIZED: authentication required"})
    with pytest.raises(DeliveryError, match="app--v2 cannot start: UNAUTHORIZED: authentication required"):
        roll_out(APP, checks, release())
    assert_rolled_back(azure)


@pytest.mark.parametrize("share", [10, 50, 100])
def test_a_revision_with_too_many_errors_loses_its_traffic(
    azure: FakeAzure, checks: Checks, services: Services, share: int
) -> None:
    def fail(host: str) -> None:
        if azure.weights().get("app--v2") == share and host == "app--v2":
            services.errors[host] = 50

    services.on_request = fail
    with pytest.raises(DeliveryError, match=r"50 of 150 requests that it answered failed .*\(33.3%; at most 1.0%\)"):
        roll_out(APP, checks, release())
    assert_rolled_back(azure)
    assert f"ingress traffic set app--v1={100 - share} app--v2={share}" in azure.calls


def test_a_public_address_that_fails_ends_a_release(azure: FakeAzure, checks: Checks, services: Services) -> None:
    services.failing = {"app": 1}
    with pytest.raises(DeliveryError, match="1 of 2 test requests failed while app--v2 was watched"):
        roll_out(APP, checks, release())
    assert_rolled_back(azure)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("share", [0, 10, 100])
def test_a_signal_ends_a_release_with_production_as_it_was(
    azure: FakeAzure, checks: Checks, services: Services, share: int, number: signal.Signals
) -> None:
    def interrupt(host: str) -> None:
        if azure.weights().get("app--v2", 0) == share and host == "app--v2":
            checks.interruption.receive(number)

    services.on_request = interrupt
    with pytest.raises(KeyboardInterrupt) as raised:
        roll_out(APP, checks, release())
    assert raised.value.args == (number,)
    assert_rolled_back(azure)


class Killed(BaseException):
    """The process was killed: it does nothing any more."""


def kill_at(azure: FakeAzure, monkeypatch: pytest.MonkeyPatch, call: int) -> None:
    """Let a number of changes pass; then nothing is possible any more."""
    passed = len(azure.calls) + call
    run = azure.run

    def run_until_killed(command: list[str]) -> tuple[int, str, str]:
        if len(azure.calls) >= passed:
            raise Killed
        return run(command)

    monkeypatch.setattr(azure, "run", run_until_killed)


@pytest.mark.parametrize("call", range(1, 9))
def test_a_release_that_was_cut_off_anywhere_is_completed_by_the_same_release(
    azure: FakeAzure, checks: Checks, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    with monkeypatch.context() as patch:
        kill_at(azure, patch, call)
        with pytest.raises(Killed):
            roll_out(APP, checks, release())
    if call == 8:  # it was complete, but for the label of the former revision
        with pytest.raises(DeliveryError, match="exists already"):
            roll_out(APP, checks, release())
    else:
        roll_out(APP, checks, release())
        assert azure.labels() == {"production": "app--v2", "previous": "app--v1"}
    assert azure.weights() == {"app--v2": 100}
    assert sum(call.startswith("update") for call in azure.calls) == 1


@pytest.mark.parametrize("call", range(1, 7))
def test_a_release_that_was_cut_off_anywhere_is_reverted_by_another_release(
    azure: FakeAzure, checks: Checks, services: Services, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    with monkeypatch.context() as patch:
        kill_at(azure, patch, call)
        with pytest.raises(Killed):
            roll_out(APP, checks, release())
    services.unready = {"app--v3"}
    with pytest.raises(DeliveryError, match="Rolled back: app--v1 has 100 % of the traffic"):
        roll_out(APP, checks, release("v3"))
    assert azure.weights() == PRODUCTION_AS_IT_WAS
    assert azure.labels() == {"production": "app--v1"}
    services.unready = set()
    roll_out(APP, checks, release("v4"))
    assert azure.active() == ["app--v1", "app--v4"]


def test_a_release_that_was_cut_off_with_all_traffic_waits_for_a_decision(
    azure: FakeAzure, checks: Checks, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        kill_at(azure, patch, 7)
        with pytest.raises(Killed):
            roll_out(APP, checks, release())
    assert azure.weights() == {"app--v2": 100}
    with pytest.raises(DeliveryError, match="app--v2 has all traffic, but its release was not completed"):
        roll_out(APP, checks, release("v3"))
    assert azure.weights() == {"app--v2": 100}


@pytest.mark.parametrize("call", range(4, 8))
def test_a_release_that_was_cut_off_is_reverted_by_a_rollback(
    azure: FakeAzure, checks: Checks, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    with monkeypatch.context() as patch:
        kill_at(azure, patch, call)
        with pytest.raises(Killed):
            roll_out(APP, checks, release())
    roll_back(APP, checks)
    assert_rolled_back(azure)


def test_a_revert_changes_nothing_if_no_release_was_cut_off(
    azure: FakeAzure, checks: Checks, command_line: Callable[..., int], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    roll_out(APP, checks, release())
    calls = azure.calls
    assert command_line(*ON_AZURE, "revert") == 0
    assert "No release was cut off." in caplog.messages
    assert azure.calls == calls
    roll_out(APP, checks, release("v3"), percentages=())
    assert command_line(*ON_AZURE, "revert") == 0
    assert azure.labels() == {"production": "app--v2", "previous": "app--v1"}
    assert azure.weights() == {"app--v2": 100}


def test_a_version_that_exists_is_refused(azure: FakeAzure, checks: Checks) -> None:
    roll_out(APP, checks, release())
    calls = azure.calls
    for again in (release(), Release("v2", image("other"), Packaged("7", GOLDEN)), release("v1")):
        with pytest.raises(DeliveryError, match=rf"Version {again.version} exists already: app--{again.version} runs"):
            roll_out(APP, checks, again)
    assert azure.calls == calls


def test_a_version_that_was_rolled_back_is_not_released_again(
    azure: FakeAzure, checks: Checks, services: Services
) -> None:
    services.unready = {"app--v2"}
    for message in ("not ready", "exists already"):
        with pytest.raises(DeliveryError, match=message):
            roll_out(APP, checks, release())
    assert_rolled_back(azure)


@pytest.mark.parametrize("version", ["V2", "v2_1", "2.0", "v" * 31, "", "v2--1", "v2."])
def test_a_version_that_cannot_be_a_name_is_refused(azure: FakeAzure, checks: Checks, version: str) -> None:
    with pytest.raises(DeliveryError, match=r"cannot be the name of a version\. .* such as v1\.4\.0"):
        roll_out(APP, checks, release(version))
    assert azure.calls == []


def test_dots_of_a_version_become_hyphens(azure: FakeAzure, checks: Checks) -> None:
    roll_out(APP, checks, release("v2.0.1"))
    assert azure.weights() == {"app--v2-0-1": 100}


def test_an_image_named_by_a_tag_is_refused(azure: FakeAzure, checks: Checks) -> None:
    with pytest.raises(DeliveryError, match="named by a tag, which can change"):
        roll_out(APP, checks, Release("v2", "registry.example.org/tweet_sentiment:v2", Packaged("7", GOLDEN)))
    assert azure.weights() == PRODUCTION_AS_IT_WAS


@pytest.mark.parametrize(("key", "message"), [(None, "SERVICE_KEY is not set"), ("wrong", "is not a key of the ser")])
def test_a_missing_or_wrong_key_is_refused_before_anything_changes(
    azure: FakeAzure, services: Services, checks: Checks, key: str | None, message: str
) -> None:
    with pytest.raises(DeliveryError, match=message):
        roll_out(APP, Checks(checks.pace, Interruption(), key, services.connect), release())
    assert azure.calls == []


def test_production_that_does_not_answer_can_be_replaced(
    azure: FakeAzure, checks: Checks, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = services.answer

    def answer_or_refuse(request: httpx.Request) -> httpx.Response:
        if request.url.host.startswith("app--v1"):
            raise httpx.ConnectError("refused")
        return answer(request)

    monkeypatch.setattr(services, "answer", answer_or_refuse)
    roll_out(APP, checks, release())
    assert azure.weights() == {"app--v2": 100}


def test_a_platform_that_refuses_a_new_revision_keeps_production(azure: FakeAzure, checks: Checks) -> None:
    azure.fail("update", "Failed to pull: registry.example.org refused the connection")
    with pytest.raises(DeliveryError, match="`az containerapp update --image .*failed: ERROR: Failed to pull"):
        roll_out(APP, checks, release())
    assert azure.weights() == PRODUCTION_AS_IT_WAS


def test_a_refused_shift_is_rolled_back_and_a_refused_rollback_is_tried_again(
    azure: FakeAzure, checks: Checks, services: Services
) -> None:
    services.failing = {"app": 1}
    services.on_request = lambda host: azure.fail("ingress traffic set", "busy", times=2) if host == "app" else None
    with pytest.raises(DeliveryError, match="Rolled back"):
        roll_out(APP, checks, release())
    assert_rolled_back(azure)


def test_a_rollback_that_azure_refuses_for_good_needs_attention(
    azure: FakeAzure, checks: Checks, services: Services
) -> None:
    services.failing = {"app": 0}
    services.on_request = lambda host: azure.fail("ingress traffic set", "busy", times=3) if host == "app" else None
    with pytest.raises(AttentionError, match="Production could not be restored: .*busy.*python -m delivery rollback"):
        roll_out(APP, checks, release())
    assert azure.weights() == {"app--v1": 90, "app--v2": 10}
    services.on_request = lambda _: None
    roll_back(APP, checks)
    assert_rolled_back(azure)


def test_a_release_whose_older_revisions_cannot_be_stopped_needs_attention(azure: FakeAzure, checks: Checks) -> None:
    roll_out(APP, checks, release())
    azure.fail("revision deactivate", "busy")
    with pytest.raises(AttentionError, match="The release is complete, but older revisions could not be tidied up"):
        roll_out(APP, checks, release("v3"))
    assert azure.weights() == {"app--v3": 100}


def test_a_rollback_returns_to_the_former_version(azure: FakeAzure, checks: Checks) -> None:
    roll_out(APP, checks, release())
    roll_back(APP, checks)
    assert azure.weights() == PRODUCTION_AS_IT_WAS
    assert azure.labels() == {"production": "app--v1"}
    assert azure.active() == ["app--v1"]
    with pytest.raises(DeliveryError, match="There is no former version to return to. These exist: app--v1, app--v2"):
        roll_back(APP, checks)


def test_a_rollback_returns_to_any_version_that_passes_its_smoke_test(
    azure: FakeAzure, checks: Checks, services: Services
) -> None:
    for version in ("v2", "v3"):
        roll_out(APP, checks, release(version))
    services.unready = {"app--v1"}
    with pytest.raises(DeliveryError, match="app--v1 is not ready"):
        roll_back(APP, checks, "v1")
    assert azure.weights() == {"app--v3": 100}
    assert "app--v1" not in azure.active()
    services.unready = set()
    roll_back(APP, checks, "v1")
    assert azure.weights() == PRODUCTION_AS_IT_WAS
    with pytest.raises(DeliveryError, match="app--v1 has all traffic already"):
        roll_back(APP, checks, "v1")
    with pytest.raises(DeliveryError, match="no version v9"):
        roll_back(APP, checks, "v9")


def test_traffic_that_was_divided_by_hand_is_left_alone_until_a_version_is_chosen(
    azure: FakeAzure, checks: Checks
) -> None:
    roll_out(APP, checks, release())
    azure.run(
        [
            "az",
            "containerapp",
            "ingress",
            "traffic",
            "set",
            "--revision-weight",
            "app--v1=30",
            "app--v2=70",
            "--name",
            "app",
            "--resource-group",
            "group",
            "--output",
            "json",
        ]
    )
    with pytest.raises(DeliveryError, match="divided by hand: app--v1 30 %, app--v2 70 %"):
        roll_out(APP, checks, release("v3"))
    roll_back(APP, checks, "v2")
    assert azure.weights() == {"app--v2": 100}


@pytest.mark.parametrize(
    ("state", "message"),
    [({"mode": "Single"}, "az containerapp revision set-mode --mode multiple"), ({"traffic": []}, "no ingress")],
)
def test_an_app_that_cannot_divide_its_traffic_is_refused(
    azure: FakeAzure, checks: Checks, state: dict[str, object], message: str
) -> None:
    azure.set(**state)
    with pytest.raises(DeliveryError, match=message):
        roll_out(APP, checks, release())
    assert azure.calls == []


@pytest.fixture
def packaged(tmp_path: Path) -> Path:
    """Return the model of a Bento."""
    folder = tmp_path / "model"
    (folder / "classifier").mkdir(parents=True)
    (folder / "about.json").write_text(json.dumps({"version": "7"}))
    tweets = [{"text": text, "negative_probability": probability} for text, probability in GOLDEN.items()]
    (folder / "classifier" / golden.FILE).write_text(json.dumps(tweets))
    return folder


@pytest.fixture
def command_line(monkeypatch: pytest.MonkeyPatch, services: Services) -> Iterator[Callable[..., int]]:
    """Return a function that runs the program, and returns its exit code."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    monkeypatch.setattr(
        program, "Checks", lambda pace, interruption, key: Checks(pace, interruption, key, services.connect)
    )

    def run(*arguments: object) -> int:
        try:
            program.main([str(argument) for argument in arguments])
        except SystemExit as left:
            return int(left.code or 0)
        return 0

    yield run
    for number, handler in before.items():
        signal.signal(number, handler)


OPTIONS = ("--startup-seconds", 0, "--window-seconds", 0, "--poll-seconds", 0)
ON_AZURE = ("--container-app", "group/app")


def test_the_program_stages_and_shows_revisions_with_az(
    tmp_path: Path,
    packaged: Path,
    command_line: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = install(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("SERVICE_KEY", KEY)
    caplog.set_level(logging.INFO)
    arguments = ("stage", "--version", "v2", "--image", image("v2"), "--model", packaged, *OPTIONS)
    assert command_line(*ON_AZURE, *arguments) == 0
    assert app.labels() == {"production": "app--v1", "staging": "app--v2"}
    assert command_line(*ON_AZURE, "status") == 0
    assert f"app--v2                          0 %  staging     active   {image('v2')}" in caplog.messages


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((*ON_AZURE, "rollback"), "SERVICE_KEY is not set"),
        (("--container-app", "app", "status"), "instead of GROUP/APP"),
        ((*ON_AZURE, "proxy"), "pass --haproxy"),
        (("--haproxy", "/nowhere/haproxy.sock", "status"), "Start one: python -m delivery --haproxy"),
        (
            (*ON_AZURE, "stage", "--version", "v2", "--image", image("v2"), "--model", "/nowhere"),
            "is not the model of a Bento",
        ),
    ],
)
def test_a_mistake_on_the_command_line_ends_with_2_and_a_message(
    command_line: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[object, ...],
    message: str,
) -> None:
    if "stage" in arguments:
        monkeypatch.setenv("SERVICE_KEY", KEY)
    assert command_line(*arguments) == 2
    last_line = capsys.readouterr().err.rstrip().rpartition("\n")[2]
    assert message in last_line


def test_without_az_the_message_says_how_to_install_it(
    command_line: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert command_line(*ON_AZURE, "status") == 2
    assert "There is no command `az`. Install the Azure CLI: https://" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [(AttentionError("look"), 3), (DeliveryError("no"), 2), (KeyboardInterrupt(15), 143), (ZeroDivisionError(), 1)],
)
def test_the_exit_code_says_what_happened(
    command_line: Callable[..., int],
    azure: FakeAzure,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    code: int,
) -> None:
    def fail(_: object) -> None:
        raise error

    monkeypatch.setattr(azure, "run", fail)
    assert command_line(*ON_AZURE, "status") == code
