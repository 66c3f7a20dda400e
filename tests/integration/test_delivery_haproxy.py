"""Releases on one machine: HAProxy in front of stand-ins for the service, which start in a moment."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from delivery import haproxy, instances
from delivery.checks import Checks, Pace, Packaged
from delivery.errors import DeliveryError
from delivery.haproxy import Proxy
from delivery.interruption import Interruption
from delivery.revisions import Revision
from delivery.rollout import Release, roll_back, roll_out
from sentiment.inference import golden
from tests.documentation import PROJECT

GOLDEN = {text: position / 100 for position, text in enumerate(golden.TEXTS)}
# What `python -m service` runs in the folder of a release.
SERVICE = """
import json, os, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

VERSION = {version!r}
if VERSION == "broken":
    sys.exit("The model answers differently than after training.")

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        content = json.dumps({{"version": VERSION}}) if self.path == "/model" else ""
        self.answer(content)

    def do_POST(self):
        texts = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["texts"]
        golden = {golden!r}
        self.answer(json.dumps(
            {{"predictions": [{{"negative_probability": golden[text], "model_version": VERSION}} for text in texts]}}
        ))

    def answer(self, content):
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content.encode())

    def log_message(self, *_):
        pass

ThreadingHTTPServer(("127.0.0.1", int(os.environ["SERVICE_PORT"])), Handler).serve_forever()
"""
# A container engine that runs the folder `image` beside it as a process, and keeps its id in a file.
ENGINE = """\
#!/bin/sh
set -eu
cd "$(dirname "$0")"
echo "$@" >> calls
case $1 in
  run)
    for option; do case $option in --publish=*) port=${{option#*:}}; port=${{port%%:*}} ;; esac; done
    cd image/src
    SERVICE_PORT=$port {python} -m service > ../log 2>&1 &
    echo $! > ../pid ;;
  stop) kill "$(cat image/pid)"; rm image/pid ;;
  inspect) if [ -e image/pid ] && kill -0 "$(cat image/pid)"; then echo true; else echo false; fi ;;
  logs) cat image/log ;;
