"""Export: from the trained network to what ONNX Runtime serves, with weights and activations of 8 bits."""

import copy
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import PreTrainedTokenizerFast

from sentiment.bert.network import SentenceClassifier
from sentiment.runtimes.onnx import GRAPH, INPUT, OUTPUT, TOKENIZER


class OneTweet(nn.Module):
    """The network for one tweet at a time: without padding it needs no mask, and all operators around one are gone."""

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
    """Write the files of the ONNX runtime to a folder, which is made: the graph, quantized, and the tokenizer.

    Matrices are rounded column by column: less than half the error, for no time. They take 7 of the 8 bits, since
    processors without VNNI instructions overflow on the eighth: a model answers the same wherever it is served.
    """
    folder.mkdir()
    with quiet():
        from onnxruntime.quantization import quantize_dynamic

        one = OneTweet(copy.deepcopy(model).cpu().eval())
        one.encoder.set_attn_implementation("eager")  # fewer operators than the fused attention takes apart into
        program = torch.onnx.export(
            one,
            (torch.full((1, 8), model.pad_token_id),),
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes=({1: torch.export.Dim("length", max=max_tokens)},),
            dynamo=True,
            verbose=False,
        )
        assert program is not None  # with dynamo=True it never is
        graph = program.model_proto
        del graph.graph.value_info[:]  # shapes that the exporter's own optimisation has left stale
        quantize_dynamic(graph, folder / GRAPH, per_channel=True, reduce_range=True)
    tokenizer.backend_tokenizer.save(str(folder / TOKENIZER))


@contextmanager
def quiet() -> Iterator[None]:
    """Keep warnings of the exporter and the quantizer, which are about their own code, away from the terminal."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
