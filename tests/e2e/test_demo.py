"""The demonstration as a newcomer runs it, with a small model, faster."""

import os
import re
import signal
import subprocess
import sys
import threading
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import psutil
import pytest

from tests import corpora
from tests.e2e.server import free_port
from tests.packaged_model import save_packaged

pytestmark = [pytest.mark.slow, pytest.mark.extended]
PROJECT = Path(__file__).parents[2]
PATIENCE_SECONDS = 240


def test_a_newcomer_sees_a_crisis_gets_one_email_and_ctrl_c_leaves_nothing_running(tmp_path: Path) -> None:
    variables = {
        "PYTHONPATH": str(PROJECT),
        "COLUMNS": "200",
        "SERVICE_MODEL": str(save_packaged(tmp_path / "model")),
        "SERVICE_PORT": str(free_port()),
        "UI_PORT": str(free_port()),
    }
    command = [sys.executable, "-m", "demo", "service.service:TweetSentiment", "--speed", "1500", "--days", "4"]
    output, levels = "", list[str]()
    with subprocess.Popen(
        [*command, *corpora.data(4_000)],
        cwd=tmp_path,
        env=os.environ | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as demo:
        giving_up = threading.Timer(PATIENCE_SECONDS, demo.terminate)
        giving_up.start()
        assert demo.stdout is not None
        for line in demo.stdout:
            output += line
            levels += re.findall(r"^ *\d+ s: (\w+)", line)
            if levels[-1:] == ["Calm"] and "Alarm" in levels:
                children = psutil.Process(demo.pid).children(recursive=True)
                demo.send_signal(signal.SIGINT)
                break
        output += demo.stdout.read()
        giving_up.cancel()
    assert demo.returncode == 0, output
    assert "the corpus `csv`" in output
    assert [level for level in levels if level != "Watch"] == ["Calm", "Alarm", "Calm"]
    (file,) = (tmp_path / ".demo" / "mail").iterdir()
    message = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert isinstance(message, EmailMessage)
    assert "times as many as usual" in message["Subject"]
    assert "Reasons: luggage" in message.get_content()
    assert "Reasons: luggage" in output
    assert len(children) >= 3  # the service, its worker, the page
    _, alive = psutil.wait_procs(children, timeout=5)
    assert alive == []
