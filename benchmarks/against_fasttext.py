"""Compare the linear baselines of this project with fastText, another linear model, on the same splits and tokens.

    pip install --no-deps fasttext-wheel==0.9.2      # in this project's environment, for this benchmark only
    python -m benchmarks.against_fasttext --file TWEETS --label COLUMN --negative VALUE [--sizes N ...] [OVERRIDE ...]

Compares validation AUC, fit time and prediction time of
- `train_baseline` as configured in conf/, with and without the time of its hyperparameter search (cross-validation on
  the training split);
- fastText with word bigrams, and with word bigrams and character 2- to 5-grams; other settings are its defaults.

Fairness: All models are fitted on the tokens of `preprocess`, joined by spaces, of splits made by
`sentiment.data.splitting`, and predict the validation tweets in one batch. Tokenization is the same for all and not
timed. fastText is fitted on all cores, logistic regression on one. With few validation tweets, the ranking of two
models is a matter of chance, so each size is sampled and split several times, and the lead in each sample is shown. On
11,200 real tweets, tuning fastText's learning rate (0.05, 0.1, 0.5) and epochs (5, 10, 25) on the same validation split
improved it by 0.002 at most.

If only part of a table is a random sample of its population, name it with `--random COLUMN=VALUE`: validation and test
are taken from that part only, and the other rows are added to train if a size needs more rows.
"""

import argparse
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import hydra
import pandas as pd
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.progress import track
from rich.table import Table
from sklearn.metrics import roc_auc_score

from benchmarks import corpus
from sentiment.data import checks, splitting
from sentiment.data.checks import Labelled
from sentiment.data.combining import combine
from sentiment.data.corpus import tokenize
from sentiment.data.sources import Source
from sentiment.data.splitting import Frames
from sentiment.inference import cores
from sentiment.inference.arrays import Probabilities
from sentiment.inference.runtimes.sklearn import document
from sentiment.training import bag_of_words
from tables import reading

FASTTEXT = {
    "fastText, bigrams": {"wordNgrams": 2},
    "fastText, and subwords": {"wordNgrams": 2, "minn": 2, "maxn": 5},
}
# Number of tweets, without --file.
ROWS = 4_200


class Measurement(NamedTuple):
    """Quality and times of one model.

    Attributes:
        auc: AUC on the validation split.
        fit: seconds of the final fit.
        search: seconds of the hyperparameter search and the final fit.
        predict: microseconds per tweet.
    """

    auc: float
    fit: float
    search: float
    predict: float


Predict = Callable[[Sequence[str]], Probabilities]
# From the training split, its documents (tokens joined by spaces) and a seed to a fitted model and its fit time.
Fit = Callable[[pd.DataFrame, list[str], int], tuple[Predict, float]]


def fit_fasttext(
    train: pd.DataFrame, documents: list[str], seed: int, *, settings: Mapping[str, Any]
) -> tuple[Predict, float]:
    """Fit fastText on all cores; it reads its training data from a file."""
    fasttext: Any = import_module("fasttext")  # not a dependency of the project
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "train.txt"
        lines = [f"__label__{label} {text}\n" for label, text in zip(train["negative"], documents, strict=True)]
        file.write_text("".join(lines), encoding="utf-8")
        started = time.perf_counter()
        model = fasttext.train_supervised(str(file), **settings, thread=cores.available(), seed=seed, verbose=0)
        seconds = time.perf_counter() - started

    def predict(texts: Sequence[str]) -> Probabilities:
        # `model.predict` fails with NumPy 2, and `multilinePredict` returns the same value for all labels.
        predictions = (model.f.predict(f"{text}\n", 2, 0.0, "strict") for text in texts)
        by_label = [{label: value for value, label in prediction} for prediction in predictions]
        return pd.Series([probability["__label__1"] for probability in by_label]).to_numpy()

    return predict, seconds


