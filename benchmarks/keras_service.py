"""A reference service as in many public projects: FastAPI, with `keras.Model.predict` for each request.

Not a benchmark itself: `benchmarks.service` starts `python -m benchmarks.keras_service NATIVE CLASSIFIER PORT`, with
the `.keras` model and the folder of the served classifier, from which it takes the text processing.
"""

import sys
from pathlib import Path
from typing import Any

import keras
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from sentiment.inference.classifier import read_description
from sentiment.inference.runtimes.tflite import number_words, read_vocabulary, token_numbers
from sentiment.inference.text import Tokenizer, read_text


class PredictRequest(BaseModel):
    """A request with one tweet."""

    text: str


def application(native: Path, classifier: Path) -> FastAPI:
    """Create the service."""
    network: Any = keras.models.load_model(native, compile=False)
    tokenizer = read_text(read_description(classifier)["text"])
    assert isinstance(tokenizer, Tokenizer)
    number, length = number_words(read_vocabulary(classifier)), network.input_shape[1]
    app = FastAPI()

    @app.get("/readyz")
    def readyz() -> None:
        """Respond once the model is loaded."""

    @app.post("/predict")
    def predict(request: PredictRequest) -> dict[str, float]:
        """Classify one tweet."""
        row = token_numbers([tokenizer(request.text)], number, length)
        return {"negative_probability": float(network.predict(row, verbose=0)[0, 0])}

    return app


if __name__ == "__main__":
    uvicorn.run(application(Path(sys.argv[1]), Path(sys.argv[2])), port=int(sys.argv[3]), log_level="warning")
