"""Export a trained network for ONNX Runtime, with 8-bit weights and activations."""

import copy
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn
from transformers import PreTrainedTokenizerFast

from sentiment.inference.runtimes.onnx import GRAPH, INPUT, OUTPUT, TOKENIZER
from sentiment.training.bert.network import SentenceClassifier
from sentiment.training.onnx_export import quiet

# Activations are unsigned integers around a zero point, which ONNX Runtime multiplies fastest.
ACTIVATION_LEVELS = 127
ZERO_POINT = 128
# Weights of products use 7 of 8 bits, because processors without VNNI instructions overflow on the eighth: a model
# gives the same answers wherever it is served.
WEIGHT_LEVELS = 63
EMBEDDING_LEVELS = 127
# Instead of zero, as the range of a row that contains only zeros.
SMALLEST_RANGE = 1e-6


class QuantizedLinear(nn.Module):
    """A linear layer on 8-bit integers; for export only, since PyTorch does not compute the product.

    Each token's activations share one range, and each column of the matrix has one. So the result for a token depends
    on no other token of the batch, and an outlier coarsens only its own token.

    Source: Dettmers et al., LLM.int8(), 2022, section 3.1 (vector-wise quantization).
    """

    matrix: Tensor
    scale: Tensor

    def __init__(self, linear: nn.Linear) -> None:
        """Quantize the weights of a linear layer; the bias stays in 32 bits."""
        super().__init__()
        integers, scale = quantize(linear.weight, WEIGHT_LEVELS)
        self.register_buffer("matrix", integers.T.contiguous())
        self.register_buffer("scale", scale.squeeze(1))
        self.bias = linear.bias

    def forward(self, activations: Tensor) -> Tensor:
        """Return the output, shape (tweets, tokens, outputs), for an input, shape (tweets, tokens, inputs)."""
        largest = activations.abs().amax(-1, keepdim=True).clamp(min=SMALLEST_RANGE)
        level, zero_point = torch.tensor(1 / ACTIVATION_LEVELS), torch.tensor(ZERO_POINT, dtype=torch.uint8)
        integers = torch.onnx.ops.symbolic(
            "QuantizeLinear", [activations / largest, level, zero_point], dtype=torch.uint8, shape=activations.shape
        )
        product = torch.onnx.ops.symbolic(
            "com.microsoft::MatMulIntegerToFloat",
            [integers, self.matrix, level, self.scale, zero_point],
            dtype=torch.float32,
            shape=(*activations.shape[:-1], len(self.scale)),
            version=1,
        )
        output = product * largest
        return output if self.bias is None else output + self.bias


class QuantizedEmbedding(nn.Module):
    """A table of vectors in 8-bit integers, each vector with its own range."""

    vectors: Tensor
    scale: Tensor

    def __init__(self, embedding: nn.Embedding) -> None:
        """Quantize the vectors of a table."""
        super().__init__()
        vectors, scale = quantize(embedding.weight, EMBEDDING_LEVELS)
        self.register_buffer("vectors", vectors)
        self.register_buffer("scale", scale)

    def forward(self, numbers: Tensor) -> Tensor:
        """Return the vector of each number, shape (*numbers, vector)."""
        return self.vectors[numbers].float() * self.scale[numbers]


class EqualLengths(nn.Module):
    """The network for tweets of equal length: without padding, it needs no mask and none of the operators for one."""

    def __init__(self, model: SentenceClassifier) -> None:
        """Share the weights of a network."""
        super().__init__()
        self.encoder = model.encoder
        self.head = model.head

    def forward(self, input_ids: Tensor) -> Tensor:
        """Return the probability that each tweet is negative, shape (tweets,)."""
        vectors = self.encoder(input_ids=input_ids).last_hidden_state
        return torch.sigmoid(self.head(vectors.mean(1))).squeeze(-1)


def export(model: SentenceClassifier, tokenizer: PreTrainedTokenizerFast, folder: Path, *, max_tokens: int) -> None:
    """Write the files of the ONNX runtime to a new folder: the quantized graph and the tokenizer."""
    quantized = copy.deepcopy(model).cpu()
    quantize_layers(quantized.encoder)
    write(quantized, tokenizer, folder, max_tokens=max_tokens)


def write(model: SentenceClassifier, tokenizer: PreTrainedTokenizerFast, folder: Path, *, max_tokens: int) -> None:
    """Write a network on the CPU as it is, with its tokenizer, to a new folder."""
    folder.mkdir()
    with quiet():
        model.encoder.set_attn_implementation("eager")  # results in fewer operators than fused attention
        program = torch.onnx.export(
            EqualLengths(model).eval(),
            (torch.full((2, 8), model.pad_token_id),),
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes=({0: torch.export.Dim("tweets"), 1: torch.export.Dim("length", max=max_tokens)},),
            dynamo=True,
            verbose=False,
        )
    assert program is not None  # never None with dynamo=True
    onnx.save(program.model_proto, folder / GRAPH)
    tokenizer.backend_tokenizer.save(str(folder / TOKENIZER))


def quantize_layers(module: nn.Module) -> None:
    """Replace all linear layers and embeddings of a module by quantized ones."""
    for name, child in module.named_children():
        if isinstance(child, nn.Linear):
            setattr(module, name, QuantizedLinear(child))
        elif isinstance(child, nn.Embedding):
            setattr(module, name, QuantizedEmbedding(child))
        else:
            quantize_layers(child)


def quantize(weights: Tensor, levels: int) -> tuple[Tensor, Tensor]:
    """Return a matrix as integers from -levels to levels, and the scale of each row, shape (rows, 1)."""
    scale = weights.detach().abs().amax(1, keepdim=True).clamp(min=SMALLEST_RANGE) / levels
    return (weights.detach() / scale).round().to(torch.int8), scale
