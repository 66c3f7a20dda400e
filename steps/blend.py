"""Combine several models by stacking: a weighted sum of their logits.

In: candidates, and the splits that all of them were scored on. Out: `model`, which contains all members. The weights
are fitted on the validation split; its validation metrics are out-of-fold.
"""

import shutil
import time
from collections.abc import Sequence
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from omegaconf import DictConfig

from pipeline import artifacts, candidates, door, preflight, reuse, runs, stored_predictions
from pipeline.candidates import CandidateError
from pipeline.trained import Trained, log_trained
from sentiment.inference import classifier
from sentiment.inference.classifier import logit
from sentiment.inference.runtimes import blend
from sentiment.training import blending


def read_members(uris: Sequence[str]) -> pd.DataFrame:
    """Return one row per model: `candidates.read`, and a unique name `member` (its family, plus an id if needed).

    Raises:
        CandidateError: there are fewer than two models.
    """
    members = pd.DataFrame([candidates.read(uri) for uri in dict.fromkeys(uris)])
    if len(members) < 2:
        raise CandidateError("A blend needs at least two models (inputs.candidates), each runs:/<run id>/model.")
    same_family = members["family"].duplicated(keep=False)
    ids = "_" + members["uri"].map(artifacts.run_id).str[:4]
    return members.assign(member=members["family"] + ids.where(same_family, ""))


def with_members(description: dict[str, Any], members: pd.DataFrame) -> dict[str, Any]:
    """Add the training split of each member to the description of the data, if any differs from that of the splits."""
    data = {name: candidates.read_data(uri) for name, uri in zip(members["member"], members["uri"], strict=True)}
    if {member_data["digest"] for member_data in data.values()} == {description["digest"]}:
        return description
    train_splits = {
        name: {"digest": member_data["digest"], **member_data["splits"]["train"]} for name, member_data in data.items()
    }
    return description | {"members": train_splits, "digest": reuse.digest(train_splits)}


@door.step
def main(cfg: DictConfig) -> str:
    """Run the step and return the URI of the model."""
    preflight.check(cfg)
    with runs.start("blend", cfg) as scratch:
        splits = artifacts.fetch(cfg.inputs.splits, "splits", scratch)
        frames = artifacts.read_splits(splits)
        description = artifacts.describe_data(splits)
        members = read_members(cfg.inputs.candidates)
        candidates.require_same_splits(members, description)
        artifacts.log_data(frames, with_members(description, members))
        negative = frames["validation"]["negative"].to_numpy()
        served = scratch / "served"
        served.mkdir()
        logits = np.empty((len(negative), len(members)))
        for number, (name, uri) in enumerate(zip(members["member"], members["uri"], strict=True)):
            shutil.copytree(candidates.fetch_served(uri, scratch / name), served / name)
            score = stored_predictions.read(uri, frames["validation"], None).score
            logits[:, number] = logit(classifier.read_calibration(served / name)(score))
        started = time.perf_counter()
        weights, intercept, out_of_fold = blending.fit(negative, logits, folds=cfg.calibration.folds, seed=cfg.seed)
        fit_seconds = time.perf_counter() - started + members["fit_seconds"].sum()

        weight_of_member = dict(zip(members["member"], weights.tolist(), strict=True))
        blend.write(served, weight_of_member, intercept)
        mlflow.log_params({f"weight.{name}": weight for name, weight in weight_of_member.items()})
        trained = Trained(
            runtime="blend",
            text=None,
            served=served,
            native=served,
            native_probability=blend.probability(logits, weights, intercept),
            out_of_fold=out_of_fold,
            learned_from=members["uri"].tolist(),
            fit_seconds=fit_seconds,
        )
        return log_trained(trained, frames, artifacts.read_targets(splits), cfg)


if __name__ == "__main__":
    main()
