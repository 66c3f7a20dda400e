"""The config sections that each step reads. No other section affects its output."""

import re
from collections.abc import Mapping
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf

# Sections that each step reads, in addition to `seed` and `inputs`.
READS = {
    "fetch": ("data",),
    "split": ("data", "split"),
    "preprocess": ("preprocess",),
    "distill": ("distill",),
    "embed": ("embed",),
    "train_baseline": ("train_baseline", "training", "search", "cost", "reliable", "calibration", "export"),
    "train_keras": ("train_keras", "training", "cost", "reliable", "calibration", "export"),
    "train_bert": ("train_bert", "training", "cost", "reliable", "calibration", "export"),
    "blend": ("blend", "cost", "reliable", "calibration", "export"),
    "cascade": ("cascade", "cost", "reliable", "calibration", "export"),
    "select": ("select", "cost", "faithfulness"),
    "promote": ("promote", "select"),
    "evaluate": ("evaluate", "data", "cost", "calibration"),
    "explain": ("explain", "data", "faithfulness"),
    "drift": ("drift", "data"),
    "status": ("status", "drift", "data"),
    "score": ("score", "engine"),
    "package": ("package", "select"),
    "main": ("plan", "cost", "select", "faithfulness"),
}
# Sections that are read only through references from other sections.
REFERRED_TO = ("cleaner",)
# A reference to another section: `${cleaner}`, `${search.folds}`.
REFERENCE = re.compile(r"\$\{(\w+)[.}]")


def sections(step: str, cfg: DictConfig) -> set[str]:
    """Return the sections that a step reads, including sections that these refer to."""
    read = set(READS[step])
    written = "".join(OmegaConf.to_yaml(cfg[section]) for section in read)
    return read.union(name for name in REFERENCE.findall(written) if name in cfg)


def read(step: str, cfg: DictConfig, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return everything that determines the output of a step: `seed`, its inputs and its sections, resolved.

    The launcher looks for a finished run with these values, and the step logs them: both compute the fingerprint from
    them.
    """
    return {"seed": cfg.seed, "inputs": dict(inputs), **{section: plain(cfg[section]) for section in READS[step]}}


def plain(section: DictConfig) -> dict[str, Any]:
    """Return a config section as plain Python values, with references resolved."""
    return cast(dict[str, Any], OmegaConf.to_container(section, resolve=True, throw_on_missing=True))


def flatten(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Flatten nested settings to parameters with dotted names, as on Hydra's command line."""
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        flat |= flatten(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return flat
