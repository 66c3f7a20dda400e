"""Random samples of stored predictions."""

import random
from dataclasses import dataclass

import sqlalchemy as sa

from telemetry.events import Prediction
from telemetry.retention import DAY
from telemetry.schema import LATEST, predictions
from telemetry.store import READ, Store, restored


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Predictions of a model in the last days.

    Attributes:
        events: a random sample of them, in the order of insertion.
        total: the number of all of them.
        others: the number of predictions of each other version in these days.
    """

    events: list[Prediction]
    total: int
    others: dict[str, int]


def sample(store: Store, version: str, *, days: float, most: int, seed: int) -> Sample:
    """Draw predictions of a model version, of the last days.

    Args:
        store: the event store.
        version: of the model.
        days: the length of the window until now.
        most: the largest number of events.
        seed: the seed of the sample.

    Raises:
        Unavailable: the store cannot be read.
    """
    with store.database.reading() as connection:
        since = store.now(connection) - days * DAY
        recent = predictions.c.time.between(since, LATEST)
        named = predictions.c.model_version
        by_version = sa.select(named, sa.func.count()).where(recent).group_by(named)
        others = {name: count for name, count in connection.execute(by_version) if name != version}
        of_version = sa.select(predictions.c.number).where(recent, named == version)
        numbers = list(connection.scalars(of_version.order_by(predictions.c.number)))
        drawn = sorted(random.Random(seed).sample(numbers, min(most, len(numbers))))
        events = []
        for start in range(0, len(drawn), READ):
            some = sa.select(predictions).where(predictions.c.number.in_(drawn[start : start + READ]))
            rows = connection.execute(some.order_by(predictions.c.number))
            events += [restored(Prediction, row) for row in rows]
    return Sample(events=events, total=len(numbers), others=others)
