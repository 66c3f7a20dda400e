"""Package the champion as a Bento, to serve with BentoML or in a container, without MLflow or training frameworks.

In: the alias `champion` in the registry. Out: a Bento in BentoML's store, called like the registered model; the run's
tag `bento` is its tag. With `package.private_key`, its model is signed.
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
            raise RegistryError(
                f"{name} has no champion to package. Train one with `make run`, or promote a version manually (step "
                "promote)."
            )
        bento = packaging.build(version, CHAMPION, scratch, cfg.package.private_key)
        mlflow.set_tags({"bento": str(bento.tag), "packaged": registry.identity(version), **packaging.digests(bento)})
        reuse.log_digest(bento.path)
        log.info("Built a Bento of %s version %s. To serve it: python -m service %s", name, version.version, bento.tag)


if __name__ == "__main__":
    main()
