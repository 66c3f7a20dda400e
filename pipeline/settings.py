"""What each step reads of the configuration: nothing else of it changes what the step makes."""

import re
from collections.abc import Mapping
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf

# The sections of the configuration that a step reads beside `seed` and `inputs`: nothing else changes what it makes.
READS = {
    "split": ("data", "split"),
    "preprocess": ("preprocess",),
    "distill": ("distill",),
    "embed": ("embed",),
    "train_baseline": ("train_baseline", "search", "cost", "calibration", "export"),
    "train_keras": ("train_keras", "cost", "calibration", "export"),
    "train_bert": ("train_bert", "cost", "calibration", "export"),
    "blend": ("cost", "calibration", "export"),
    "select": ("select", "cost"),
    "promote": ("promote", "select"),
    "package": ("select",),
    "main": ("plan", "cost", "select"),
}
# Sections that no step reads by itself: others refer to them.
REFERRED_TO = ("cleaner",)
# A value that stands in another section: `${cleaner}`, `${search.folds}`.
REFERENCE = re.compile(r"\$\{(\w+)[.}]")


def sections(step: str, cfg: DictConfig) -> set[str]:
    """Return the sections of the configuration that a step reads, and those that these refer to."""
    read = set(READS[step])
    written = "".join(OmegaConf.to_yaml(cfg[section]) for section in read)
    return read.union(name for name in REFERENCE.findall(written) if name in cfg)


def read(step: str, cfg: DictConfig, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return all that decides what a step makes: `seed`, its inputs, and the sections that it reads, resolved.

    The launcher asks with it for a finished run, and the step logs the same: both fingerprints are made of this.
    """
    return {"seed": cfg.seed, "inputs": dict(inputs), **{section: plain(cfg[section]) for section in READS[step]}}


def plain(section: DictConfig) -> dict[str, Any]:
    """Return a section of the configuration as plain Python values, resolved."""
    return cast(dict[str, Any], OmegaConf.to_container(section, resolve=True, throw_on_missing=True))


def flatten(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested settings as parameters with dotted names, as Hydra's command line writes them."""
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        flat |= flatten(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return flat
