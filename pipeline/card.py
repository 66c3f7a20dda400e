"""Build the model card of a registered version from its runs, and attach it as Markdown and HTML."""

import re
import shlex
import shutil
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

from pipeline import artifacts, candidates, runs, selection, trust
from pipeline.artifacts import MODEL_CARD
from pipeline.promotion import Decision
from pipeline.selection import Selection, TestEvaluation
from sentiment.evaluation import bootstrap, metrics, slices
from sentiment.evaluation.metrics import Cost
from sentiment.inference import classifier
from sentiment.reports import hub, model_card, pages
from sentiment.reports import slices as slices_report

# Limit of the registry.
MAX_DESCRIPTION_LENGTH = 5_000
# Prefixes of run parameters that a step has estimated, as opposed to its settings.
ESTIMATED = ("best", "weight")


def attach(selected: Selection, test: TestEvaluation, decision: Decision, cfg: DictConfig, scratch: Path) -> None:
    """Log the card in the active run, and set its URI as a tag of the version and its beginning as the description.

    Args:
        selected: the candidates and the winner.
        test: the winner's results on the test split.
        decision: the registered version and the gate's verdict.
        cfg: the configuration.
        scratch: the folder to which `selection.log_comparison` has written.
    """
    folder = scratch / MODEL_CARD
    folder.mkdir()
    served = candidates.fetch_served(selected.winner["uri"], scratch / "winner")
    text = write(gather(selected, test, decision, cfg, served), selected, folder)
    mlflow.log_artifacts(str(folder), MODEL_CARD)
    version, run = decision.version, runs.active()
    client = MlflowClient()
    client.update_model_version(version.name, version.version, description=description(text, runs.link(run)))
    uri = f"runs:/{run.info.run_id}/{MODEL_CARD}/model_card.md"
    client.set_model_version_tag(version.name, version.version, MODEL_CARD, uri)


def description(card: str, run: str) -> str:
    """Return the beginning of a card and its limits, as far as the registry has room, after a link to the card."""
    head, limits = card.partition("\n## Uses")[0], card.partition("\n## Limits")[2].partition("\n## ")[0]
    link = f"[Full model card]({run}/artifacts/{MODEL_CARD})"
    return f"{link}\n\n{head}\n## Limits{limits}"[:MAX_DESCRIPTION_LENGTH]


def gather(
    selected: Selection, test: TestEvaluation, decision: Decision, cfg: DictConfig, served: Path
) -> model_card.Card:
    """Collect the content of the card; for the arguments, see `attach`; `served` is the winner's served form."""
    winner = selected.winner
    run = mlflow.get_run(artifacts.run_id(winner["uri"]))
    runs_by_name = with_unique_names(lineage(run))
    cost, threshold = Cost(**cfg.cost), float(winner["threshold"])
    reliability = classifier.read_reliability(served)
    assert reliability is not None, "every trainer determines it"
    negative, resampling = test.tweets["negative"].to_numpy(), selection.resampling(cfg, test.tweets)
    return model_card.Card(
        name=decision.version.name,
        version=str(decision.version.version),
        created=f"{datetime.now(UTC):%d %B %Y}",
        candidate=winner["name"],
        family=winner["family"],
        languages=list(cfg.select.languages),
        training={
            name: settings_of(step_run)
            for name, step_run in runs_by_name.items()
            if step_run.data.tags["step"] != "split"
        },
        data={key: value for key, value in selected.data.items() if key != "limits"},
        data_limits=selected.data["limits"],
        validation=selected.intervals,
        test=bootstrap.intervals(negative, test.predictions, cost=cost, resampling=resampling),
        gap=test.gap,
        answers=model_card.count_answers(negative, test.predictions.called),
        cost=cost,
        threshold=threshold,
        uncertain=metrics.uncertain_band(cost, threshold),
        uncertain_share=winner["uncertain_share"],
        reliability=reliability,
        reliable=test.reliable,
        auc_without_near_duplicates=run.data.metrics.get("val_roc_auc_without_near_duplicates"),
        calibration_method=run.data.tags["calibration"],
        calibration=candidates.read_table(run, "calibration"),
        slices=slices.table(
            selected.validation["text"].tolist(),
            selected.validation["negative"].to_numpy(),
            selected.predictions[winner["uri"]],
            cost=cost,
            confidence=cfg.select.confidence,
        ),
        faithfulness=trust.measure_as_served(served, selected.validation["text"].tolist(), cfg),
        verdict=decision.verdict,
        metric=cfg.select.metric,
        targets={
            name: {metric: winner[metrics.on_target(metric, name)] for metric in model_card.METRICS}
            for name in metrics.targets(selected.ranked.columns)
        },
        ranked_on=selection.tweets_that_rank(cfg.select.target),
        candidates=selected.ranked,
        leads=selected.leads,
        megabytes=winner["megabytes"],
        milliseconds=winner["predict_milliseconds"],
        commit=run.data.tags.get("mlflow.source.git.commit", "unknown: the code was not under version control"),
        commands=[command()],
        runs={name: runs.link(step_run) for name, step_run in runs_by_name.items()},
        versions=requirements(winner["uri"]),
    )


