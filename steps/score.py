"""Score a table of tweets of any size with the champion, or with another model.

In: a table (`score.input`) as CSV, TSV, NDJSON or Parquet, and a model (`score.model`). Out: the same rows and columns
with `negative_probability`, `sentiment`, `certainty` and `model_version` (`score.output`). An interrupted command
continues where it stopped. The model scores in processes of this machine, or on Apache Spark (`engine`).
"""

import logging

import mlflow
from hydra.utils import instantiate
from omegaconf import DictConfig

from pipeline import door, runs, settings
from pipeline.batch import job, scoring
from pipeline.batch.engine import Engine

log = logging.getLogger(__name__)


@door.step
def main(cfg: DictConfig) -> None:
    """Run the step."""
    with runs.start("score", cfg) as scratch:
        own = settings.plain(cfg.score)
        engine: Engine = instantiate(cfg.engine)
        engine.check(own["processes"])
        prepared = job.prepare(own)
        mlflow.set_tags({"model": prepared.model.uri, "model_version": prepared.model.version})
        result = scoring.score(prepared, own, engine, scratch)
        counts, new = result.counts, result.counts.rows - result.continued
        rate = new / result.seconds
        mlflow.log_metrics({**vars(counts), "continued": result.continued, "processes": prepared.processes})
        mlflow.log_metrics({"seconds": result.seconds, "rows_per_second": rate})
        log.info(
            "%s: %s rows, %s of them without text, %s negative, %s uncertain. %s rows in %.1f s, %s per second.",
            prepared.output,
            *(f"{count:,}" for count in vars(counts).values()),
            f"{new:,}",
            result.seconds,
            f"{rate:,.0f}",
        )


if __name__ == "__main__":
    main()
