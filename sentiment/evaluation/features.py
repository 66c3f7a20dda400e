"""Features: numbers and traits that describe tweets without quoting them, so that they can be kept and compared."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence, Set

import numpy as np
import pandas as pd
from tqdm import tqdm

from sentiment.evaluation.slices import traits_of
from sentiment.inference.text import PROSE, WORD

# Features by their names in tables, with what people call them. Length is in characters; `unknown_words` and
# `english_words` are shares of a tweet's words, 0 to 1; the others are true or false.
FEATURES = {
    "length": "length in characters",
    "unknown_words": "share of words that training did not know",
    "english_words": "share of words in the English dictionary",
    "mention": "with a mention",
    "link": "with a link",
    "hashtag": "with a hashtag",
    "emoji": "with an emoji or emoticon",
    "negation": "with a negation",
    "question": "with ? or !",
    "capitals": "with a word in capitals",
}
# What `sentiment.evaluation.slices.traits_of` calls some of them.
TRAITS = {"emoji": "emoji or emoticon", "question": "? or !"}
# What masking leaves of a link, in stored events (`telemetry.events.keep`).
MASKED_LINK = re.compile(r"(?<!\S)http(?!\S)")
MASK = "http"
# A word is known if it occurs in this many tweets of the training split: then it is hardly anybody's name.
KNOWN_FROM = 3
MOST_KNOWN = 50_000


def describe(texts: Sequence[str], known: Set[str]) -> pd.DataFrame:
    """Return the features of raw tweets, a column for each of FEATURES; after two seconds, show progress.

    A tweet without words has neither unknown nor English ones. Takes about a millisecond per tweet.

    Args:
        texts: the tweets, or what masking left of them.
        known: the words of training, as `vocabulary` returns them.
    """
    from simplemma import in_target_language  # takes 0.2 s to import

    rows = []
    for text in tqdm(texts, desc="features", unit=" tweets", delay=2):
        words, traits = words_of(text), traits_of(text)
        traits["link"] = traits["link"] or bool(MASKED_LINK.search(text))
        rows.append(
            {
                "length": float(len(text)),
                "unknown_words": float(np.mean([word not in known for word in words])) if words else 0.0,
                "english_words": in_target_language(" ".join(words), lang="en") if words else 0.0,
                **{name: traits[TRAITS.get(name, name)] for name in list(FEATURES)[3:]},
            }
        )
    return pd.DataFrame(rows, columns=list(FEATURES))


def vocabulary(texts: Iterable[str]) -> list[str]:
    """Return the words that occur in at least KNOWN_FROM tweets, the most frequent first, MOST_KNOWN at most."""
    return frequent_words(texts, least=KNOWN_FROM, most=MOST_KNOWN)["word"].tolist()


def frequent_words(texts: Iterable[str], *, least: int, most: int, known: Set[str] = frozenset()) -> pd.DataFrame:
    """Return words by the number of tweets that they occur in: columns `word` and `tweets`, the most frequent first.

    Args:
        texts: the tweets.
        least: the smallest number of tweets.
        most: the largest number of words.
        known: words to leave out.
    """
    counts: Counter[str] = Counter()
    for text in tqdm(texts, desc="words", unit=" tweets", delay=2):
        counts.update(set(words_of(text)) - known)
    frequent = sorted(((word, n) for word, n in counts.items() if n >= least), key=lambda pair: (-pair[1], pair[0]))
    return pd.DataFrame(frequent[:most], columns=["word", "tweets"])


def words_of(text: str) -> list[str]:
    """Return the words of a tweet's prose in lower case: without mentions, links and digits."""
    return [word for word in WORD.findall(PROSE(text).casefold()) if word != MASK]
