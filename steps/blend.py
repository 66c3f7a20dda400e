"""Combine several models by stacking: a weighted sum of their logits.

In: candidates, and the splits that all of them were scored on. Out: `model`, which contains all members. The weights
are fitted on the validation split; its validation metrics are out-of-fold.
"""

import shutil
import time

import mlflow
import numpy as np
from omegaconf import DictConfig

from pipeline import artifacts, candidates, combined, door, preflight, runs, stored_predictions
from pipeline.trained import Trained, log_trained
from sentiment.inference import classifier
from sentiment.inference.probabilities import logit
from sentiment.inference.runtimes import blend
from sentiment.training import blending


@door.step
def main(cfg: DictConfig) -> str:
    """Run the step and return the URI of the model."""
    preflight.check(cfg)
    with runs.start("blend", cfg) as scratch:
        splits = artifacts.fetch(cfg.inputs.splits, "splits", scratch)
        frames = artifacts.read_splits(splits)
        description = artifacts.describe_data(splits)
        members = combined.read(cfg.inputs.candidates)
        candidates.require_same_splits(members, description)
        artifacts.log_data(frames, combined.describe(description, members))
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
