"""What a tweet speaks of: its words, hashtags and phrases of two words, without those that say nothing."""

import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise

# A link, a mention or what masking leaves of them, or else a word with an optional hash.
TOKEN = re.compile(r"(?:https?://|www\.)\S+|\bhttp\b|@\w+|&\w+;|(#?[^\W\d_]+(?:['-][^\W\d_]+)*)|[^\s\w]")
RETWEET = re.compile(r"\s*(?:RT @\w+:?\s+)+", re.IGNORECASE)
LEAST_LETTERS = 3
# Words of English and French that say nothing about a cause, whatever their frequency.
ENGLISH = (
    "a about after again all also am an and any are as at be because been before being but by can can't could did "
    "do does doing don't for from get got had has have he her here him his how i i'm i've if in into is it it's its "
    "just let me more most my no not nothing now of off on one only or our out over rt she said say says should so "
    "some still than that the their them then there they this those through to too two up us very was we were what "
    "when where which while who why will with would you your you're ur u im dont cant"
)
FRENCH = (
    "ai au aussi aux avec avez bien c'est ce ces cette chez comme d'un d'une dans de depuis des dit donc du elle en "
    "est et eu fait il ils j'ai je l'on la le les leur lui ma mais me même mes moi mon ne non nos notre nous on ont "
    "ou où par pas plus pour qu'il que quel quelle qui quoi sa sans se ses si son sont sur ta te tes toi ton tous "
    "tout très tu un une va vos votre vous y à été être"
)
FUNCTION_WORDS = frozenset(f"{ENGLISH} {FRENCH}".split())


def original(text: str) -> str:
    """Return the tweet of which a text is a retweet in the old style ("RT @somebody: "), or the text itself."""
    prefix = RETWEET.match(text)
    return text[prefix.end() :] if prefix else text


def words(text: str) -> list[str]:
    """Return the words and hashtags of a tweet in lower case, in order, without links and mentions.

    An empty string stands where a phrase cannot go on: at a link, a mention or a punctuation mark.
    """
    plain = text if text.isascii() else unicodedata.normalize("NFC", text).replace("’", "'")
    return TOKEN.findall(plain.lower())


def terms(text: str) -> set[str]:
    """Return the words, hashtags and phrases of two words of a tweet, each once, without function words."""
    found = [word if _says_something(word) else "" for word in words(text)]
    said = {*found, *_phrases(found)}
    said.discard("")
    return said


def _phrases(found: list[str]) -> Iterator[str]:
    for first, second in pairwise(found):
        if first and second and "#" not in first + second:
            yield f"{first} {second}"


def _says_something(word: str) -> bool:
    return len(word.lstrip("#")) >= LEAST_LETTERS and word not in FUNCTION_WORDS
