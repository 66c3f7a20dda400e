"""Download a data set into the cache, so that later runs need no network.

In: a data set (section `data`). Out: nothing but the files in the cache.
"""

import logging

from hydra.utils import instantiate
from omegaconf import DictConfig

from pipeline import door

log = logging.getLogger(__name__)


@door.step
def main(cfg: DictConfig) -> None:
    """Run the step."""
    table = instantiate(cfg.data.source)
    log.info("%s: %d rows are available.", cfg.data.name, len(table))


if __name__ == "__main__":
    main()
