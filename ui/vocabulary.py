"""Words that distinguish two groups of tweets."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from itertools import chain

import numpy as np
import pandas as pd

# Two-sided 95% quantile of the normal distribution.
NORMAL_95 = 1.959964
# A link or a mention, or else a word: letters, with inner apostrophes and hyphens and an optional leading hash.
TOKEN = re.compile(r"(?:https?://|www\.)\S+|@\w+|(#?[^\W\d_]+(?:['-][^\W\d_]+)*)")
LEAST_LETTERS = 3
# English words that say nothing about a cause, whatever their frequency.
FUNCTION_WORD_LIST = (
    "about after again all also and any are because been before but can could did does don't for from had has have her "
    "him his how i'm into is it's its just more most not now off one only our out over she should since some than that "
    "the their them then there they this those through too two very was were what when where which while who why will "
    "with would you your"
)
FUNCTION_WORDS = frozenset(FUNCTION_WORD_LIST.split())
PRIOR = 500.0


def words(text: str) -> set[str]:
    """Return the words of a tweet in lower case, each once, without links, mentions, short and function words."""
    plain = text if text.isascii() else unicodedata.normalize("NFC", text).replace("’", "'")
    # The group is empty for links and mentions.
    found = set(TOKEN.findall(plain.lower()))
    long_enough = {word for word in found if len(word) > LEAST_LETTERS or len(word.lstrip("#")) == LEAST_LETTERS}
    return long_enough - FUNCTION_WORDS


def characteristic(group: Iterable[Iterable[str]], others: Iterable[Iterable[str]], most: int) -> pd.DataFrame:
    """Return the words that are significantly more frequent in a group of tweets than in the others.

    A word's weight is the z-score of its log-odds ratio between the two, with an informative Dirichlet prior worth
    `PRIOR` words.

    Source: Monroe, Colaresi & Quinn (2008), Fightin' Words, Political Analysis 16, 372-403, equations 16, 20 and 22.

    Args:
        group: the words of each tweet.
        others: those of the tweets to compare with.
        most: maximum number of words.

    Returns:
        Columns `word`, `tweets` (of the group, containing the word), `weight`; only weights above 1.96, largest first.
    """
    inside, outside = Counter(chain.from_iterable(group)), Counter(chain.from_iterable(others))
    vocabulary = sorted(inside)
    if not vocabulary or not outside or len(inside | outside) < 2:
        return pd.DataFrame(columns=["word", "tweets", "weight"])
    frequencies = np.array([(inside[word], outside[word]) for word in vocabulary], dtype=float)
    totals = np.array([inside.total(), outside.total()], dtype=float)
    prior = PRIOR * frequencies.sum(axis=1, keepdims=True) / totals.sum()
    odds = np.log(frequencies + prior) - np.log(totals + PRIOR - frequencies - prior)
    weight = (odds[:, 0] - odds[:, 1]) / np.sqrt((1 / (frequencies + prior)).sum(axis=1))
    frame = pd.DataFrame({"word": vocabulary, "tweets": frequencies[:, 0].astype(int), "weight": weight})
    return frame[frame["weight"] > NORMAL_95].nlargest(most, "weight").reset_index(drop=True)
