"""Combine two models: the fast one answers the tweets that it is sure of, the accurate one the rest.

In: two candidates, and the splits that both were scored on. Out: `model`, which contains both. The bound is chosen on
the validation split.
"""

import time

import mlflow
from omegaconf import DictConfig

from pipeline import combined, door, latency, preflight, runs
from pipeline.candidates import CandidateError
from pipeline.trained import Trained, log_trained
from sentiment.inference.runtimes import cascade
from sentiment.training import cascading


@door.step
def main(cfg: DictConfig) -> str:
    """Run the step and return the URI of the model."""
    preflight.check(cfg)
    with runs.start("cascade", cfg) as scratch:
        inputs, served = combined.fetch(cfg, scratch), scratch / "served"
        if len(inputs.members) > 2:
            raise CandidateError(f"A cascade combines two models, not {len(inputs.members)} (inputs.candidates).")
        validation = inputs.frames["validation"]
        models = [latency.load(uri, scratch / str(number)) for number, uri in enumerate(inputs.members["uri"])]
        milliseconds = latency.milliseconds(models, validation["text"].tolist())
        members = inputs.members.assign(milliseconds=milliseconds).sort_values("milliseconds")
        members["member"] = [cascade.FAST, cascade.ACCURATE]
        table = combined.copy_served(members, validation, served, scratch)
        probabilities = {name: table[name].to_numpy() for name in (cascade.FAST, cascade.ACCURATE)}
        started = time.perf_counter()
        negative = validation["negative"].to_numpy()
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
        return log_trained(trained, inputs.frames, inputs.targets, cfg)


if __name__ == "__main__":
    main()