def fit_baseline(train: pd.DataFrame, documents: list[str], seed: int, *, cfg: DictConfig) -> tuple[Predict, float]:
    """Fit a baseline like the step `train_baseline`, including its hyperparameter search."""
    settings = OmegaConf.to_container(cfg.train_baseline, resolve=True)
    assert isinstance(settings, dict)
    components = {str(name): value for name, value in settings.items()}
    pipeline, grid = bag_of_words.build(components, partial(instantiate, _convert_="all"))
    with tempfile.TemporaryDirectory() as cache:
        best, _, seconds = bag_of_words.search(
            pipeline, grid, documents, train, **cfg.search, seed=seed, cache=Path(cache)
        )
    return partial(bag_of_words.negative_probability, best), seconds


def compose(baseline: str, overrides: Sequence[str]) -> DictConfig:
    """Compose the configuration with an alternative of the group `train_baseline`."""
    with hydra.initialize(version_base="1.3", config_path="../conf"):
        return hydra.compose("config", overrides=[f"train_baseline={baseline}", *overrides])


def read(options: Any) -> tuple[Labelled, Labelled | None]:
    """Read the rows to sample from, and the rows for train only, if any."""
    if options.file is None:
        return check(corpus.read(corpus.TWEETS), "text", "label", None, ["negative"]), None
    rows = reading.read(Path(options.file)).frame
    columns = options.text, options.label, options.group, [options.negative]
    if options.random is None:
        return check(rows, *columns), None
    name, _, value = options.random.partition("=")
    drawn_from = rows[name].astype(str) == value
    return check(rows[drawn_from], *columns), check(rows[~drawn_from], *columns)


def check(rows: pd.DataFrame, text: str, label: str, group: str | None, negative: list[str]) -> Labelled:
    """Check rows like the step `split`; every label that is not negative is positive."""
    return checks.check(
        rows.reset_index(drop=True),
        text_column=text,
        label_column=label,
        group_column=group,
        soft_label_column=None,
        negative_values=negative,
        positive_values=None,
        ignored_values=[],
        drop_empty_texts=False,
        max_damaged=1.0,
        section="data",
    )


def draw(rows: Labelled, more: Labelled | None, shares: DictConfig, *, size: int, seed: int) -> Frames:
    """Sample and split `size` rows (or all, if fewer); if `rows` are too few, add rows of `more` to train."""
    unique = splitting.deduplicate(rows.frame).frame
    drawn = splitting.sample(unique, size=min(size, len(unique)), seed=seed, section="data")
    frames = splitting.split(drawn, validation=shares.validation, test=shares.test, seed=seed)
    if more is None or size <= len(unique):
        return frames
    source = Source(name="more", section="more", settings={"sample_size": None}, like_main=False)
    combined = combine(frames, [(source, more)], name="data", data=rows.frame, targets={}, seed=seed)
    extra = combined.extras["more"].rows.drop(columns="key")
    return splitting.add_to_train(frames, extra.sample(min(size - len(unique), len(extra)), random_state=seed))


def make_documents(frame: pd.DataFrame, cfg: DictConfig) -> list[str]:
    """Return the tokens of each text, joined by spaces."""
    return [document(tokens) for tokens in tokenize(frame["text"].tolist(), instantiate(cfg.preprocess.tokenizer))]


def measure(fit: Fit, frames: Frames, documents: Mapping[str, list[str]], seed: int) -> Measurement:
    """Fit one model, and predict the validation split."""
    started = time.perf_counter()
    predict, seconds = fit(frames["train"], documents["train"], seed)
    search = time.perf_counter() - started
    started = time.perf_counter()
    probability = predict(documents["validation"])
    microseconds = (time.perf_counter() - started) * 1e6 / len(probability)
    auc = float(roc_auc_score(frames["validation"]["negative"], probability))
    return Measurement(auc, seconds, search, microseconds)


