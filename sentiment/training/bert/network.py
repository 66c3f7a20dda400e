"""The network of both ways to train: an encoder, the mean of its token vectors, a linear layer, a logit."""

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
# Batches per pool in which tweets are sorted by length: enough to save most padding, few enough to stay random.
POOLED_BATCHES = 50
# Seconds between two lines of a progress bar in a log.
LOG_INTERVAL = 30.0


@dataclass(frozen=True, kw_only=True)
class Tweets:
    """A split as input of the network.

    Attributes:
        tokens: the token numbers of each tweet, of different lengths.
        negative: 1 for a negative tweet, shape (n,).
        target: the probability to learn, shape (n,): a soft label, otherwise `negative`.
        weight: the weight of each tweet in the loss, shape (n,).
        group: the author of each tweet, shape (n,).
    """

    tokens: list[list[int]]
    negative: NDArray[Any]
    target: NDArray[Any]
    weight: NDArray[np.float64]
    group: NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Training:
    """The report of a training: tables by name, and the settings chosen by the training itself."""

    tables: dict[str, pd.DataFrame]
    chosen: dict[str, Any] = field(default_factory=dict)


class SentenceClassifier(nn.Module):
    """An encoder, the mean of its token vectors and a linear layer: the logit that a tweet is negative."""

    def __init__(self, encoder: PreTrainedModel, *, pad_token_id: int) -> None:
        """Add a new head to an encoder."""
        super().__init__()
        self.encoder = encoder
        self.pad_token_id = pad_token_id
        self.dropout = nn.Dropout(0.0)  # set by fine-tuning
        self.head = nn.Linear(encoder.config.hidden_size, 1)

    def sentence_vectors(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return the mean of each tweet's token vectors, without padding, shape (n, hidden)."""
        vectors = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        mask = attention_mask.unsqueeze(-1).to(vectors.dtype)
        mean: Tensor = (vectors * mask).sum(1) / mask.sum(1)
        return mean

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return the logit that each tweet is negative, shape (n,)."""
        logits: Tensor = self.head(self.dropout(self.sentence_vectors(input_ids, attention_mask)))
        return logits.squeeze(-1)

    def pad(self, tokens: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
        """Return token numbers, padded to the longest tweet, and the attention mask, on the network's device."""
        longest = max(map(len, tokens))
        ids = torch.full((len(tokens), longest), self.pad_token_id)
        mask = torch.zeros_like(ids)
        for row, numbers in enumerate(tokens):
            ids[row, : len(numbers)] = torch.tensor(numbers)
            mask[row, : len(numbers)] = 1
        device = self.head.weight.device
        return ids.to(device), mask.to(device)


def tokenize(tokenizer: PreTrainedTokenizerFast, texts: Iterable[str]) -> list[list[int]]:
    """Return the token numbers of cleaned texts, made by the same tokenizer that is served."""
    return [encoding.ids for encoding in tokenizer.backend_tokenizer.encode_batch_fast(list(texts))]


def batches(
    tokens: Sequence[Sequence[int]], batch_size: int, rng: np.random.Generator | None = None
) -> list[NDArray[np.intp]]:
    """Group rows of similar length into batches, to save padding: at random with an `rng`, otherwise longest first.

    A random grouping shuffles all rows, sorts each pool of batches by length, and shuffles the batches.
    """
    lengths = np.array([len(numbers) for numbers in tokens])
    if rng is None:
        order = np.argsort(-lengths, kind="stable")
        return np.split(order, range(batch_size, len(order), batch_size))
    pool = POOLED_BATCHES * batch_size
    shuffled = rng.permutation(len(lengths))
    all_batches = []
    for start in range(0, len(shuffled), pool):
        rows = shuffled[start : start + pool]
        rows = rows[np.argsort(lengths[rows], kind="stable")]
        all_batches += np.split(rows, range(batch_size, len(rows), batch_size))
    return [all_batches[index] for index in rng.permutation(len(all_batches))]


@torch.inference_mode()
def sentence_vectors(model: SentenceClassifier, tokens: Sequence[Sequence[int]], bar: tqdm) -> NDArray[np.float32]:
    """Return the encoder's sentence vector of each tweet, shape (n, hidden); `bar` counts tweets."""
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


def progress(tweets: int, task: str) -> tqdm:
    """Return a progress bar over a number of tweets with the estimated time left; in a log, one line every 30 s."""
    bar = (
        {"mininterval": 0.1}
        if sys.stderr.isatty()
        else dict.fromkeys(("mininterval", "maxinterval", "delay"), LOG_INTERVAL)
    )
    return tqdm(total=tweets, desc=task, unit=" tweets", unit_scale=True, **bar)


def device() -> torch.device:
    """Return the GPU if there is one, otherwise the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def has_bfloat16(device: torch.device) -> bool:
    """Return whether a device has bfloat16 instructions: they make training faster, their emulation slower."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def save(model: SentenceClassifier, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write the encoder and its tokenizer as a Transformers folder, and the weights of the head to the same folder."""
    model.encoder.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    save_file({name: weights.contiguous() for name, weights in model.head.state_dict().items()}, folder / HEAD)


def load(folder: Path, *, max_tokens: int) -> tuple[SentenceClassifier, PreTrainedTokenizerFast]:
    """Load the files that `save` writes."""
    encoder, tokenizer = checkpoints.load(str(folder), max_tokens=max_tokens)
    model = SentenceClassifier(encoder, pad_token_id=tokenizer.pad_token_id)
    model.head.load_state_dict(load_file(folder / HEAD))
    return model.eval(), tokenizer
