"""Export a trained network for ONNX Runtime, with 8-bit weights and activations."""

import copy
from pathlib import Path

import onnx
import torch
from onnx import ModelProto
from torch import Tensor, nn
from transformers import PreTrainedTokenizerFast

from sentiment.inference.runtimes.onnx import GRAPH, INPUT, OUTPUT, TOKENIZER
from sentiment.training.bert.network import SentenceClassifier
from sentiment.training.onnx_export import quiet

# Weights per block; a block shares one scale.
BLOCK = 128
# onnxruntime's code for products of 8-bit integers (`accuracy_level`).
INT8 = 4


class OneTweet(nn.Module):
    """The network for one tweet at a time: without padding, it needs no mask and none of the operators for one."""

    def __init__(self, model: SentenceClassifier) -> None:
        """Share the weights of a trained network."""
        super().__init__()
        self.encoder = model.encoder
        self.head = model.head

    def forward(self, input_ids: Tensor) -> Tensor:
        """Return the probability that the tweet is negative, shape (1,)."""
        vectors = self.encoder(input_ids=input_ids).last_hidden_state
        return torch.sigmoid(self.head(vectors.mean(1))).squeeze(-1)


def export(model: SentenceClassifier, tokenizer: PreTrainedTokenizerFast, folder: Path, *, max_tokens: int) -> None:
    """Write the files of the ONNX runtime to a new folder: the quantized graph and the tokenizer."""
    folder.mkdir()
    with quiet():
        single = OneTweet(copy.deepcopy(model).cpu().eval())
        single.encoder.set_attn_implementation("eager")  # results in fewer operators than fused attention
        program = torch.onnx.export(
            single,
            (torch.full((1, 8), model.pad_token_id),),
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes=({1: torch.export.Dim("length", max=max_tokens)},),
            dynamo=True,
            verbose=False,
        )
        assert program is not None  # never None with dynamo=True
        graph = program.model_proto
        del graph.graph.value_info[:]  # shapes that are stale after the exporter's optimisation
        quantize(graph, folder / GRAPH)
    tokenizer.backend_tokenizer.save(str(folder / TOKENIZER))


def quantize(graph: ModelProto, file: Path) -> None:
    """Write a graph with 8-bit weights and activations to a file.

    Nearly all of the error comes from the feed-forward matrices. These and their inputs are rounded in blocks, which
    halves the error of the logit and takes half as much time again. All other matrices are rounded by column, and their
    activations over the whole tweet; both use 7 of the 8 bits, because processors without VNNI instructions overflow on
    the eighth. So a model gives the same answers wherever it is served.
    """
    from onnxruntime.quantization import quantize_dynamic
    from onnxruntime.quantization.matmul_nbits_quantizer import DefaultWeightOnlyQuantConfig, MatMulNBitsQuantizer

    blockwise = feed_forward(graph)
    quantize_dynamic(graph, file, per_channel=True, reduce_range=True, nodes_to_exclude=blockwise)
    settings = {"block_size": BLOCK, "is_symmetric": True, "accuracy_level": INT8, "bits": 8}
    quantizer = MatMulNBitsQuantizer(
        onnx.load(file), **settings, algo_config=DefaultWeightOnlyQuantConfig(**settings), nodes_to_include=blockwise
    )
    quantizer.process()
    onnx.save(quantizer.model.model, file)


def feed_forward(graph: ModelProto) -> list[str]:
    """Return the names of the products with feed-forward matrices: those whose matrix is not square."""
    shapes = {weights.name: tuple(weights.dims) for weights in graph.graph.initializer}
    products = [node for node in graph.graph.node if node.op_type == "MatMul" and node.input[1] in shapes]
    return [node.name for node in products if len(set(shapes[node.input[1]])) > 1]
