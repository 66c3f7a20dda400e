"""The multilingual Universal Sentence Encoder (its convolutional form) in PyTorch.

SentencePiece splits a text into pieces. Each has a vector; convolutions over 2, 3 and 5 pieces add its context. The sum
over the text goes through a residual network and gives a vector of length 1.

Source: Yang et al., Multilingual Universal Sentence Encoder for Semantic Retrieval, 2020.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.models import Unigram
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm
from transformers.utils import sentencepiece_model_pb2_new as sentencepiece

WEIGHTS = "weights.npz"
PIECES = "sp.model"
START, END = ("<s>", 1), ("</s>", 2)
# Types of pieces: unknown and control.
SPECIAL = {2, 3}
VECTOR_SIZE = 512
WIDTHS = (2, 3, 5)
# The table of vectors is stored in this many blocks, in turn a row of each; a block has one scale.
BLOCKS = 17
BATCH = 256


class Linear(nn.Module):
    """A linear layer that keeps its matrix as published: the export retains the matrix with its name."""

    matrix: Tensor
    bias: Tensor

    def __init__(self, matrix: NDArray[np.float32], bias: NDArray[np.float32] | None = None) -> None:
        """Take a matrix, shape (inputs, outputs), and a bias, shape (outputs,)."""
        super().__init__()
        self.register_buffer("matrix", torch.from_numpy(matrix))
        self.register_buffer("bias", torch.zeros(matrix.shape[1]) if bias is None else torch.from_numpy(bias))

    def forward(self, values: Tensor) -> Tensor:
        """Return the outputs, shape (..., outputs), from inputs, shape (..., inputs)."""
        return values @ self.matrix + self.bias


class Context(nn.Module):
    """Two residual convolutions over neighbouring pieces, after a projection."""

    def __init__(self, weights: Mapping[str, NDArray[Any]], width: int, epsilon: float) -> None:
        """Take the weights of one width."""
        super().__init__()
        self.width = width
        self.project = Linear(weights[f"proj{width}"], weights[f"proj_b{width}"])
        self.norm = layer_norm(weights[f"ln_g{width}"], weights[f"ln_b{width}"], epsilon)
        self.convolutions = nn.ModuleList(Linear(weights[f"w{i}_{width}"], weights[f"b{i}_{width}"]) for i in (1, 2))

    def forward(self, vectors: Tensor) -> Tensor:
        """Return the context of each piece, shape (texts, pieces, 256), from vectors, shape (texts, pieces, 512)."""
        hidden: Tensor = self.norm(self.project(vectors))
        for convolution in self.convolutions:
            hidden = hidden + functional.relu(convolution(self.windows(hidden)))
        return hidden

    def windows(self, vectors: Tensor) -> Tensor:
        """Return each piece's vector with its neighbours', in order; beyond the text, they are 0."""
        before, pieces = (self.width - 1) // 2, vectors.shape[1]
        padded = functional.pad(vectors, (0, 0, before, self.width - 1 - before))
        return torch.cat([padded[:, start : start + pieces] for start in range(self.width)], dim=-1)


class Encoder(nn.Module):
    """From the pieces of texts of the same length, shape (texts, pieces), to their vectors, shape (texts, 512)."""

    table: Tensor
    scale: Tensor
    low: Tensor

    def __init__(self, weights: Mapping[str, NDArray[Any]]) -> None:
        """Take the arrays of `weights.npz`."""
        super().__init__()
        blocks = [weights[f"q{block + 1}"] for block in range(BLOCKS)]
        self.register_buffer("table", torch.from_numpy(np.stack(blocks, axis=1).reshape(-1, blocks[0].shape[1])))
        self.register_buffer("scale", torch.from_numpy(weights["scale"][:, None]))
        self.register_buffer("low", torch.from_numpy(weights["lo"][:, None]))
        epsilon = float(weights["eps"])
        self.contexts = nn.ModuleList(Context(weights, width, epsilon) for width in WIDTHS)
        self.norm = layer_norm(weights["ln_g"], weights["ln_b"], epsilon)
        self.project = Linear(weights["cnn_W"], weights["cnn_b"])
        self.deep = nn.ModuleList(Linear(weights[f"d{layer}"]) for layer in range(4))
        self.shortcuts = nn.ModuleList(Linear(weights[f"p{layer}"]) for layer in (1, 3))

    def forward(self, input_ids: Tensor) -> Tensor:
        """Return the vectors, of length 1."""
        block = input_ids % BLOCKS
        stored = functional.embedding(input_ids, self.table).float()
        vectors = stored * functional.embedding(block, self.scale) + functional.embedding(block, self.low)
        features = self.norm(torch.cat([vectors, *(context(vectors) for context in self.contexts)], dim=-1))
        # The sum over the pieces, divided by the root of their number.
        hidden = self.project(features.mean(1)) * torch.sqrt(torch.ones(1) * input_ids.shape[1])
        hidden = functional.relu(self.shortcuts[0](hidden) + self.deep[1](functional.relu(self.deep[0](hidden))))
        hidden = torch.tanh(self.shortcuts[1](hidden) + self.deep[3](functional.relu(self.deep[2](hidden))))
        return functional.normalize(hidden, dim=-1)


def layer_norm(scale: NDArray[np.float32], shift: NDArray[np.float32], epsilon: float) -> nn.LayerNorm:
    """Return a layer normalisation with a scale and a shift, shape (values,)."""
    layer = nn.LayerNorm(len(scale), eps=epsilon)
    layer.load_state_dict({"weight": torch.from_numpy(scale), "bias": torch.from_numpy(shift)})
    return layer


def load(folder: Path) -> Encoder:
    """Load the encoder in a folder."""
    with (folder / WEIGHTS).open("rb") as file, np.load(file, allow_pickle=False) as weights:
        return Encoder(dict(weights)).eval().requires_grad_(False)


def load_tokenizer(folder: Path, *, max_tokens: int) -> Tokenizer:
    """Return the SentencePiece model in a folder as a fast tokenizer, which truncates texts to `max_tokens` pieces.

    Raises:
        google.protobuf.message.DecodeError: the file is damaged.
    """
    model = sentencepiece.ModelProto.FromString((folder / PIECES).read_bytes())  # type: ignore[attr-defined]
    # A text cannot contain special pieces such as <s>: no normalised text has the line break that they get here.
    pieces = [("\n" * (piece.type in SPECIAL) + piece.piece, piece.score) for piece in model.pieces]
    tokenizer = Tokenizer(Unigram(pieces, model.trainer_spec.unk_id))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Precompiled(model.normalizer_spec.precompiled_charsmap),
            normalizers.Strip(),
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(split=False)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{START[0]} $A {END[0]}", special_tokens=[START, END]
    )
    tokenizer.enable_truncation(max_tokens)
    return tokenizer


@torch.inference_mode()
def encode(folder: Path, texts: Sequence[str], *, max_tokens: int) -> NDArray[np.float32]:
    """Return the vector of each text, shape (texts, 512), with a progress bar if there are several batches.

    Texts of the same length are encoded together, so that none is padded.
    """
    encoder = load(folder)
    pieces = [encoding.ids for encoding in load_tokenizer(folder, max_tokens=max_tokens).encode_batch(list(texts))]
    lengths = np.array([len(ids) for ids in pieces])
    vectors = np.empty((len(texts), VECTOR_SIZE), dtype=np.float32)
    with tqdm(total=len(texts), desc="encode", unit=" tweets", disable=None if len(texts) > BATCH else True) as bar:
        for length in np.unique(lengths):
            rows = np.flatnonzero(lengths == length)
            for batch in np.split(rows, range(BATCH, len(rows), BATCH)):
                vectors[batch] = encoder(torch.tensor([pieces[row] for row in batch])).numpy()
                bar.update(len(batch))
    return vectors
