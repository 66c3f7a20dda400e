"""The multilingual Universal Sentence Encoder, and its export for ONNX Runtime."""

from pathlib import Path

import keras
import onnx
import torch
from torch import Tensor, nn

from sentiment.inference.classifier import Runtime
from sentiment.inference.runtimes.onnx import GRAPH, INPUT, OUTPUT, TOKENIZER
from sentiment.training import universal_sentence_encoder
from sentiment.training.onnx_export import quiet
from sentiment.training.universal_sentence_encoder import START, Encoder, Linear, load_tokenizer

RUNTIME: Runtime = "onnx"
encode = universal_sentence_encoder.encode
# Weights per scale, and onnxruntime's code for products of 8-bit integers (`accuracy_level`).
QUANTIZED_BLOCK = 32
INT8 = 4
ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid}


class OneTweet(nn.Module):
    """The encoder and the network on its vectors, for one tweet at a time."""

    def __init__(self, encoder: Encoder, network: nn.Module) -> None:
        """Combine both."""
        super().__init__()
        self.encoder = encoder
        self.network = network

    def forward(self, input_ids: Tensor) -> Tensor:
        """Return the probability that the tweet is negative, shape (1,)."""
        probability: Tensor = self.network(self.encoder(input_ids)).squeeze(-1)
        return probability


def export(network: keras.Model, encoder: Path, folder: Path, *, max_tokens: int) -> None:
    """Write the encoder with the network on its vectors, and its tokenizer, as files of the ONNX runtime."""
    model = OneTweet(universal_sentence_encoder.load(encoder), as_torch(network)).eval()
    with quiet():
        program = torch.onnx.export(
            model,
            (torch.full((1, 8), START[1]),),
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
    load_tokenizer(encoder, max_tokens=max_tokens).save(str(folder / TOKENIZER))


def as_torch(network: keras.Model) -> nn.Sequential:
    """Return a Keras network of dense layers in PyTorch; dropout is for training only.

    Raises:
        TypeError: it has another layer or activation.
    """
    modules: list[nn.Module] = []
    for layer in network.layers:
        if isinstance(layer, keras.layers.Dense) and layer.activation.__name__ in ACTIVATIONS:
            modules += [Linear(*layer.get_weights()), ACTIVATIONS[layer.activation.__name__]()]
        elif not isinstance(layer, keras.layers.InputLayer | keras.layers.Dropout):
            raise TypeError(f"{layer} of a network on sentence vectors cannot be exported: add it to `as_torch`.")
    return nn.Sequential(*modules)


def quantize(graph: onnx.ModelProto, file: Path) -> None:
    """Write a graph with 8-bit weights and activations to a file.

    The convolutions take most of the time: their matrices are rounded by column, and their activations over the whole
    tweet. All others are rounded in blocks: raw vectors have outliers, and a tweet is only one row after the sum.
    """
    from onnxruntime.quantization import quantize_dynamic
    from onnxruntime.quantization.matmul_nbits_quantizer import DefaultWeightOnlyQuantConfig, MatMulNBitsQuantizer

    products = [node for node in graph.graph.node if node.op_type == "MatMul"]
    blockwise = [node.name for node in products if "convolutions" not in node.input[1]]
    quantize_dynamic(graph, file, ["MatMul"], per_channel=True, reduce_range=True, nodes_to_exclude=blockwise)
    settings = {"block_size": QUANTIZED_BLOCK, "is_symmetric": True, "accuracy_level": INT8, "bits": 8}
    quantizer = MatMulNBitsQuantizer(
        onnx.load(file), **settings, algo_config=DefaultWeightOnlyQuantConfig(**settings), nodes_to_include=blockwise
    )
    quantizer.process()
    onnx.save(quantizer.model.model, file)
