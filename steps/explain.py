"""Explain the champion, or another model: the words that decide over many tweets, and in single ones.

In: a model (`explain.model`), a data set (section `data`) and tweets (`explain.tweets`). Out: `faithfulness_*`, metrics
of how far explanations may be trusted; the report (`report/`) as Markdown and HTML with a plot; `tables/`, as CSV: the
importance of words, their contributions in single tweets, and the coefficients of a linear model.
"""

import logging

import mlflow
from hydra.utils import instantiate
from omegaconf import DictConfig
from rich.console import Console

from pipeline import door, explanation, runs, served, settings
from sentiment.data import splits
from sentiment.reports import explanation as report
from sentiment.reports.explanation import ModelExplanation

log = logging.getLogger(__name__)


def show(explained: ModelExplanation) -> None:
    """Print the results on the terminal."""
    table, lines = report.terminal(explained)
    Console().print("", table, *lines, f"[bold]Report[/bold]: {runs.link(runs.active())}", sep="\n", soft_wrap=True)


@door.step
def main(cfg: DictConfig) -> None:
    """Run the step."""
    explanation.check(cfg)
    with runs.start("explain", cfg) as scratch:
        model = served.find(cfg.explain.model, "explain.model", scratch)
        mlflow.set_tags({"model": model.uri, "model_run": model.run_uri})
        log.info("Explaining %s (%s).", model.title, model.uri)
        tweets = splits.check(instantiate(cfg.data.source, section="data"), settings.plain(cfg.data)).frame
        show(explanation.explain(model, tweets, cfg, scratch))


if __name__ == "__main__":
    main()
