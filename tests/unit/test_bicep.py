"""The Azure resources: what a compiler would check, and that they agree with the programs that run on them."""

import re
from pathlib import Path
from typing import get_args

import pytest
from pydantic_settings import BaseSettings
from tree_sitter import Node

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
PARAMETERS = bicep(INFRA / "main.bicepparam")
# How a value of each type is written in the parameter file.
WRITTEN = {
    "string": ("string", "call_expression"),
    "int": ("number",),
    "bool": ("boolean",),
    "array": ("array", "call_expression"),
}
VARIABLE = re.compile(r"[A-Z]+_[A-Z_]+")
# What an environment variable of App Service itself starts with.
OF_THE_PLATFORM = "WEBSITES_"
# Source: https://learn.microsoft.com/azure/azure-resource-manager/bicep/bicep-functions
FUNCTIONS = {
    *("batchSize", "concat", "description", "empty", "guid", "join", "json", "loadTextContent", "resourceGroup"),
    *("allowed", "maxLength", "maxValue", "minLength", "minValue", "secure", "string", "subscription"),
    *("subscriptionResourceId", "tenant", "uniqueString", "uriComponent"),
}
PROGRAMS: tuple[type[BaseSettings], ...] = (ServiceSettings, TelemetrySettings, PageSettings)
# The program that reads each setting, and the settings that are secret.
SETTINGS = {name: program for program in PROGRAMS for name in variables(program)}
SECRET_SETTINGS = {
    name
    for program in PROGRAMS
    for name, field in zip(variables(program), program.model_fields.values(), strict=True)
    if "SecretStr" in str(field.annotation)
}
MODULE_NAMES = [name for name, declaration in MAIN.declarations.items() if declaration.kind == "module"]
every_file = pytest.mark.parametrize("file", FILES, ids=lambda file: file.file.stem)


def environment(file: Bicep) -> list[tuple[str, str, Node]]:
    """Return the environment variables that a file sets: name, `value` or `secretRef`, and what they are set to."""
    variables_set = []
    for keys in file.objects():
        name = literal(keys["name"]) if "name" in keys else None
        if name and VARIABLE.fullmatch(name) and not name.startswith(OF_THE_PLATFORM):
            (kind,) = keys.keys() - {"name"}
            variables_set.append((name, kind, keys[kind]))
    return variables_set


def resource(file: Bicep, name: str) -> dict[str, str]:
    """Return the literals and sources of all properties within a resource, by their names."""
    node = file.declarations[name].node
    objects = [properties(part) for part in file.nodes("object", within=node)]
    return {key: text(value).strip("'") for keys in objects for key, value in keys.items()}


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
    declared = {name for name, declaration in file.declarations.items() if declaration.kind in ("param", "var")}
    assert declared - set(file.names()) == set()


def test_every_module_is_deployed() -> None:
    assert {module_of(name).file for name in MODULE_NAMES} == {module.file for module in MODULES.values()}


@pytest.mark.parametrize("name", MODULE_NAMES)
def test_a_module_gets_its_parameters_with_their_types_and_secrets_stay_secret(name: str) -> None:
    module, node = module_of(name), MAIN.declarations[name].node
    (parameters,) = [keys["params"] for keys in map(properties, MAIN.nodes("object", within=node)) if "params" in keys]
    values = properties(parameters)
    assert values.keys() == module.parameters.keys()
    for parameter, value in values.items():
        declared = module.parameters[parameter]
        assert declared.secret == bool(MAIN.secrets & set(MAIN.names(value))), parameter
        if text(value) in MAIN.parameters:
            assert MAIN.parameters[text(value)].type == declared.type, parameter


def test_main_reads_only_outputs_that_exist() -> None:
    outputs = re.findall(r"\b(\w+)\.outputs\.(\w+)", text(MAIN.root))
    assert outputs
    assert [(module, output) for module, output in outputs if output not in module_of(module).outputs] == []


@every_file
def test_no_output_shows_a_secret(file: Bicep) -> None:
    for output in file.outputs.values():
        assert not file.secrets & set(file.names(output.node))
        assert "listKeys" not in text(output.node)
        assert "ConnectionString" not in text(output.node)


