"""Compare a model with the champion on the feedback set: labels of the relabelling queue that are kept for the gate."""

import logging

import mlflow
import numpy as np
import pandas as pd
from mlflow.entities.model_registry import ModelVersion
from numpy.typing import NDArray
from omegaconf import DictConfig

from pipeline import artifacts, candidates, scoring, stored_predictions
from sentiment.data import keys
from sentiment.data.datasets import labels
from sentiment.evaluation import bootstrap
from sentiment.evaluation.bootstrap import Resampling
from sentiment.evaluation.gate import Feedback
from sentiment.inference.errors import UserError

log = logging.getLogger(__name__)

SECTION, PART = "select.feedback", "check"


def read(cfg: DictConfig) -> pd.DataFrame | None:
    """Return the feedback set: columns `text` and `negative`; its version is in `attrs`. None if none is set.

    `main` and `select` read it before any work, so that a file that cannot be used wastes none.

    Raises:
        DataError: its table cannot be used.
        MissingFileError: there is no such file.
    """
    if cfg.select.feedback.path is None:
        return None
    table = labels.load(path=cfg.select.feedback.path, part=PART, section=SECTION)
    frame = table[["text"]].assign(negative=(table["label"] == "negative").astype(np.int8))
    frame.attrs["version"] = table.attrs["version"]
    return frame


def compare(champion: ModelVersion, winner: pd.Series, cfg: DictConfig) -> Feedback | None:
    """Compare the winner with the champion on the tweets of the feedback set that neither has seen.

    Returns None if there is no feedback set.

    Args:
        champion: the champion.
        winner: the row of the winner, `candidates.read`.
        cfg: the configuration.

    Raises:
        CandidateError: the winner cannot be run.
        DataError: the table of the feedback set cannot be used.
        MissingFileError: there is no such file.
    """
    frame = read(cfg)
    if frame is None:
        return None
    try:
        rival = candidates.read(f"runs:/{champion.run_id}/{artifacts.MODEL}")
        seen = stored_predictions.read_seen(rival["uri"]) | stored_predictions.read_seen(winner["uri"])
        tweets = frame[~keys.text_hashes(frame["text"]).isin(seen)].reset_index(drop=True)
        required = cfg.select.feedback.min_tweets
        if len(tweets) < required:
            obstacle = f"only {len(tweets):,} of its {len(frame):,} tweets are unseen by both models; "
            obstacle += f"{SECTION}.min_tweets={required} are required."
            return Feedback(rows=len(tweets), obstacle=obstacle)
        rival_correct = correct(f"models:/{champion.name}/{champion.version}", rival["threshold"], tweets)
    except (mlflow.MlflowException, OSError, ValueError, UserError) as error:  # its files are missing or damaged
        obstacle = f"version {champion.version}, the champion: {str(error).rstrip('.')}."
        return Feedback(rows=0, obstacle=obstacle)
    own_correct = correct(winner["uri"], winner["threshold"], tweets)
    lead = bootstrap.mean_interval(own_correct.astype(np.int8) - rival_correct, resampling(cfg))
    log.info("Compared with the champion on %d of %d tweets of the feedback set.", len(tweets), len(frame))
    mlflow.set_tag("feedback_version", frame.attrs["version"])
    mlflow.log_metrics(
        {
            "feedback_rows": len(tweets),
            "feedback_accuracy": own_correct.mean(),
            "feedback_champion_accuracy": rival_correct.mean(),
            "feedback_lead": lead.estimate,
            "feedback_lead_low": lead.low,
            "feedback_lead_high": lead.high,
        }
    )
    return Feedback(
        rows=len(tweets), correct=int(own_correct.sum()), champion_correct=int(rival_correct.sum()), lead=lead
    )


def correct(uri: str, threshold: float, tweets: pd.DataFrame) -> NDArray[np.bool_]:
    """Return which tweets a model classifies correctly, shape (n,).

    Raises:
        CandidateError: the model cannot be run.
    """
    probability = scoring.predict_in_subprocess(uri, tweets["text"].tolist())["negative_probability"].to_numpy()
    right: NDArray[np.bool_] = (probability >= threshold) == (tweets["negative"].to_numpy() == 1)
    return right


def resampling(cfg: DictConfig) -> Resampling:
    """Return the bootstrap settings for the feedback set, whose authors are not known."""
    return Resampling(resamples=cfg.select.resamples, confidence=cfg.select.confidence, seed=cfg.seed)
