"""Train a bag of words: the simple approach that every other has to beat.

In: a corpus. Out: `model`, a scikit-learn pipeline that eats raw tweets, with the table of its search.
"""

import hydra
import mlflow
import skops.io
from omegaconf import DictConfig

from sentiment import bag_of_words
from sentiment.runtimes.sklearn import FILE, document
from steps import tracking


@hydra.main(version_base="1.3", config_path="../conf", config_name="config")
def main(cfg: DictConfig) -> str:
    """Run the step and return the URI of the model."""
    pipeline, grid = bag_of_words.build(tracking.plain(cfg.train_baseline))
    with tracking.run("train_baseline", cfg) as scratch:
        corpus = tracking.fetch(cfg.inputs.corpus, "corpus", scratch)
        frames = tracking.read_splits(corpus)
        tracking.log_data(frames, corpus)
        documents = {name: frame["tokens"].map(document).tolist() for name, frame in frames.items()}
        best, table, fit_seconds = bag_of_words.search(
            pipeline, grid, documents["train"], frames["train"], **cfg.search, seed=cfg.seed, cache=scratch / "cache"
        )
        mlflow.log_params({f"best.{name}": best.get_params()[name] for name in grid})
        served = scratch / "served"
        served.mkdir()
        skops.io.dump(best, served / FILE)
        trained = tracking.Trained(
            runtime="sklearn",
            text=tracking.read_tokenizer(corpus),
            served=served,
            native=served,
            native_probability=bag_of_words.negative_probability(best, documents["validation"]),
            fit_seconds=fit_seconds,
            tables={"search": table},
        )
        return tracking.log_trained(trained, frames, cfg)


if __name__ == "__main__":
    main()
