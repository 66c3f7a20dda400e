"""Revisions of the service, and the platforms that run them.

A platform holds the whole state of a release: the weight of each revision, and three labels. A release that was cut off
is recognised by its label, whoever continues it, and wherever.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from delivery.errors import DeliveryError

# The revision that a release returns to; the one being released; the one that `rollback` returns to.
PRODUCTION, STAGING, PREVIOUS = "production", "staging", "previous"
ALL = 100
# The strictest rules among the platforms: names of revisions in Azure Container Apps, once dots are replaced.
VERSION = re.compile(r"[a-z][a-z0-9]*([.-][a-z0-9]+)*")
MAX_VERSION_LENGTH = 30


@dataclass(frozen=True)
class Revision:
    """A version of the service on a platform.

    Attributes:
        name: its name there.
        image: what it runs.
        weight: its share of the traffic, in percent.
        label: PRODUCTION, STAGING, PREVIOUS or None; each label is on one revision at most.
        active: whether it runs, or could start at its next request.
        url: its own address, which works whatever its weight is.
    """

    name: str
    image: str
    weight: int
    label: str | None
    active: bool
    url: str


class Platform(Protocol):
    """What runs revisions and divides the traffic among them; every method may raise DeliveryError."""

    @property
    def url(self) -> str:
        """The public address, behind which the traffic is divided."""

    def name(self, version: str) -> str:
        """Return the name of the revision of a version."""

    def revisions(self) -> Sequence[Revision]:
        """Return all revisions, the oldest first."""

    def create(self, name: str, image: str) -> None:
        """Start a new revision without traffic or label."""

    def set_weights(self, weights: Mapping[str, int]) -> None:
        """Divide the traffic, at once; the weights add up to 100, and revisions left out keep theirs."""

    def add_label(self, label: str, name: str) -> None:
        """Move a label to a revision, in place of the label that it has."""

    def remove_label(self, label: str) -> None:
        """Remove a label, which a revision has."""

    def activate(self, name: str) -> None:
        """Start a revision that was deactivated."""

    def deactivate(self, name: str) -> None:
        """Stop a revision without traffic; it answers what it has accepted."""

    def failure(self, name: str) -> str | None:
        """Return why a revision cannot start, or None if the platform knows of no reason."""


def labelled(revisions: Sequence[Revision], label: str) -> Revision | None:
    """Return the revision with a label."""
    return next((revision for revision in revisions if revision.label == label), None)


def named(revisions: Sequence[Revision], name: str) -> Revision | None:
    """Return the revision with a name."""
    return next((revision for revision in revisions if revision.name == name), None)


def in_production(revisions: Sequence[Revision]) -> Revision | None:
    """Return the revision that a release returns to, or None if there is no traffic yet.

    During a release its label decides; otherwise the traffic does.

    Raises:
        DeliveryError: the traffic is divided, and not by a release.
    """
    staging = labelled(revisions, STAGING)
    production = labelled(revisions, PRODUCTION)
    if staging is not None and production is not None:
        return production
    serving = [revision for revision in revisions if revision.weight > 0 and revision is not staging]
    if len(serving) > 1:
        raise DeliveryError(
            f"The traffic is divided by hand: {shares(serving)}. Choose one of these revisions: "
            "python -m delivery rollback --to VERSION"
        )
    return serving[0] if serving else None


def shares(revisions: Sequence[Revision]) -> str:
    """Return who gets how much of the traffic, for messages."""
    return ", ".join(f"{revision.name} {revision.weight} %" for revision in revisions if revision.weight) or "none"


def check_version(version: str) -> str:
    """Return a version that every platform accepts as part of a name.

    Raises:
        DeliveryError: it has other characters, or is too long.
    """
    if not VERSION.fullmatch(version) or len(version) > MAX_VERSION_LENGTH:
        raise DeliveryError(
            f"{version!r} cannot be the name of a version. Use up to {MAX_VERSION_LENGTH} lower-case letters and "
            "digits, divided by dots or hyphens, that start with a letter, such as v1.4.0."
        )
    return version
