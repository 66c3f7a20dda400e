"""Global importance: which words push answers towards negative over many tweets, and which away from it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from sentiment.inference.classifier import Classifier
from sentiment.inference.explain import Explanation
from sentiment.inference.log_count_ratio import LogCountRatio
from sentiment.inference.runtimes.sklearn import LinearScore, document, vectorizers
from sentiment.inference.text import Cleaner

# Names and addresses identify people; words that differ only in repeated letters count as one.
NAMES = Cleaner(links="http", mentions="@user", emoji=False, max_repeats=3)
OPENING, CLOSING = "\"'([{*\u2018\u201c\u00ab", ".,!?:;\"')]}*\u2019\u201d\u00bb\u2026"
WORD_COLUMNS = ("word", "tweets", "occurrences", "mean", "deviation", "total")
COEFFICIENT_COLUMNS = ("feature", "kind", "tweets", "coefficient")


def name_of(word: str) -> str:
    """Return the name under which a word is counted: `late` for `Late!!!`, `@user` for a mention, `http` for a link.

    Emoji and emoticons are words, too.
    """
    cleaned = NAMES(word).casefold() or word
    stripped = cleaned.lstrip(OPENING).rstrip(CLOSING)
    return stripped if any(character.isalnum() for character in stripped) else cleaned


def of_words(explanations: Iterable[Explanation], *, min_tweets: int) -> pd.DataFrame:
    """Return the importance of each word, those that push most towards negative first.

    Args:
        explanations: one of each tweet.
        min_tweets: the least number of tweets of a word; rarer ones are left out.

    Returns:
        Columns WORD_COLUMNS: the word; the number of tweets with it and of its occurrences; the mean of its
        contributions, their standard deviation, and their sum over all tweets, in log-odds.
    """
    contributions, tweets = defaultdict[str, list[float]](list), defaultdict[str, int](int)
    for explanation in explanations:
        names = [name_of(word.text) for word in explanation.contributions]
        for name, word in zip(names, explanation.contributions, strict=True):
            contributions[name].append(word.contribution)
        for name in set(names):
            tweets[name] += 1
    rows = [
        (name, tweets[name], len(values), np.mean(values), np.std(values), np.sum(values))
        for name, values in contributions.items()
        if tweets[name] >= min_tweets
    ]
    table = pd.DataFrame(rows, columns=WORD_COLUMNS)
    return table.sort_values(["total", "word"], ascending=[False, True], ignore_index=True)


def of_features(classifier: Classifier, texts: Sequence[str], *, min_tweets: int) -> pd.DataFrame | None:
    """Return the coefficients of a linear model, those that push most towards negative first; None for other models.

    Args:
        classifier: the model.
        texts: raw tweets.
        min_tweets: the least number of tweets with a feature; rarer ones are left out.

    Returns:
        Columns COEFFICIENT_COLUMNS: the feature, an n-gram of words or of characters as the model sees them (a space
        is the edge of a word); the number of tweets with it; its exact coefficient after calibration, in log-odds for
        each unit of its value. The unit is an occurrence, or for TF-IDF an occurrence weighted by its rarity and
        divided by the length of the tweet's vector.
    """
    score = classifier.score
    if not isinstance(score, LinearScore):
        return None
    scale = classifier.calibration.slope
    for _, step in score.pipeline.steps[1:-1]:
        assert isinstance(step, LogCountRatio), "the only step that a linear pipeline may have between"
        scale = scale * step.ratio_
    counted = score.pipeline[0].transform([document(score.text(text)) for text in texts])
    extracted = [
        (name, "characters" if vectorizer.analyzer == "char_wb" else "words")
        for vectorizer in vectorizers(score.pipeline)
        for name in vectorizer.get_feature_names_out()
    ]
    table = pd.DataFrame(extracted, columns=["feature", "kind"]).assign(
        tweets=np.asarray((counted != 0).sum(axis=0)).ravel(), coefficient=scale * score.pipeline[-1].coef_[0]
    )
    frequent = table[table["tweets"] >= min_tweets]
    return frequent.sort_values(["coefficient", "feature"], ascending=[False, True], ignore_index=True)[
        list(COEFFICIENT_COLUMNS)
    ]
