"""`sentiment.inference.runtimes.tflite`: converting tokens to numbers."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sentiment.inference.runtimes import tflite
from sentiment.inference.runtimes.tflite import PADDING, UNKNOWN


def test_tokens_are_numbered_truncated_and_padded_at_the_end() -> None:
    number = tflite.number_words(["late", "crew"])
    rows = tflite.token_numbers([["crew", "rude", "late", "late"], ["late"]], number, 3)
    assert rows.dtype == np.int32
    assert rows.tolist() == [[3, UNKNOWN, 2], [2, PADDING, PADDING]]


def test_a_text_without_tokens_is_one_unknown_word() -> None:
    assert tflite.token_numbers([[]], {}, 3).tolist() == [[UNKNOWN, PADDING, PADDING]]


@pytest.mark.parametrize("word", ["a\u0085b", "\u2028", '"', "\\", "\U0001f620", "\n"])
def test_a_vocabulary_keeps_any_word(tmp_path: Path, word: str) -> None:
    tflite.write_vocabulary(tmp_path, ["late", word, "crew"])
    assert tflite.read_vocabulary(tmp_path) == ["late", word, "crew"]


def test_the_light_runtime_imports_no_training_framework() -> None:
    heavy = "{'hydra', 'keras', 'mlflow', 'tensorflow', 'torch', 'transformers'}"
    code = "import sys, sentiment.inference.runtimes.tflite, sentiment.inference.classifier; "
    code += f"print(*{heavy} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ""
