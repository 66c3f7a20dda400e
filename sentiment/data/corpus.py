"""A corpus: the splits with the tokens of every tweet."""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import partial
from itertools import chain
from pathlib import Path

import yaml
from tqdm import tqdm

from sentiment.data import cores
from sentiment.data.folders import DESCRIPTIONS
from sentiment.inference.errors import UserError
from sentiment.inference.text import Tokenizer, read_text

CHUNK = 5_000


class CorpusError(UserError):
    """A corpus that does not say how it was made."""


def tokenize(texts: Sequence[str], tokenizer: Tokenizer) -> list[list[str]]:
    """Return the tokens of each text, in order, with a progress bar.

    Large data are shared out among the available cores; below two chunks, starting processes would cost more than it
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
    """Write into a corpus how its tokens are made."""
    (folder / DESCRIPTIONS["corpus"]).write_text(yaml.safe_dump(asdict(tokenizer)), encoding="utf-8")


def read_tokenizer(folder: Path) -> Tokenizer:
    """Read how the tokens of a corpus were made.

    Raises:
        CorpusError: the corpus does not say.
    """
    path = folder / DESCRIPTIONS["corpus"]
    tokenizer = read_text(yaml.safe_load(path.read_text(encoding="utf-8")))
    if not isinstance(tokenizer, Tokenizer):
        raise CorpusError(f"{path} describes no tokenizer. Run the preprocess step again.")
    return tokenizer
