"""What the README says of settings."""

import re
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

from service.settings import Settings as ServiceSettings
from telemetry.settings import Settings as TelemetrySettings
from ui.settings import Settings as PageSettings

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def named(head: str) -> set[str]:
    """Return the variables that a table of the README names in its first column."""
    table = README.partition(head)[2].partition("\n\n")[0]
    return {name for row in table.splitlines() for name in re.findall(r"`([A-Z_]+)`", row.split("|")[1] if row else "")}


def variables(settings: type[BaseSettings], prefix: str = "") -> set[str]:
    """Return the variables of settings: the alias where there is one, else the name after a prefix."""
    fields = settings.model_fields.items()
    return {
        str(field.validation_alias) if field.validation_alias else f"{prefix}{name.upper()}" for name, field in fields
    }


def test_the_readme_names_every_setting_of_the_service() -> None:
    assert named("| `SERVICE_...` |") == variables(ServiceSettings)


def test_the_readme_names_every_setting_of_the_page() -> None:
    assert named("| variable | default | |") == variables(PageSettings, "UI_")


def test_the_readme_names_every_setting_of_events_and_alerts() -> None:
    assert "`APPLICATIONINSIGHTS_CONNECTION_STRING`" in README
    told = variables(TelemetrySettings)
    (connection,) = {name for name in told if "APPLICATIONINSIGHTS" in name}
    assert named("| `TELEMETRY_...` |") == told - {connection}


@pytest.mark.parametrize("target", re.findall(r"^make ([a-z-]+)(?: +#.*)?$", README, re.MULTILINE))
def test_every_command_of_make_in_the_readme_exists(target: str) -> None:
    makefile = (Path(__file__).parents[2] / "Makefile").read_text(encoding="utf-8")
    assert f"\n{target}:" in makefile