esac
"""


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """Run HAProxy; skip the tests, or fail in CI, if it is not installed."""
    if shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin") is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("HAProxy is missing (Debian: apt-get install haproxy)")
    folder = tmp_path_factory.mktemp("proxy with a space")
    with haproxy.running(folder / "haproxy.sock", instances.free_port()) as running:
        yield running


@pytest.fixture(scope="module")
def checks() -> Checks:
    return Checks(Pace(startup_seconds=30, window_seconds=0, poll_seconds=0.01, max_error_rate=0), Interruption())


def release(folder: Path, version: str, model_version: str | None = None) -> Release:
    """Write a release whose service says which version it is."""
    package = folder / version / "src" / "service"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    model_version = model_version or version
    (package / "__main__.py").write_text(SERVICE.format(version=model_version, golden=GOLDEN), encoding="utf-8")
    return Release(version, str(folder / version), Packaged(model_version, GOLDEN))


def revisions(proxy: Proxy) -> dict[str, Revision]:
    return {revision.name: revision for revision in proxy.revisions()}


def answered_by(proxy: Proxy, requests: int) -> Counter[str]:
    """Return which versions answer requests to the public address."""
    with httpx.Client(base_url=proxy.url, trust_env=False) as client:
        answers = [client.post("/predict", json={"texts": [golden.TEXTS[0]]}).json() for _ in range(requests)]
    return Counter(answer["predictions"][0]["model_version"] for answer in answers)


def test_releases_shift_the_traffic_without_a_failed_request_and_can_be_taken_back(
    proxy: Proxy, checks: Checks, tmp_path: Path
) -> None:
    """One test, because processes take their time: first release, next release under load, rollback, failed release."""
    roll_out(proxy, checks, release(tmp_path, "v1"))
    assert answered_by(proxy, 5) == {"v1": 5}

    stopped, failures = threading.Event(), []

    def load() -> None:
        with httpx.Client(base_url=proxy.url, trust_env=False) as client:
            while not stopped.is_set():
                if not client.post("/predict", json={"texts": [golden.TEXTS[0]]}).is_success:
                    failures.append("not a success")

    client = threading.Thread(target=load)
    client.start()
    second = release(tmp_path, "v2")
    roll_out(proxy, checks, second)
    stopped.set()
    client.join()
    assert failures == []
    assert answered_by(proxy, 5) == {"v2": 5}

    proxy.set_weights({"v1": 80, "v2": 20})
    assert answered_by(proxy, 50) == {"v1": 40, "v2": 10}
    proxy.set_weights({"v1": 0, "v2": 100})

    roll_back(proxy, checks)
    assert answered_by(proxy, 5) == {"v1": 5}
    now = revisions(proxy)
    assert (now["v1"].label, now["v2"].label, now["v2"].active) == ("production", None, False)
    with pytest.raises(httpx.ConnectError):
        httpx.get(now["v2"].url, trust_env=False)

    with pytest.raises(DeliveryError, match="v3 cannot start: The model answers differently than after training"):
        roll_out(proxy, checks, release(tmp_path, "v3", "broken"))
    assert answered_by(proxy, 5) == {"v1": 5}

    roll_back(proxy, checks, "v2")
    assert answered_by(proxy, 5) == {"v2": 5}
    assert Path(revisions(proxy)["v2"].image) == tmp_path / "v2"


def rollout(proxy: Proxy, folder: Path, version: str, *, window_seconds: int) -> subprocess.Popen[bytes]:
    """Start the program, which releases a version."""
    model = folder / "packaged" / version
    (model / "classifier").mkdir(parents=True, exist_ok=True)
    (model / "about.json").write_text(json.dumps({"version": version}), encoding="utf-8")
    tweets = [{"text": text, "negative_probability": probability} for text, probability in GOLDEN.items()]
    (model / "classifier" / golden.FILE).write_text(json.dumps(tweets), encoding="utf-8")
    options = ["--version", version, "--image", str(folder / version), "--model", str(model)]
    pace = ["--poll-seconds", "0.05", "--window-seconds", str(window_seconds)]
    command = [sys.executable, "-m", "delivery", "--haproxy", str(proxy.socket), "rollout", *options, *pace]
    return subprocess.Popen(command, cwd=PROJECT, stderr=subprocess.DEVNULL)


def weights(proxy: Proxy) -> dict[str, int]:
    return {revision.name: revision.weight for revision in proxy.revisions() if revision.weight}


def end_in_the_middle(proxy: Proxy, folder: Path, version: str, number: signal.Signals) -> int:
    """Send a signal to a release that has shifted some of the traffic; return its exit code."""
    with rollout(proxy, folder, version, window_seconds=600) as process:
        deadline = time.monotonic() + 300  # a machine may be busy
        while version not in weights(proxy):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(number)
        return process.wait()


def test_a_release_that_is_stopped_is_rolled_back_and_one_that_is_killed_is_completed_by_the_next_run(
    proxy: Proxy, checks: Checks, tmp_path: Path
) -> None:
    roll_out(proxy, checks, release(tmp_path, "w1"))
    release(tmp_path, "w2")
    assert end_in_the_middle(proxy, tmp_path, "w2", signal.SIGTERM) == 128 + signal.SIGTERM
    assert weights(proxy) == {"w1": 100}
    release(tmp_path, "w3")
    assert end_in_the_middle(proxy, tmp_path, "w3", signal.SIGKILL) == -signal.SIGKILL
    assert weights(proxy) == {"w1": 90, "w3": 10}
    assert set(answered_by(proxy, 20)) == {"w1", "w3"}
    with rollout(proxy, tmp_path, "w3", window_seconds=0) as process:
        assert process.wait() == 0
    assert weights(proxy) == {"w3": 100}
    assert revisions(proxy)["w3"].label == "production"


def test_an_image_runs_as_a_hardened_container_with_the_settings_of_the_service(
    proxy: Proxy, checks: Checks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = tmp_path / "engine"
    engine.write_text(ENGINE.format(python=sys.executable), encoding="utf-8")
    engine.chmod(0o755)
    release(tmp_path, "image")
    monkeypatch.setenv("ENGINE", str(engine))
    monkeypatch.setenv("SERVICE_API_KEYS", "not on the command line")
    image = "localhost/tweet_sentiment:c1"
    before = {revision.name for revision in proxy.revisions() if revision.weight}
    proxy.create("c1", image)
    checks.smoke(proxy, revisions(proxy)["c1"], Packaged("image", GOLDEN))
    proxy.deactivate("c1")
    assert proxy.failure("c1") == "it has ended without a message"
    assert {revision.name for revision in proxy.revisions() if revision.weight} == before
    calls = (tmp_path / "calls").read_text(encoding="utf-8").splitlines()
    (run,) = [call for call in calls if call.startswith("run ")]
    for option in ("--read-only", "--memory=512m", "--cap-drop=all", "--env=SERVICE_API_KEYS", "--name=tweet_sentim"):
        assert f" {option}" in run
    assert run.endswith(f" {image}")
    assert "not on the command line" not in run
    assert "stop --time=60 tweet_sentiment-c1" in calls


def test_a_container_engine_that_refuses_says_why(
    proxy: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = tmp_path / "engine"
    engine.write_text("#!/bin/sh\necho 'Error: no such image' >&2\nexit 125\n", encoding="utf-8")
    engine.chmod(0o755)
    monkeypatch.setenv("ENGINE", str(engine))
    with pytest.raises(DeliveryError, match="engine run` failed: Error: no such image"):
        proxy.create("c2", "localhost/missing:1")
    monkeypatch.delenv("ENGINE")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DeliveryError, match="There is no container engine"):
        proxy.create("c3", "localhost/missing:1")


def test_haproxy_refuses_what_it_does_not_know(proxy: Proxy) -> None:
    with pytest.raises(DeliveryError, match="HAProxy refuses .*No such server"):
        proxy.set_weights({"v99": 100})


def test_a_port_in_use_is_reported(proxy: Proxy, tmp_path: Path) -> None:
    port = int(proxy.url.rpartition(":")[2])
    with (
        pytest.raises(DeliveryError, match="(?s)HAProxy does not start: .*cannot bind socket"),
        haproxy.running(tmp_path / "other.sock", port),
    ):
        pass


def test_without_haproxy_the_message_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with (
        pytest.raises(DeliveryError, match="apt-get install haproxy"),
        haproxy.running(tmp_path / "haproxy.sock", 8080),
    ):
        pass
