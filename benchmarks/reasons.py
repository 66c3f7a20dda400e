"""How well the reasons of complaints are found, on tweets whose reasons people have given.

The file is that of Crowdflower's Twitter US Airline Sentiment (2015): columns `text`, `airline_sentiment` and
`negativereason`. Only complaints with a reason are used; "Can't Tell" is that of no known reason. The
taxonomy has learned nothing from these tweets. Beside it, a logistic regression on words and phrases is trained on the
tweets of four fifths of the people, and asked about those of the others.

    python -m benchmarks.reasons airline.csv [--document reasons]
"""

import argparse
import re
from collections import Counter
from pathlib import Path

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline

from benchmarks import documented
from monitoring.reasons import OTHER
from monitoring.terms import words
from tables.reading import read
from telemetry.wording import reasons

# What the reasons of the data set are in the taxonomy. It has no refunds and no safety.
REASONS = {
    "Late Flight": "delay",
    "Cancelled Flight": "delay",
    "Lost Luggage": "luggage",
    "Damaged Luggage": "luggage",
    "Customer Service Issue": "staff",
    "Flight Attendant Complaints": "staff",
    "Flight Booking Problems": "booking",
    "Bad Flight": "comfort",
    "longlines": "staff",
    "Can't Tell": OTHER,
}
# Whoever published the data set has put names of reasons in place of words in the tweets: "Cancelled Flightled".
TRACES = (
    (re.compile(r"\bCancelled Flight(?:led|ed|ling|s)?\b"), "cancelled"),
    (re.compile(r"\bLate Flight(r?)\b"), r"late\1"),
    (re.compile(r"\bFlight Booking Problems?\b"), "booking"),
)


def cleaned(text: str) -> str:
    """Return a tweet without the traces of its label."""
    for trace, word in TRACES:
        text = trace.sub(word, text)
    return text


def scores(true: list[str], predicted: list[str]) -> tuple[float, float]:
    """Return accuracy and macro-F1 over the reasons that occur."""
    pairs = Counter(zip(true, predicted, strict=True))
    f1 = []
    for name in sorted(set(true)):
        hits = pairs[name, name]
        f1.append(2 * hits / (true.count(name) + predicted.count(name)))
    return sum(count for (one, other), count in pairs.items() if one == other) / len(true), sum(f1) / len(f1)


def tokens(text: str) -> list[str]:
    """Return the words and phrases of two words of a tweet, function words included."""
    found = words(text)
    phrases = [f"{one} {next_one}" for one, next_one in zip(found, found[1:], strict=False) if one and next_one]
    return [word for word in found if word] + phrases


def trained(texts: list[str], true: list[str], people: list[str]) -> list[str]:
    """Return the reasons that a model finds that was trained on the tweets of other people (5 folds)."""
    model = make_pipeline(
        TfidfVectorizer(analyzer=tokens, min_df=2, sublinear_tf=True),
        LogisticRegression(C=3, class_weight="balanced", max_iter=300),
    )
    return list(cross_val_predict(model, texts, true, groups=people, cv=GroupKFold(5)))


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    documented.add_option(parser, "reasons")
    options = parser.parse_args()
    frame = read(options.file).frame
    frame = frame[(frame["airline_sentiment"] == "negative") & frame["negativereason"].isin(REASONS)]
    true = frame["negativereason"].map(REASONS).tolist()
    taxonomy = reasons(None).taxonomy
    predicted = [taxonomy.reason(cleaned(text)) for text in frame["text"]]
    most = Counter(true).most_common(1)[0][0]
    known = [place for place, name in enumerate(true) if name != OTHER]
    rows = {
        "words of the taxonomy": scores(true, predicted),
        "the same, complaints with a known reason": scores([true[n] for n in known], [predicted[n] for n in known]),
        "logistic regression, trained on other people's tweets": scores(
            true, trained([*map(cleaned, frame["text"])], true, frame["name"].tolist())
        ),
        f"always {most}": scores(true, [most] * len(true)),
    }
    methods = [[name, f"{accuracy:.3f}", f"{f1:.3f}"] for name, (accuracy, f1) in rows.items()]
    each_reason = []
    for name in taxonomy.names:
        hits = sum(one == other == name for one, other in zip(true, predicted, strict=True))
        given, predictions = true.count(name), predicted.count(name)
        shares = [f"{hits / max(1, count):.2f}" for count in (predictions, given)]
        each_reason.append([name, f"{given:,}", f"{predictions:,}", *shares])
    result = (
        f"{len(true):,} complaints, {len(set(true))} reasons:",
        documented.table(["method", "accuracy", "macro-F1"], methods),
        documented.table(["reason", "complaints", "found", "precision", "recall"], each_reason),
    )
    documented.publish("\n\n".join(result), options.document)


if __name__ == "__main__":
    main()
