"""The Azure resources: what a compiler would check, and that they agree with the programs that run on them."""

import re
from datetime import timedelta
from functools import cache
from ipaddress import ip_network
from pathlib import Path
from typing import get_args

import pytest
from pydantic_settings import BaseSettings

from service.conventions import PROBES
from service.settings import Settings as ServiceSettings
from telemetry import __main__ as telemetry
from telemetry.settings import Settings as TelemetrySettings
from telemetry.settings import read, variables
from tests.bicep import Bicep, bicep, literal, properties, text
from tests.documentation import PROJECT
from ui.settings import Settings as PageSettings

INFRA = PROJECT / "infra"
MAIN = bicep(INFRA / "main.bicep")
MODULES = {file.stem: bicep(file) for file in sorted(INFRA.glob("modules/*.bicep"))}
FILES = [MAIN, *MODULES.values()]
PARAMETERS = (INFRA / "main.bicepparam").read_text(encoding="utf-8")
VARIABLE = re.compile(r"[A-Z]+_[A-Z_]+")
# What an environment variable of App Service itself starts with.
OF_THE_PLATFORM = "WEBSITES_"
# Source: https://learn.microsoft.com/azure/azure-resource-manager/bicep/bicep-functions
FUNCTIONS = {
    *("batchSize", "concat", "description", "empty", "guid", "join", "json", "loadTextContent", "resourceGroup"),
    *("allowed", "maxLength", "maxValue", "minLength", "minValue", "secure", "string", "subscription"),
    *("subscriptionResourceId", "tenant", "uniqueString", "uriComponent"),
}
every_file = pytest.mark.parametrize("file", FILES, ids=lambda file: file.file.stem)


@cache
def settings() -> dict[str, type[BaseSettings]]:
    return {name: kind for kind in (ServiceSettings, TelemetrySettings, PageSettings) for name in variables(kind)}


@cache
def secret_settings() -> set[str]:
    kinds = (ServiceSettings, TelemetrySettings, PageSettings)
    fields = [
        (name, field) for kind in kinds for name, field in zip(variables(kind), kind.model_fields.values(), strict=True)
    ]
    return {name for name, field in fields if "SecretStr" in str(field.annotation)}


def environment(file: Bicep) -> list[tuple[str, str, str]]:
    """Return the environment variables that a file sets: name, and `value` or `secretRef` with its source."""
    found = []
    for keys in file.objects():
        name = literal(keys["name"]) if "name" in keys else None
        if name and VARIABLE.fullmatch(name) and not name.startswith(OF_THE_PLATFORM):
            (kind,) = keys.keys() - {"name"}
            found.append((name, kind, text(keys[kind]).strip("'")))
    return found


def resource(file: Bicep, name: str) -> dict[str, str]:
    """Return the literals and sources of all properties within a resource, by their names."""
    node = file.declarations[name].node
    pairs = [properties(found) for found in file.nodes("object", within=node)]
    return {key: text(value).strip("'") for keys in pairs for key, value in keys.items()}


def module_of(declaration: str) -> Bicep:
    """Return the file of a module that main.bicep declares."""
    node = MAIN.declarations[declaration].node
    return bicep((INFRA / str(literal(node.children[2]))).resolve())


@every_file
def test_a_file_is_valid_bicep(file: Bicep) -> None:
    wrong = [text(node) for node in file.nodes("ERROR")]
    assert not file.root.has_error, wrong


@every_file
def test_every_name_and_function_exists(file: Bicep) -> None:
    assert set(file.names()) - set(file.declarations) - file.loop_names() == set()
    assert file.functions() - FUNCTIONS == set()


@every_file
def test_every_parameter_is_described_and_everything_declared_is_used(file: Bicep) -> None:
    assert [name for name, parameter in file.parameters.items() if not parameter.described] == []
    named = ("param", "var")
    declared = {name for name, declaration in file.declarations.items() if declaration.kind in named}
    assert declared - set(file.names()) == set()


