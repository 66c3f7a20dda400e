"""Why people complain: reasons that are known beforehand, found by the words that speak of them."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

OTHER = "other"


class Taxonomy:
    """Reasons, and for each the words and phrases that speak of it; a word that ends in `*` may go on."""

    def __init__(self, words: Mapping[str, Sequence[str]]) -> None:
        """Take the words of each reason; the order of the reasons decides between equals.

        Raises:
            ValueError: a reason is called `other`, or a word is given twice or is empty.
        """
        self.words = words
        if OTHER in words:
            raise ValueError(f"`{OTHER}` is the reason of tweets without a word: call yours something else.")
        counted = Counter(word for group in words.values() for word in group)
        if repeated := [word for word, count in counted.items() if count > 1 or not word.strip("* ")]:
            raise ValueError(f"Words must be given once, and not be empty: {', '.join(map(repr, repeated))}.")

    @property
    def names(self) -> list[str]:
        """The names of the reasons; the last is that of tweets that have none of the words."""
        return [*self.words, OTHER]

    @cached_property
    def _patterns(self) -> Mapping[str, re.Pattern[str]]:
        return {
            name: re.compile(rf"(?<!\w)#?(?:{'|'.join(map(_pattern, sorted(group, key=len, reverse=True)))})")
            for name, group in self.words.items()
            if group
        }

    def reason(self, text: str) -> str:
        """Return the reason of a tweet: the one with most of its words, each counted once; phrases count double."""
        plain = text.lower().replace("’", "'")
        scores = {name: _score(set(pattern.findall(plain))) for name, pattern in self._patterns.items()}
        best = max(scores, key=lambda name: scores[name], default=OTHER)
        return best if scores.get(best, 0) else OTHER


class Share(NamedTuple):
    """A reason, and how many of the tweets have it."""

    reason: str
    tweets: int


def shares(reasons: Iterable[str]) -> list[Share]:
    """Return the reasons of tweets, each once, the most frequent first; that of tweets without a known one last."""
    counted = Counter(reasons)
    order = sorted(counted, key=lambda name: (name == OTHER, -counted[name], name))
    return [Share(name, counted[name]) for name in order]


def _pattern(word: str) -> str:
    ending = r"\w*" if word.endswith("*") else r"(?!\w)"
    return re.escape(word.removesuffix("*").lower()).replace(r"\ ", r"\s+") + ending


def _score(found: set[str]) -> int:
    return sum(2 if " " in words else 1 for words in found)
