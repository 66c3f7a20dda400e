"""Combine two models: the fast one answers the tweets that it is sure of, the accurate one the rest.

In: two candidates, and the splits that both were scored on. Out: `model`, which contains both. The bound is chosen on
the validation split.
"""

import shutil
import time

import mlflow
from omegaconf import DictConfig

from pipeline import artifacts, candidates, combined, door, preflight, runs, stored_predictions
from pipeline.candidates import CandidateError
from pipeline.trained import Trained, log_trained
from sentiment.inference import classifier
from sentiment.inference.runtimes import cascade
from sentiment.training import cascading


@door.step
def main(cfg: DictConfig) -> str:
    """Run the step and return the URI of the model."""
    preflight.check(cfg)
    with runs.start("cascade", cfg) as scratch:
        splits = artifacts.fetch(cfg.inputs.splits, "splits", scratch)
        frames = artifacts.read_splits(splits)
        description = artifacts.describe_data(splits)
        members = combined.read(cfg.inputs.candidates)
        if len(members) > 2:
            raise CandidateError(f"A cascade combines two models, not {len(members)} (inputs.candidates).")
        candidates.require_same_splits(members, description)
        artifacts.log_data(frames, combined.describe(description, members))
        served = scratch / "served"
        served.mkdir()
        by_speed = members.sort_values("predict_milliseconds")["uri"]
        probabilities = {}
        for name, uri in zip((cascade.FAST, cascade.ACCURATE), by_speed, strict=True):
            shutil.copytree(candidates.fetch_served(uri, scratch / name), served / name)
            score = stored_predictions.read(uri, frames["validation"], None).score
            probabilities[name] = classifier.read_calibration(served / name)(score)
        started = time.perf_counter()
        negative = frames["validation"]["negative"].to_numpy()
        bound = cascading.choose_bound(negative, **probabilities, max_auc_drop=cfg.cascade.max_auc_drop)
        fit_seconds = time.perf_counter() - started + members["fit_seconds"].sum()

        cascade.write(served, bound)
        fast = cascade.is_sure(probabilities[cascade.FAST], bound)
        mlflow.log_metrics({"cascade_bound": bound, "answered_by_fast_share": float(fast.mean())})
        trained = Trained(
            runtime="cascade",
            text=None,
            served=served,
            native=served,
            native_probability=cascading.cascaded(**probabilities, bound=bound),
            learned_from=members["uri"].tolist(),
            fit_seconds=fit_seconds,
        )
        return log_trained(trained, frames, artifacts.read_targets(splits), cfg)


if __name__ == "__main__":
    main()
