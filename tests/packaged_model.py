"""A packaged model, made in a moment: a bag of words on a few tweets."""

import json
from pathlib import Path

import skops.io
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from sentiment.inference import classifier, golden
from sentiment.inference.classifier import Classifier
from sentiment.inference.probabilities import Calibration, Reliability
from sentiment.inference.runtimes.sklearn import FILE
from tests.corpora import TOKENIZER

TWEETS = {
    "late again and rude": 1,
    "lost my bag, awful": 1,
    "two hours late :(": 1,
    "worst crew": 1,
    "lovely crew, thanks": 0,
    "great flight :)": 0,
    "thanks for the seat": 0,
    "smooth and on time": 0,
}
ABOUT = {"name": "tweet_sentiment", "version": "7", "alias": "champion"}


def save_packaged(folder: Path) -> Path:
    """Write the folder that the step `package` puts into a Bento."""
    served = folder / "classifier"
    served.mkdir(parents=True)
    pipeline = make_pipeline(TfidfVectorizer(token_pattern=r"\S+", lowercase=False), LogisticRegression(C=10.0))
    documents = [" ".join(TOKENIZER(text)) for text in TWEETS]
    skops.io.dump(pipeline.fit(documents, list(TWEETS.values())), served / FILE)
    calibration = Calibration(slope=1.1, intercept=0.1)
    classifier.save(
        served,
        runtime="sklearn",
        calibration=calibration,
        threshold=0.4,
        uncertain=(0.3, 0.6),
        reliability=Reliability(
            negative_from=0.7, positive_to=None, max_error=0.05, confidence=0.95, negative_share=(0.2, 0.5)
        ),
        text=TOKENIZER,
    )
    golden.save(served, Classifier.load(served))
    (folder / "about.json").write_text(json.dumps(ABOUT), encoding="utf-8")
    (folder / "model_card.md").write_text("# tweet_sentiment, version 7\n", encoding="utf-8")
    return folder
