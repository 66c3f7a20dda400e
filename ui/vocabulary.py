"""Which words set two groups of tweets apart."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

import numpy as np
import pandas as pd

# What is sure at 95 %, as a quantile of the normal distribution.
NORMAL_95 = 1.959964
# Letters, with apostrophes and hyphens within, and perhaps a hash before them.
WORD = re.compile(r"#?[^\W\d_]+(?:['-][^\W\d_]+)*", re.UNICODE)
MENTION = re.compile(r"@\w+")
LINK = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
LEAST_LETTERS = 3
PRIOR = 500.0


def words(text: str) -> set[str]:
    """Return the words of a tweet, in lower case; short ones, links and mentions are left out."""
    plain = unicodedata.normalize("NFC", text).replace("’", "'")
    found = (word.lower() for word in WORD.findall(MENTION.sub(" ", LINK.sub(" ", plain))))
    return {word for word in found if len(word.lstrip("#")) >= LEAST_LETTERS}


def marking(group: Iterable[str], others: Iterable[str], most: int) -> pd.DataFrame:
    """Return the words that mark a group of tweets against others: by how sure it is that they are more frequent there.

    A word's weight is its log-odds ratio between the two, shrunk towards its frequency in both (an informative
    Dirichlet prior, worth `PRIOR` words), over its standard deviation.

    Source: Monroe, Colaresi & Quinn (2008), Fightin' Words, Political Analysis 16, 372-403, equations 16, 20 and 22.

    Args:
        group: texts.
        others: texts to compare with.
        most: how many words at most.

    Returns:
        Columns `word`, `tweets` (of the group that hold it), `weight`; the heaviest first, those above 1.96 alone.
    """
    here, there = Counter[str](), Counter[str]()
    for texts, counts in ((group, here), (others, there)):
        for text in texts:
            counts.update(words(text))
    names = sorted(here)
    if not names or not there or len(here | there) < 2:
        return pd.DataFrame(columns=["word", "tweets", "weight"])
    counted = np.array([(here[name], there[name]) for name in names], dtype=float)
    totals = np.array([here.total(), there.total()], dtype=float)
    prior = PRIOR * counted.sum(axis=1, keepdims=True) / totals.sum()
    odds = np.log(counted + prior) - np.log(totals + PRIOR - counted - prior)
    weight = (odds[:, 0] - odds[:, 1]) / np.sqrt((1 / (counted + prior)).sum(axis=1))
    frame = pd.DataFrame({"word": names, "tweets": counted[:, 0].astype(int), "weight": weight})
    return frame[frame["weight"] > NORMAL_95].nlargest(most, "weight").reset_index(drop=True)
