"""The model card of a registered version: gathered from its runs, attached to it as Markdown and HTML."""

import re
import shlex
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import mlflow
from hydra.core.hydra_config import HydraConfig
from mlflow.entities import Run
from mlflow.tracking import MlflowClient
from omegaconf import DictConfig

from pipeline import artifacts, candidates, runs, selection
from pipeline.artifacts import MODEL_CARD
from pipeline.promotion import Decision
from pipeline.selection import Selection, TestEvaluation
from sentiment.evaluation import bootstrap, metrics, slices
from sentiment.evaluation.metrics import Cost
from sentiment.reports import model_card, pages, plots
from sentiment.reports import slices as slices_report

# The registry keeps no longer description.
LONGEST_DESCRIPTION = 5_000
# Parameters of a run that its step has found out, beside those that it was given.
FOUND_OUT = ("best", "weight")


def attach(found: Selection, test: TestEvaluation, decision: Decision, cfg: DictConfig, scratch: Path) -> None:
    """Log the card in the open run, and have the version tell where: its head as description, its address as a tag.

    Args:
        found: the winner among the candidates.
        test: the winner on the test split.
        decision: what became of it.
        cfg: the configuration.
        scratch: a folder to write to.
    """
    folder = scratch / MODEL_CARD
    folder.mkdir()
    text = write(gather(found, test, decision, cfg), found, folder, cfg.select.metric)
    mlflow.log_artifacts(str(folder), MODEL_CARD)
    version, run = decision.version, runs.active()
    head = f"{text.partition('## Uses')[0]}\n[The whole card]({runs.link(run)}/artifacts/{MODEL_CARD})"
    client = MlflowClient()
    client.update_model_version(version.name, version.version, description=head[:LONGEST_DESCRIPTION])
    uri = f"runs:/{run.info.run_id}/{MODEL_CARD}/model_card.md"
    client.set_model_version_tag(version.name, version.version, MODEL_CARD, uri)


def gather(found: Selection, test: TestEvaluation, decision: Decision, cfg: DictConfig) -> model_card.Card:
    """Return what the card tells; arguments are those of `attach`."""
    winner = found.winner
    run = mlflow.get_run(artifacts.run_id(winner["uri"]))
    made_by = named(lineage(run))
    cost, threshold = Cost(**cfg.cost), float(winner["threshold"])
    negative, drawing = test.tweets["negative"].to_numpy(), selection.resampling(cfg, test.tweets)
    return model_card.Card(
        name=decision.version.name,
        version=str(decision.version.version),
        created=f"{datetime.now(UTC):%d %B %Y}",
        candidate=winner["name"],
        family=winner["family"],
        training={name: settings_of(made) for name, made in made_by.items() if made.data.tags["step"] != "split"},
        data={key: value for key, value in found.data.items() if key != "limits"},
        data_limits=found.data["limits"],
        validation=found.intervals,
        test=bootstrap.intervals(negative, test.predictions, cost=cost, resampling=drawing),
        gap=test.gap,
        answers=model_card.count_answers(negative, test.predictions.called),
        cost=cost,
        threshold=threshold,
        uncertain=metrics.uncertain_band(cost, threshold),
        uncertain_share=winner["uncertain_share"],
        auc_without_near_duplicates=run.data.metrics.get("val_roc_auc_without_near_duplicates"),
        calibration_method=run.data.tags["calibration"],
        calibration=candidates.read_table(run, "calibration"),
        slices=slices.table(
            found.validation["text"].tolist(),
            found.validation["negative"].to_numpy(),
            found.predictions[winner["uri"]],
            cost=cost,
            confidence=cfg.select.confidence,
        ),
        verdict=decision.verdict,
        metric=cfg.select.metric,
        candidates=found.ranked,
        leads=found.leads,
        megabytes=winner["megabytes"],
        milliseconds=winner["predict_milliseconds"],
        commit=run.data.tags.get("mlflow.source.git.commit", "unknown: the code was under no version control"),
        commands=[command()],
        runs={name: runs.link(made) for name, made in made_by.items()},
        versions=requirements(winner["uri"]),
    )


def write(card: model_card.Card, found: Selection, folder: Path, metric: str) -> str:
    """Write the card with its plots into a folder, as Markdown and as one HTML page; return the Markdown."""
    made_by = mlflow.get_run(artifacts.run_id(found.winner["uri"]))
    mlflow.artifacts.download_artifacts(f"{made_by.info.artifact_uri}/plots/calibration.png", dst_path=str(folder))
    plots.quality_against_time(found.ranked, metric).savefig(folder / "quality_against_time.png")
    slices_report.plot(card.slices).savefig(folder / "slices.png")
    text = model_card.markdown(card)
    (folder / "model_card.md").write_text(text, encoding="utf-8")
    (folder / "model_card.html").write_text(pages.page(text, folder), encoding="utf-8")
    return text


def lineage(run: Run) -> list[Run]:
    """Return the runs of the steps that a model comes from, the first step first, its own at the end."""
    eaten = " ".join(value for name, value in run.data.params.items() if name.startswith("inputs."))
    found: dict[str, Run] = {}
    for parent in re.findall("runs:/([0-9a-f]{32})/", eaten):
        found |= {made.info.run_id: made for made in lineage(mlflow.get_run(parent))}
    return [*found.values(), run]


def named(made_by: Iterable[Run]) -> dict[str, Run]:
    """Return runs by their names, each told apart by its id where two have one."""
    runs_of = list(made_by)
    counts = Counter(made.info.run_name for made in runs_of)
    return {
        made.info.run_name + f" {made.info.run_id[:4]}" * (counts[made.info.run_name] > 1): made for made in runs_of
    }


def settings_of(run: Run) -> dict[str, Any]:
    """Return the settings of its own section that a step was run with, and what it has found out."""
    step = run.data.tags["step"]
    own = {name: value for name, value in run.data.params.items() if name.partition(".")[0] in (step, *FOUND_OUT)}
    return {name.removeprefix(f"{step}."): value for name, value in own.items()}


def requirements(uri: str) -> dict[str, str]:
    """Return the packages that a model names as its requirements, with their versions."""
    model_id = candidates.logged_model(mlflow.get_run(artifacts.run_id(uri))).removeprefix("models:/")
    text = mlflow.artifacts.load_text(f"{mlflow.get_logged_model(model_id).artifact_location}/requirements.txt")
    return {name: version for name, _, version in (line.partition("==") for line in text.split())}


def command() -> str:
    """Return the command line that makes the same again: of the pipeline, or of `select` where it was run alone."""
    given = HydraConfig.get().overrides.task
    if "mlflow.parentRunId" not in runs.active().data.tags:
        return f"python -m steps select {shlex.join(given)}"
    return runs.command(option for option in given if not option.startswith("inputs."))
