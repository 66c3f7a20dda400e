"""Compare ways to identify the language of tweets, by the length of their text.

    pip install --no-deps lingua-language-detector==2.1.1   # in this project's environment, for this benchmark only
    python -m benchmarks.languages FILE LANGUAGE [--column NAME_OR_NUMBER] [--rows N]
        [--document "languages french"]

FILE is a CSV file of tweets in LANGUAGE (ISO 639-1). Compares
- what the service does: py3langid, among the languages of `service.language`, unknown below a probability of 0.7;
- py3langid among all 139 languages that it knows;
- lingua, among the languages of the service that it knows, unknown below the same probability;
- for English, the share of words that simplemma's English dictionary knows: English from a half, else another
  language.

All get the same text, without mentions and links. For each length, in characters: the share of texts, in %, recognised
as their language and, in parentheses, mistaken for another, which makes a tweet uncertain. The rest is unknown.
Collections contain tweets in other languages, so not every other language is an error. The last column is CPU time per
text.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import simplemma
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from benchmarks import documented
from sentiment.inference.text import PROSE
from service import language as of_service
from service.language import CONFIDENCE, LANGUAGES

Identify = Callable[[str], str | None]
# Upper bounds of the lengths, in characters without mentions and links.
LENGTHS = (20, 40, 80, 10_000)
KNOWN_WORDS = 0.5
OTHER = "other"


def all_languages() -> Identify:
    """Return py3langid without a choice of languages."""
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)

    def identify(text: str) -> str | None:
        language, probability = identifier.classify(text)
        return str(language) if probability >= CONFIDENCE else None

    return identify


def lingua_languages() -> Identify:
    """Return lingua with the languages of the service."""
    from lingua import IsoCode639_1, LanguageDetectorBuilder

    codes = [getattr(IsoCode639_1, code.upper()) for code in LANGUAGES if hasattr(IsoCode639_1, code.upper())]
    detector = LanguageDetectorBuilder.from_iso_codes_639_1(*codes).build()

    def identify(text: str) -> str | None:
        best = detector.compute_language_confidence_values(text)[0]
        return best.language.iso_code_639_1.name.lower() if best.value >= CONFIDENCE else None

    return identify


def dictionary(text: str) -> str | None:
    """Return `en` for texts with English words, and OTHER for others with words."""
    if not any(character.isalpha() for character in text):
        return None
    return "en" if simplemma.in_target_language(text, lang="en") >= KNOWN_WORDS else OTHER


def measure(identify: Identify, texts: Sequence[str], language: str) -> tuple[float, float, float]:
    """Return the shares recognised and mistaken for another language, and the CPU time per text in milliseconds."""
    identify(texts[0])
    started = time.process_time()
    found = [identify(text) for text in texts]
    seconds = time.process_time() - started
    right, unknown = found.count(language), found.count(None)
    return right / len(texts), (len(texts) - right - unknown) / len(texts), 1000 * seconds / len(texts)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("language")
    parser.add_argument("--column", default="text", help="name, or number in a file without header (%(default)s)")
    parser.add_argument("--rows", type=int, default=20_000, help="sample size (%(default)s)")
    documented.add_option(parser, "languages")
    options = parser.parse_args()
    if find_spec("lingua") is None:
        parser.error("lingua is not installed: pip install --no-deps lingua-language-detector==2.1.1")
    header, column = (None, int(options.column)) if options.column.isdecimal() else (0, options.column)
    texts = pd.read_csv(options.file, header=header)[column].drop_duplicates()
    texts = texts.sample(min(len(texts), options.rows), random_state=0).map(PROSE)
    ways: dict[str, Identify] = {
        "the service": of_service.identify,
        "py3langid, all its languages": all_languages(),
        "lingua": lingua_languages(),
    }
    if options.language == "en":
        ways["English dictionary"] = dictionary
    lengths = texts.str.len()
    groups = {
        f"{low} to {high - 1}" if high < LENGTHS[-1] else f"{low} or more": texts[
            lengths.between(low, high - 1)
        ].tolist()
        for low, high in zip((1, *LENGTHS), LENGTHS, strict=False)
    }
    groups = {name: chosen for name, chosen in groups.items() if chosen}
    rows = [["number of tweets", *(f"{len(chosen):,}" for chosen in groups.values()), ""]]
    for name, identify in ways.items():
        measured = [measure(identify, chosen, options.language) for chosen in groups.values()]
        shares = [f"{100 * right:.1f} ({100 * wrong:.1f})" for right, wrong, _ in measured]
        counts = [len(chosen) for chosen in groups.values()]
        milliseconds = sum(time * count for (*_, time), count in zip(measured, counts, strict=True)) / sum(counts)
        rows.append([name, *shares, f"{milliseconds:.2f}"])
    columns = [f"{Path(options.file).name}, {options.language}, %", *groups, "ms"]
    documented.publish(documented.table(columns, rows), options.document)


if __name__ == "__main__":
    main()
