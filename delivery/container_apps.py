"""Azure Container Apps, through the Azure CLI (`az`).

Every change is one call, which Azure carries out completely or not at all. Calls are made in a session of their own, so
that Ctrl-C ends none of them halfway.
"""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from delivery.errors import DeliveryError
from delivery.revisions import Revision

CALL_SECONDS = 300
INSTALL = "Install the Azure CLI: https://learn.microsoft.com/cli/azure/install-azure-cli"
DIGEST = "@sha256:"
MAX_MESSAGE_LENGTH = 500


@dataclass(frozen=True)
class ContainerApp:
    """A container app with several active revisions, and an ingress.

    Attributes:
        group: its resource group.
        app: its name.
    """

    group: str
    app: str

    @property
    def url(self) -> str:
        """The public address."""
        return f"https://{self._properties()['configuration']['ingress']['fqdn']}"

    def name(self, version: str) -> str:
        """Return the name of the revision of a version."""
        return f"{self.app}--{suffix(version)}"

    def revisions(self) -> list[Revision]:
        """Return all revisions, the oldest first."""
        properties = self._properties()
        weights: dict[str, int] = {}
        labels: dict[str, str | None] = {}
        for entry in properties["configuration"]["ingress"]["traffic"]:
            name = properties["latestRevisionName"] if entry.get("latestRevision") else entry["revisionName"]
            weights[name] = weights.get(name, 0) + (entry.get("weight") or 0)
            labels[name] = entry.get("label") or labels.get(name)
        listed = sorted(self._az("revision", "list", "--all"), key=lambda item: str(item["properties"]["createdTime"]))
        return [
            Revision(
                name=item["name"],
                image=item["properties"]["template"]["containers"][0]["image"],
                weight=weights.get(item["name"], 0),
                label=labels.get(item["name"]),
                active=item["properties"]["active"],
                url=f"https://{item['properties']['fqdn']}",
            )
            for item in listed
        ]

    def create(self, name: str, image: str) -> None:
        """Create a revision without traffic.

        Raises:
            DeliveryError: the image is not named by its digest, or Azure refuses it.
        """
        if DIGEST not in image:
            raise DeliveryError(
                f"{image} is named by a tag, which can change. Name it by its digest: registry/name{DIGEST}..."
            )
        self._pin_traffic()
        self._az("update", "--image", image, "--revision-suffix", name.removeprefix(f"{self.app}--"))

    def set_weights(self, weights: Mapping[str, int]) -> None:
        """Divide the traffic."""
        self._az(
            "ingress", "traffic", "set", "--revision-weight", *(f"{name}={share}" for name, share in weights.items())
        )

    def add_label(self, label: str, name: str) -> None:
        """Move a label to a revision."""
        self._az("revision", "label", "add", "--label", label, "--revision", name, "--yes")

    def remove_label(self, label: str) -> None:
        """Remove a label."""
        self._az("revision", "label", "remove", "--label", label)

    def activate(self, name: str) -> None:
        """Start a revision."""
        self._az("revision", "activate", "--revision", name)

    def deactivate(self, name: str) -> None:
        """Stop a revision."""
        self._az("revision", "deactivate", "--revision", name)

    def failure(self, name: str) -> str | None:
        """Return why Azure cannot start a revision, such as an image that it cannot pull."""
        properties = self._az("revision", "show", "--revision", name)["properties"]
        if "Failed" not in (properties.get("provisioningState"), properties.get("runningState")):
            return None
        return str(properties.get("provisioningError") or properties.get("runningStateDetails") or "no reason given")

    def _pin_traffic(self) -> None:
        """Give the traffic of "the latest revision" to that revision, so that a new one gets none."""
        traffic = self._properties()["configuration"]["ingress"]["traffic"]
        if any(entry.get("latestRevision") and entry.get("weight") for entry in traffic):
            self.set_weights({revision.name: revision.weight for revision in self.revisions() if revision.weight})

    def _properties(self) -> Any:
        """Return the properties of the app.

        Raises:
            DeliveryError: it cannot divide traffic.
        """
        properties = self._az("show")["properties"]
        configuration = properties["configuration"]
        if str(configuration.get("activeRevisionsMode")).lower() != "multiple":
            raise DeliveryError(
                f"{self.app} has one active revision at a time. Allow several: "
                f"az containerapp revision set-mode --mode multiple --name {self.app} --resource-group {self.group}"
            )
        if not (configuration.get("ingress") or {}).get("traffic"):
            raise DeliveryError(f"{self.app} has no ingress: enable it, so that its traffic can be divided.")
        return properties

    def _az(self, *arguments: str) -> Any:
        """Return the answer of a call of `az containerapp`.

        Raises:
            DeliveryError: az is missing, takes too long, or refuses.
        """
        place = ["--name", self.app, "--resource-group", self.group, "--output", "json", "--only-show-errors"]
        command = ["az", "containerapp", *arguments, *place]
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                timeout=CALL_SECONDS,
                check=False,
                start_new_session=True,
                stdin=subprocess.DEVNULL,
            )
        except FileNotFoundError as error:
            raise DeliveryError(f"There is no command `az`. {INSTALL}") from error
        except subprocess.TimeoutExpired as error:
            raise DeliveryError(f"`{' '.join(command[:5])}` took longer than {CALL_SECONDS} s.") from error
        if done.returncode != 0:
            raise DeliveryError(f"`{' '.join(command[:5])}` failed: {message(done.stderr)}")
        return json.loads(done.stdout) if done.stdout.strip() else None


def suffix(version: str) -> str:
    """Return a version as the suffix of a revision's name, which has no dots."""
    return version.replace(".", "-")


def message(output: str) -> str:
    """Return what az says, without the lines of its traceback."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")] or lines[-1:]
    return " ".join(errors)[:MAX_MESSAGE_LENGTH] or "no message"
