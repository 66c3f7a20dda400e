"""How far the explanations of a model can be trusted, measured and logged."""

import logging
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import mlflow
from omegaconf import DictConfig

from pipeline import artifacts
from sentiment.evaluation import faithfulness
from sentiment.evaluation.faithfulness import Faithfulness
from sentiment.inference import shapley
from sentiment.inference.classifier import Classifier

log = logging.getLogger(__name__)

# The modules of `sentiment.inference` that explain answers.
EXPLAINING = ("explain.py", "shapley.py")
OTHER_VERSION = (
    "The model contains the explanations of another version of this project: its service gives those. Train it again."
)


def measure(classifier: Classifier, texts: Sequence[str], cfg: DictConfig) -> Faithfulness:
    """Measure how far the explanations of a model may be trusted, and log the figures that are defined."""
    measured = faithfulness.measure(classifier, texts, **cfg.faithfulness, seed=cfg.seed)
    figures = {f"{artifacts.FAITHFULNESS}{name}": float(value) for name, value in asdict(measured).items()}
    mlflow.log_metrics({name: value for name, value in figures.items() if not math.isnan(value)})
    return measured


def measure_as_served(served: Path, texts: Sequence[str], cfg: DictConfig) -> Faithfulness | None:
    """Measure how far the explanations of a service may be trusted; None, with a warning, for those of another version.

    A service runs the code that the model contains, which may be older than this one.

    Args:
        served: the served form of the model, in the folder of the logged model.
        texts: raw tweets.
        cfg: the configuration.
    """
    if explains_as_here(served):
        return measure(Classifier.load(served), texts, cfg)
    log.warning("%s Its faithfulness is not measured.", OTHER_VERSION)
    return None


def explains_as_here(served: Path) -> bool:
    """Return whether a model contains the explanations of this version of the project."""
    here, there = Path(shapley.__file__).parent, served.parents[1] / "code" / "sentiment" / "inference"
    return all(
        (there / name).is_file() and (there / name).read_bytes() == (here / name).read_bytes() for name in EXPLAINING
    )
