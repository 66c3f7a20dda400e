"""Does it pay to search the training labels for errors? The AUC without those that cleanlab finds.

    pip install --no-deps cleanlab==2.9.0   # in this project's environment, for this benchmark only
    python -m benchmarks.label_errors [--document label_errors] data=sentiment140 data.sample_size=16000 \\
      +data@data.extra_training.people=vader split.targets={people:1}

Takes the settings of the steps `split`, `preprocess` and `train_baseline`. Confident learning (Northcutt, Jiang and
Chuang, Journal of Artificial Intelligence Research 70, 2021) compares the labels of the training split with the
probabilities of the baseline, fitted on other folds. The baseline, search included, is then fitted on what is left, and
measured on the validation split and on the targets. A column for each: its AUC, with the 95 % interval of the lead over
all labels (paired bootstrap) in parentheses. `at random`: as many labels, drawn once.
"""

import argparse
import tempfile
from collections.abc import Mapping
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import hydra
import numpy as np
import pandas as pd
from hydra.utils import instantiate
from numpy.typing import NDArray
from omegaconf import DictConfig
from rich.progress import track
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import Pipeline

from benchmarks import documented
from pipeline import settings
from sentiment.data import sources, splits
from sentiment.data.corpus import tokenize
from sentiment.evaluation import bootstrap
from sentiment.evaluation.bootstrap import Resampling
from sentiment.evaluation.metrics import Cost, Predictions
from sentiment.inference.arrays import Probabilities
from sentiment.inference.runtimes.sklearn import document
from sentiment.training import bag_of_words
from sentiment.training.folds import folds_by_author

Rows = NDArray[np.int64]
# The share of labels that are dropped or changed where not all that cleanlab finds are.
WORST = 0.05
ALL = "all labels"


def read(cfg: DictConfig) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """Return the training split and what models are measured on, with the column `document`."""
    data, split = settings.plain(cfg.data), settings.plain(cfg.split)
    extra = sources.read(data, split["targets"])
    tables = [(source, sources.load(source, instantiate)) for source in extra]
    table = instantiate(cfg.data.source, section="data")
    made = splits.make(table, tables, data=data, split=split, seed=cfg.seed)
    tokenizer = instantiate(cfg.preprocess.tokenizer)
    frames = {"train": made.frames["train"], "validation": made.frames["validation"], **made.targets}
    for name, frame in frames.items():
        documents = [document(tokens) for tokens in tokenize(frame["text"].tolist(), tokenizer)]
        frames[name] = frame.assign(document=documents, weight=1.0)
    return frames.pop("train"), frames


def fit(train: pd.DataFrame, cfg: DictConfig) -> Pipeline:
    """Fit the baseline as the step `train_baseline` does."""
    pipeline, grid = bag_of_words.build(settings.plain(cfg.train_baseline), partial(instantiate, _convert_="all"))
    with tempfile.TemporaryDirectory() as cache:
        documents = train["document"].tolist()
        return bag_of_words.search(pipeline, grid, documents, train, **cfg.search, seed=cfg.seed, cache=Path(cache))[0]


def suspects(train: pd.DataFrame, cfg: DictConfig) -> tuple[Rows, Rows]:
    """Return the rows whose labels cleanlab calls wrong, and all rows; the least confident labels come first."""
    find_label_issues = import_module("cleanlab.filter").find_label_issues  # not a dependency of the project
    cv, groups = folds_by_author(train["group"], cfg.search.folds, seed=cfg.seed)
    labels = train["negative"].to_numpy()
    probabilities = cross_val_predict(
        fit(train, cfg), train["document"].to_numpy(), labels, cv=cv, groups=groups, method="predict_proba"
    )
    found = find_label_issues(labels, probabilities, return_indices_ranked_by="self_confidence", n_jobs=1)
    return found, np.argsort(probabilities[np.arange(len(labels)), labels], kind="stable")


def treated(train: pd.DataFrame, cfg: DictConfig) -> dict[str, pd.DataFrame]:
    """Return the training split before and after each treatment, by its description."""
    found, ranked = suspects(train, cfg)
    worst = ranked[: round(WORST * len(train))]
    drawn = np.random.default_rng(cfg.seed).choice(len(train), len(found), replace=False)
    negative = train["negative"].to_numpy(copy=True)
    negative[worst] = 1 - negative[worst]

    def without(rows: Rows) -> pd.DataFrame:
        return train.drop(index=train.index[rows]).reset_index(drop=True)

    return {
        ALL: train,
        f"without those called wrong ({100 * len(found) / len(train):.0f} %)": without(found),
        "without as many at random": without(drawn),
        f"without the worst {100 * WORST:.0f} %": without(worst),
        f"the worst {100 * WORST:.0f} % changed": train.assign(negative=negative),
    }


def cells(
    frame: pd.DataFrame, scores: Mapping[str, Probabilities], resampling: Resampling, cost: Cost
) -> dict[str, str]:
    """Return the AUC of each model on tweets, with the interval of its lead over the one of all labels."""
    negative = frame["negative"].to_numpy()
    predictions = {name: Predictions.at(score, 0.5) for name, score in scores.items()}
    texts = {}
    for name, own in predictions.items():
        lead = bootstrap.lead(negative, own, predictions[ALL], "roc_auc", cost=cost, resampling=resampling)
        auc = roc_auc_score(negative, own.score)
        texts[name] = f"{auc:.3f}" if name == ALL else f"{auc:.3f} ({lead.low:+.3f} to {lead.high:+.3f})"
    return texts


def main() -> None:
    """Fit and measure the baseline after each treatment, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("overrides", nargs="*", metavar="OVERRIDE", help="settings of the steps")
    documented.add_option(parser, "label_errors")
    options = parser.parse_intermixed_args()
    if find_spec("cleanlab") is None:
        parser.error("cleanlab is not installed: pip install --no-deps cleanlab==2.9.0")
    with hydra.initialize(version_base="1.3", config_path="../conf"):
        cfg = hydra.compose("config", overrides=options.overrides)
    train, measured = read(cfg)
    models = {
        name: fit(labels, cfg) for name, labels in track(treated(train, cfg).items(), description="Fitting baselines")
    }
    columns = {}
    for name, frame in measured.items():
        scores = {
            label: bag_of_words.negative_probability(model, frame["document"].tolist())
            for label, model in models.items()
        }
        resampling = Resampling(
            resamples=cfg.select.resamples, confidence=0.95, seed=cfg.seed, groups=frame["group"].to_numpy()
        )
        columns[f"{name}, {len(frame):,} tweets"] = cells(frame, scores, resampling, Cost(**cfg.cost))
    rows = [[name, *(column[name] for column in columns.values())] for name in models]
    documented.publish(documented.table([f"AUC, {len(train):,} labels", *columns], rows), options.document)


if __name__ == "__main__":
    main()
