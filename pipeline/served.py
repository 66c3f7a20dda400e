"""A trained model in its served form, found by the URI of a registered version or of a run."""

from dataclasses import dataclass
from pathlib import Path

import mlflow

from pipeline import artifacts, candidates, registry, stored_predictions
from pipeline.artifacts import RESTORE, ArtifactError
from pipeline.candidates import CandidateError
from sentiment.inference import classifier
from sentiment.inference.classifier import Band
from sentiment.inference.probabilities import Reliability


@dataclass(frozen=True, kw_only=True)
class ServedModel:
    """A served model that can be run.

    Attributes:
        uri: its URI, with a version number instead of an alias.
        run_uri: the URI of the same model in the run that trained it.
        title: how people call it: `tweet_sentiment version 3`, or the name of its run.
        candidate: its name in the comparison of candidates.
        folder: its served form, which `sentiment.inference.classifier.Classifier` loads.
        threshold: the lowest probability that counts as negative.
        uncertain: the lowest and the highest uncertain probability; None if no answer is uncertain.
        reliability: the bounds of reliable answers.
        calibration: `none`, or the method of its calibration.
        seen: the hashes (`keys.text_hashes`) of all texts of its training and validation splits.
    """

    uri: str
    run_uri: str
    title: str
    candidate: str
    folder: Path
    threshold: float
    uncertain: Band | None
    reliability: Reliability
    calibration: str
    seen: frozenset[int]


def find(uri: str, setting: str, scratch: Path) -> ServedModel:
    """Return a model with what it takes to evaluate it, before anything is scored.

    Args:
        uri: `models:/<name>@<alias>`, `models:/<name>/<version>` or `runs:/<run id>/model`.
        setting: the setting with this URI, for messages.
        scratch: a folder for its files.

    Raises:
        SettingsError: the URI has another form.
        ArtifactError: there is no such model, or its files are missing.
        CandidateError: it is not a model of a trainer's finished run, or an older version of the project made it.
        ClassifierError: its files were written by an older version of the project.
    """
    fixed, run_uri, title = locate(uri, setting)
    try:
        run = mlflow.get_run(artifacts.run_id(run_uri))
    except mlflow.MlflowException as error:
        raise ArtifactError(f"{setting}={uri}: its run cannot be read: {error}. {RESTORE}") from error
    try:
        row = candidates.read(run_uri)
    except CandidateError as error:
        raise CandidateError(f"{setting}={uri}: {error}") from error
    try:
        folder = candidates.fetch_served(run_uri, scratch / "model")
    except (mlflow.MlflowException, OSError, StopIteration) as error:
        raise ArtifactError(f"{setting}={uri}: its files cannot be read: {error}. {RESTORE}") from error
    description, reliability = classifier.read_description(folder), classifier.read_reliability(folder)
    if reliability is None:
        raise CandidateError(f"{setting}={uri}: an older version of this project made this model. Train it again.")
    return ServedModel(
        uri=fixed,
        run_uri=run_uri,
        title=title or row["name"],
        candidate=row["name"],
        folder=folder,
        threshold=description["threshold"],
        uncertain=classifier.read_band(description["uncertain"]),
        reliability=reliability,
        calibration=run.data.tags["calibration"],
        seen=frozenset(stored_predictions.read_seen(run_uri)),
    )


def locate(uri: str, setting: str) -> tuple[str, str, str | None]:
    """Return the URI of a model with a version instead of an alias, its URI in its run, and the title of a version.

    Raises:
        SettingsError: the URI has another form.
        ArtifactError: there is no such registered model, alias or version.
    """
    version = registry.resolve(uri, setting)
    if version is None:
        return uri, uri, None
    run_uri = f"runs:/{version.run_id}/{artifacts.MODEL}"
    return f"models:/{version.name}/{version.version}", run_uri, f"{version.name} version {version.version}"
