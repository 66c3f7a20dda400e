"""Text of one tweet: from what people type to what a model reads.

A model stores the settings of the `Cleaner` or `Tokenizer` it was trained with, so that training and serving cannot
drift apart. Every served model contains this module, so it imports nothing heavy.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import emoji

from sentiment.inference.characters import ENTITY, normalize

Words = Literal["plain", "lemma", "stem"]

LINK = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
MENTION = re.compile(r"(?<!\w)@\w+")
SKIN_TONE_OR_VARIATION = re.compile("[\U0001f3fb-\U0001f3ff\ufe0e\ufe0f]")
# With or without apostrophe: "dont" is as common as "don't" on Twitter.
CONTRACTED_NOT = re.compile(
    r"\b(?:(ai|are|ca|could|did|do|does|had|has|have|is|might|must|need|sha|should|was|were|wo|would)n'?t|(can)not)\b",
    re.IGNORECASE,
)
IRREGULAR = {"ai": "is", "ca": "can", "sha": "shall", "wo": "will"}
# A word of letters and apostrophes only: it has a lemma and a stem.
WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
# A space beside a letter: a text can be cut there without changing its tokens. Of the patterns of NLTK's tweet
# tokenizer, only phone numbers and spaced dots (`. . .`) span spaces, and they contain no letters.
SEAM = re.compile(r"(?<=[^\W\d_])[ ]|[ ](?=[^\W\d_])")
# Longer pieces, in characters, are not cached: they rarely recur, and anyone could fill the cache with them.
MAX_CACHED = 40
# Longer pieces, in characters, are cut. No tweet is longer, and the time of NLTK's patterns grows with the square of
# the length: 2,000 characters of `a.b.` took 0.1 s.
MAX_PIECE = 280


@dataclass(frozen=True, kw_only=True)
class Cleaner:
    """Rewrite one tweet as plain text that a person (or BERT) can still read as a sentence.

    Always decodes entities and typed escapes (`&amp;` gives `&`), straightens apostrophes and collapses spaces.

    Attributes:
        links: replacement for a link: `see http://t.co/x1` gives `see http` with `"http"`.
        mentions: replacement for a mention: `@AirParadis hi` gives `@user hi` with `"@user"`.
        emoji: whether to replace an emoji by its name: `\U0001f620` gives `angry_face`; skin tones are dropped.
        max_repeats: the longest run of one character to keep: `sooooo` gives `sooo` with 3.
    """

    links: str
    mentions: str
    emoji: bool
    max_repeats: int

    def __call__(self, text: str) -> str:
        """Return the cleaned text; it may be empty."""
        text = normalize(text)
        name_emoji = self.emoji and not text.isascii()  # most tweets are ASCII, and demojize takes half the time
        if name_emoji:  # first: `@\ufe0fanna` becomes a mention
            text = SKIN_TONE_OR_VARIATION.sub("", text)
        text = LINK.sub(self.links, text)
        if "@" in text:
            text = MENTION.sub(self.mentions, text)
        if name_emoji:
            text = emoji.demojize(text, delimiters=(" ", " "))
        text = longer_run(self.max_repeats).sub(lambda run: run[1] * self.max_repeats, text)
        return " ".join(text.split())


# For prose: names and addresses identify the writer, not the way of writing.
PROSE = Cleaner(links=" ", mentions=" ", emoji=False, max_repeats=3)


@dataclass(frozen=True, kw_only=True)
class Tokenizer:
    """Split one tweet into tokens with NLTK's tweet tokenizer, which keeps emoticons, mentions and hashtags whole.

    Attributes:
        cleaner: applied to the text first.
        lowercase: whether to lowercase: `LATE` gives `late`. Emoticons keep their case (`:D`).
        negation: whether to spell out contracted negations: `didn't` and `didnt` give `did not`. Otherwise
            lemmatisation loses them (simplemma's lemma of `don't` is `do`).
        words: `plain` leaves words unchanged; `lemma` gives simplemma's dictionary form (`flights were` gives `flight
            be`); `stem` gives the Snowball stem (`cancelled cancelling` gives `cancel cancel`).
    """

    cleaner: Cleaner
    lowercase: bool
    negation: bool
    words: Words

    def __call__(self, text: str) -> list[str]:
        """Return the tokens; the list may be empty."""
        text = self.cleaner(text)
        # NLTK's tokenizer decodes remaining entities, which may result in digits, dots or spaces.
        pieces = [text] if ENTITY.search(text) else SEAM.split(text)
        tokenize = cached_tokenizer(self.lowercase, self.negation, self.words)
        return [token for piece in pieces for part in parts(piece) for token in tokenize(part)]


@lru_cache
def cached_tokenizer(lowercase: bool, negation: bool, words: Words) -> Callable[[str], tuple[str, ...]]:
    """Return a function that splits a piece of clean text into tokens, cached: most pieces are recurring words."""
    from nltk.tokenize.casual import TweetTokenizer  # NLTK takes a second to import; some models never need it

    tweet_tokenizer = TweetTokenizer(preserve_case=not lowercase)
    reduce = REDUCE[words]

    def tokenize(piece: str) -> tuple[str, ...]:
        if negation:
            piece = CONTRACTED_NOT.sub(spell_out_not, piece)
        tokens = tweet_tokenizer.tokenize(piece)
        return tuple(reduce(token) if WORD.fullmatch(token) else token for token in tokens)

    cached = lru_cache(maxsize=100_000)(tokenize)
    return lambda piece: cached(piece) if len(piece) <= MAX_CACHED else tokenize(piece)


def parts(piece: str) -> list[str]:
    """Cut a piece that is longer than `MAX_PIECE`; return its parts."""
    return [piece[start : start + MAX_PIECE] for start in range(0, len(piece), MAX_PIECE)] or [piece]


@lru_cache
def longer_run(length: int) -> re.Pattern[str]:
    """Return the pattern of more than `length` equal characters in a row."""
    return re.compile(rf"(.)\1{{{length},}}")


def spell_out_not(match: re.Match[str]) -> str:
    """Return a contracted negation as two words: `can't` gives `can not`."""
    verb = match[1] or match[2]
    return f"{IRREGULAR.get(verb.lower(), verb)} not"


@lru_cache(maxsize=100_000)
def lemma(word: str) -> str:
    """Return the English dictionary form of a word, in lower case if the word is.

    Source: Barbaresi, simplemma (https://github.com/adbar/simplemma).
    """
    import simplemma  # takes 0.2 s to import

    form = simplemma.lemmatize(word, lang="en")
    return form.lower() if word.islower() else form  # the lemma of `i` is `I`


@lru_cache(maxsize=100_000)
def stem(word: str) -> str:
    """Return the English Snowball stem of a word, in lower case.

    Source: Porter, 2001 (http://snowball.tartarus.org/texts/introduction.html), in NLTK.
    """
    from nltk.stem.snowball import SnowballStemmer

    return str(SnowballStemmer("english").stem(word))


def plain(word: str) -> str:
    """Return the word unchanged."""
    return word


REDUCE: dict[Words, Callable[[str], str]] = {"plain": plain, "lemma": lemma, "stem": stem}


def read_text(description: dict[str, Any] | None) -> Cleaner | Tokenizer | None:
    """Rebuild a `Cleaner` or `Tokenizer` from its `dataclasses.asdict`; None stays None."""
    if description is None:
        return None
    if "cleaner" in description:
        return Tokenizer(**{**description, "cleaner": Cleaner(**description["cleaner"])})
    return Cleaner(**description)
