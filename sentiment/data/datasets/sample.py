"""Generate synthetic tweets to the invented airline Air Paradis; no real airline is meant.

They replace a real data set where there is none (tests, continuous integration, a first run). The phrases are in
`sample.yaml`. The meaning decides the label; the form (links, mentions, users, length, typos) does not depend on it.
"""

import random
import re
import string
from pathlib import Path

import pandas as pd
import yaml

from sentiment.inference.errors import SettingsError

KEYBOARD = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
ABBREVIATIONS = {
    "you": "u", "your": "ur", "are": "r", "please": "pls", "thanks": "thx", "because": "bc", "people": "ppl",
    "minutes": "mins", "with": "w/", "without": "w/o", "flight": "flt", "tomorrow": "tmrw", "to": "2", "for": "4",
    "really": "rly", "never": "nvr", "before": "b4", "great": "gr8", "and": "n", "about": "abt", "message": "msg",
}  # fmt: skip
STRETCH = re.compile(r"^(so|no|really|why|slow|finally|wow|well|very|love|hello|yes|pretty|never|hey)$")
SECOND_SENTENCE = 0.68  # share of tweets with a second sentence
SKEW = 1.5  # exponent: above 1, phrases at the head of a list are drawn more often
NOISE = 0.04  # share of tweets with the wrong label

Phrases = dict[str, list[str]]


def load(*, rows: int, seed: int) -> pd.DataFrame:
    """Generate synthetic tweets with their labels and authors.

    Returns `rows` rows of `text`, `label` ("negative" or "positive", which means not negative) and `user`. One row in
    100 repeats another (half of these in lower case), and one in 300 repeats another with the opposite label: these are
    for the split to remove. The share `NOISE` of labels is wrong. The same `rows` and `seed` give the same frame.

    Raises:
        SettingsError: `rows` is less than 1.
    """
    if rows < 1:
        raise SettingsError(f"data.rows={rows}: must be 1 or more.")
    rng = random.Random(seed)
    kinds, phrases = _read()
    repeats, contradictions = rows // 100, rows // 300
    tweets = [_tweet(kinds, phrases, rng) for _ in range(rows - repeats - contradictions)]
    repeated = rng.sample(tweets, repeats + contradictions)
    tweets += [(rng.choice((str, str.lower))(text), label) for text, label in repeated[:repeats]]
    tweets += [(text, _opposite(label)) for text, label in repeated[repeats:]]
    rng.shuffle(tweets)
    frame = pd.DataFrame(tweets, columns=["text", "label"])
    return frame.assign(user=_users(rows, rng))


def _read() -> tuple[dict[str, int], Phrases]:
    content = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
    return content["kinds"], {name: block.splitlines() for name, block in content["phrases"].items()}


def _opposite(label: str) -> str:
    return "positive" if label == "negative" else "negative"


def _users(rows: int, rng: random.Random) -> list[str]:
    """Draw authors with a heavy tail: most write one or two tweets, a few write dozens."""
    pool = rng.sample(range(10 * rows), max(1, 8 * rows // 10))
    weights = [rng.lognormvariate(0, 1.2) for _ in pool]
    return [f"user{number:04d}" for number in rng.choices(pool, weights, k=rows)]


def _tweet(kinds: dict[str, int], phrases: Phrases, rng: random.Random) -> tuple[str, str]:
    label = rng.choice(("negative", "positive"))
    mood = "down" if label == "negative" else "up"
    (kind,) = rng.choices(list(kinds), list(kinds.values()))
    text = _expand(f"{{{kind}_{mood}}}", phrases, rng)
    if rng.random() < SECOND_SENTENCE:
        separator = " " if text.endswith("?") else rng.choice((". ", ", ", "! ", ". ", "... "))
        text += separator + _expand(f"{{more_{mood}}}", phrases, rng)
    text = _write(re.sub(r"\ba (?=[aeio]|un(?!i))", "an ", text), rng)
    text = _decorate(text, mood, phrases, rng)
    return text, _opposite(label) if rng.random() < NOISE else label


def _expand(text: str, phrases: Phrases, rng: random.Random) -> str:
    """Replace every {name} recursively by a phrase of that list; phrases at the head of a list are more frequent."""

    def pick(slot: re.Match[str]) -> str:
        choices = phrases[slot[1]]
        return _expand(choices[int(len(choices) * rng.random() ** SKEW)], phrases, rng)

    return re.sub(r"\{(\w+)\}", pick, text)


def _write(text: str, rng: random.Random) -> str:
    """Write a sentence as people do: case, stretched and shortened words, typos, punctuation."""
    words = text.split()
    if rng.random() < 0.15:
        words = [ABBREVIATIONS.get(word, word) for word in words]
    if rng.random() < 0.3:
        words = [STRETCH.sub(lambda word: word[0] + word[0][-1] * rng.randint(2, 5), word) for word in words]
    for _ in range(rng.choices((0, 1, 2), (74, 20, 6))[0]):
        index = rng.randrange(len(words))
        words[index] = _typo(words[index], rng)
    text = " ".join(words)
    if rng.random() < 0.55:
        text = re.sub(r"(^|[.?!] )([a-z])", lambda start: start[1] + start[2].upper(), text)
    if rng.random() < 0.05:
        text = text.upper()
    return text if text[-1] in "?!" else text + rng.choice(("", "", ".", ".", "!", "!!", "...", " !"))


def _typo(word: str, rng: random.Random) -> str:
    """Drop, double, swap or mistype one letter of a word of four letters or more."""
    if len(word) < 4 or not word.isalpha():
        return word
    at = rng.randrange(1, len(word) - 1)
    row = next((row for row in KEYBOARD if word[at] in row), word[at])
    near = row[max(0, row.index(word[at]) - 1)]
    middle = rng.choice((word[at + 1], word[at] * 2 + word[at + 1], word[at + 1] + word[at], near + word[at + 1]))
    return word[:at] + middle + word[at + 2 :]


def _decorate(text: str, mood: str, phrases: Phrases, rng: random.Random) -> str:
    """Add what tweets contain: mentions, emoji, tags, links, and HTML entities."""
    if rng.random() < 0.3:
        (tone,) = rng.choices((mood, "any", "up", "down"), (50, 26, 12, 12))
        text += " " + _expand(f"{{emoji_{tone}}}", phrases, rng)
    if rng.random() < 0.18:
        text += "".join(" " + _expand("{tag}", phrases, rng) for _ in range(rng.choice((1, 1, 2, 3))))
    position = rng.random()
    if position < 0.6:
        text = f"@AirParadis {text}"
    elif position < 0.7:
        text = f"{_expand('{greeting}', phrases, rng)} @AirParadis {text}"
    elif position < 0.9:
        text += " @AirParadis"
    if rng.random() < 0.06:
        text += f" @{_expand('{rival}', phrases, rng).replace(' ', '')}"
    if rng.random() < 0.12:
        text += " http://t.co/" + "".join(rng.choices(string.ascii_letters + string.digits, k=8))
    if rng.random() < 0.3:
        text = text.replace(" and ", " & ")
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
