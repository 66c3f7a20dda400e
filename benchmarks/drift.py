"""Replay labelled tweets: how often `drift` rings, and how far its estimates are from what labels show.

    python -m benchmarks.drift [--document "drift airline"] data=csv data.path=airline.csv \
      data.label_column=airline_sentiment data.ignored_values=[neutral] [drift.model=models:/tweet_sentiment/1 ...]

Takes the settings of the step. Draws 20 random parts of each size of the table, compares each with the model's
reference as if it had no labels, and then looks at the labels. Columns: parts whose tweets have changed; parts whose
quality an estimate was trusted to tell; the largest error (estimate - measured, absolute) of AUC and accuracy in all
parts, and of the trusted metrics alone.
"""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig
from tqdm import tqdm

from benchmarks import documented
from monitoring import performance
from pipeline import current, drift, reference, runs, served, store
from pipeline.current import Current
from pipeline.reference import SCORES

SIZES, PARTS = (300, 1_000, 2_000, 4_000, 8_000), 20
COLUMNS = ["tweets", "changed", "estimate trusted", "largest error of AUC", "of accuracy", "of trusted metrics"]


def configuration(overrides: list[str]) -> DictConfig:
    """Compose the settings, for a table of any length."""
    table = ["drift.tweets=data", "drift.max_tweets=1000000"]
    with initialize_config_dir(version_base="1.3", config_dir=str(runs.PROJECT / "conf")):
        return compose("config", overrides=[*table, *overrides])


def replay(now: Current, size: int, before: reference.Reference, cfg: DictConfig) -> list[str]:
    """Return a row of the table: the results on random parts of a size."""
    version, rows = drift.find(cfg), []
    for seed in tqdm(range(PARTS), desc=f"{size:,} tweets", unit=" parts"):
        part = now.tweets.sample(size, random_state=seed).reset_index(drop=True)
        watched = drift.judge(version, before, replace(now, tweets=part.assign(negative=np.nan)), cfg)
        truth = performance.measured(drift.scored(part.dropna(subset=list(SCORES))))
        errors = {each.metric: abs(each.value - truth[each.metric]) for each in watched.estimated}
        trusted = [errors[each.metric] for each in watched.qualities]
        worst = max(trusted, default=np.nan)
        rows.append({"changed": watched.changed, "trusted": bool(trusted), "worst": worst, **errors})
    table = pd.DataFrame(rows)
    counts = [f"{table[name].sum()} of {PARTS}" for name in ("changed", "trusted")]
    largest = table[[*performance.METRICS, "worst"]].max()
    return [f"{size:,}", *counts, *("" if np.isnan(error) else f"{error:.3f}" for error in largest)]


def main() -> None:
    """Replay parts of all sizes, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("overrides", nargs="*", help="settings of the step")
    documented.add_option(parser, "drift")
    options = parser.parse_intermixed_args()
    cfg = configuration(options.overrides)
    drift.check(cfg)
    store.connect()
    with tempfile.TemporaryDirectory() as scratch:
        version = drift.find(cfg)
        before = reference.read(version, Path(scratch))
        now = current.from_table(served.find(cfg.drift.model, "drift.model", Path(scratch)), before, cfg)
    title = f"`{version.name}` version {version.version} on {now.title}, {len(now.tweets):,} tweets:"
    rows = [replay(now, size, before, cfg) for size in SIZES if size <= len(now.tweets)]
    documented.publish(f"{title}\n\n{documented.table(COLUMNS, rows)}", options.document)


if __name__ == "__main__":
    main()
