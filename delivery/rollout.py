"""The release of a version: a revision without traffic, a smoke test, then more and more of the traffic.

Whatever goes wrong on the way, production gets all traffic again. If this process is killed before it can do that, the
platform still has the label STAGING, and the next run continues the release or reverts it.
"""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from delivery.checks import Checks, Packaged
from delivery.errors import AttentionError, DeliveryError
from delivery.revisions import (
    ALL,
    PREVIOUS,
    PRODUCTION,
    STAGING,
    Platform,
    Revision,
    check_version,
    in_production,
    labelled,
    named,
    shares,
)

log = logging.getLogger(__name__)

SHARES = (10, 50, ALL)
# Platforms refuse a change while another one, perhaps that of a killed run, is under way.
RESTORE_PAUSES = (0.0, 1.0, 5.0, 15.0, 30.0)


@dataclass(frozen=True)
class Release:
    """What is to be released.

    Attributes:
        version: its version, part of the revision's name.
        image: what the revision runs.
        packaged: what it must answer.
    """

    version: str
    image: str
    packaged: Packaged


def roll_out(platform: Platform, checks: Checks, release: Release, percentages: Sequence[int] = SHARES) -> None:
    """Release a version, or continue its release where it was cut off.

    Args:
        platform: where.
        checks: the checks of each step.
        release: what.
        percentages: the growing shares of the traffic; none: stop after the smoke test, and leave the rest to a later
            run.

    Raises:
        DeliveryError: the release was refused or rolled back.
        AttentionError: it failed, and so did the rollback.
        KeyboardInterrupt: a signal was received; the release was rolled back.
    """
    name = platform.name(check_version(release.version))
    revisions = revert_others(platform, name)
    existing = named(revisions, name)
    check_is_new_or_unfinished(existing, release)
    production = in_production(revisions)
    if production is not None:
        checks.key_is_accepted(production)
    with restoring(platform, production, name):
        new = existing or create(platform, name, release.image)
        if production is not None and production.label != PRODUCTION:
            platform.add_label(PRODUCTION, production.name)
        if new.label != STAGING:
            platform.add_label(STAGING, name)
        checks.smoke(platform, new, release.packaged)
        for share in growing(percentages, new, production):
            checks.interruption.check()
            rest = {} if production is None else {production.name: ALL - share}
            platform.set_weights({**rest, name: share})
            log.info("%s gets %d %% of the traffic.", name, share)
            checks.watch(platform, new)
        if percentages:
            platform.add_label(PRODUCTION, name)  # in place of STAGING: the release is over
    if percentages:
        log.info("%s is in production.", name)
        tidy(platform, production)
    else:
        log.info("%s is staged at %s; it has no traffic yet.", name, new.url)


def growing(percentages: Sequence[int], new: Revision, production: Revision | None) -> list[int]:
    """Return the shares that are left, from the one that a release was cut off at."""
    if production is None:
        return [ALL] if percentages else []
    return [share for share in percentages if share >= new.weight]


def check_is_new_or_unfinished(existing: Revision | None, release: Release) -> None:
    """Refuse to release a version twice.

    Raises:
        DeliveryError: it exists, and is no release that was cut off.
    """
    if existing is None:
        return
    cut_off_at_creation = existing.label is None and existing.active and existing.weight == 0
    if existing.image != release.image or not (existing.label == STAGING or cut_off_at_creation):
        raise DeliveryError(
            f"Version {release.version} exists already: {existing.name} runs {existing.image}. Release a new version, "
            f"or return to this one: python -m delivery rollback --to {release.version}"
        )
    log.info("Continuing the release of %s, which was cut off at %d %% of the traffic.", existing.name, existing.weight)


def create(platform: Platform, name: str, image: str) -> Revision:
    """Create a revision without traffic.

    Raises:
        DeliveryError: the platform refuses.
    """
    log.info("Creating %s from %s, without traffic.", name, image)
    platform.create(name, image)
    new = named(platform.revisions(), name)
    if new is None or new.weight > 0:
        raise DeliveryError(f"The platform did not create {name} as a revision without traffic.")
    return new


def revert_others(platform: Platform, name: str) -> Sequence[Revision]:
    """Revert the release of another version if it was cut off; return the revisions as they are then.

    Raises:
        DeliveryError: it had all traffic already, so that a person must choose between the two.
        AttentionError: the platform refuses.
    """
    revisions = platform.revisions()
    unfinished = labelled(revisions, STAGING)
    if unfinished is None or unfinished.name == name:
        return revisions
    if unfinished.weight == ALL:
        raise DeliveryError(
            f"{unfinished.name} has all traffic, but its release was not completed. Complete it (`rollout` with the "
            "same version and image), or return to the revision before: python -m delivery rollback"
        )
    log.warning("The release of %s was cut off: reverting it.", unfinished.name)
    restore(platform, in_production(revisions), unfinished.name)
    return platform.revisions()


