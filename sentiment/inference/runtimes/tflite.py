"""Networks on words, run by TensorFlow Lite's interpreter only, one tweet at a time on one thread."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Lock

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from sentiment.inference.text import Tokenizer

REQUIREMENTS = ("ai-edge-litert",)
NETWORK = "network.tflite"
VOCABULARY = "vocabulary.json"

PADDING = 0
UNKNOWN = 1
FIRST_WORD = 2


def load(folder: Path, text: Tokenizer) -> Callable[[Sequence[str]], NDArray[np.float64]]:
    """Load a network whose input is the numbers of a tweet's tokens; its input shape gives their maximum count."""
    word_numbers = number_words(read_vocabulary(folder))
    interpreter = Interpreter(model_path=str(folder / NETWORK), num_threads=1)
    interpreter.allocate_tensors()
    input_details = interpreter.get_input_details()[0]
    output_index = interpreter.get_output_details()[0]["index"]
    length = int(input_details["shape"][1])
    one_at_a_time = Lock()  # an interpreter has a single set of tensors

    def score(texts: Sequence[str]) -> NDArray[np.float64]:
        rows = token_numbers([text(tweet) for tweet in texts], word_numbers, length)
        probabilities = np.empty(len(rows))
        with one_at_a_time:
            for index in range(len(rows)):
                interpreter.set_tensor(input_details["index"], rows[index : index + 1])
                interpreter.invoke()
                probabilities[index] = interpreter.get_tensor(output_index)[0, 0]
        return probabilities

    return score


def number_words(words: Sequence[str]) -> dict[str, int]:
    """Number the words of a vocabulary, after the numbers for padding and unknown words."""
    return {word: number for number, word in enumerate(words, start=FIRST_WORD)}


def token_numbers(texts: Sequence[Sequence[str]], word_numbers: Mapping[str, int], length: int) -> NDArray[np.int32]:
    """Return the numbers of each text's first tokens, padded at the end, shape (texts, length).

    A text without tokens becomes one unknown word, so that a network never averages over nothing.
    """
    rows = np.full((len(texts), length), PADDING, dtype=np.int32)
    for row, tokens in zip(rows, texts, strict=True):
        numbers = [word_numbers.get(token, UNKNOWN) for token in tokens[:length]] or [UNKNOWN]
        row[: len(numbers)] = numbers
    return rows


def write_vocabulary(folder: Path, words: Sequence[str]) -> None:
    """Write a vocabulary, one word per line, to a folder."""
    (folder / VOCABULARY).write_text(json.dumps(words, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")


def read_vocabulary(folder: Path) -> list[str]:
    """Read the vocabulary in a folder."""
    words: list[str] = json.loads((folder / VOCABULARY).read_text(encoding="utf-8"))
    return words
