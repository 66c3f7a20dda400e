"""The headline results in the README: the best candidate of each approach, and the winners' test metrics."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline import runs
from sentiment.inference.errors import UserError
from sentiment.reports import comparison
from sentiment.reports.pages import cell, grid

BEGIN = "<!-- results: written by `python -m steps document` -->\n"
END = "<!-- end of results -->\n"
# Folder of conf/ that names a candidate: how the approach is called.
APPROACHES = {"train_baseline": "baseline", "train_keras": "Keras network", "train_bert": "BERT"}
# End of a candidate's name: what sets it apart from the others in the table.
NOTES = {
    "distilled": "`distilled` also learned from unlabelled tweets.",
    "more data": "`more data` was trained on more labelled tweets than the others.",
}
FIGURES = ("roc_auc", "accuracy", "expected_cost", "predict_milliseconds", "megabytes")


class HeadlineError(UserError):
    """A README without a place for the results."""


def render(results: Sequence[Mapping[str, Any]], peers: Sequence[Mapping[str, Any]] = ()) -> str:
    """Return the headline results in Markdown.

    The first table is that of the first result, the study: its candidates were scored on the same validation tweets.

    Args:
        results: content of docs/results.json, not empty.
        peers: content of docs/peers.json: what others have published on the study's data.
    """
    study = results[0]
    splits = study["data"]["splits"]
    best = pd.DataFrame(best_of_each_approach(study))
    table = comparison.formatted(best, comparison.with_targets(best, ("name", *FIGURES), ("roc_auc",)))
    table.insert(0, "approach", best["approach"])
    costs, data = study["settings"], study["data"]["data"]
    notes = [note for name, note in NOTES.items() if best["name"].str.endswith(name).any()]
    paragraphs = [
        f"The best candidate of each approach, trained on {splits['train']['rows']:,} tweets of {data} and compared on "
        f"{splits['validation']['rows']:,} validation tweets:",
        grid(table),
        " ".join(
            [
                *notes,
                "Accuracy and cost are taken at the threshold with the lowest expected cost per 1,000 tweets (missed "
                f"negative tweet: {costs['cost.missed_negative']}, false alarm: {costs['cost.false_alarm']}).",
                f"`ms` is the time per tweet on {study['cores']} cores, comparable within a run only, as machines "
                "differ in speed; `MB` is the size of the served form.",
            ]
        ),
        "The winner of each run, measured on its test split, which neither training nor selection has seen:",
        grid(pd.DataFrame([on_test(result, unit_costs(study)) for result in results])),
    ]
    if any(unit_costs(result) != unit_costs(study) for result in results):
        paragraphs.append("In parentheses: other costs, of a missed negative tweet and of a false alarm.")
    if peers:
        published = [
            {
                "published model": cell(peer["model"]),
                "tweets": peer["tweets"],
                "accuracy": f"{peer['accuracy']:.3f}",
                "source": f"[{cell(peer['source'])}]({peer['link']})",
            }
            for peer in peers
        ]
        paragraphs += [
            f"Published results on {data}, each measured on a different split:",
            grid(pd.DataFrame(published), markdown=["published model", "source"]),
        ]
    return "\n\n".join(paragraphs) + "\n"


def best_of_each_approach(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the candidate with the highest AUC of each approach, in the order of APPROACHES."""
    candidates = [candidate for stage in result["stages"].values() for candidate in stage]
    ranked = sorted(candidates, key=lambda candidate: -float(candidate["roc_auc"]))
    best = {group: next(of_group(ranked, group), None) for group in APPROACHES}
    return [{"approach": APPROACHES[group], **candidate} for group, candidate in best.items() if candidate is not None]


def of_group(candidates: Iterable[Mapping[str, Any]], group: str) -> Iterator[Mapping[str, Any]]:
    """Yield the candidates that a file in a folder of conf/ configures: their names begin with its name."""
    options = {path.stem for path in (runs.PROJECT / "conf" / group).glob("*.yaml")}
    yield from (candidate for candidate in candidates if candidate["name"].partition(" ")[0] in options)


def unit_costs(result: Mapping[str, Any]) -> tuple[float, float]:
    """Return what a missed negative tweet and a false alarm cost in a run."""
    return float(result["settings"]["cost.missed_negative"]), float(result["settings"]["cost.false_alarm"])


def on_test(result: Mapping[str, Any], usual_costs: tuple[float, float]) -> dict[str, str]:
    """Return a row of the table of winners: the title, the winner, what it reaches on the test split, and its cost."""
    metrics, selected, costs = result["metrics"], result["selected"], unit_costs(result)
    at_costs = "" if costs == usual_costs else f" ({costs[0]:g}, {costs[1]:g})"
    size = next(
        candidate
        for stage in reversed(result["stages"].values())
        for candidate in stage
        if candidate["name"] == selected
    )
    return {
        "run": result["title"],
        "winner": selected,
        "AUC": f"{metrics['test_roc_auc']:.3f}",
        "accuracy": f"{metrics['test_accuracy']:.3f}",
        "cost": f"{metrics['test_expected_cost']:.0f}{at_costs}",
        "ms": f"{size['predict_milliseconds']:.2f}",
        "MB": f"{size['megabytes']:.1f}",
    }


def write(readme: Path, results: Sequence[Mapping[str, Any]], peers: Sequence[Mapping[str, Any]] = ()) -> None:
    """Write the headline results into a README, between BEGIN and END.

    Raises:
        HeadlineError: the README lacks one of the two lines.
    """
    text = readme.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise HeadlineError(f"{readme} lacks the lines between which the results belong: {BEGIN}{END}")
    readme.write_text(f"{before}{BEGIN}\n{render(results, peers)}\n{END}{after}", encoding="utf-8")
