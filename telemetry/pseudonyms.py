"""Keyed hashes in place of the names of people, so that the store can tell them apart without knowing them."""

import hmac
from unicodedata import normalize

AUTHORS = b"hash authors"
BYTES = 16


def author(key: bytes, name: str) -> str:
    """Return the hash of a tweet's author: 32 hexadecimal digits.

    It is the same for names that differ in case, spaces and Unicode form only, and with and without `@`.

    Args:
        key: of the store (`Store.key`).
        name: of the author.
    """
    secret = hmac.digest(key, AUTHORS, "sha256")
    return hmac.digest(secret, normalized(name).removeprefix("@").encode(), "sha256")[:BYTES].hex()


def normalized(text: str) -> str:
    """Return a text without differences in case, spaces and Unicode form."""
    return " ".join(normalize("NFKC", text).casefold().split())
