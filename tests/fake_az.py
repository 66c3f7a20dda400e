"""A stand-in for the Azure CLI: a container app in a file, recorded calls, and failures on demand.

It follows `az containerapp` where the delivery program relies on it: "latest" traffic goes to a new revision, a label
is on one revision and replaces another one there, and weights left out are scaled so that the sum is 100.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# What runs as `az`; -I and -S make Python start in a few milliseconds.
PROGRAM = """\
#!{python} -IS
import sys
sys.path.insert(0, {project!r})
sys.argv[0] = {file!r}
from tests import fake_az
sys.exit(fake_az.main())
"""
REGISTRY = "registry.example.org/tweet_sentiment@sha256:"
DOMAIN = "westeurope.azurecontainerapps.io"


def image(version: str) -> str:
    """Return an image of the registry."""
    return f"{REGISTRY}{version}"


class FakeAzure:
    """A container app `app` in the resource group `group`, whose production revision is `app--v1`.

    Attributes:
        file: where it is kept.
    """

    def __init__(self, file: Path) -> None:
        """Open an app, or create one."""
        self.file = file
        if not file.exists():
            traffic = [{"latestRevision": True, "weight": 100}]
            self._write(
                {"mode": "Multiple", "traffic": traffic, "revisions": [], "failures": [], "calls": [], "unpullable": {}}
            )
            self._update(lambda state: add_revision(state, "app--v1", image("v1")))

    @property
    def calls(self) -> list[str]:
        """The changes asked for so far, such as `ingress traffic set`, with their distinctive arguments."""
        return list(self._read()["calls"])

    def fail(self, command: str, message: str, *, times: int = 1) -> None:
        """Refuse the next calls of a command."""
        self._update(lambda state: state["failures"].append([command, message, times]))

    def set(self, **values: Any) -> None:
        """Replace parts of the state."""
        self._update(lambda state: state.update(values))

    def weights(self) -> dict[str, int]:
        """Return the revisions with traffic."""
        state = self._read()
        names = [entry.get("revisionName") or latest(state) for entry in state["traffic"]]
        pairs = zip(names, state["traffic"], strict=True)
        return {name: entry["weight"] for name, entry in pairs if entry["weight"]}

    def labels(self) -> dict[str, str]:
        """Return the revision of each label."""
        return {entry["label"]: entry["revisionName"] for entry in self._read()["traffic"] if entry.get("label")}

    def active(self) -> list[str]:
        """Return the active revisions."""
        return [item["name"] for item in self._read()["revisions"] if item["properties"]["active"]]

    def run(self, command: Sequence[str]) -> tuple[int, str, str]:
        """Carry out `az ...`; return its exit code, output and errors."""
        assert list(command[:2]) == ["az", "containerapp"], command
        words = command[2:]
        first_option = next(position for position, word in enumerate(words) if word.startswith("--"))
        verb, options = " ".join(words[:first_option]), parse(words[first_option:])
        assert options["--name"] == ["app"], options
        assert options["--resource-group"] == ["group"], options
        assert options["--output"] == ["json"], options
        state = self._read()
        for failure in state["failures"]:
            if failure[0] == verb and failure[2] > 0:
                failure[2] -= 1
                self._write(state)
                return 1, "", f"Traceback (most recent call last):\nERROR: {failure[1]}\n"
        if verb in ("show", "revision list", "revision show"):
            return 0, json.dumps(answer(state, verb, options)), ""
        name = options.get("--revision", [""])[0]
        told = [
            value
            for option in ("--label", "--revision", "--revision-weight", "--revision-suffix", "--image")
            for value in options.get(option, [])
        ]
        state["calls"].append(" ".join([verb, *told]))
        change(state, verb, options, name)
        self._write(state)
        return 0, "{}", ""

    def _read(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(self.file.read_text(encoding="utf-8"))
        return state

    def _write(self, state: dict[str, Any]) -> None:
        self.file.write_text(json.dumps(state), encoding="utf-8")

    def _update(self, change_state: Any) -> None:
        state = self._read()
        change_state(state)
        self._write(state)


def install(folder: Path) -> FakeAzure:
    """Write a program `az` to a folder, and return the app that it works on."""
    program = folder / "az"
    project = str(Path(__file__).parents[1])
    program.write_text(
        PROGRAM.format(python=sys.executable, project=project, file=str(folder / "azure.json")), encoding="utf-8"
    )
    program.chmod(0o755)
    return FakeAzure(folder / "azure.json")


def main() -> int:
    """Run as `az`."""
    status, output, errors = FakeAzure(Path(sys.argv[0])).run(["az", *sys.argv[1:]])
    sys.stdout.write(output)
    sys.stderr.write(errors)
    return status


def parse(words: Sequence[str]) -> dict[str, list[str]]:
    """Return the values of each option."""
    options: dict[str, list[str]] = {}
    for word in words:
        if word.startswith("--"):
            values = options.setdefault(word, [])
        else:
            values.append(word)
    return options


def latest(state: dict[str, Any]) -> str:
    """Return the name of the latest revision."""
    return str(state["revisions"][-1]["name"])


def revision(state: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a revision."""
    found: dict[str, Any] = next(item for item in state["revisions"] if item["name"] == name)
    return found


