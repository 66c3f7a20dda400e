"""The tweets of the demonstration: those of a data set of conf/data/."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from hydra import compose, initialize
from hydra.utils import instantiate

from pipeline import settings
from sentiment.data import checks
from sentiment.data.sources import CHECKED

# Classes of tweets.
NEGATIVE, OTHER = "negative", "other"


class Corpus(NamedTuple):
    """A data set.

    Attributes:
        name: as in conf/data/.
        tweets: its texts by class (NEGATIVE, OTHER), each once.
    """

    name: str
    tweets: Mapping[str, Sequence[str]]


def read(overrides: Sequence[str]) -> Corpus:
    """Read the data set that overrides choose (`data=csv data.path=tweets.csv`), by default that of `make run`.

    Raises:
        sentiment.inference.errors.UserError: it cannot be read.
        hydra.errors.HydraException: an override is wrong.
    """
    with initialize(config_path="../conf", version_base="1.3"):
        cfg = compose("config", overrides=list(overrides))
    table = instantiate(cfg.data.source, section="data")
    section = settings.plain(cfg.data)
    frame = checks.check(table, **{name: section[name] for name in CHECKED}, section="data").frame
    classes = {NEGATIVE: frame["negative"] == 1, OTHER: frame["negative"] == 0}
    return Corpus(
        section["name"], {name: frame["text"][rows].drop_duplicates().tolist() for name, rows in classes.items()}
    )
