"""Train a baseline: a bag-of-words model that every other approach has to beat.

In: a corpus. Out: `model`, a scikit-learn pipeline that takes raw tweets. The run also has the table of the search.
"""

from functools import partial

import mlflow
from hydra.utils import instantiate
from omegaconf import DictConfig

from pipeline import artifacts, door, preflight, runs, settings
from pipeline.trained import Trained, log_trained
from sentiment.data.corpus import read_tokenizer
from sentiment.inference.runtimes import sklearn
from sentiment.training import bag_of_words, stages


@door.step
def main(cfg: DictConfig) -> str:
    """Run the step and return the URI of the model."""
    pipeline, grid = bag_of_words.build(settings.plain(cfg.train_baseline), partial(instantiate, _convert_="all"))
    preflight.check(cfg)
    with runs.start("train_baseline", cfg) as scratch:
        corpus = artifacts.fetch(cfg.inputs.corpus, "corpus", scratch)
        frames = artifacts.read_splits(corpus)
        artifacts.log_data(frames, artifacts.describe_data(corpus))
        training = settings.plain(cfg.training)
        training |= {"stages": stages.mixed(training["stages"])}
        (learned,) = stages.divide(frames["train"], artifacts.sources(corpus), **training)
        train, validation = (
            frame["tokens"].map(sklearn.document).tolist() for frame in (learned, frames["validation"])
        )
        best, table, fit_seconds = bag_of_words.search(
            pipeline, grid, train, learned, **cfg.search, seed=cfg.seed, cache=scratch / "cache"
        )
        mlflow.log_params({f"best.{name}": best.get_params()[name] for name in grid})
        served = scratch / "served"
        served.mkdir()
        sklearn.save(served, best)
        trained = Trained(
            runtime="sklearn",
            text=read_tokenizer(corpus),
            served=served,
            native=served,
            native_probability=bag_of_words.negative_probability(best, validation),
            fit_seconds=fit_seconds,
            learned_from=artifacts.teachers(corpus),
            tables={"search": table},
        )
        return log_trained(trained, frames, artifacts.read_targets(corpus), cfg)


if __name__ == "__main__":
    main()