def add_revision(state: dict[str, Any], name: str, container_image: str) -> None:
    """Add a revision."""
    properties = {
        "active": True,
        "createdTime": f"2026-01-{len(state['revisions']) + 1:02}T00:00:00+00:00",
        "fqdn": f"{name}.{DOMAIN}",
        "provisioningState": "Failed" if container_image in state["unpullable"] else "Provisioned",
        "provisioningError": state["unpullable"].get(container_image),
        "runningState": "Running",
        "template": {"containers": [{"image": container_image}]},
    }
    state["revisions"].append({"name": name, "properties": properties})


def answer(state: dict[str, Any], verb: str, options: dict[str, list[str]]) -> Any:
    """Return what a command shows."""
    if verb == "revision list":
        return state["revisions"]
    if verb == "revision show":
        return revision(state, options["--revision"][0])
    ingress = {"fqdn": f"app.{DOMAIN}", "traffic": state["traffic"]}
    configuration = {"activeRevisionsMode": state["mode"], "ingress": ingress}
    return {"properties": {"latestRevisionName": latest(state), "configuration": configuration}}


def change(state: dict[str, Any], verb: str, options: dict[str, list[str]], name: str) -> None:
    """Carry out a command."""
    match verb:
        case "update":
            add_revision(state, f"app--{options['--revision-suffix'][0]}", options["--image"][0])
        case "ingress traffic set":
            weights = {key: int(share) for key, share in (word.split("=") for word in options["--revision-weight"])}
            for key, share in weights.items():
                entry_of(state, key)["weight"] = share
            others = [entry for entry in state["traffic"] if entry.get("revisionName") not in weights]
            rest, before = 100 - sum(weights.values()), sum(entry["weight"] for entry in others)
            for entry in others:
                entry["weight"] = round(entry["weight"] * rest / before) if before else 0
            assert sum(entry["weight"] for entry in state["traffic"]) == 100, state["traffic"]
        case "revision label add":
            assert "--yes" in options, "az would ask"
            for entry in state["traffic"]:
                if entry.get("label") == options["--label"][0]:
                    entry["label"] = None
            entry_of(state, name)["label"] = options["--label"][0]
        case "revision label remove":
            (entry,) = [entry for entry in state["traffic"] if entry.get("label") == options["--label"][0]]
            entry["label"] = None
        case "revision activate" | "revision deactivate":
            assert not (verb.endswith("deactivate") and entry_of(state, name)["weight"]), "it has traffic"
            revision(state, name)["properties"]["active"] = verb == "revision activate"
        case _:
            raise AssertionError(verb)


def entry_of(state: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the entry of a revision in the traffic, after adding it if need be."""
    revision(state, name)
    for entry in state["traffic"]:
        if entry.get("revisionName") == name:
            return dict_of(entry)
    state["traffic"].append({"revisionName": name, "weight": 0, "label": None})
    return dict_of(state["traffic"][-1])


def dict_of(entry: Any) -> dict[str, Any]:
    """Return an entry with its type."""
    assert isinstance(entry, dict)
    return entry
