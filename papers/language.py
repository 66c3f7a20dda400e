"""How a language writes numbers and punctuation."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

# Between the digits of a number and before most punctuation in French; before a colon and within quotation marks.
NARROW, SPACE = "\u202f", "\u00a0"
CODE = re.compile(
    r"(```.*?```|`[^`\n]*`|<!-- (?:not tested|composed only).*?-->|\]\([^)]*\)|^---\n.*?\n---\n)", re.DOTALL
)


@dataclass(frozen=True)
class Language:
    """A language of the papers.

    Attributes:
        decimal: the decimal mark.
        thousands: the mark between thousands.
        percent: what follows a percentage.
        models: how it calls parts of the names of candidates.
        counts: the words for the smallest numbers, from zero.
    """

    decimal: str
    thousands: str
    percent: str
    models: Mapping[str, str]
    counts: tuple[str, ...]

    def model(self, name: str) -> str:
        """Return the name of a candidate in this language; the default preprocessing is not mentioned."""
        words = f" {name.replace(',', '')} "
        for part, translated in self.models.items():
            words = words.replace(f" {part} ", f" {translated} ")
        return " ".join(words.split())

    def number(self, value: float, digits: int) -> str:
        """Return a number with this many decimal digits."""
        marks = str.maketrans({",": self.thousands, ".": self.decimal})
        return f"{value:,.{digits}f}".translate(marks).replace("-", "−")

    def duration(self, seconds: float) -> str:
        """Return a duration in seconds, or in minutes if it is long."""
        if seconds < 120:
            return f"{self.number(seconds, 0 if seconds >= 10 else 1)} s"
        return f"{self.number(seconds / 60, 1)} min"

    def formats(self) -> dict[str, Callable[[float], str]]:
        """Return the formats of numbers, by the name that templates use."""
        return {
            "auc": lambda value: self.number(value, 3),
            "signed": lambda value: ("+" if value >= 0 else "") + self.number(value, 3),
            "whole": lambda value: self.number(value, 0),
            "tenths": lambda value: self.number(value, 1),
            "hundredths": lambda value: self.number(value, 2),
            "fewest": lambda value: self.number(value, 0 if value == int(value) else 1),
            "share": lambda value: self.number(100 * value, 0) + self.percent,
            "share_tenths": lambda value: self.number(100 * value, 1) + self.percent,
            "of_hundred": lambda value: self.number(100 * value, 0),
            "points": lambda value: self.number(100 * value, 1),
            "spelled": lambda value: self.counts[int(value)],
            "duration": self.duration,
        }


# In both languages.
MODELS = {
    "dense use": "USE",
    "bilstm": "BiLSTM",
    "word2vec": "Word2Vec",
    "fasttext": "fastText",
    "glove": "GloVe",
    "nb_svm": "NB-SVM",
    "lemmatize": "",
}
LANGUAGES = {
    "en": Language(
        decimal=".",
        thousands=",",
        percent=" %",
        models={
            "finetune more data": "fine-tuned MiniLM, more data",
            "finetune": "fine-tuned MiniLM",
            "features": "frozen MiniLM",
            "characters": "character n-grams",
            "logistic_regression": "logistic regression",
            "dummy": "constant answer",
            "bilingual": "bilingual model",
            "learned": "learned vectors",
            "stem": "stemmed",
            "plain": "plain words",
            **MODELS,
        },
        counts=("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    ),
    "fr": Language(
        decimal=",",
        thousands=NARROW,
        percent=" %",
        models={
            "finetune more data": "MiniLM affiné, plus de données",
            "finetune": "MiniLM affiné",
            "features": "MiniLM figé",
            "characters": "n-grammes de caractères",
            "logistic_regression": "régression logistique",
            "dummy": "réponse constante",
            "average": "moyenne",
            "learned": "vecteurs appris",
            "distilled": "distillé",
            "blend": "mélange",
            "student": "élève",
            "bilingual": "modèle bilingue",
            "boosting": "arbres boostés",
            "stem": "racines",
            "plain": "mots bruts",
            "TF-IDF logistic regression": "TF-IDF et régression logistique",
            "bidirectional LSTM": "LSTM bidirectionnel",
            "M parameters": "M de paramètres",
            **MODELS,
        },
        counts=("zéro", "un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf", "dix"),
    ),
}


def punctuate(text: str, code: str) -> str:
    """Return a text with the spaces of French before punctuation, outside code and addresses; English as it is."""
    if code != "fr":
        return text
    pieces = CODE.split(text)
    return "".join(piece if number % 2 else spaced(piece) for number, piece in enumerate(pieces))


def spaced(text: str) -> str:
    """Replace the ordinary spaces that French must not break."""
    text = re.sub(r"(?<=\w)'(?=\w|«)", "’", text)
    text = re.sub(r"(?<=\d) (?=(?:ms|Mo|s|min)\b)", NARROW, text)
    text = re.sub(r"(?<=[^\s|-]) (?=[;?!%])", NARROW, text)
    text = re.sub(r"(?<=[^\s|-]) (?=:(?:\s|$))", SPACE, text, flags=re.MULTILINE)
    return re.sub(r"(?<=«) | (?=»)", SPACE, text)
