"""The registry: versions of the model, and the aliases `challenger` and `champion`, every move of which is recorded.

A move is recorded as a tag of the registered model, named by the alias and the time, before the alias is moved: if a
process is killed in between, the record of the next move shows it, since it says from where the alias really came.
"""

import getpass
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import mlflow
from filelock import Timeout
from mlflow.entities.model_registry import ModelVersion
from mlflow.tracking import MlflowClient
from omegaconf import OmegaConf

from pipeline import artifacts, runs, store
from sentiment.inference.errors import UserError

CHAMPION, CHALLENGER = "champion", "challenger"
WITHDRAWN = "withdrawn"


class RegistryError(UserError):
    """A version that cannot be registered or promoted; the aliases are what they were before."""


def model_name() -> str:
    """Return the name of the registered model, for commands that read no configuration."""
    return str(OmegaConf.load(runs.PROJECT / "conf" / "config.yaml").select.name)


@contextmanager
def locked(name: str, *, seconds: float) -> Iterator[None]:
    """Keep other commands of this machine from moving aliases of a registered model; wait so long until they are done.

    Raises:
        RegistryError: another one is still at it.
    """
    try:
        with store.lock(f"aliases of {name}", mlflow.get_registry_uri(), seconds=seconds):
            yield
    except Timeout as error:
        raise RegistryError(
            f"Another command is moving the aliases of {name} at this moment. Look at what it did, and try again."
        ) from error


def holder(name: str, alias: str) -> ModelVersion | None:
    """Return the version that an alias points to, or None."""
    version = aliases(name).get(alias)
    return None if version is None else MlflowClient().get_model_version(name, version)


def aliases(name: str) -> dict[str, str]:
    """Return the aliases of a registered model, each with its version; none if there is no such model."""
    found = MlflowClient().search_registered_models(f"name = '{name}'")
    return {alias: str(version) for alias, version in sorted(found[0].aliases.items())} if found else {}


def versions(name: str) -> list[str]:
    """Return the numbers of the versions of a registered model, the oldest first; none if there is no such model."""
    return sorted((str(found.version) for found in MlflowClient().search_model_versions(f"name = '{name}'")), key=int)


def identity(version: ModelVersion) -> str:
    """Return what tells a version and its card from all others of a store, also from those of a deleted model."""
    return f"{version.name}/{version.version} {version.source} {version.tags.get(artifacts.MODEL_CARD)}"


def history(name: str) -> list[dict[str, Any]]:
    """Return the moves of all aliases, the oldest first: `alias`, `when` (UTC), `from`, `to`, `why`, `by`."""
    tags = MlflowClient().get_registered_model(name).tags
    moves = [json.loads(value) for key, value in tags.items() if key.startswith((f"{CHAMPION}.", f"{CHALLENGER}."))]
    return sorted(moves, key=lambda move: str(move["when"]))


def register(uri: str, name: str, tags: Mapping[str, Any]) -> ModelVersion:
    """Return the version of a model under a name; one that is not registered yet becomes a new one; with tags."""
    run = mlflow.get_run(artifacts.run_id(uri))
    known = MlflowClient().search_model_versions(f"name = '{name}' and run_id = '{run.info.run_id}'")
    written = {key: str(value) for key, value in tags.items()}
    if not known:
        return mlflow.register_model(artifacts.logged_model(run), name, tags=written)
    for key, value in written.items():  # it may have been registered by hand
        MlflowClient().set_model_version_tag(name, known[0].version, key, value)
    return MlflowClient().get_model_version(name, known[0].version)


def move(name: str, alias: str, to: str | None, why: str) -> None:
    """Move an alias to a version, or take it away, and record it; nothing is done where it points there already.

    Raises:
        RegistryError: another machine has moved it at the same time.
    """
    client = MlflowClient()
    before = aliases(name).get(alias)
    if before == to:
        return
    when = datetime.now(UTC).isoformat(timespec="microseconds")
    record = {"alias": alias, "when": when, "from": before, "to": to, "why": why, "by": getpass.getuser()}
    client.set_registered_model_tag(name, f"{alias}.{when.replace('+00:00', 'Z')}", json.dumps(record))
    if to is None:
        client.delete_registered_model_alias(name, alias)
    else:
        client.set_registered_model_alias(name, alias, to)
    if (after := aliases(name).get(alias)) != to:
        raise RegistryError(
            f"The alias {alias} of {name} was to be moved to version {to}, but points to {after}: another command has "
            "moved it at the same time. Look at the tags of the registered model, and try again."
        )
