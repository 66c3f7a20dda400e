"""A corpus: the splits with the tokens of every tweet."""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import partial
from itertools import chain
from pathlib import Path

import yaml
from tqdm import tqdm

from sentiment.data.folders import DESCRIPTIONS
from sentiment.inference import cores
from sentiment.inference.errors import UserError
from sentiment.inference.text import Tokenizer, read_text

CHUNK = 5_000


class CorpusError(UserError):
    """A corpus without a valid description of its tokenizer."""


def tokenize(texts: Sequence[str], tokenizer: Tokenizer) -> list[list[str]]:
    """Return the tokens of each text, in order, with a progress bar.

    With two chunks or more, all available cores share the work; for less, starting processes would take longer than it
    saves.
    """
    chunks = [texts[start : start + CHUNK] for start in range(0, len(texts), CHUNK)]
    bar = partial(
        tqdm, total=len(chunks), desc="tokenize", unit_scale=CHUNK, unit=" tweets", disable=len(chunks) < 2 or None
    )
    if len(chunks) < 2 or cores.available() == 1:
        return list(chain.from_iterable(bar(map(partial(tokenize_chunk, tokenizer=tokenizer), chunks))))
    with ProcessPoolExecutor(cores.available()) as pool:
        return list(chain.from_iterable(bar(pool.map(partial(tokenize_chunk, tokenizer=tokenizer), chunks))))


def tokenize_chunk(texts: Sequence[str], tokenizer: Tokenizer) -> list[list[str]]:
    """Return the tokens of each text, in this process."""
    return [tokenizer(text) for text in texts]


def write_tokenizer(folder: Path, tokenizer: Tokenizer) -> None:
    """Write the settings of a corpus's tokenizer to its folder."""
    (folder / DESCRIPTIONS["corpus"]).write_text(yaml.safe_dump(asdict(tokenizer)), encoding="utf-8")


def read_tokenizer(folder: Path) -> Tokenizer:
    """Read the tokenizer that a corpus was made with.

    Raises:
        CorpusError: the description is not that of a tokenizer.
    """
    path = folder / DESCRIPTIONS["corpus"]
    tokenizer = read_text(yaml.safe_load(path.read_text(encoding="utf-8")))
    if not isinstance(tokenizer, Tokenizer):
        raise CorpusError(f"{path} does not describe a tokenizer. Run the preprocess step again.")
    return tokenizer
