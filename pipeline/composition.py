"""Composition of a configuration from overrides: their keys, and which of them apply."""

from functools import cache

import hydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException


def root(override: str) -> str:
    """Return the section or group of an override; for a group mounted elsewhere, the section it is mounted in."""
    group, _, package = key(override).partition("@")
    return (package or group).partition(".")[0]


def key(override: str) -> str:
    """Return the key of an override: `a.b` for `a.b=1`, `+a.b=1` and `~a.b`; `a@b.c` for `+a@b.c=1`."""
    return OverridesParser.create().parse_override(override).get_key_element().lstrip("+~")


def chooses(override: str) -> bool:
    """Return whether an override chooses an alternative of a group, mounted elsewhere or not; else it sets a value."""
    return "@" in key(override) or "." not in key(override)


def compose(options: list[str]) -> DictConfig:
    """Compose the configuration of a step, read-only and with Hydra's choices (`hydra.runtime.choices`).

    Results are cached: composing takes a tenth of a second, and a plan composes the same options several times.
    """
    return composed(tuple(options))


@cache
def composed(options: tuple[str, ...]) -> DictConfig:
    """Cache for `compose`."""
    cfg = hydra.compose("config", overrides=list(options), return_hydra_config=True)
    OmegaConf.set_readonly(cfg, True)
    return cfg


def applicable(overrides: list[str], options: list[str]) -> list[str]:
    """Return the overrides that can be applied on top of the options."""
    if not overrides or can_apply(tuple(overrides), tuple(options)):  # the usual case
        return overrides
    chosen = {root(option) for option in options}  # all other sections are as on the command line, which Hydra accepted
    return [
        override for override in overrides if root(override) not in chosen or can_apply((override,), tuple(options))
    ]


@cache
def can_apply(overrides: tuple[str, ...], options: tuple[str, ...]) -> bool:
    """Return whether Hydra can apply overrides on top of the options."""
    try:
        compose([*options, *overrides])
    except (HydraException, OmegaConfBaseException):
        return False
    return True
