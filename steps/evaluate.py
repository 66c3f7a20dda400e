"""Evaluate the champion, or another model, on any labelled tweets.

In: a model (`evaluate.model`), and a data set (section `data`), all rows of which are evaluated except those that the
model has learned from. Out: metrics `eval_*` with their intervals; the report (`report/`) as Markdown and HTML with
plots; `tables/`, as CSV: slices, reliable answers, calibration, behavioural tests, and the most wrong answers.
"""

import logging

import mlflow
from hydra.utils import instantiate
from omegaconf import DictConfig
from rich.console import Console

from pipeline import door, evaluation, runs, served, settings
from sentiment.data import unseen
from sentiment.reports import evaluation as report
from sentiment.reports.evaluation import Evaluation

log = logging.getLogger(__name__)


def show(evaluated: Evaluation) -> None:
    """Print the results on the terminal."""
    table, lines = report.terminal(evaluated)
    Console().print("", table, *lines, f"[bold]Report[/bold]: {runs.link(runs.active())}", sep="\n", soft_wrap=True)


@door.step
def main(cfg: DictConfig) -> None:
    """Run the step."""
    evaluation.check(cfg)
    with runs.start("evaluate", cfg) as scratch:
        model = served.find(cfg.evaluate.model, "evaluate.model", scratch)
        mlflow.set_tags({"model": model.uri, "model_run": model.run_uri})
        log.info("Evaluating %s (%s).", model.title, model.uri)
        rows = unseen.select(
            instantiate(cfg.data.source, section="data"),
            settings.plain(cfg.data),
            seen=model.seen,
            include_seen=cfg.evaluate.include_seen,
            slice_columns=list(cfg.evaluate.slice_columns),
            seed=cfg.seed,
        )
        show(evaluation.evaluate(model, rows, cfg, scratch))


if __name__ == "__main__":
    main()
