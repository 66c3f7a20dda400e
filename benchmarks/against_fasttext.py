"""Compare the linear baselines of this project with fastText, which is linear too, on the same splits and tokens.

    pip install --no-deps fasttext-wheel==0.9.2      # in the environment of this project, for this benchmark only
    python -m benchmarks.against_fasttext --file TWEETS --label COLUMN --negative VALUE [--sizes N ...] [OVERRIDE ...]

What is compared: the AUC on validation, the seconds of a fit and the microseconds of a prediction, of `train_baseline`
as conf/ describes it (its search included: by cross-validation on the training split, as always, and the time of the
one fit with what it has found told apart), and of fastText with pairs of words, then with pieces of 2 to 5 characters
too, all else as its authors have set it.

Why it is fair: all sides learn from the tokens of `preprocess` joined by spaces, of the splits that
`sentiment.data.splitting` makes of the data, and are asked for validation tweets in one batch; what tokenizing takes
is owed by all and not counted. fastText has all cores for its fit; a logistic regression has one. With few validation
tweets the order of two models is chance: each size is drawn, and split, several times, and each draw's lead is shown.
On 11,200 real tweets no other rate or number of epochs (0.05, 0.1, 0.5; 5, 10, 25) made fastText better by more than
0.002, though they were chosen by the very validation split.

Where only part of a table is a random part of what it was drawn from, `--random COLUMN=VALUE` names it: validation and
test are of that part alone, and the others are added to train where more rows are asked for.
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

from sentiment.data import checks, cores, splitting
from sentiment.data.checks import Labelled
from sentiment.data.corpus import tokenize
from sentiment.data.datasets import sample
from sentiment.data.splitting import Frames
from sentiment.inference.arrays import Probabilities
from sentiment.inference.runtimes.sklearn import document
from sentiment.training import bag_of_words
from tables import reading

FASTTEXT = {
    "fastText, bigrams": {"wordNgrams": 2},
    "fastText, and subwords": {"wordNgrams": 2, "minn": 2, "maxn": 5},
}
# Synthetic tweets, where no file is given.
ROWS = 5_000


class Taken(NamedTuple):
    """What a side has reached and taken.

    Attributes:
        auc: on the validation split.
        fit: seconds of the one fit that is used.
        search: seconds of all there was to do before predicting, that fit included.
        predict: microseconds a tweet.
    """

    auc: float
    fit: float
    search: float
    predict: float


Predict = Callable[[Sequence[str]], Probabilities]
# From the training split and its documents, tokens joined by spaces, to a fitted model and the seconds of its fit.
Fit = Callable[[pd.DataFrame, list[str], int], tuple[Predict, float]]


def fit_fasttext(
    train: pd.DataFrame, documents: list[str], seed: int, *, settings: Mapping[str, Any]
) -> tuple[Predict, float]:
    """Fit fastText on all cores, from the file that it wants."""
    fasttext: Any = import_module("fasttext")  # for this benchmark only, and no dependency of the project
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "train.txt"
        lines = [f"__label__{label} {text}\n" for label, text in zip(train["negative"], documents, strict=True)]
        file.write_text("".join(lines), encoding="utf-8")
        started = time.perf_counter()
        model = fasttext.train_supervised(str(file), **settings, thread=cores.available(), seed=seed, verbose=0)
        seconds = time.perf_counter() - started

    def predict(texts: Sequence[str]) -> Probabilities:
        # Not `model.predict`, which fails with NumPy 2, and not `multilinePredict`, which gives all labels one value.
        answers = (model.f.predict(f"{text}\n", 2, 0.0, "strict") for text in texts)
        return pd.Series([{label: value for value, label in answer}["__label__1"] for answer in answers]).to_numpy()

    return predict, seconds


def fit_baseline(train: pd.DataFrame, documents: list[str], seed: int, *, cfg: DictConfig) -> tuple[Predict, float]:
    """Fit a baseline as the step `train_baseline` does, its search included."""
    settings = OmegaConf.to_container(cfg.train_baseline, resolve=True)
    assert isinstance(settings, dict)
    parts = {str(part): value for part, value in settings.items()}
    pipeline, grid = bag_of_words.build(parts, partial(instantiate, _convert_="all"))
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
    """Read the rows to draw from, and those for train alone, if there are any."""
    if options.file is None:
        rows = sample.load(rows=ROWS, seed=0)
        return check(rows, "text", "label", "user", ["negative"]), None
    rows = reading.read(Path(options.file)).frame
    columns = options.text, options.label, options.group, [options.negative]
    if options.random is None:
        return check(rows, *columns), None
    name, _, value = options.random.partition("=")
    drawn_from = rows[name].astype(str) == value
    return check(rows[drawn_from], *columns), check(rows[~drawn_from], *columns)


def check(rows: pd.DataFrame, text: str, label: str, group: str | None, negative: list[str]) -> Labelled:
    """Check rows as the step `split` does; every label that is not negative is positive."""
    return checks.check(
        rows.reset_index(drop=True),
        text_column=text,
        label_column=label,
        group_column=group,
        negative_values=negative,
        positive_values=None,
        ignored_values=[],
        drop_empty_texts=False,
        max_damaged=1.0,
    )


def draw(rows: Labelled, more: Labelled | None, shares: DictConfig, *, size: int, seed: int) -> Frames:
    """Draw so many rows, or all if there are fewer, and split them; what `rows` lack, `more` adds to train."""
    unique = splitting.deduplicate(rows.frame).frame
    drawn = splitting.sample(unique, size=min(size, len(unique)), seed=seed)
    frames = splitting.split(drawn, validation=shares.validation, test=shares.test, seed=seed)
    if more is None or size <= len(unique):
        return frames
    extra = splitting.extra_training(more, data=rows.frame, frames=frames).frame
    return splitting.add_to_train(frames, extra.sample(min(size - len(unique), len(extra)), random_state=seed))


def make_documents(frame: pd.DataFrame, cfg: DictConfig) -> list[str]:
    """Return the tokens of each text, joined by spaces."""
    return [document(tokens) for tokens in tokenize(frame["text"].tolist(), instantiate(cfg.preprocess.tokenizer))]


def measure(fit: Fit, frames: Frames, documents: Mapping[str, list[str]], seed: int) -> Taken:
    """Fit one side, and ask it for the validation split."""
    started = time.perf_counter()
    predict, seconds = fit(frames["train"], documents["train"], seed)
    search = time.perf_counter() - started
    started = time.perf_counter()
    probability = predict(documents["validation"])
    microseconds = (time.perf_counter() - started) * 1e6 / len(probability)
    auc = float(roc_auc_score(frames["validation"]["negative"], probability))
    return Taken(auc, seconds, search, microseconds)


def show(size: int, frames: Frames, draws: Mapping[str, list[Taken]]) -> None:
    """Print one size: means of all draws."""
    counts = f"{len(frames['train']):,} to train on, {len(frames['validation']):,} to validate"
    shown = Table(title=f"{size:,} rows: {counts}; means of {len(next(iter(draws.values())))} draws")
    for heading in ("", "AUC", "fit, s", "with search, s", "predict, µs a tweet"):
        shown.add_column(heading, justify="right" if heading else "left")
    for name, taken in draws.items():
        mean = pd.DataFrame(taken).mean()
        shown.add_row(name, f"{mean.auc:.4f}", f"{mean.fit:.1f}", f"{mean.search:.1f}", f"{mean.predict:.0f}")
    Console().print(shown)


def leads(draws: Mapping[str, list[Taken]]) -> dict[str, list[float]]:
    """Return by how much the AUC of each baseline is above that of the better fastText, one value a draw."""
    aucs = pd.DataFrame({name: [taken.auc for taken in each] for name, each in draws.items()})
    best = aucs[list(FASTTEXT)].max(axis=1)
    return {name: (aucs[name] - best).tolist() for name in draws if name not in FASTTEXT}


def main() -> None:
    """Measure all sides at all sizes, print them, and by how much the baselines lead."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--file", help=f"CSV or Parquet with real tweets (default: {ROWS:,} synthetic ones)")
    parser.add_argument("--text", default="text", help="its column of texts (%(default)s)")
    parser.add_argument("--label", default="label", help="its column of labels (%(default)s)")
    parser.add_argument("--negative", default="negative", help="the label of the negative tweets (%(default)s)")
    parser.add_argument("--group", help="its column of authors (none)")
    parser.add_argument("--random", metavar="COLUMN=VALUE", help="which rows validation and test are of (all)")
    parser.add_argument("--sizes", type=int, nargs="+", default=[ROWS], help="rows; too many: all (%(default)s)")
    parser.add_argument("--draws", type=int, default=3, help="of each size (%(default)s)")
    parser.add_argument("--baselines", nargs="+", default=["logistic_regression", "characters"], help="(%(default)s)")
    parser.add_argument("overrides", nargs="*", metavar="OVERRIDE", help="of the configuration: preprocess=plain")
    options: Any = parser.parse_args()
    if find_spec("fasttext") is None:
        sys.exit("fastText is not installed: pip install --no-deps fasttext-wheel==0.9.2")
    logging.getLogger("sentiment").setLevel(logging.WARNING)

    cfg = compose(options.baselines[0], options.overrides)
    sides: dict[str, Fit] = {name: partial(fit_fasttext, settings=each) for name, each in FASTTEXT.items()}
    sides |= {name: partial(fit_baseline, cfg=compose(name, options.overrides)) for name in options.baselines}
    rows, more = read(options)
    told, above = [], dict.fromkeys(options.baselines, True)
    for size in options.sizes:
        draws: dict[str, list[Taken]] = {name: [] for name in sides}
        for seed in track(range(options.draws), description=f"{size:,} rows", transient=True):
            frames = draw(rows, more, cfg.split, size=size, seed=seed)
            documents = {name: make_documents(frames[name], cfg) for name in ("train", "validation")}
            for name, fit in sides.items():
                draws[name].append(measure(fit, frames, documents, seed))
        show(size, frames, draws)
        for name, each in leads(draws).items():
            mean = sum(each) / len(each)
            above[name] &= mean > 0
            told.append(f"{size:,} rows, {name}: {mean:+.4f} ({' '.join(f'{lead:+.4f}' for lead in each)})")
    print("Leads in AUC over the better of the two fastTexts, in the mean and draw by draw:", *told, sep="\n  ")
    verdicts = [f"{name} {'reached' if reached else 'missed'}" for name, reached in above.items()]
    print(
        f"Target, above fastText at every size: {', '.join(verdicts)}. "
        f"{cores.available()} cores, load {os.getloadavg()[0]:.1f}."
    )


if __name__ == "__main__":
    main()