def write(card: model_card.Card, selected: Selection, folder: Path) -> str:
    """Write the card and its plots to a folder, as Markdown and as a single HTML page; return the Markdown.

    XX
    """
    run = mlflow.get_run(artifacts.run_id(selected.winner["uri"]))
    mlflow.artifacts.download_artifacts(f"{run.info.artifact_uri}/plots/calibration.png", dst_path=str(folder))
    shutil.copy(folder.parent / selection.COMPARISON / selection.QUALITY_PLOT, folder)
    slices_report.plot(card.slices, "AUC on kinds of tweets, validation split").savefig(folder / "slices.png")
    text = model_card.markdown(card)
    (folder / "model_card.md").write_text(text, encoding="utf-8")
    (folder / "README.md").write_text(hub.with_metadata(card, text), encoding="utf-8")
    (folder / "model_card.html").write_text(pages.page(text, folder), encoding="utf-8")
    return text


def lineage(run: Run) -> list[Run]:
    """Return the runs of all steps that led to a model, in order; the last one is its own."""
    input_uris = " ".join(value for name, value in run.data.params.items() if name.startswith("inputs."))
    ancestors: dict[str, Run] = {}
    for parent in re.findall("runs:/([0-9a-f]{32})/", input_uris):
        ancestors |= {ancestor.info.run_id: ancestor for ancestor in lineage(mlflow.get_run(parent))}
    return [*ancestors.values(), run]


def with_unique_names(step_runs: Iterable[Run]) -> dict[str, Run]:
    """Return runs by name; add the run id to names that are not unique."""
    step_runs = list(step_runs)
    counts = Counter(run.info.run_name for run in step_runs)
    return {run.info.run_name + f" {run.info.run_id[:4]}" * (counts[run.info.run_name] > 1): run for run in step_runs}


def settings_of(run: Run) -> dict[str, Any]:
    """Return the settings in a step's own section, and the parameters that it has estimated."""
    step = run.data.tags["step"]
    params = {name: value for name, value in run.data.params.items() if name.partition(".")[0] in (step, *ESTIMATED)}
    return {name.removeprefix(f"{step}."): value for name, value in params.items()}


def requirements(uri: str) -> dict[str, str]:
    """Return a model's required packages, with their versions."""
    model_id = artifacts.logged_model(mlflow.get_run(artifacts.run_id(uri))).removeprefix("models:/")
    text = mlflow.artifacts.load_text(f"{mlflow.get_logged_model(model_id).artifact_location}/requirements.txt")
    return {name: version for name, _, version in (line.partition("==") for line in text.split())}


def command() -> str:
    """Return the command that reproduces the model: of the pipeline, or of `select` if it was run on its own."""
    overrides = HydraConfig.get().overrides.task
    if "mlflow.parentRunId" not in runs.active().data.tags:
        return f"python -m steps select {shlex.join(overrides)}"
    return runs.command(option for option in overrides if not option.startswith("inputs."))
