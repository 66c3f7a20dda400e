"""Combine several models: a weighted sum of their logits.

In: candidates, and the splits that all of them were scored on. Out: `model`, which contains all members. Without
`blend.weights`, the weights are fitted on the validation split (stacking), and the validation metrics are out-of-fold.
"""

import time

import mlflow
import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig

from pipeline import combined, door, preflight, runs, settings
from pipeline.trained import Trained, log_trained
from sentiment.inference.arrays import Labels
from sentiment.inference.probabilities import logit
from sentiment.inference.runtimes import blend
from sentiment.training import blending
from sentiment.training.blending import Blended


def weigh(names: list[str], negative: Labels, logits: NDArray[np.float64], cfg: DictConfig) -> Blended:
    """Return the fixed weights of the members (`blend.weights`), or fit them to validation tweets.

    `names` are those of the members; `negative` has shape (n,), `logits` (n, members).
    """
    fixed = settings.plain(cfg.blend)["weights"]
    if fixed is not None:
        return blending.fix(fixed, names)
    return blending.fit(negative, logits, folds=cfg.calibration.folds, seed=cfg.seed)


@door.step
def main(cfg: DictConfig) -> str:
    """Run the step and return the URI of the model."""
    preflight.check(cfg)
    with runs.start("blend", cfg) as scratch:
        inputs, served = combined.fetch(cfg, scratch), scratch / "served"
        members, validation = inputs.members, inputs.frames["validation"]
        probabilities = combined.copy_served(members, validation, served, scratch)
        names, logits = members["member"].tolist(), logit(probabilities.to_numpy())
        started = time.perf_counter()
        blended = weigh(names, validation["negative"].to_numpy(), logits, cfg)
        fit_seconds = time.perf_counter() - started + members["fit_seconds"].sum()

        weight_of_member = dict(zip(names, blended.weights.tolist(), strict=True))
        blend.write(served, weight_of_member, blended.intercept)
        mlflow.log_params({f"weight.{name}": weight for name, weight in weight_of_member.items()})
        trained = Trained(
            runtime="blend",
            text=None,
            served=served,
            native=served,
            native_probability=blend.probability(logits, blended.weights, blended.intercept),
            out_of_fold=blended.out_of_fold,
            learned_from=members["uri"].tolist(),
            fit_seconds=fit_seconds,
        )
        return log_trained(trained, inputs.frames, inputs.targets, cfg)


if __name__ == "__main__":
    main()
