"""The containers on one machine: compose.yaml and the development container name what exists."""

import json
import re
from functools import cache
from typing import Any
from urllib.parse import urlparse

import mlflow.cli
import mlflow.environment_variables
import pytest
import yaml

from service.settings import Settings as ServiceSettings
from telemetry.settings import Settings as TelemetrySettings
from telemetry.settings import read, variables
from tests.documentation import PROJECT
from ui.settings import Settings as PageSettings
from ui.settings import read as read_page

# `${NAME:-default}`, the only form of a variable in compose.yaml: each has a default.
VARIABLE = re.compile(r"\$\{(\w+):-([^}]*)\}")
IN_PROJECT = {"service": "service/Dockerfile", "page": "ui/Dockerfile", "mlflow": "compose/mlflow.Dockerfile"}
SETTINGS = {
    "service": {*variables(ServiceSettings), *variables(TelemetrySettings)},
    "worker": set(variables(TelemetrySettings)),
    "page": {str(field.validation_alias or f"UI_{name.upper()}") for name, field in PageSettings.model_fields.items()},
    "mlflow": {
        *(str(parameter.envvar) for parameter in mlflow.cli.server.params),
        *(name for name in dir(mlflow.environment_variables) if name.startswith("MLFLOW_")),
    },
    "database": {"POSTGRES_PASSWORD"},  # of PostgreSQL's image
    "mail": set(),
}
SOURCE = (PROJECT / "compose.yaml").read_text(encoding="utf-8")


@cache
def stack() -> dict[str, Any]:
    """Return compose.yaml as it is without any variable set."""
    parsed: dict[str, Any] = yaml.safe_load(VARIABLE.sub(r"\2", SOURCE))
    return parsed


def environment(service: str) -> dict[str, str]:
    return dict(stack()["services"][service].get("environment", {}))


def ports(service: str) -> list[list[str]]:
    return [port.split(":") for port in stack()["services"][service].get("ports", [])]


def test_every_environment_variable_is_a_setting_of_its_program() -> None:
    assert SETTINGS.keys() == stack()["services"].keys()
    for service, known in SETTINGS.items():
        assert environment(service).keys() <= known, service


@pytest.mark.parametrize("service", ["service", "worker", "page"])
def test_the_programs_accept_the_values(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment(service).items():
        assert isinstance(value, str), f"{name} needs quotation marks"
        monkeypatch.setenv(name, value)
    if service == "page":
        assert read_page().service_key is not None
    else:
        assert read(TelemetrySettings).database is not None
    if service == "service":
        monkeypatch.setenv("SERVICE_HOST", "0.0.0.0")  # as in its image
        read(ServiceSettings).require_safe()


def test_the_page_sends_the_key_of_the_service_to_its_address() -> None:
    url = urlparse(environment("page")["SERVICE_URL"])
    assert url.hostname == "service"
    assert str(url.port) == ports("service")[0][-1]
    assert environment("page")["SERVICE_KEY"] == environment("service")["SERVICE_API_KEYS"]


def test_only_this_machine_reaches_the_containers() -> None:
    published = [port for service in stack()["services"] for port in ports(service)]
    assert len(published) == 4
    assert {port[0] for port in published} == {"127.0.0.1"}
    assert all(f"http://127.0.0.1:{port[1]}" in SOURCE.partition("\nname:")[0] for port in published), "the comment"


def test_only_what_can_be_changed_has_a_default() -> None:
    assert {name for name, _ in VARIABLE.findall(SOURCE)} == {"IMAGE", "PAGE_IMAGE", "POSTGRES_PASSWORD", "SERVICE_KEY"}
    assert SOURCE.count("$") == len(VARIABLE.findall(SOURCE))


def test_a_container_waits_for_others_that_say_when_they_are_healthy() -> None:
    for name, service in stack()["services"].items():
        for needed, how in service.get("depends_on", {}).items():
            assert how == {"condition": "service_healthy"}, name
            assert "test" in stack()["services"][needed]["healthcheck"], needed


def test_every_file_and_volume_exists() -> None:
    mounted = [volume.split(":") for service in stack()["services"].values() for volume in service.get("volumes", [])]
    assert {volume[0] for volume in mounted if not volume[0].startswith(".")} == stack()["volumes"].keys()
    assert all((PROJECT / volume[0]).is_file() for volume in mounted if volume[0].startswith("."))
    built = [service["build"]["dockerfile"] for service in stack()["services"].values() if "build" in service]
    assert set(built) < set(IN_PROJECT.values())


@pytest.mark.parametrize("dockerfile", ["ui/Dockerfile", "compose/mlflow.Dockerfile"])
def test_what_a_dockerfile_copies_is_sent_to_the_engine(dockerfile: str) -> None:
    sent = set(re.findall(r"^!(.+)$", (PROJECT / ".dockerignore").read_text(encoding="utf-8"), re.MULTILINE))
    copies = re.findall(r"^COPY (?!--from)(.+) \S+$", (PROJECT / dockerfile).read_text(encoding="utf-8"), re.MULTILINE)
    copied = {source for copy in copies for source in copy.split()}
    assert copied
    assert copied <= sent
    assert all((PROJECT / source).exists() for source in copied)


@pytest.mark.parametrize(("service", "dockerfile"), IN_PROJECT.items())
def test_the_published_port_is_that_of_the_image(service: str, dockerfile: str) -> None:
    (exposed,) = re.findall(r"^EXPOSE (\d+)$", (PROJECT / dockerfile).read_text(encoding="utf-8"), re.MULTILINE)
    assert [port[1:] for port in ports(service)] == [[exposed, exposed]]


@pytest.mark.parametrize("name", ["service", "worker", "page", "mlflow"])
def test_the_containers_of_this_project_write_temporary_files_only(name: str) -> None:
    service = stack()["services"][name]
    assert (service["read_only"], service["tmpfs"], service["cap_drop"]) == (True, ["/tmp"], ["all"])


def test_the_databases_are_those_that_are_created() -> None:
    created = re.findall(r"CREATE DATABASE (\w+);", (PROJECT / "compose/databases.sql").read_text(encoding="utf-8"))
    urls = (environment("service")["TELEMETRY_DATABASE"], environment("mlflow")["MLFLOW_BACKEND_STORE_URI"])
    assert [urlparse(url).path.strip("/") for url in urls] == created
    assert {urlparse(url).hostname for url in urls} == {"database"}


def test_the_development_container_forwards_the_ports_of_the_programs() -> None:
    container = json.loads((PROJECT / ".devcontainer/devcontainer.json").read_text(encoding="utf-8"))
    assert {str(port) for port in container["forwardPorts"]} == {ports(name)[0][1] for name in IN_PROJECT}
    assert container["portsAttributes"].keys() == {str(port) for port in container["forwardPorts"]}
    assert ":3.11-" in container["image"]
    assert container["postCreateCommand"] == "make setup"
