"""Package the champion: a Bento that `bentoml serve` and a container run, without MLflow or what has trained the model.

In: the registry's alias `champion`. Out: a Bento in BentoML's store; its tag is a tag of the run.
"""

import logging

import mlflow
from omegaconf import DictConfig

from pipeline import door, packaging, registry, reuse, runs
from pipeline.registry import CHAMPION, RegistryError

log = logging.getLogger(__name__)


@door.step
def main(cfg: DictConfig) -> None:
    """Run the step."""
    name = cfg.select.name
    with runs.start("package", cfg) as scratch:
        version = registry.holder(name, CHAMPION)
        if version is None:
            raise RegistryError(f"{name} has no champion. Make one with `make run`, or promote a version by hand.")
        bento = packaging.build(version, CHAMPION, scratch)
        mlflow.set_tags({"bento": str(bento.tag), "packaged": registry.identity(version)})
        reuse.log_digest(bento.path)
        log.info("Bento %s holds version %s of %s: `make serve` serves it.", bento.tag, version.version, name)


if __name__ == "__main__":
    main()
