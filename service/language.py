"""The language of a tweet.

This is part of the service, not of the model: it is the same for all models, also for those trained before, and no
metric of a model depends on it. Which languages a model reads is part of its description.
"""

from functools import cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

from sentiment.inference.text import PROSE

# Languages (ISO 639-1) in which many people tweet. Among all 139 languages of the library, fewer short tweets reach
# the probability below.
LANGUAGES = (
    *("ar", "ca", "cs", "da", "de", "el", "en", "es", "fa", "fi", "fr", "he", "hi", "hu", "id", "it", "ja", "ko"),
    *("ms", "nl", "no", "pl", "pt", "ro", "ru", "sv", "th", "tl", "tr", "uk", "ur", "vi", "zh"),
)
# Below this probability the language is unknown (`python -m benchmarks.languages`, figures in docs/engineer.md).
CONFIDENCE = 0.7
# More characters cost time, but change no answer.
MOST_CHARACTERS, MOST_CLEAN_CHARACTERS = 1_000, 300


@cache
def identifier() -> LanguageIdentifier:
    """Load the classifier, once per process: half a second and 75 MB.

    It is a naive Bayes classifier of byte sequences.

    Source: Lui and Baldwin (2012), langid.py: an off-the-shelf language identification tool, ACL; in the version of
    Barbaresi (https://github.com/adbar/py3langid), whose probabilities allow for the length of a text.
    """
    loaded = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    loaded.set_languages(LANGUAGES)
    return loaded


def identify(text: str) -> str | None:
    """Return the language of a tweet (ISO 639-1), or None if it is too short or too mixed to be sure."""
    # Links and mentions say nothing about the language; neither do the `#` of hashtags.
    prose = PROSE(text[:MOST_CHARACTERS]).replace("#", " ")[:MOST_CLEAN_CHARACTERS]
    language, probability = identifier().classify(prose)
    return language if probability >= CONFIDENCE else None
