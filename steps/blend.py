"""Put several models together: the weighted sum of their logits.

In: models of several trainers, and the splits that they were all scored on. Out: `model`, which holds them all. The
weights are fitted to the validation split; its metrics there are those of weights that have not seen the tweet.
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
    """Return one row a model, as `candidates.read`, and its name in the blend: its family, with an id for twins.

    Raises:
        CandidateError: there are fewer than two.
    """
    members = pd.DataFrame([candidates.read(uri) for uri in dict.fromkeys(uris)])
    if len(members) < 2:
        raise CandidateError("A blend takes two models at least (inputs.candidates), each runs:/<run id>/model.")
    twins = members["family"].duplicated(keep=False)
    ids = "_" + members["uri"].map(artifacts.run_id).str[:4]
    return members.assign(member=members["family"] + ids.where(twins, ""))


def with_members(described: dict[str, Any], members: pd.DataFrame) -> dict[str, Any]:
    """Return what is said of the data, with the train split of each member where one has another than the splits."""
    data = {name: candidates.read_data(uri) for name, uri in zip(members["member"], members["uri"], strict=True)}
    if {of_member["digest"] for of_member in data.values()} == {described["digest"]}:
        return described
    trains = {name: {"digest": of["digest"], **of["splits"]["train"]} for name, of in data.items()}
    return described | {"members": trains, "digest": reuse.digest(trains)}


@door.step
def main(cfg: DictConfig) -> str:
    """Run the step and return the URI of the model."""
    preflight.check(cfg)
    with runs.start("blend", cfg) as scratch:
        splits = artifacts.fetch(cfg.inputs.splits, "splits", scratch)
        frames = artifacts.read_splits(splits)
        described = artifacts.describe_data(splits)
        members = read_members(cfg.inputs.candidates)
        candidates.require_same_splits(members, described)
        artifacts.log_data(frames, with_members(described, members))
        negative = frames["validation"]["negative"].to_numpy()
        served = scratch / "served"
        served.mkdir()
        logits = np.empty((len(negative), len(members)))
        for number, (name, uri) in enumerate(zip(members["member"], members["uri"], strict=True)):
            shutil.copytree(candidates.fetch_served(uri, scratch / name), served / name)
            score = stored_predictions.read(uri, frames["validation"]).score
            logits[:, number] = logit(classifier.read_calibration(served / name)(score))
        started = time.perf_counter()
        weights, intercept, out_of_fold = blending.fit(negative, logits, folds=cfg.calibration.folds, seed=cfg.seed)
        fit_seconds = time.perf_counter() - started + members["fit_seconds"].sum()

        told = dict(zip(members["member"], weights.tolist(), strict=True))
        blend.write(served, told, intercept)
        mlflow.log_params({f"weight.{name}": weight for name, weight in told.items()})
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
        return log_trained(trained, frames, cfg)


if __name__ == "__main__":
    main()