def show(size: int, frames: Frames, draws: Mapping[str, list[Measurement]]) -> None:
    """Print the table for one size: means over all samples."""
    counts = f"{len(frames['train']):,} train, {len(frames['validation']):,} validation"
    table = Table(title=f"{size:,} rows ({counts}); means of {len(next(iter(draws.values())))} samples")
    for heading in ("", "AUC", "fit, s", "with search, s", "predict, µs per tweet"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, measurements in draws.items():
        mean = pd.DataFrame(measurements).mean()
        table.add_row(name, f"{mean.auc:.4f}", f"{mean.fit:.1f}", f"{mean.search:.1f}", f"{mean.predict:.0f}")
    Console().print(table)


def leads(draws: Mapping[str, list[Measurement]]) -> dict[str, list[float]]:
    """Return the lead in AUC of each baseline over the better fastText model, one value per sample."""
    aucs = pd.DataFrame({name: [measurement.auc for measurement in each] for name, each in draws.items()})
    best = aucs[list(FASTTEXT)].max(axis=1)
    return {name: (aucs[name] - best).tolist() for name in draws if name not in FASTTEXT}


def main() -> None:
    """Measure all models at all sizes; print tables and leads."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--file", help=f"CSV or Parquet with tweets (default: {ROWS:,} rated ones)")
    parser.add_argument("--text", default="text", help="column of texts (%(default)s)")
    parser.add_argument("--label", default="label", help="column of labels (%(default)s)")
    parser.add_argument("--negative", default="negative", help="label of negative tweets (%(default)s)")
    parser.add_argument("--group", help="column of authors (none)")
    parser.add_argument("--random", metavar="COLUMN=VALUE", help="rows to use for validation and test (all)")
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=[ROWS], help="numbers of rows, at most all (%(default)s)"
    )
    parser.add_argument("--draws", type=int, default=3, help="samples per size (%(default)s)")
    parser.add_argument(
        "--baselines",
        nargs="+",
        default=["logistic_regression", "characters"],
        help="choices of train_baseline (%(default)s)",
    )
    parser.add_argument(
        "overrides", nargs="*", metavar="OVERRIDE", help="Hydra overrides, for example preprocess=plain"
    )
    options: Any = parser.parse_args()
    if find_spec("fasttext") is None:
        sys.exit("fastText is not installed: pip install --no-deps fasttext-wheel==0.9.2")
    logging.getLogger("sentiment").setLevel(logging.WARNING)

    cfg = compose(options.baselines[0], options.overrides)
    models: dict[str, Fit] = {name: partial(fit_fasttext, settings=each) for name, each in FASTTEXT.items()}
    models |= {name: partial(fit_baseline, cfg=compose(name, options.overrides)) for name in options.baselines}
    rows, more = read(options)
    lead_lines, above = [], dict.fromkeys(options.baselines, True)
    for size in options.sizes:
        draws: dict[str, list[Measurement]] = {name: [] for name in models}
        for seed in track(range(options.draws), description=f"{size:,} rows", transient=True):
            frames = draw(rows, more, cfg.split, size=size, seed=seed)
            documents = {name: make_documents(frames[name], cfg) for name in ("train", "validation")}
            for name, fit in models.items():
                draws[name].append(measure(fit, frames, documents, seed))
        show(size, frames, draws)
        for name, each in leads(draws).items():
            mean = sum(each) / len(each)
            above[name] &= mean > 0
            lead_lines.append(f"{size:,} rows, {name}: {mean:+.4f} ({' '.join(f'{lead:+.4f}' for lead in each)})")
    print("Lead in AUC over the better fastText model: mean (each sample)", *lead_lines, sep="\n  ")
    verdicts = [f"{name} {'reached' if reached else 'missed'}" for name, reached in above.items()]
    print(
        f"Target (above fastText at every size): {', '.join(verdicts)}. "
        f"{cores.available()} cores, load {os.getloadavg()[0]:.1f}."
    )


if __name__ == "__main__":
    main()
