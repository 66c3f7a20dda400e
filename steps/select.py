"""Compare the candidates on the validation split, register the best, and let the gate decide whether it is champion.

In: models of the trainers and the splits they were all scored on. Out: a version of the registered model with the alias
`challenger`, or `champion` if it passes the gate; the comparison as CSV, Markdown and HTML; metrics `test_*` of the
winner, looked at once, as a control; the model card.
"""

import mlflow
from omegaconf import DictConfig
from rich.console import Console
from rich.markup import escape

from pipeline import artifacts, card, door, preflight, promotion, registry, runs, selection
from pipeline.launch import SUMMARY
from pipeline.promotion import Decision
from pipeline.registry import CHALLENGER, CHAMPION
from pipeline.selection import Selection, TestEvaluation
from sentiment.evaluation import bootstrap
from sentiment.reports import comparison, verdict

NOTE = """\
Ranked by {metric}. Cost of 1,000 tweets; fit in seconds; ms to predict a tweet, in a batch. Calibration and threshold \
are cross-fitted: no tweet judges what was fitted to it. Networks and fine-tuned BERT chose their epoch on these \
tweets, which flatters them a little."""
SYNTHETIC = " The data are synthetic: the figures say nothing about real tweets."
NEXT_STEPS = """\
[bold]Go on[/bold]
  first, once         [cyan]source .venv/bin/activate[/cyan]
  predict a tweet     [cyan]python -m steps predict "@AirParadis two hours late, thanks for nothing"[/cyan]
  open the MLflow UI  [cyan]make mlflow-ui[/cyan]
  try something else  [cyan]mlflow run . --env-manager=local -P hydra_options="train_bert=finetune"[/cyan]
"""


def show(found: Selection, test: TestEvaluation, decision: Decision, note: str) -> None:
    """Show on the terminal how the candidates did and what became of the best, and log the same."""
    version, name = decision.version, found.winner["name"]
    console = Console(record=True)
    console.print("", comparison.terminal(found.ranked, selection.TITLE), note, "", sep="\n", soft_wrap=True)
    console.print(verdict.terminal(decision.verdict, escape(f"{version.name} version {version.version}: {name}")))
    console.print(*conclusion(found, test, decision), NEXT_STEPS, sep="\n", soft_wrap=True)
    mlflow.log_text(console.export_text(styles=True), SUMMARY)


def conclusion(found: Selection, test: TestEvaluation, decision: Decision) -> list[str]:
    """Return for the terminal what became of the best candidate."""
    version, scores = decision.version, test.scores
    alias = CHAMPION if decision.champion else f"{CHALLENGER}; as {CHAMPION} it is {decision.verdict.result}"
    leads = [f"[bold]Lead[/bold] over {escape(name)}: {bootstrap.signed(lead)}" for name, lead in found.leads.items()]
    return [
        f"[bold]Registered:[/bold] {version.name} version {version.version}, alias {alias}: "
        + escape(found.winner["name"]),
        *leads[:1],
        f"[bold]Test split[/bold] (looked at once): AUC {scores['roc_auc']:.3f}, {test.gap}; "
        f"accuracy {scores['accuracy']:.3f}, cost per 1,000 tweets {scores['expected_cost']:.0f}",
        "",
    ]


@door.step
def main(cfg: DictConfig) -> None:
    """Run the step."""
    preflight.check(cfg)
    with runs.start("select", cfg) as scratch:
        splits = artifacts.fetch(cfg.inputs.splits, "splits", scratch)
        found = selection.compare(cfg.inputs.candidates, splits, artifacts.describe_data(splits), cfg)
        note = NOTE.format(metric=cfg.select.metric) + SYNTHETIC * found.data["synthetic"]
        selection.log_comparison(found, cfg.select.metric, note, scratch)
        test = selection.look_at_test(found, splits, cfg)
        decision = promotion.challenge(found, test, cfg)
        card.attach(found, test, decision, cfg, scratch)
        mlflow.set_tags({"aliases": str(registry.aliases(cfg.select.name)), "winner": found.winner["name"]})
        show(found, test, decision, note)


if __name__ == "__main__":
    main()
