"""Text of one tweet: from what people type to what a model reads.

A model carries, as data, the `Cleaner` or the `Tokenizer` it was trained with, so that training and serving cannot
drift apart. This module travels inside every served model: it imports nothing heavy.
"""

import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import emoji
import simplemma
from nltk.stem.snowball import SnowballStemmer
from nltk.tokenize.casual import TweetTokenizer

Words = Literal["plain", "lemma", "stem"]

CURLY_QUOTES = str.maketrans("\u2018\u2019\u201c\u201d", "''\"\"")
LINK = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
MENTION = re.compile(r"(?<!\w)@\w+")
SKIN_TONE_OR_VARIATION = re.compile("[\U0001f3fb-\U0001f3ff\ufe0e\ufe0f]")
SPACES = re.compile(r"\s+")
# With and without their apostrophe: "dont" is as common as "don't" on Twitter.
CONTRACTED_NOT = re.compile(
    r"\b(?:(ai|are|ca|could|did|do|does|had|has|have|is|might|must|need|sha|should|was|were|wo|would)n'?t|(can)not)\b",
    re.IGNORECASE,
)
IRREGULAR = {"ai": "is", "ca": "can", "sha": "shall", "wo": "will"}
# Any word with a letter and nothing but letters and apostrophes: what has a lemma or a stem.
WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")


@dataclass(frozen=True, kw_only=True)
class Cleaner:
    """Rewrite one tweet as plain text; it stays a sentence that a person (or BERT) can read.

    Entities are always decoded (`&amp;` gives `&`), curly quotes straightened and spaces collapsed.

    Attributes:
        links: what stands for a link: `see http://t.co/x1` gives `see http` with `"http"`.
        mentions: what stands for a mention: `@AirParadis hi` gives `@user hi` with `"@user"`.
        emoji: whether an emoji is rewritten as its name: `\U0001f620` gives `angry_face`; skin tones are dropped.
        max_repeats: how often in a row one character may stand: `sooooo` gives `sooo` with 3.
    """

    links: str
    mentions: str
    emoji: bool
    max_repeats: int

    def __call__(self, text: str) -> str:
        """Return the cleaned text; it may be empty."""
        text = html.unescape(text)
        ascii_only = text.isascii()  # most tweets are, and what follows for the others costs half the time
        if not ascii_only:
            text = text.translate(CURLY_QUOTES)
        text = LINK.sub(self.links, text)
        text = MENTION.sub(self.mentions, text)
        if self.emoji and not ascii_only:
            text = emoji.demojize(SKIN_TONE_OR_VARIATION.sub("", text), delimiters=(" ", " "))
        text = re.sub(rf"(.)\1{{{self.max_repeats},}}", lambda run: run[1] * self.max_repeats, text)
        return SPACES.sub(" ", text).strip()


@dataclass(frozen=True, kw_only=True)
class Tokenizer:
    """Cut one tweet into tokens with NLTK's tweet tokenizer, which keeps emoticons, mentions and hashtags whole.

    Attributes:
        cleaner: what the text goes through first.
        lowercase: whether case is dropped: `LATE` gives `late`. Emoticons keep theirs (`:D`).
        negation: whether contracted negations are spelled out: `didn't` and `didnt` give `did not`. Without it,
            lemmatisation would lose them (simplemma's lemma of `don't` is `do`).
        words: `plain` leaves words alone; `lemma` gives simplemma's dictionary form (`flights were` gives `flight
            be`); `stem` gives the Snowball stem (`cancelled cancelling` gives `cancel cancel`).
    """

    cleaner: Cleaner
    lowercase: bool
    negation: bool
    words: Words

    def __call__(self, text: str) -> list[str]:
        """Return the tokens; the list may be empty."""
        text = self.cleaner(text)
        if self.negation:
            text = CONTRACTED_NOT.sub(spell_out_not, text)
        tokens = tweet_tokenizer(preserve_case=not self.lowercase).tokenize(text)
        reduce = REDUCE[self.words]
        return [reduce(token) if WORD.fullmatch(token) else token for token in tokens]


@lru_cache
def tweet_tokenizer(*, preserve_case: bool) -> TweetTokenizer:
    """Return NLTK's tweet tokenizer, made once."""
    return TweetTokenizer(preserve_case=preserve_case)


def spell_out_not(match: re.Match[str]) -> str:
    """Return a contracted negation in two words: `can't` gives `can not`."""
    verb = match[1] or match[2]
    return f"{IRREGULAR.get(verb.lower(), verb)} not"


@lru_cache(maxsize=100_000)
def lemma(word: str) -> str:
    """Return the English dictionary form of a word, in lower case if the word is.

    Source: Barbaresi, simplemma (https://github.com/adbar/simplemma).
    """
    form = simplemma.lemmatize(word, lang="en")
    return form.lower() if word.islower() else form  # its form of `i` is `I`


@lru_cache(maxsize=100_000)
def stem(word: str) -> str:
    """Return the English Snowball stem of a word, in lower case.

    Source: Porter, 2001 (http://snowball.tartarus.org/texts/introduction.html), in NLTK.
    """
    return str(SnowballStemmer("english").stem(word))


def plain(word: str) -> str:
    """Return the word as it is."""
    return word


REDUCE: dict[Words, Callable[[str], str]] = {"plain": plain, "lemma": lemma, "stem": stem}
