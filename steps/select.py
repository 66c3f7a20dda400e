"""Compare the candidates on the validation split, register the best as champion, and look at the test set once.

In: models of the trainers and the splits they were all trained on. Out: a new version of the registered model with the
alias `champion`; the comparison as CSV, Markdown and HTML; metrics `test_*` of the winner, as a control.
"""

from pathlib import Path
from typing import Any

import hydra
import mlflow
import pandas as pd
from omegaconf import DictConfig
from rich.console import Console

from sentiment import comparison, metrics, plots, report
from sentiment.metrics import Cost
from steps import tracking

# A gap of more standard errors than this comes by chance once in 20 times.
SUSPICIOUS = 1.96
NEXT_STEPS = """\
[bold]Registered:[/bold] {name} version {version}, alias {alias}: {winner}
[bold]Test split[/bold] (looked at once): AUC {roc_auc:.3f}, {gap};
  accuracy {accuracy:.3f}, cost per 1,000 tweets {expected_cost:.0f}

[bold]Go on[/bold]
  first, once         [cyan]source .venv/bin/activate[/cyan]
  predict a tweet     [cyan]python -m steps predict "@AirParadis two hours late, thanks for nothing"[/cyan]
  open the MLflow UI  [cyan]make mlflow-ui[/cyan]
  try something else  [cyan]mlflow run . --env-manager=local -P hydra_options="train_bert=finetune"[/cyan]
"""


class CandidateError(ValueError):
    """Candidates that cannot be compared."""


def read_candidate(uri: str, digest: str) -> dict[str, Any]:
    """Return a model's row of the comparison.

    Raises:
        CandidateError: it is no finished model of a trainer, or was trained on other splits.
    """
    try:
        run = mlflow.get_run(tracking.run_id(uri))
    except mlflow.MlflowException as error:
        raise CandidateError(f"The candidate {uri} cannot be found: {error}") from error
    scores = run.data.metrics
    if run.info.status != "FINISHED" or "served_bytes" not in scores:
        raise CandidateError(f"The candidate {uri} is no finished model of a trainer (its run is {run.info.status}).")
    digests = {used.dataset.digest for used in (run.inputs.dataset_inputs if run.inputs else [])}
    if digests != {digest}:
        raise CandidateError(f"The candidate {uri} was trained on the splits {', '.join(digests)}, not on {digest}.")
    return {
        **{name.removeprefix("val_"): value for name, value in scores.items()},
        "name": run.info.run_name.partition(" ")[2] or run.info.run_name,
        "runtime": run.data.tags["runtime"],
        "megabytes": scores["served_bytes"] / 1e6,
        "uri": uri,
        "link": tracking.link(run),
    }


def rank(rows: list[dict[str, Any]], metric: str) -> pd.DataFrame:
    """Return the candidates as a table, the best first; of equals, the one that predicts faster.

    Names that more than one candidate has are told apart by their runs' ids.
    """
    table = pd.DataFrame(rows)
    twins = table["name"].duplicated(keep=False)
    table["name"] = table["name"].where(~twins, table["name"] + " " + table["uri"].map(tracking.run_id).str[:4])
    return table.sort_values([metric, "predict_seconds"], ascending=[not metrics.HIGHER_IS_BETTER[metric], True])


def choose(ranked: pd.DataFrame, runtimes: list[str]) -> pd.Series:
    """Return the best candidate that may be served.

    Raises:
        CandidateError: none may.
    """
    allowed = ranked[ranked["runtime"].isin(runtimes)]
    if allowed.empty:
        raise CandidateError(f"No candidate runs on one of select.runtimes={runtimes}: {set(ranked['runtime'])}.")
    return allowed.iloc[0]


def log_comparison(ranked: pd.DataFrame, metric: str, synthetic: bool, scratch: Path) -> None:
    """Log the comparison as tables, plots and a page, and show it on the terminal."""
    title = "Candidates on the validation split, best first"
    note = f"Ranked by {metric}. Cost of 1,000 tweets; fit in seconds; ms to predict a tweet, in a batch."
    note += " The data are synthetic: the figures say nothing about real tweets." * synthetic
    uris = dict(zip(ranked["name"].astype(str), ranked["uri"].astype(str), strict=True))
    validation = {name: tracking.read_validation(uri, scratch) for name, uri in uris.items()}
    negative = next(iter(validation.values()))["negative"].to_numpy()
    probabilities = {name: frame["probability"].to_numpy() for name, frame in validation.items()}

    folder = scratch / "comparison"
    folder.mkdir()
    ranked.to_csv(folder / "candidates.csv", index=False)
    plots.quality_against_time(ranked, metric).savefig(folder / "quality_against_time.png")
    plots.roc_curves(negative, probabilities).savefig(folder / "roc.png")
    text = comparison.markdown(ranked, title, note)
    (folder / "candidates.md").write_text(text, encoding="utf-8")
    (folder / "candidates.html").write_text(report.page(text, folder), encoding="utf-8")
    mlflow.log_artifacts(str(folder), "comparison")
    Console().print("", comparison.terminal(ranked, title), note, "", sep="\n", soft_wrap=True)


def look_at_test(winner: pd.Series, splits: Path, cost: Cost, scratch: Path) -> tuple[dict[str, float], str]:
    """Score the winner on the test split, as it is served, and log it; return the scores and what their gap says."""
    test = pd.read_parquet(splits / "test.parquet")
    answers = mlflow.pyfunc.load_model(winner["uri"]).predict(test["text"].tolist())
    on_test = test["negative"].to_numpy(), answers["negative_probability"].to_numpy()
    scores = metrics.score(*on_test, winner["threshold"], cost)
    mlflow.log_metrics({f"test_{name}": value for name, value in scores.items()})

    validation = tracking.read_validation(winner["uri"], scratch)
    on_validation = validation["negative"].to_numpy(), validation["probability"].to_numpy()
    gap, errors = metrics.gap_in_standard_errors(on_validation, on_test)
    mlflow.log_metrics({"validation_to_test_gap": gap, "validation_to_test_gap_in_standard_errors": errors})
    verdict = f"{abs(gap):.3f} {'below' if gap > 0 else 'above'} validation, {abs(errors):.1f} standard errors: "
    return scores, verdict + ("SUSPICIOUS, look at the splits" if abs(errors) > SUSPICIOUS else "chance explains it")


@hydra.main(version_base="1.3", config_path="../conf", config_name="config")
def main(cfg: DictConfig) -> None:
    """Run the step."""
    with tracking.run("select", cfg) as scratch:
        splits = tracking.fetch(cfg.inputs.splits, "splits", scratch)
        data = tracking.describe_data(splits)
        ranked = rank([read_candidate(uri, data["digest"]) for uri in cfg.inputs.candidates], cfg.select.metric)
        winner = choose(ranked, list(cfg.select.runtimes))
        log_comparison(ranked, cfg.select.metric, data["synthetic"], scratch)
        scores, gap = look_at_test(winner, splits, Cost(**cfg.cost), scratch)

        tags = {key: data[key] for key in ("data", "digest", "synthetic")}
        tags |= {"candidate": winner["name"], "threshold": winner["threshold"]}
        tags |= {f"val_{cfg.select.metric}": winner[cfg.select.metric]}
        version = tracking.register(winner["uri"], cfg.select.name, cfg.select.alias, tags)
        summary = {"name": cfg.select.name, "alias": cfg.select.alias, "version": version, "winner": winner["name"]}
        Console().print(NEXT_STEPS.format(**summary, **scores, gap=gap), soft_wrap=True)


if __name__ == "__main__":
    main()
