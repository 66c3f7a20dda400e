"""A registered model with its reference, tables of tweets and stored predictions: for the tests of drift and status."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import uuid4

import numpy as np
import pandas as pd
import pytest
from hydra.core.hydra_config import HydraConfig

from pipeline import scoring
from steps import select
from telemetry.events import Prediction
from telemetry.store import Store
from tests.events import prediction
from tests.integration.candidates import SharedCandidates, command_line_configuration, predict_in_process, tweets

# Tweets that the model has not seen.
UNSEEN = range(500, 900)
OPTIONS = ("drift.resamples=1200", "select.resamples=50")
# What changes tweets beyond doubt.
SUFFIX = " @AirParadis http://t.co/x !!"


@contextmanager
def in_process() -> Iterator[None]:
    """Run models in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scoring, "predict_in_subprocess", predict_in_process)
        yield


def register(shared: SharedCandidates) -> str:
    """Select and register the logistic regression; return the name of the registered model."""
    name = f"small_{uuid4().hex}"
    with in_process():
        select.main(
            command_line_configuration(
                f"inputs.candidates=[{shared.logistic_regression}]",
                f"inputs.splits={shared.splits}",
                f"select.name={name}",
                "select.families=[baseline]",
                "select.resamples=50",
                "select.floor.roc_auc=0.5",
            )
        )
    HydraConfig.instance().cfg = None
    return name


def write(file: Path, numbers: Sequence[int] = UNSEEN, *, suffix: str = "", flipped: bool = False) -> Path:
    """Write labelled tweets by number to a table; with a suffix, each has it; `flipped` swaps the labels."""
    frame = tweets(numbers)
    negative = (frame["negative"] == 1) != flipped
    table = {"text": frame["text"] + suffix, "label": np.where(negative, "negative", "positive")}
    pd.DataFrame(table).to_csv(file, index=False)
    return file


def predictions(
    name: str, numbers: Sequence[int] = UNSEEN, *, stored: bool = True, **overrides: str
) -> list[Prediction]:
    """Return predictions of version 1 for tweets, made now, with the texts if `stored`."""
    texts = tweets(numbers)["text"].tolist()
    answers = predict_in_process(f"models:/{name}/1", texts)
    rows = zip(numbers, texts, answers["negative_probability"], answers["sentiment"], strict=True)
    fields = {"model_version": "1", **overrides}
    return [
        prediction(
            number,
            text=text if stored else None,
            characters=len(text),
            negative_probability=float(probability),
            sentiment=sentiment,
            **fields,
        )
        for number, text, probability, sentiment in rows
    ]


def save(url: str, events: Sequence[Prediction]) -> None:
    """Store events."""
    with closing(Store(url)) as store:
        store.create()
        store.add(events)
