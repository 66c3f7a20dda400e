"""`training.bert.export` and `inference.runtimes.onnx`: the served form agrees with the native form."""

import json
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from onnx import load as load_graph
from onnx import numpy_helper
from onnxruntime import InferenceSession

from sentiment.inference import classifier
from sentiment.inference.arrays import Probabilities
from sentiment.inference.classifier import Classifier
from sentiment.inference.runtimes import onnx
from sentiment.inference.text import Cleaner
from sentiment.training.bert import checkpoints, export, network
from sentiment.training.bert.network import SentenceClassifier
from tests.checkpoints import save_checkpoint
from tests.served import describe_and_load

CLEANER = Cleaner(links="http", mentions="@user", emoji=True, max_repeats=3)
TEXTS = [
    "Late again",
    "@AirParadis thank you, lovely crew http://t.co/x1",
    "so rude \U0001f620",
    "",
    "   ",
    "late " * 300,
    "\x00",
    "caf\u00e9 \u822a\u7a7a",
]


def exported(checkpoint: str, folder: Path, *, max_tokens: int) -> tuple[Classifier, Probabilities]:
    """Return the served form of a network with a random head, and the network's own probabilities of `TEXTS`."""
    encoder, tokenizer = checkpoints.load(checkpoint, max_tokens=max_tokens)
    torch.manual_seed(0)
    model = SentenceClassifier(encoder, pad_token_id=tokenizer.pad_token_id)
    tokens = network.tokenize(tokenizer, map(CLEANER, TEXTS))
    with network.progress(len(tokens), "test") as bar:
        native = network.negative_probability(model, tokens, bar)
    export.export(model, tokenizer, folder, max_tokens=max_tokens)
    return describe_and_load(folder, "onnx", CLEANER), native


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bert")
    exported(str(save_checkpoint(folder / "checkpoint")), folder / "served", max_tokens=16)
    return folder / "served"


@pytest.mark.parametrize("kind", ["bert", "roberta", "distilbert", "mpnet"])
def test_every_kind_of_encoder_is_exported_silently_and_agrees_with_its_served_form(
    kind: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    checkpoint = save_checkpoint(tmp_path / "checkpoint", kind)
    capfd.readouterr()
    served, native = exported(str(checkpoint), tmp_path / "served", max_tokens=16)
    assert capfd.readouterr() == ("", "")
    probability = served.negative_probability(TEXTS)
    assert probability.shape == native.shape
    assert np.abs(probability - native).max() < 0.03
    assert native.std() > 0.01


@pytest.mark.slow
def test_the_served_form_of_minilm_agrees_with_its_native_form(tmp_path: Path) -> None:
    served, native = exported(checkpoints.MINILM, tmp_path / "served", max_tokens=64)
    assert np.abs(served.negative_probability(TEXTS) - native).max() < 0.03
    assert (tmp_path / "served" / onnx.GRAPH).stat().st_size < 25e6


def test_probabilities_do_not_depend_on_the_other_tweets_and_keep_their_order(served: Path) -> None:
    model = Classifier.load(served)
    texts = [*TEXTS, *("so rude " * n for n in range(12, 0, -1)), *TEXTS]
    one_by_one = np.concatenate([model.negative_probability([text]) for text in texts])
    assert np.abs(model.negative_probability(texts) - one_by_one).max() < 1e-6
    assert one_by_one.std() > 0.01
    assert model.negative_probability([]).shape == model.score([]).shape == (0,)


def test_a_batch_contains_texts_of_one_length_only_and_not_too_many() -> None:
    lengths = np.random.default_rng(0).integers(2, 6, 1000).tolist()
    batches = list(onnx.batches(lengths, onnx.LARGEST_BATCH))
    assert sorted(row for rows in batches for row in rows) == list(range(1000))
    assert all(len({lengths[row] for row in rows}) == 1 for rows in batches)
    assert max(map(len, batches)) == onnx.LARGEST_BATCH
    assert len(batches) <= 4 + 1000 / onnx.LARGEST_BATCH
    assert list(onnx.batches([], onnx.LARGEST_BATCH)) == []


def test_threads_can_share_a_model(served: Path) -> None:
    model = Classifier.load(served)
    expected = model.negative_probability(TEXTS)
    with ThreadPoolExecutor(4) as pool:
        assert all(np.array_equal(expected, probability) for probability in pool.map(model.score, [TEXTS] * 16))


def test_a_long_tweet_is_truncated_as_in_training(served: Path) -> None:
    model = Classifier.load(served)
    first, second = model.negative_probability(["late " * 14 + "lovely " * n for n in (1, 50)])
    assert first == second
    truncation = json.loads((served / onnx.TOKENIZER).read_text(encoding="utf-8"))["truncation"]
    assert truncation["max_length"] == 16


def test_the_runtime_imports_no_training_framework_and_names_its_requirements(served: Path) -> None:
    heavy = "{'hydra', 'keras', 'mlflow', 'onnx', 'tensorflow', 'torch', 'transformers'}"
    code = (
        "import sys, pathlib; from sentiment.inference.classifier import Classifier; "
        f"Classifier.load(pathlib.Path(sys.argv[1])).negative_probability(['late']); print(*{heavy} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", code, str(served)], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ""
    names = {requirement.split("==")[0] for requirement in classifier.requirements("onnx")}
    assert {"onnxruntime", "tokenizers"} <= names
    assert not names & {"torch", "transformers", "onnx"}


def test_all_products_with_matrices_of_the_encoder_are_quantized(served: Path) -> None:
    graph = load_graph(served / onnx.GRAPH).graph
    node_counts = Counter(node.op_type for node in graph.node)
    layers = node_counts["Softmax"]
    assert node_counts["MatMulIntegerToFloat"] == 6 * layers, "queries, keys, values, outputs, and two feed-forward"
    assert node_counts["QuantizeLinear"] == 4 * layers, "queries, keys and values share their input"
    assert node_counts["MatMul"] == 2 * layers, "attention multiplies activations only"


def test_weights_of_products_use_7_bits_so_that_no_processor_overflows(served: Path) -> None:
    graph = load_graph(served / onnx.GRAPH).graph
    weights = {node.input[1] for node in graph.node if node.op_type == "MatMulIntegerToFloat"}
    integers = [numpy_helper.to_array(tensor) for tensor in graph.initializer if tensor.name in weights]
    assert all(np.abs(matrix.astype(int)).max(axis=0).tolist() == [63] * matrix.shape[1] for matrix in integers)
    assert {matrix.dtype for matrix in integers} == {np.dtype(np.int8)}


@pytest.mark.parametrize("bias", [True, False])
def test_a_quantized_layer_agrees_with_the_linear_layer_even_beside_an_outlier(bias: bool, tmp_path: Path) -> None:
    torch.manual_seed(0)
    linear = torch.nn.Linear(64, 8, bias=bias)
    tokens = torch.randn(1, 3, 64)
    tokens[0, 1] *= 1000
    tokens[0, 2] = 0
    with export.quiet():
        program = torch.onnx.export(export.QuantizedLinear(linear), (tokens,), dynamo=True, verbose=False)
    assert program is not None
    program.save(tmp_path / "layer.onnx")
    session = InferenceSession(tmp_path / "layer.onnx", providers=["CPUExecutionProvider"])
    (output,) = session.run(None, {session.get_inputs()[0].name: tokens.numpy()})
    expected = linear(tokens).detach().numpy()
    assert np.abs(output[0, 0] - expected[0, 0]).max() < 0.03
    assert np.abs(output[0, 1] - expected[0, 1]).max() < 0.03 * 1000
    assert np.array_equal(output[0, 2], expected[0, 2])
