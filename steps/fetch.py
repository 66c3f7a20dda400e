"""Download data sets into the cache, so that later runs need no network.

In: data sets (section `data`). Out: nothing but the files in the cache.
"""

import logging

from hydra.utils import instantiate
from omegaconf import DictConfig

from pipeline import door, settings
from sentiment.data import sources

log = logging.getLogger(__name__)


@door.step
def main(cfg: DictConfig) -> None:
    """Run the step."""
    table = instantiate(cfg.data.source, section="data")
    log.info("%s: %d rows are available.", cfg.data.name, len(table))
    for source in sources.read(settings.plain(cfg.data), targets=None):
        log.info("%s: %d rows are available.", source.name, len(sources.load(source, instantiate)))


if __name__ == "__main__":
    main()