def test_the_release_finds_what_it_needs_among_the_outputs() -> None:
    needed = {"resourceGroup", "registryServer", "serviceApp", "githubClientId", "tenantId", "subscriptionId"}
    assert needed <= MAIN.outputs.keys()


def test_every_parameter_has_a_value_of_its_type_in_one_file() -> None:
    assert not PARAMETERS.root.has_error
    assert PARAMETERS.names() == []
    assert PARAMETERS.functions() == {"readEnvironmentVariable", "split"}
    assert PARAMETERS.declarations.keys() == MAIN.parameters.keys()
    assert [name for name, parameter in MAIN.parameters.items() if parameter.has_default] == []
    for name, declaration in PARAMETERS.declarations.items():
        assert declaration.value.type in WRITTEN[MAIN.parameters[name].type], name


def test_no_secret_is_written_in_the_parameter_file() -> None:
    assert MAIN.secrets
    for name in MAIN.secrets:
        assert text(PARAMETERS.declarations[name].value).startswith("readEnvironmentVariable("), name


def test_the_page_on_deployment_names_every_variable_of_the_parameter_file() -> None:
    page = (PROJECT / "docs/deploy.md").read_text(encoding="utf-8")
    names = re.findall(r"readEnvironmentVariable\('(\w+)'", text(PARAMETERS.root))
    assert names
    assert [name for name in names if f"`{name}`" not in page] == []


@every_file
def test_every_environment_variable_is_a_setting_and_every_secret_one_a_reference(file: Bicep) -> None:
    assert {name for name, _, _ in environment(file)} <= SETTINGS.keys()
    if file is MODULES["app_service"]:  # its settings are kept encrypted, and have no references
        return
    for name, kind, _ in environment(file):
        assert kind == ("secretRef" if name in SECRET_SETTINGS else "value"), name


@pytest.mark.parametrize("module", ["service", "page"])
def test_every_secret_that_an_app_refers_to_is_one_of_its_secrets(module: str) -> None:
    file = MODULES[module]
    references = {literal(keys["secretRef"]) for keys in file.objects() if "secretRef" in keys}
    pairs = {str(literal(keys["name"])) for keys in file.objects() if keys.keys() == {"name", "value"}}
    assert references <= {name for name in pairs if not VARIABLE.fullmatch(name)}


@every_file
def test_the_programs_accept_the_values_that_are_written_in_a_file(
    file: Bicep, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, kind, node in environment(file):
        value = literal(node)
        if kind == "value" and value is not None and name != "UI_LOGIN":  # a file of the container
            monkeypatch.setenv(name, value)
            read(SETTINGS[name])


def test_the_trusted_proxies_are_those_of_the_documentation() -> None:
    (node,) = [node for name, _, node in environment(MODULES["service"]) if name == "SERVICE_TRUSTED_PROXIES"]
    assert f"SERVICE_TRUSTED_PROXIES={literal(node)}\n" in (PROJECT / "docs/engineer.md").read_text(encoding="utf-8")


def test_the_texts_that_may_be_stored_are_those_of_the_setting() -> None:
    (allowed,) = [line for line in MAIN.parameters["storedText"].decorators if line.startswith("allowed(")]
    assert set(re.findall(r"'(\w+)'", allowed)) == set(get_args(TelemetrySettings.model_fields["text"].annotation))


@pytest.mark.parametrize(
    ("module", "paths", "program"),
    [("service", PROBES, ServiceSettings), ("page", ("/_stcore/health",), PageSettings)],
)
def test_probes_ask_for_paths_that_exist_at_the_port_of_the_program(
    module: str, paths: tuple[str, ...], program: type[BaseSettings]
) -> None:
    file, port = MODULES[module], str(program.model_fields["port"].default)
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
    return float(duration.removeprefix("PT").removesuffix("M"))


def loaded(file: Bicep) -> set[Path]:
    """Return the texts that a file includes."""
    calls = re.findall(r"loadTextContent\('(.+)'\)", file.file.read_text(encoding="utf-8"))
    return {(file.file.parent / call).resolve() for call in calls}


def test_the_workbook_shows_every_query() -> None:
    assert loaded(MODULES["workbook"]) == set(INFRA.glob("queries/*.kql"))


def test_every_text_that_a_file_includes_exists() -> None:
    assert [path for file in FILES for path in loaded(file) if not path.exists()] == []
