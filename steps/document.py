"""Write what finished runs of `main` have found into a document: `python -m steps document "16,000 tweets=<run id>"`.

In: ids of runs, each with a title. Out: `docs/results.json`, in which a run of the same title replaces an older one,
and `docs/results.md`, which is made of it. Neither holds a tweet.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.entities import Run

from pipeline import artifacts, runs, store
from pipeline.artifacts import ArtifactError
from sentiment.reports import comparison
from sentiment.reports.pages import cell, grid

# What is told of a candidate.
FIGURES = (
    "roc_auc",
    "accuracy",
    "accuracy_at_half",
    "f1",
    "log_loss",
    "calibration_error",
    "expected_cost",
    "fit_seconds",
    "predict_milliseconds",
    "megabytes",
)
# What is told of the data, by `split`.
DATA = ("data", "synthetic", "digest", "splits", "unknown_groups", "near_duplicates")
# What is told of the end: metrics of `select`.
CONCLUSIONS = ("test_", "lead_", "validation_to_test_gap")
# By what it was reached: settings of `select`.
SETTINGS = ("select.metric", "select.confidence", "cost.missed_negative", "cost.false_alarm")
INTRODUCTION = """\
# Results

Written by `python -m steps document`; the same figures, unrounded, are in `results.json`. Candidates of one table were
scored on the same validation tweets; the test split was looked at once, for the winner. `accuracy` and `cost` (of 1,000
tweets) are taken at the threshold that costs least on validation; `accuracy at 0.5` is what publications call accuracy.
`fit` is in seconds, `ms` to predict a tweet in a batch."""


def read(title: str, main: Run) -> dict[str, Any]:
    """Return what a finished run of `main` has found.

    Raises:
        ArtifactError: it is none, or has not finished.
    """
    if main.data.tags.get("step") != "main" or main.info.status != "FINISHED":
        step = main.data.tags.get("step", "unknown")
        raise ArtifactError(
            f"Run {main.info.run_id} is not a finished `main` run (step {step}, status {main.info.status})."
        )
    select = mlflow.get_run(main.data.tags["select"])
    with tempfile.TemporaryDirectory() as folder:
        data = artifacts.describe_data(artifacts.fetch(select.data.params["inputs.splits"], "splits", Path(folder)))
    stages = [file.path for file in mlflow.MlflowClient().list_artifacts(main.info.run_id, "stages")]
    return {
        "title": title,
        "command": main.data.tags["command"],
        "commit": main.data.tags.get("mlflow.source.git.commit"),
        "cores": int(main.data.tags["cores"]),
        "seconds": float(table(main, "steps.csv")["seconds"].sum()),
        "data": {key: data.get(key) for key in DATA},
        "stages": {Path(path).stem: candidates(table(main, path)) for path in sorted(stages) if path.endswith(".csv")},
        "selected": select.data.tags["winner"],
        "settings": {name: select.data.params[name] for name in SETTINGS},
        "metrics": {name: value for name, value in select.data.metrics.items() if name.startswith(CONCLUSIONS)},
    }


def find(run_id: str) -> Run:
    """Return the run with an id.

    Raises:
        ArtifactError: there is none.
    """
    try:
        return mlflow.get_run(run_id)
    except mlflow.MlflowException as error:
        where = store.shown(mlflow.get_tracking_uri())
        raise ArtifactError(f"There is no run {run_id!r} in {where}: {error}") from error


def table(run: Run, path: str) -> pd.DataFrame:
    """Read a table among the artifacts of a run."""
    return pd.read_csv(StringIO(mlflow.artifacts.load_text(f"{run.info.artifact_uri}/{path}")))


def candidates(ranked: pd.DataFrame) -> list[dict[str, Any]]:
    """Return what is told of candidates, the best first."""
    return [{str(key): value for key, value in row.items()} for row in ranked[["name", *FIGURES]].to_dict("records")]


def section(found: Mapping[str, Any]) -> str:
    """Return what a run has found, in Markdown."""
    data, figures = found["data"], found["metrics"]
    rows = ", ".join(f"{name} {split['rows']:,}" for name, split in data["splits"].items())
    notes = " The tweets are synthetic: the figures say nothing about real ones." * data["synthetic"]
    notes += "".join(f" {note}" for note in caveats(data))
    parts = [
        f"## {found['title']}",
        f"Data: {data['data']}; tweets: {rows} (digest `{data['digest'][:12]}`).{notes} All steps together take "
        f"{found['seconds'] / 60:.0f} minutes on {found['cores']} cores, at commit `{str(found['commit'])[:10]}`:",
        f"```sh\n{found['command']}\n```",
    ]
    for name, told in found["stages"].items():
        parts += [f"### {name.partition(' ')[2]}", grid(comparison.formatted(pd.DataFrame(told), ("name", *FIGURES)))]
    settings = found["settings"]
    parts += [
        f"Selected: **{cell(found['selected'])}**{lead(figures, settings)}. On the test split AUC "
        f"**{figures['test_roc_auc']:.4f}**, accuracy {figures['test_accuracy']:.3f} "
        f"({figures['test_accuracy_at_half']:.3f} at 0.5), cost {figures['test_expected_cost']:.0f} where a missed "
        f"negative tweet costs {settings['cost.missed_negative']} and a false alarm {settings['cost.false_alarm']}; "
        f"the AUC is {abs(figures['validation_to_test_gap']):.4f} "
        f"{'below' if figures['validation_to_test_gap'] > 0 else 'above'} validation, "
        f"{abs(figures['validation_to_test_gap_in_standard_errors']):.1f} standard errors."
    ]
    return "\n\n".join(parts)


def caveats(data: Mapping[str, Any]) -> list[str]:
    """Return what is known of the data that flatters the figures, in sentences; older runs of `split` do not say."""
    notes = []
    if any((data.get("unknown_groups") or {}).values()):
        unknown = ", ".join(f"{name} {rows:,}" for name, rows in data["unknown_groups"].items())
        notes.append(f"Tweets of unknown authors: {unknown}.")
    if data.get("near_duplicates"):
        shares = (f"{100 * found['share']:.1f} % of {name}" for name, found in data["near_duplicates"].items())
        notes.append(f"Near-duplicates of training tweets: {', '.join(shares)}.")
    return notes


def lead(figures: Mapping[str, float], settings: Mapping[str, str]) -> str:
    """Return the lead over the best of the other candidates, which may not be served and be better; if there is one."""
    if "lead_over_second" not in figures:
        return ""
    found, low, high = (figures[f"lead_over_second{end}"] for end in ("", "_low", "_high"))
    return (
        f", {found:+.4f} in {settings['select.metric']} against the best other candidate "
        f"({100 * float(settings['select.confidence']):g} % interval {low:+.4f} to {high:+.4f})"
    )


def main(arguments: list[str]) -> None:
    """Add what runs have found to both files.

    Raises:
        ArtifactError: a run is no finished run of `main`, or there is no such run.
    """
    parser = argparse.ArgumentParser(prog="python -m steps document", description=__doc__.partition("\n")[0])
    parser.add_argument("runs", nargs="+", metavar="TITLE=RUN", help="a title, and the id of a finished run of main")
    parser.add_argument("--folder", type=Path, default=runs.PROJECT / "docs", help="default: %(default)s")
    asked = parser.parse_args(arguments)
    store.connect()
    named = [words.rpartition("=") for words in asked.runs]
    new = {title: read(title, find(run_id)) for title, _, run_id in named}
    asked.folder.mkdir(exist_ok=True)
    file = asked.folder / "results.json"
    old = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else []
    known = {found["title"]: found for found in old} | new
    file.write_text(json.dumps(list(known.values()), indent=2) + "\n", encoding="utf-8")
    text = "\n\n".join([INTRODUCTION, *map(section, known.values())])
    (asked.folder / "results.md").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
