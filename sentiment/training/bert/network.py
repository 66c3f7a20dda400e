"""The one network of both ways to train: an encoder, the mean of its token vectors, a linear layer, a logit."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from tqdm import tqdm
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from sentiment.inference.arrays import Probabilities
from sentiment.training.bert import checkpoints

HEAD = "head.safetensors"
INFERENCE_BATCH = 64
# Batches among which those of like length are sought: enough to save most of the padding, few enough to stay random.
POOLED_BATCHES = 50
# Seconds between the lines of a progress bar that is written to a log.
LINES = 30.0


@dataclass(frozen=True, kw_only=True)
class Tweets:
    """The rows of a split as the network eats them.

    Attributes:
        tokens: token numbers of each tweet, of different lengths.
        negative: 1 for a negative tweet, shape (n,).
        group: whose tweet it is, shape (n,).
    """

    tokens: list[list[int]]
    negative: NDArray[Any]
    group: NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Training:
    """What there is to tell of a training: tables by name, and the settings that it chose itself."""

    tables: dict[str, pd.DataFrame]
    chosen: dict[str, Any] = field(default_factory=dict)


class SentenceClassifier(nn.Module):
    """An encoder under the mean of its token vectors and a linear layer: the logit that a tweet is negative."""

    def __init__(self, encoder: PreTrainedModel, *, pad_token_id: int) -> None:
        """Put a new head on an encoder."""
        super().__init__()
        self.encoder = encoder
        self.pad_token_id = pad_token_id
        self.dropout = nn.Dropout(0.0)  # fine-tuning sets it
        self.head = nn.Linear(encoder.config.hidden_size, 1)

    def sentence_vectors(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return the mean of each tweet's token vectors, padding left out, shape (n, hidden)."""
        vectors = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        mask = attention_mask.unsqueeze(-1).to(vectors.dtype)
        mean: Tensor = (vectors * mask).sum(1) / mask.sum(1)
        return mean

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return the logit that each tweet is negative, shape (n,)."""
        logits: Tensor = self.head(self.dropout(self.sentence_vectors(input_ids, attention_mask)))
        return logits.squeeze(-1)

    def pad(self, tokens: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
        """Return token numbers, padded to the longest, and the attention mask, on the device of the network."""
        longest = max(map(len, tokens))
        ids = torch.full((len(tokens), longest), self.pad_token_id)
        mask = torch.zeros_like(ids)
        for row, numbers in enumerate(tokens):
            ids[row, : len(numbers)] = torch.tensor(numbers)
            mask[row, : len(numbers)] = 1
        device = self.head.weight.device
        return ids.to(device), mask.to(device)


def tokenize(tokenizer: PreTrainedTokenizerFast, texts: Iterable[str]) -> list[list[int]]:
    """Return the token numbers of cleaned texts, by the very tokenizer that is served."""
    return [encoding.ids for encoding in tokenizer.backend_tokenizer.encode_batch_fast(list(texts))]


def batches(
    tokens: Sequence[Sequence[int]], batch_size: int, rng: np.random.Generator | None = None
) -> list[NDArray[np.intp]]:
    """Cut rows into batches of like length, so that little is padded; at random with an `rng`, else the longest first.

    A random cut shuffles all rows, sorts each pool of some batches by length, and shuffles the batches.
    """
    lengths = np.array([len(numbers) for numbers in tokens])
    if rng is None:
        order = np.argsort(-lengths, kind="stable")
        return np.split(order, range(batch_size, len(order), batch_size))
    pool = POOLED_BATCHES * batch_size
    shuffled = rng.permutation(len(lengths))
    cut = []
    for start in range(0, len(shuffled), pool):
        rows = shuffled[start : start + pool]
        rows = rows[np.argsort(lengths[rows], kind="stable")]
        cut += np.split(rows, range(batch_size, len(rows), batch_size))
    return [cut[index] for index in rng.permutation(len(cut))]


@torch.inference_mode()
def sentence_vectors(model: SentenceClassifier, tokens: Sequence[Sequence[int]], bar: tqdm) -> NDArray[np.float32]:
    """Return the vector of each tweet by the encoder as it is, shape (n, hidden); `bar` counts tweets."""
    model.eval()
    vectors = np.empty((len(tokens), model.head.in_features), dtype=np.float32)
    for rows in batches(tokens, INFERENCE_BATCH):
        vectors[rows] = model.sentence_vectors(*model.pad([tokens[row] for row in rows])).float().cpu().numpy()
        bar.update(len(rows))
    return vectors


@torch.inference_mode()
def negative_probability(model: SentenceClassifier, tokens: Sequence[Sequence[int]], bar: tqdm) -> Probabilities:
    """Return the probability that each tweet is negative, shape (n,); `bar` counts tweets."""
    model.eval()
    probability = np.empty(len(tokens))
    for rows in batches(tokens, INFERENCE_BATCH):
        probability[rows] = torch.sigmoid(model(*model.pad([tokens[row] for row in rows])).float()).cpu().numpy()
        bar.update(len(rows))
    return probability


def progress(tweets: int, what: str) -> tqdm:
    """Return a progress bar over a number of tweets and an estimate of the time left; in a log, a line at times."""
    bar = {"mininterval": 0.1} if sys.stderr.isatty() else dict.fromkeys(("mininterval", "maxinterval", "delay"), LINES)
    return tqdm(total=tweets, desc=what, unit=" tweets", unit_scale=True, **bar)


def device() -> torch.device:
    """Return the GPU where there is one, else the processor."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def has_bfloat16(where: torch.device) -> bool:
    """Return whether a device has instructions for bfloat16: with them training is faster, emulated it is slower."""
    if where.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    able = torch.cpu.get_capabilities()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))


def save(model: SentenceClassifier, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write a Transformers folder of the encoder and its tokenizer, with the weights of the head beside them."""
    model.encoder.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    save_file({name: weights.contiguous() for name, weights in model.head.state_dict().items()}, folder / HEAD)


def load(folder: Path, *, max_tokens: int) -> tuple[SentenceClassifier, PreTrainedTokenizerFast]:
    """Load what `save` has written."""
    encoder, tokenizer = checkpoints.load(str(folder), max_tokens=max_tokens)
    model = SentenceClassifier(encoder, pad_token_id=tokenizer.pad_token_id)
    model.head.load_state_dict(load_file(folder / HEAD))
    return model.eval(), tokenizer
