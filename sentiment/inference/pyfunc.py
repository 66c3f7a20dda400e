"""The MLflow form of a classifier, for `mlflow.pyfunc.load_model` and `mlflow models serve`.

MLflow runs this file when it loads a model ("models from code"): nothing is pickled.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel

from sentiment.inference.classifier import Classifier


class SentimentModel(PythonModel):
    """A list of raw tweets in; a frame of probabilities and answers out, one row per tweet."""

    def load_context(self, context: Any) -> None:
        """Load the classifier stored with the model."""
        self.classifier = Classifier.load(Path(context.artifacts["classifier"]))

    def predict(self, model_input: list[str]) -> pd.DataFrame:  # type: ignore[override]
        """Score raw tweets.

        Columns: `negative_probability`; `sentiment`, which is `negative` or `positive`, at the stored threshold;
        `uncertain`, which asks for a check by a person; `reliable`, if few such answers are wrong.
        """
        probability = self.classifier.negative_probability(model_input)
        sentiment = np.where(self.classifier.is_negative(probability), "negative", "positive")
        return pd.DataFrame(
            {
                "negative_probability": probability,
                "sentiment": sentiment,
                "uncertain": self.classifier.is_uncertain(probability),
                "reliable": self.classifier.is_reliable(probability),
            }
        )


set_model(SentimentModel())