@contextmanager
def restoring(platform: Platform, production: Revision | None, name: str) -> Iterator[None]:
    """Give production all traffic again if anything fails.

    Raises:
        DeliveryError: what failed, once production is restored.
        AttentionError: production could not be restored.
    """
    try:
        yield
    except BaseException as error:
        log.warning("Rolling back: %s", "interrupted" if isinstance(error, KeyboardInterrupt) else error)
        restore(platform, production, name)
        if isinstance(error, DeliveryError):
            raise DeliveryError(f"{error} {outcome(production)}") from error
        raise


def outcome(production: Revision | None) -> str:
    """Return what a rollback has led to, for messages."""
    return (
        "Nothing was released." if production is None else f"Rolled back: {production.name} has {ALL} % of the traffic."
    )


def restore(platform: Platform, production: Revision | None, name: str) -> None:
    """Give production all traffic, and stop a revision; try again if the platform refuses.

    Raises:
        AttentionError: the platform still refuses.
    """
    for attempt, pause in enumerate(RESTORE_PAUSES, start=1):
        time.sleep(pause)
        try:
            withdraw(platform, production, name)
        except DeliveryError as error:
            log.warning("Attempt %d to restore production failed: %s", attempt, error)
            failure = error
        else:
            log.info("%s", outcome(production))
            return
    raise AttentionError(
        f"Production could not be restored: {failure} Correct that, then run `python -m delivery rollback`, which "
        "reverts a release that was cut off."
    ) from failure


def withdraw(platform: Platform, production: Revision | None, name: str) -> None:
    """Give production all traffic; then remove the label of a revision, if it exists, and stop it.

    Raises:
        DeliveryError: the platform refuses.
    """
    revisions = platform.revisions()
    withdrawn = named(revisions, name)
    if production is not None:
        current = named(revisions, production.name)
        if current is None or current.weight != ALL:
            platform.set_weights(everything_to(production.name, revisions))
    if withdrawn is None:
        return
    if production is None and withdrawn.weight > 0:
        platform.set_weights({name: 0})
    if withdrawn.active:
        platform.deactivate(name)
    if withdrawn.label == STAGING:  # last: until then, the next run finds the release
        platform.remove_label(STAGING)


def everything_to(name: str, revisions: Sequence[Revision]) -> dict[str, int]:
    """Return the weights that give a revision all traffic."""
    return {**{revision.name: 0 for revision in revisions if revision.weight > 0}, name: ALL}


def tidy(platform: Platform, former: Revision | None) -> None:
    """Keep the former revision as PREVIOUS, and stop older ones.

    Raises:
        AttentionError: the platform refuses.
    """
    try:
        if former is not None:
            platform.add_label(PREVIOUS, former.name)
        for revision in platform.revisions():
            if revision.active and revision.weight == 0 and revision.label is None:
                platform.deactivate(revision.name)
    except DeliveryError as error:
        raise AttentionError(f"The release is complete, but older revisions could not be tidied up: {error}") from error


def revert(platform: Platform) -> bool:
    """Revert the release that was cut off; return whether there was one.

    Raises:
        AttentionError: the platform refuses.
    """
    revisions = platform.revisions()
    unfinished = labelled(revisions, STAGING)
    if unfinished is None:
        return False
    restore(platform, in_production(revisions), unfinished.name)
    return True


def roll_back(platform: Platform, checks: Checks, version: str | None = None) -> None:
    """Revert a release that was cut off, or return to an earlier version.

    Args:
        platform: where.
        checks: the smoke test.
        version: a version; None: an unfinished release is reverted, or else the former version returns.

    Raises:
        DeliveryError: there is no such revision, or it fails its smoke test; production is as it was.
        AttentionError: the platform refuses.
        KeyboardInterrupt: a signal was received; production is as it was.
    """
    if version is None and revert(platform):
        return
    revisions = platform.revisions()
    goal = labelled(revisions, PREVIOUS) if version is None else named(revisions, platform.name(version))
    if goal is None:
        raise DeliveryError(
            f"There is no {'former version' if version is None else f'version {version}'} to return to. These exist: "
            f"{', '.join(revision.name for revision in revisions) or 'none'}. Choose one: "
            "python -m delivery rollback --to VERSION"
        )
    if goal.weight == ALL:
        raise DeliveryError(f"{goal.name} has all traffic already.")
    if not goal.active:
        platform.activate(goal.name)
    try:
        checks.smoke(platform, goal, None)
        checks.interruption.check()
    except (DeliveryError, KeyboardInterrupt):
        if not goal.active:
            platform.deactivate(goal.name)
        raise
    platform.set_weights(everything_to(goal.name, revisions))
    platform.add_label(PRODUCTION, goal.name)
    for revision in platform.revisions():
        if revision.label == STAGING:
            platform.remove_label(STAGING)
        if revision.active and revision.weight == 0:
            platform.deactivate(revision.name)
    log.info("%s has %d %% of the traffic; before: %s.", goal.name, ALL, shares(revisions))
