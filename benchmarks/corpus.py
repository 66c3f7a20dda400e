"""The texts that benchmarks read without `--file`."""

import hydra
import pandas as pd
from hydra.utils import instantiate

TWEETS = "vader"
# 23,703 rated texts: tweets, and sentences of reviews and articles.
ALL = (TWEETS, "vader_amazon", "vader_movie", "vader_nyt")


def read(*names: str) -> pd.DataFrame:
    """Return the rows of data sets, with the columns that their `source` returns."""
    with hydra.initialize(version_base="1.3", config_path="../conf"):
        sources = [hydra.compose("config", overrides=[f"data={name}"]).data.source for name in names]
    frames: list[pd.DataFrame] = [instantiate(source, section="data") for source in sources]
    return pd.concat(frames, ignore_index=True)
