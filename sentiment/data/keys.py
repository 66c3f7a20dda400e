"""What makes two texts the same, or nearly so; what puts rows in order; the group of a row whose author is unknown."""

import html
import unicodedata
from collections.abc import Callable

import numpy as np
import pandas as pd
from tqdm import tqdm

from sentiment.inference.characters import IGNORABLE, normalize, straighten
from sentiment.inference.text import LINK, MENTION

# Of ASCII. An apostrophe stands in a word: `dont` is as common as `don't` on Twitter.
PUNCTUATION = str.maketrans(dict.fromkeys('!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~', " ") | {"'": ""})


def text_key(text: str) -> str:
    """Return what two texts have in common if a reader can hardly tell them apart.

    They differ in case, spaces, HTML entities, accents composed or not, kinds of apostrophes and quotation marks, or
    invisible characters only: `Tom &amp; Jerry ` and `tom & jerry` have the same key; so has `Tom &amp;amp; Jerry`.
    """
    spelled = spelling(text)
    key = look(spelled)
    if key == spelled:
        return key
    while (plain := look(spelling(key))) != key:
        key = plain
    return key


def spelling(text: str) -> str:
    """Return what two texts have in common if they differ in case, spaces and HTML entities only."""
    while (plain := html.unescape(text.casefold())) != text:
        text = plain
    return " ".join(text.split())


def look(text: str) -> str:
    """Return a text with its accents composed, and with straight apostrophes, without what cannot be seen."""
    return straighten(text if text.isascii() else IGNORABLE.sub("", text))


def near_key(text: str) -> str:
    """Return what a text shares with its near-duplicates.

    It leaves out what `text_key` does, mentions, links and punctuation, and decodes typed escapes, ligatures and wide
    letters: `@ana So late!! http://t.co/1` and `so late` have the same near key.
    """
    plain = MENTION.sub(" ", LINK.sub(" ", text_key(normalize(text))))
    if not plain.isascii():
        plain = unicodedata.normalize("NFKC", plain).casefold()
    plain = plain.translate(PUNCTUATION)
    if not plain.isascii():
        plain = "".join(" " if unicodedata.category(character)[0] == "P" else character for character in plain)
    return " ".join(plain.split())


def keys_of(texts: pd.Series, task: str, key: Callable[[str], str]) -> pd.Series:
    """Return the key of each text, of whichever kind, and show progress on a task that takes seconds."""
    shown = tqdm(texts, desc=task, unit=" texts", delay=2)
    return pd.Series([key(text) for text in shown], index=texts.index, dtype=object)


def order_of(texts: pd.Series) -> np.ndarray:
    """Return by what rows are put in order, shape (n,): a hash of the spelling of each text."""
    return hash_of(keys_of(texts, "order", spelling))


def hash_of(values: pd.Series) -> np.ndarray:
    """Return a hash of each string, 64 bits, the same on every machine."""
    return pd.util.hash_array(values.to_numpy(dtype=object), categorize=False)


def text_hashes(texts: pd.Series) -> pd.Series:
    """Return a hash, 64 bits, of the key of each text."""
    return pd.Series(hash_of(texts.map(text_key)), index=texts.index)


def group_of_its_own(value: int) -> str:
    """Return the group of a row whose author is unknown, from the hash that puts it in order."""
    return f"text-{value:016x}"


def of_unknown_group(frame: pd.DataFrame) -> pd.Series:
    """Return which rows have no group but one of their own."""
    return frame["group"].str.fullmatch("text-[0-9a-f]{16}")
