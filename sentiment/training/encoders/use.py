"""The multilingual Universal Sentence Encoder: encoding texts, and its export for ONNX Runtime."""

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.models import Unigram
from torch import Tensor, nn
from tqdm import tqdm
from transformers.utils import sentencepiece_model_pb2_new as sentencepiece

from sentiment.inference.classifier import Runtime
from sentiment.inference.runtimes.onnx import GRAPH, INPUT, OUTPUT, TOKENIZER
from sentiment.training import universal_sentence_encoder
from sentiment.training.onnx_export import quiet
from sentiment.training.universal_sentence_encoder import VECTOR_SIZE, Encoder, Linear

RUNTIME: Runtime = "onnx"
PIECES = "sp.model"
START, END = ("<s>", 1), ("</s>", 2)
# Types of pieces: unknown and control.
SPECIAL = {2, 3}
BATCH = 256
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
    encoder = universal_sentence_encoder.load(folder)
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
