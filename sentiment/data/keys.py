"""Keys of texts, groups of rows without an author, and digests of splits."""

import hashlib
import html
import re
import unicodedata
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from tqdm import tqdm

from sentiment.inference.characters import IGNORABLE, normalize, straighten
from sentiment.inference.text import LINK, MENTION

# ASCII punctuation. An apostrophe is dropped, not replaced by a space: `dont` is as common as `don't` on Twitter.
PUNCTUATION = str.maketrans(dict.fromkeys('!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~', " ") | {"'": ""})

# A typed escape `\U0001F600` in lower case.
LONG_ESCAPE = re.compile(r"\\u(?=000[0-9a-f]{5})")


def text_key(text: str) -> str:
    """Return the key that texts share if a reader can hardly tell them apart.

    Such texts differ only in case, spaces, HTML entities, composition of accents, kinds of apostrophes and quotation
    marks, or invisible characters: `Tom &amp; Jerry `, `tom & jerry` and `Tom &amp;amp; Jerry` have the same key.
    """
    spelled = spelling(text)
    key = without_invisible(spelled)
    if key == spelled:
        return key
    while (plain := without_invisible(spelling(key))) != key:
        key = plain
    return key


def spelling(text: str) -> str:
    """Return the key that texts share if they differ only in case, spaces and HTML entities."""
    while (plain := html.unescape(text.casefold())) != text:
        text = plain
    return " ".join(text.split())


def without_invisible(text: str) -> str:
    """Return a text without invisible characters, with composed accents and straight apostrophes."""
    return straighten(text if text.isascii() else IGNORABLE.sub("", text))


def near_key(text: str) -> str:
    """Return the key that a text shares with its near-duplicates.

    Ignores all that `text_key` ignores, and mentions, links and punctuation; decodes typed escapes, ligatures and wide
    letters: `@ana So late!! http://t.co/1` and `so late` have the same near key.
    """
    # From the key, not from the text: escapes depend on case, duplicates do not.
    plain = text_key(normalize(LONG_ESCAPE.sub(r"\\U", text_key(text))))
    plain = MENTION.sub(" ", LINK.sub(" ", plain))
    if not plain.isascii():
        plain = unicodedata.normalize("NFKC", plain).casefold()
    plain = plain.translate(PUNCTUATION)
    if not plain.isascii():
        plain = "".join(" " if unicodedata.category(character)[0] == "P" else character for character in plain)
    return " ".join(plain.split())


def keys_of(texts: pd.Series, task: str, key: Callable[[str], str]) -> pd.Series:
    """Return the key of each text; if that takes more than two seconds, show progress."""
    progress = tqdm(texts, desc=task, unit=" texts", delay=2)
    return pd.Series([key(text) for text in progress], index=texts.index, dtype=object)


def order_of(texts: pd.Series) -> np.ndarray:
    """Return the sort key of rows, shape (n,): a hash of each text's spelling."""
    return hash_of(keys_of(texts, "order", spelling))


def hash_of(values: pd.Series) -> np.ndarray:
    """Return a 64-bit hash of each string, the same on every machine."""
    return pd.util.hash_array(values.to_numpy(dtype=object), categorize=False)


def text_hashes(texts: pd.Series) -> pd.Series:
    """Return a 64-bit hash of the `text_key` of each text."""
    return pd.Series(hash_of(texts.map(text_key)), index=texts.index)


def group_of_its_own(value: int) -> str:
    """Return the group of a row without an author, made from its sort key (`order_of`)."""
    return f"text-{value:016x}"


def has_unknown_group(frame: pd.DataFrame) -> pd.Series:
    """Return which rows have no author, and therefore a group of their own."""
    return frame["group"].str.fullmatch("text-[0-9a-f]{16}")


def digest(frames: Mapping[str, pd.DataFrame]) -> str:
    """Return the sha256 of the content of the splits, in hexadecimal digits.

    Each row is hashed by pandas (64 bits of its `text`, `negative` and `group`); the sorted hashes of each split and
    the splits' names are then hashed together. The order of rows and the file format do not matter.
    """
    content = hashlib.sha256()
    for name, frame in sorted(frames.items()):
        rows = pd.util.hash_pandas_object(frame[["text", "negative", "group"]], index=False).to_numpy()
        content.update(name.encode())
        content.update(np.sort(rows).astype("<u8").tobytes())
    return content.hexdigest()
