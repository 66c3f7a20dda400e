"""Explain a model on the tweets of a data set and on chosen tweets, and log the results."""

import logging
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from omegaconf import DictConfig, OmegaConf
from tqdm import tqdm

from pipeline import artifacts, preflight, runs, trust
from pipeline.evaluation import MASKED, described
from pipeline.served import ServedModel
from sentiment.data import keys
from sentiment.evaluation import importance
from sentiment.evaluation.faithfulness import MIN_WORDS
from sentiment.inference.classifier import Classifier
from sentiment.inference.errors import SettingsError
from sentiment.inference.explain import Explanation
from sentiment.inference.explain import explain as explain_answer
from sentiment.reports import explanation as report
from sentiment.reports.examples import Example, contributions_table
from sentiment.reports.explanation import ModelExplanation

log = logging.getLogger(__name__)


def check(cfg: DictConfig) -> None:
    """Validate the settings before a model or a table is read.

    Raises:
        SettingsError: one of them has no usable value, or a tweet is empty.
    """
    section = cfg.explain
    preflight.check_faithfulness(cfg)
    if section.sample_size is not None:
        preflight.check_number("explain.sample_size", section.sample_size, least=1, whole=True)
    preflight.check_number("explain.min_tweets", section.min_tweets, least=1, whole=True)
    preflight.check_number("explain.examples", section.examples, least=0, whole=True)
    tweets = section.tweets
    if not OmegaConf.is_list(tweets) or not all(isinstance(tweet, str) for tweet in tweets):
        raise SettingsError(f"explain.tweets={tweets}: set it to a list of tweets, ['two hours late'], or to [].")
    for number, tweet in enumerate(tweets, start=1):
        if not tweet.strip():
            raise SettingsError(
                f"explain.tweets: tweet {number} of {len(tweets)} is empty. Write a text, or remove it."
            )
    if cfg.data.extra_training:
        raise SettingsError(
            "data.extra_training: `explain` reads the main data only. Choose the table by data=..., and leave "
            "data.extra_training out."
        )


def explain(model: ServedModel, tweets: pd.DataFrame, cfg: DictConfig, scratch: Path) -> ModelExplanation:
    """Explain a model; log metrics, tables and the report; return the results.

    Args:
        model: the model.
        tweets: the tweets of the data set; columns `text`, `negative` and `group`.
        cfg: the configuration.
        scratch: a temporary folder.
    """
    if not trust.explains_as_here(model.folder):
        log.warning("%s This report shows the explanations of this version.", trust.OTHER_VERSION)
    classifier, section = Classifier.load(model.folder), cfg.explain
    drawn = sample(tweets, section.sample_size, cfg.seed)
    texts = drawn["text"].tolist()
    explanations = explain_all(classifier, texts)
    words = importance.of_words(explanations, min_tweets=section.min_tweets)
    explained = ModelExplanation(
        title=model.title,
        uri=model.uri,
        candidate=model.candidate,
        data=described(cfg.data),
        created=f"{datetime.now(UTC):%d %B %Y}",
        tweets=len(tweets),
        explained=len(texts),
        min_tweets=section.min_tweets,
        words=words,
        features=importance.of_features(classifier, texts, min_tweets=section.min_tweets),
        faithfulness=trust.measure(classifier, tweets["text"].tolist(), cfg),
        examples=[
            *chosen(classifier, list(section.tweets)),
            *typical(classifier, explanations, section.examples),
        ],
    )
    data = cfg.data.name
    artifacts.log_data_set(drawn, f"{data} explained", keys.digest({data: drawn}), context="explanation")
    log_results(explained, scratch / artifacts.REPORT)
    return explained


def sample(tweets: pd.DataFrame, size: int | None, seed: int) -> pd.DataFrame:
    """Return tweets drawn at random, or all if there are no more."""
    if size is None or size >= len(tweets):
        return tweets
    return tweets.sample(size, random_state=seed, ignore_index=True)


def explain_all(classifier: Classifier, texts: Sequence[str]) -> list[Explanation]:
    """Return the explanation of each tweet; if that takes more than two seconds, show progress."""
    return [explain_answer(classifier, text) for text in tqdm(texts, desc="explain", unit=" tweets", delay=2)]


def chosen(classifier: Classifier, texts: Sequence[str]) -> list[Example]:
    """Return the explanations of the tweets that were asked for."""
    return [
        example("your tweet", classifier, explanation, mask=False) for explanation in explain_all(classifier, texts)
    ]


def typical(classifier: Classifier, explanations: Sequence[Explanation], number: int) -> list[Example]:
    """Return the explanations of the tweets with the clearest answers, the negative ones first, and the least clear.

    Tweets of a single word are left out, and so are repeated ones.
    """
    distinct = {
        " ".join(word.text for word in explanation.contributions): explanation
        for explanation in explanations
        if len(explanation.contributions) >= MIN_WORDS
    }
    by_probability = sorted(distinct.values(), key=lambda explanation: -explanation.negative_probability)
    probability = np.array([explanation.negative_probability for explanation in by_probability])
    negative = classifier.is_negative(probability) if by_probability else np.empty(0, dtype=np.bool_)
    called = int(negative.sum())
    unclear = np.argsort(np.abs(probability - classifier.threshold), kind="stable")[:number].tolist()
    kinds = {
        "clearly negative": range(min(number, called)),
        "clearly positive": range(len(by_probability) - 1, max(called, len(by_probability) - number) - 1, -1),
        "unclear": unclear,
    }
    return [
        example(kind, classifier, by_probability[place], mask=True)
        for kind, places in kinds.items()
        for place in places
    ]


def example(kind: str, classifier: Classifier, explanation: Explanation, *, mask: bool) -> Example:
    """Return an explanation as the report shows it."""
    negative = classifier.is_negative(np.array([explanation.negative_probability]))[0]
    return Example(
        kind=kind,
        sentiment="negative" if negative else "positive",
        negative_probability=explanation.negative_probability,
        words=[
            ((MASKED(word.text) or word.text) if mask else word.text, word.contribution)
            for word in explanation.contributions
        ],
    )


def log_results(explained: ModelExplanation, folder: Path) -> None:
    """Log the tables and the report."""
    tables = {"words": explained.words, "faithfulness": pd.DataFrame([asdict(explained.faithfulness)])}
    if explained.features is not None:
        tables["coefficients"] = explained.features
    if explained.examples:
        tables["examples"] = contributions_table(explained.examples)
    for name, table in tables.items():
        runs.log_table(table, f"tables/{name}.csv")
    report.write(explained, folder)
    artifacts.log_report(folder)
