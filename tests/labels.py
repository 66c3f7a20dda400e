"""Labels for tests, made as people make them: reported, judged by two of them, and written with a data card."""

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from telemetry import labels, relabelling
from telemetry.store import Store
from telemetry.suspects import Scope
from tests.events import feedback

SCOPE = Scope(model_version="7", uncertain=None, undo_seconds=0)


def judge(store: Store, number: int, **answers: Any) -> None:
    """Store what people, by name, say about the answer with a number."""
    for person, answer in answers.items():
        relabelling.judge(store, f"{number:016x}", person, answer, SCOPE)


def write_labels(folder: Path, negative: Mapping[str, bool]) -> Path:
    """Write a table of texts, each with whether it is negative; return its file."""
    with closing(Store(f"sqlite:///{folder / 'labels.db'}")) as store:
        store.create()
        store.add(feedback(number, 1_000.0, text) for number, text in enumerate(negative))
        for number, is_negative in enumerate(negative.values()):
            answer = "negative" if is_negative else "positive"
            judge(store, number, ana=answer, ben=answer)
        labels.write(store, folder / "labels.csv")
    return folder / "labels.csv"