def test_every_module_is_deployed() -> None:
    deployed = {module_of(name).file for name, found in MAIN.declarations.items() if found.kind == "module"}
    assert deployed == {module.file for module in MODULES.values()}


@pytest.mark.parametrize("name", [name for name, found in MAIN.declarations.items() if found.kind == "module"])
def test_a_module_gets_its_parameters_and_secrets_stay_secret(name: str) -> None:
    module, node = module_of(name), MAIN.declarations[name].node
    (given,) = [keys["params"] for keys in map(properties, MAIN.nodes("object", within=node)) if "params" in keys]
    values = properties(given)
    assert values.keys() == module.parameters.keys()
    for parameter, value in values.items():
        if MAIN.secrets & set(MAIN.names(value)):
            assert module.parameters[parameter].secret, parameter


def test_main_reads_only_outputs_that_exist() -> None:
    read_outputs = re.findall(r"\b(\w+)\.outputs\.(\w+)", MAIN.file.read_text(encoding="utf-8"))
    assert read_outputs
    assert [(name, output) for name, output in read_outputs if output not in module_of(name).outputs] == []


@every_file
def test_no_output_shows_a_secret(file: Bicep) -> None:
    for output in file.outputs.values():
        assert not file.secrets & set(file.names(output.node))
        assert "listKeys" not in text(output.node)
        assert "ConnectionString" not in text(output.node)


def test_the_release_finds_what_it_needs_among_the_outputs() -> None:
    needed = {"resourceGroup", "registryServer", "serviceApp", "githubClientId", "tenantId", "subscriptionId"}
    assert needed <= MAIN.outputs.keys()


def test_every_parameter_has_a_value_in_one_file_and_no_secret_is_written_there() -> None:
    values = dict(re.findall(r"^param (\w+) = (.+)$", PARAMETERS, flags=re.MULTILINE))
    assert values.keys() == MAIN.parameters.keys()
    assert [name for name, parameter in MAIN.parameters.items() if parameter.has_default] == []
    assert [name for name in MAIN.secrets if not values[name].startswith("readEnvironmentVariable(")] == []


def test_the_page_on_deployment_names_every_variable_of_the_parameter_file() -> None:
    page = (PROJECT / "docs/deploy.md").read_text(encoding="utf-8")
    names = re.findall(r"readEnvironmentVariable\('(\w+)'", PARAMETERS)
    assert [name for name in names if f"`{name}`" not in page] == []


@every_file
def test_every_environment_variable_is_a_setting_and_every_secret_one_a_reference(file: Bicep) -> None:
    assert {name for name, _, _ in environment(file)} <= settings().keys()
    if file is MODULES["app_service"]:  # its settings are kept encrypted, and have no references
        return
    for name, kind, _ in environment(file):
        assert kind == ("secretRef" if name in secret_settings() else "value"), name


@pytest.mark.parametrize("module", ["service", "page"])
def test_every_secret_that_an_app_refers_to_is_one_of_its_secrets(module: str) -> None:
    file = MODULES[module]
    references = {literal(keys["secretRef"]) for keys in file.objects() if "secretRef" in keys}
    named = {literal(keys["name"]) for keys in file.objects() if keys.keys() == {"name", "value"}}
    assert references <= named


