"""Compare candidates on the validation split, register the best, and promote it to champion if it passes the gate.

In: candidates, and the splits that all of them were scored on. Out: a version of the registered model with the alias
`challenger`, or `champion` if it passes the gate; the comparison as CSV, Markdown and HTML; metrics `test_*` of the
winner; the model card; the reference that `drift` compares later tweets with (`reference/`, without texts).
"""

import mlflow
from omegaconf import DictConfig
from rich.console import Console
from rich.markup import escape

from pipeline import artifacts, card, door, feedback, preflight, promotion, reference, registry, runs, selection
from pipeline.launch import SUMMARY
from pipeline.promotion import Decision
from pipeline.registry import CHALLENGER, CHAMPION
from pipeline.selection import Selection, TestEvaluation
from sentiment.evaluation import bootstrap, metrics
from sentiment.reports import comparison, verdict

NOTE = """\
Ranked by {metric}. cost: per 1,000 tweets; fit: seconds; ms: time to predict one tweet, in a batch. Calibration and \
threshold are cross-fitted: no tweet is scored with values fitted on it. Networks and fine-tuned BERT chose their best \
epoch on these tweets, so their metrics are slightly optimistic."""
NEXT_STEPS = """\
[bold]Next steps[/bold]
  activate first      [cyan]source .venv/bin/activate[/cyan]
  classify a tweet    [cyan]python -m steps predict "@AirParadis two hours late, thanks for nothing"[/cyan]
  open the MLflow UI  [cyan]make mlflow-ui[/cyan]
  try film reviews    [cyan]mlflow run . --env-manager=local -P hydra_options="data=vader_movie"[/cyan]
"""


def show(selected: Selection, test: TestEvaluation, decision: Decision, title: str, note: str) -> None:
    """Print the comparison, the gate's verdict and the result on the terminal, and log the same text."""
    version, name = decision.version, selected.winner["name"]
    console = Console(record=True)
    console.print("", comparison.terminal(selected.ranked, title), note, "", sep="\n", soft_wrap=True)
    console.print(verdict.terminal(decision.verdict, escape(f"{version.name} version {version.version}: {name}")))
    console.print(*conclusion(selected, test, decision), NEXT_STEPS, sep="\n", soft_wrap=True)
    mlflow.log_text(console.export_text(styles=True), SUMMARY)


def conclusion(selected: Selection, test: TestEvaluation, decision: Decision) -> list[str]:
    """Return lines for the terminal: the registered version, its lead, its test metrics."""
    version, scores = decision.version, test.scores
    alias = CHAMPION if decision.champion else f"{CHALLENGER} (gate: {decision.verdict.result})"
    leads = [
        f"[bold]Lead[/bold] over {escape(name)}: {bootstrap.signed(lead)}" for name, lead in selected.leads.items()
    ]
    return [
        f"[bold]Registered:[/bold] {version.name} version {version.version}, alias {alias}: "
        + escape(selected.winner["name"]),
        *leads[:1],
        f"[bold]Test split[/bold] (used once): AUC {scores['roc_auc']:.3f}, {test.gap}; "
        f"accuracy {scores['accuracy']:.3f}, cost per 1,000 tweets {scores['expected_cost']:.0f}",
        "",
    ]


@door.step
def main(cfg: DictConfig) -> None:
    """Run the step."""
    preflight.check(cfg)
    feedback.read(cfg)
    with runs.start("select", cfg) as scratch:
        splits = artifacts.fetch(cfg.inputs.splits, "splits", scratch)
        selected = selection.compare(cfg.inputs.candidates, splits, artifacts.describe_data(splits), cfg)
        note = NOTE.format(metric=metrics.on_target(cfg.select.metric, cfg.select.target))
        selection.log_comparison(selected, cfg, note, scratch)
        test = selection.evaluate_on_test(selected, splits, cfg)
        decision = promotion.challenge(selected, test, cfg)
        card.attach(selected, test, decision, cfg, scratch)
        reference.attach(selected, splits, decision.version, cfg, scratch)
        mlflow.set_tags({"aliases": str(registry.aliases(cfg.select.name)), "winner": selected.winner["name"]})
        show(selected, test, decision, selection.title(cfg), note)


if __name__ == "__main__":
    main()
