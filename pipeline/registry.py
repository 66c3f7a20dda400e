"""The model registry: versions, the aliases `challenger` and `champion`, and a record of every move of an alias.

Each move is recorded as a tag of the registered model, named after the alias and the time. The tag is written before
the alias is moved. If a process is killed in between, the next record reveals it: it states the version that the alias
actually moved from.
"""

import getpass
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import mlflow
import pandas as pd
from filelock import Timeout
from mlflow.entities.model_registry import ModelVersion
from mlflow.tracking import MlflowClient
from omegaconf import OmegaConf

from pipeline import artifacts, runs, store
from sentiment.inference.errors import SettingsError, UserError

CHAMPION, CHALLENGER = "champion", "challenger"
# The description of a registered model has at most 5,000 characters.
MAX_MOVES, MAX_REASON_LENGTH = 15, 120
MOVES = "## Moves of the aliases"
WITHDRAWN = "withdrawn"
# The URI of a version, by alias or number.
REGISTERED = re.compile("models:/(?P<name>[^/@]+)(?:@(?P<alias>.+)|/(?P<version>[0-9]+))")


class RegistryError(UserError):
    """A version that cannot be registered or promoted; the aliases are unchanged."""


def model_name() -> str:
    """Return the name of the registered model, for commands without a Hydra configuration."""
    return str(OmegaConf.load(runs.PROJECT / "conf" / "config.yaml").select.name)


@contextmanager
def locked(name: str, *, seconds: float) -> Iterator[None]:
    """Lock the aliases of a registered model against other commands on this machine; wait up to `seconds`.

    Raises:
        RegistryError: another command still holds the lock.
    """
    try:
        with store.lock(f"aliases of {name}", mlflow.get_registry_uri(), seconds=seconds):
            yield
    except Timeout as error:
        raise RegistryError(
            f"Another command is moving the aliases of {name} right now. Check its result, and try again."
        ) from error


def holder(name: str, alias: str) -> ModelVersion | None:
    """Return the version that an alias points to, or None."""
    version = aliases(name).get(alias)
    return None if version is None else MlflowClient().get_model_version(name, version)


def aliases(name: str) -> dict[str, str]:
    """Return the aliases of a registered model and their versions; empty if there is no such model."""
    models = MlflowClient().search_registered_models(f"name = '{name}'")
    return {alias: str(version) for alias, version in sorted(models[0].aliases.items())} if models else {}


def versions(name: str) -> list[str]:
    """Return the version numbers of a registered model, the oldest first; empty if there is no such model."""
    model_versions = MlflowClient().search_model_versions(f"name = '{name}'")
    return sorted((str(version.version) for version in model_versions), key=int)


def require(uri: str) -> None:
    """Check that the registered model of a URI exists; do nothing for the URI of a run, or a folder.

    Raises:
        ArtifactError: the model, the alias or the version does not exist.
    """
    registered = REGISTERED.fullmatch(uri)
    if registered is None:
        return
    name, alias, version = registered.groups()
    where = store.shown(mlflow.get_tracking_uri())
    existing = versions(name)
    if not existing:
        raise artifacts.ArtifactError(f"There is no model {name} in {where}. Train one: make run")
    if alias is not None and alias not in aliases(name):
        raise artifacts.ArtifactError(
            f"{name} has no {alias} in {where}, only {len(existing)} version(s). Train a better model: make run. Or "
            "promote a version manually: mlflow run . --env-manager=local -e promote -P version=<number>"
        )
    if version is not None and version not in existing:
        raise artifacts.ArtifactError(f"{name} has no version {version} in {where}, only {', '.join(existing)}.")


def resolve(uri: str, setting: str) -> ModelVersion | None:
    """Return the version that a URI names by its number or an alias; None for the model of a run.

    Args:
        uri: `models:/<name>@<alias>`, `models:/<name>/<version>` or `runs:/<run id>/model`.
        setting: the setting with this URI, for messages.

    Raises:
        SettingsError: the URI has another form.
        ArtifactError: the registered model, the alias or the version does not exist.
    """
    require(uri)
    if registered := REGISTERED.fullmatch(uri):
        name, alias, number = registered.groups()
        return MlflowClient().get_model_version(name, number or aliases(name)[alias])
    if not re.fullmatch(rf"runs:/[0-9a-f]{{32}}/{artifacts.MODEL}", uri):
        raise SettingsError(
            f"{setting}={uri}: set it to models:/<name>@champion, models:/<name>/<version> or "
            f"runs:/<run id>/{artifacts.MODEL}."
        )
    return None


def identity(version: ModelVersion) -> str:
    """Return a unique identifier of a version and its card; numbers alone repeat after a model has been deleted."""
    return f"{version.name}/{version.version} {version.source} {version.tags.get(artifacts.MODEL_CARD)}"


def history(name: str) -> list[dict[str, Any]]:
    """Return the recorded moves of all aliases, the oldest first: `alias`, `when` (UTC), `from`, `to`, `why`, `by`."""
    tags = MlflowClient().get_registered_model(name).tags
    moves = [json.loads(value) for key, value in tags.items() if key.startswith((f"{CHAMPION}.", f"{CHALLENGER}."))]
    return sorted(moves, key=lambda move: str(move["when"]))


def register(uri: str, name: str, tags: Mapping[str, Any]) -> ModelVersion:
    """Register a model with tags, unless it is registered already (then only set the tags); return its version."""
    run = mlflow.get_run(artifacts.run_id(uri))
    registered = MlflowClient().search_model_versions(f"name = '{name}' and run_id = '{run.info.run_id}'")
    text_tags = {key: str(value) for key, value in tags.items()}
    if not registered:
        return mlflow.register_model(artifacts.logged_model(run), name, tags=text_tags)
    for key, value in text_tags.items():  # it may have been registered manually, without tags
        MlflowClient().set_model_version_tag(name, registered[0].version, key, value)
    return MlflowClient().get_model_version(name, registered[0].version)


def move(name: str, alias: str, to: str | None, why: str) -> None:
    """Record and make the move of an alias to a version, or its removal; do nothing if it already points there.

    Also updates the description of the registered model.

    Raises:
        RegistryError: another machine has moved the alias at the same time.
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
            f"The alias {alias} of {name} should point to version {to}, but points to {after}: another command moved "
            "it at the same time. Check the tags of the registered model, and try again."
        )
    client.update_registered_model(name, description(name))


def description(name: str) -> str:
    """Return the description of a registered model, in Markdown: its purpose, and the moves of its aliases.

    If people have changed the purpose, it stays.
    """
    from sentiment.reports.templates import render  # not needed to predict with a model

    current = MlflowClient().get_registered_model(name).description or ""
    moves = history(name)[::-1]
    latest = pd.DataFrame(
        {
            "when (UTC)": f"{datetime.fromisoformat(move['when']):%Y-%m-%d %H:%M}",
            "alias": move["alias"],
            "from": move["from"] or "",
            "to": move["to"] or "",
            "reason": move["why"][:MAX_REASON_LENGTH],
            "by": move["by"],
        }
        for move in moves[:MAX_MOVES]
    )
    text = render("registered_model", model=name, moves=latest, older=len(moves) - len(latest))
    purpose, heading, table = text.partition(MOVES)
    return (current.partition(MOVES)[0] or purpose) + heading + table
