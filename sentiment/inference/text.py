"""Text of one tweet: from what people type to what a model reads.

A model carries, as data, the `Cleaner` or the `Tokenizer` it was trained with, so that training and serving cannot
drift apart. This module travels inside every served model: it imports nothing heavy.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import emoji
import simplemma

from sentiment.inference.characters import ENTITY, normalize

Words = Literal["plain", "lemma", "stem"]

LINK = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
MENTION = re.compile(r"(?<!\w)@\w+")
SKIN_TONE_OR_VARIATION = re.compile("[\U0001f3fb-\U0001f3ff\ufe0e\ufe0f]")
# With and without their apostrophe: "dont" is as common as "don't" on Twitter.
CONTRACTED_NOT = re.compile(
    r"\b(?:(ai|are|ca|could|did|do|does|had|has|have|is|might|must|need|sha|should|was|were|wo|would)n'?t|(can)not)\b",
    re.IGNORECASE,
)
IRREGULAR = {"ai": "is", "ca": "can", "sha": "shall", "wo": "will"}
# Any word with a letter and nothing but letters and apostrophes: what has a lemma or a stem.
WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
# A space beside a letter, at which a text can be cut in two without changing its tokens: of all that NLTK's tweet
# tokenizer looks for, only phone numbers and spaced dots (`. . .`) span spaces, and they hold no letter.
SEAM = re.compile(r"(?<=[^\W\d_])[ ]|[ ](?=[^\W\d_])")
# Longer pieces, in characters, are not remembered: they hardly come again, and strangers may send them.
LONG = 40


@dataclass(frozen=True, kw_only=True)
class Cleaner:
    """Rewrite one tweet as plain text; it stays a sentence that a person (or BERT) can read.

    Entities and typed escapes are always decoded (`&amp;` gives `&`), apostrophes straightened and spaces collapsed.

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
        text = normalize(text)
        text = LINK.sub(self.links, text)
        if "@" in text:
            text = MENTION.sub(self.mentions, text)
        if self.emoji and not text.isascii():  # most tweets are, and emoji cost half the time
            text = emoji.demojize(SKIN_TONE_OR_VARIATION.sub("", text), delimiters=(" ", " "))
        text = longer_run(self.max_repeats).sub(lambda run: run[1] * self.max_repeats, text)
        return " ".join(text.split())


# Names and addresses say who wrote, not how people write.
PROSE = Cleaner(links=" ", mentions=" ", emoji=False, max_repeats=3)


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
        # NLTK's tokenizer decodes what is left of entities, which may give digits, dots or spaces.
        pieces = [text] if ENTITY.search(text) else SEAM.split(text)
        cut = cutter(self.lowercase, self.negation, self.words)
        return [token for piece in pieces for token in cut(piece)]


@lru_cache
def cutter(lowercase: bool, negation: bool, words: Words) -> Callable[[str], tuple[str, ...]]:
    """Return what cuts a piece of clean text into tokens, and remembers it: most pieces are words that come again."""
    from nltk.tokenize.casual import TweetTokenizer  # half a second, which models with a tokenizer of their own save

    tweet_tokenizer = TweetTokenizer(preserve_case=not lowercase)
    reduce = REDUCE[words]

    def cut(piece: str) -> tuple[str, ...]:
        if negation:
            piece = CONTRACTED_NOT.sub(spell_out_not, piece)
        tokens = tweet_tokenizer.tokenize(piece)
        return tuple(reduce(token) if WORD.fullmatch(token) else token for token in tokens)

    remembered = lru_cache(maxsize=100_000)(cut)
    return lambda piece: remembered(piece) if len(piece) <= LONG else cut(piece)


@lru_cache
def longer_run(length: int) -> re.Pattern[str]:
    """Return the pattern of more than so many of one character in a row."""
    return re.compile(rf"(.)\1{{{length},}}")


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
    from nltk.stem.snowball import SnowballStemmer

    return str(SnowballStemmer("english").stem(word))


def plain(word: str) -> str:
    """Return the word as it is."""
    return word


REDUCE: dict[Words, Callable[[str], str]] = {"plain": plain, "lemma": lemma, "stem": stem}


def read_text(description: dict[str, Any] | None) -> Cleaner | Tokenizer | None:
    """Rebuild the `Cleaner` or the `Tokenizer` that `dataclasses.asdict` took apart, if there is one."""
    if description is None:
        return None
    if "cleaner" in description:
        return Tokenizer(**{**description, "cleaner": Cleaner(**description["cleaner"])})
    return Cleaner(**description)