@every_file
def test_the_programs_accept_the_values_that_are_written_in_a_file(
    file: Bicep, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = [
        (name, value) for name, kind, value in environment(file) if kind == "value" and value[:1] in "/1234567890"
    ]
    for name, value in written:
        if name != "UI_LOGIN":  # a file of the container
            monkeypatch.setenv(name, value)
            read(settings()[name])


def test_the_trusted_proxies_are_those_of_the_documentation() -> None:
    ((_, _, value),) = [entry for entry in environment(MODULES["service"]) if entry[0] == "SERVICE_TRUSTED_PROXIES"]
    assert f"SERVICE_TRUSTED_PROXIES={value}\n" in (PROJECT / "docs/engineer.md").read_text(encoding="utf-8")
    assert all(ip_network(network).is_private or network.startswith("100.100.") for network in value.split(","))


def test_the_texts_that_may_be_stored_are_those_of_the_setting() -> None:
    (allowed,) = [found for found in MAIN.parameters["storedText"].decorators if found.startswith("allowed(")]
    assert set(re.findall(r"'(\w+)'", allowed)) == set(get_args(TelemetrySettings.model_fields["text"].annotation))


@pytest.mark.parametrize(
    ("module", "paths", "kind"),
    [("service", PROBES, ServiceSettings), ("page", ("/_stcore/health",), PageSettings)],
)
def test_probes_ask_for_paths_that_exist_at_the_port_of_the_program(
    module: str, paths: tuple[str, ...], kind: type[BaseSettings]
) -> None:
    file, port = MODULES[module], str(kind.model_fields["port"].default)
    probes = [keys for keys in file.objects() if "httpGet" in keys]
    assert {literal(probe["type"]) for probe in probes} == {"Readiness", "Liveness"}
    for probe in probes:
        question = properties(probe["httpGet"])
        assert literal(question["path"]) in paths
        assert text(question["port"]) == port
    assert resource(file, module)["targetPort"] == port
    dockerfile = (PROJECT / ("service" if module == "service" else "ui") / "Dockerfile").read_text(encoding="utf-8")
    assert f"EXPOSE {port}\n" in dockerfile
    assert module == "service" or paths[0] in dockerfile


def test_requests_in_flight_are_answered_before_a_replica_stops() -> None:
    grace = int(resource(MODULES["service"], "service")["terminationGracePeriodSeconds"])
    assert grace >= ServiceSettings.model_fields["timeout_seconds"].default + 5


def test_the_worker_runs_a_command_that_exists() -> None:
    (words,) = [keys["command"] for keys in MODULES["service"].objects() if "command" in keys]
    command = [str(literal(word)) for word in words.children[1:-1]]
    assert command[3:6] == ["python", "-m", "telemetry"]
    assert telemetry.commands().parse_args(command[6:]).run is telemetry.work
    assert int(command[2]) < int(resource(MODULES["service"], "worker")["replicaTimeout"])


def test_the_alert_has_the_tested_query_and_the_rule_of_the_service() -> None:
    alert = resource(MODULES["alerts"], "mispredictions")
    assert alert["query"] == "loadTextContent('../alert.kql')"
    defaults = TelemetrySettings.model_fields
    assert alert["threshold"] == str(defaults["alert_tweets"].default)
    assert alert["operator"] == "GreaterThanOrEqual"
    assert minutes(alert["windowSize"]) == defaults["alert_minutes"].default
    assert minutes(alert["evaluationFrequency"]) == 1
    assert minutes(alert["muteActionsDuration"]) == defaults["alert_cool_down_minutes"].default
    assert f"summarize {alert['metricMeasureColumn']} = " in (INFRA / "alert.kql").read_text(encoding="utf-8")


def minutes(duration: str) -> float:
    """Return a duration of ISO 8601 in minutes."""
    (number,) = re.fullmatch(r"PT(\d+)M", duration).groups()  # type: ignore[union-attr]
    return timedelta(minutes=int(number)).total_seconds() / 60


def loaded(file: Bicep) -> set[Path]:
    """Return the texts that a file includes."""
    calls = re.findall(r"loadTextContent\('(.+)'\)", file.file.read_text(encoding="utf-8"))
    return {(file.file.parent / call).resolve() for call in calls}


def test_the_workbook_shows_every_query() -> None:
    assert loaded(MODULES["workbook"]) == set(INFRA.glob("queries/*.kql"))


def test_every_text_that_a_file_includes_exists() -> None:
    assert [path for file in FILES for path in loaded(file) if not path.exists()] == []
