"""The page's settings: environment variables."""

import tomllib
from ipaddress import ip_address
from pathlib import Path
from typing import Self

from pydantic import AnyHttpUrl, Field, SecretStr, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

# Streamlit needs these in the section [auth].
LOGIN_KEYS = {"redirect_uri", "cookie_secret", "client_id", "client_secret", "server_metadata_url"}


class Settings(BaseSettings):
    """The settings of the web page."""

    model_config = SettingsConfigDict(
        title="Page", env_prefix="UI_", frozen=True, env_ignore_empty=True, hide_input_in_errors=True
    )

    service_url: AnyHttpUrl = Field(
        default=AnyHttpUrl("http://127.0.0.1:3000"),
        validation_alias="SERVICE_URL",
        description="URL of the service; the default is a service on this machine.",
    )
    service_key: SecretStr | None = Field(
        default=None,
        validation_alias="SERVICE_KEY",
        description="API key to send to the service: one of its SERVICE_API_KEYS, if it has any.",
    )
    host: str = Field(
        default="127.0.0.1",
        description="Address to listen on; the default accepts connections from this machine only.",
    )
    port: int = Field(default=8501, ge=1, le=65535, description="Port to listen on.")
    login: Path | None = Field(
        default=None,
        description="TOML file with Streamlit's section `[auth]`: visitors must log in with this OpenID Connect "
        "provider. Required, unless UI_HOST is this machine or UI_ANONYMOUS is true.",
    )
    anonymous: bool = Field(
        default=False, description="Let everybody who can reach the page use it without logging in."
    )
    patience_seconds: float = Field(
        default=60,
        gt=0,
        description="Timeout of a request to the service, in seconds; the default leaves time for a cold start.",
    )

    @model_validator(mode="after")
    def _check_login(self) -> Self:
        """Refuse an open page that nobody has asked for, and a log-in that cannot work."""
        if self.login is None and not self.anonymous and not is_loopback(self.host):
            raise ValueError(
                f"UI_HOST={self.host} opens the page to other machines. Set UI_LOGIN to a file with an OpenID Connect "
                "provider, or UI_ANONYMOUS=true if everybody may use the page."
            )
        if self.login is not None and self.anonymous:
            raise ValueError("UI_LOGIN and UI_ANONYMOUS contradict each other: remove one.")
        if self.login is not None:
            check_login(self.login)
        return self


def check_login(file: Path) -> None:
    """Check that a file contains what Streamlit needs for a log-in.

    Raises:
        ValueError: it cannot be read, is not TOML, or lacks a key.
    """
    try:
        auth = tomllib.loads(file.read_text(encoding="utf-8")).get("auth", {})
    except OSError as error:
        raise ValueError(f"UI_LOGIN: {file} cannot be read: {error.strerror}.") from None
    except ValueError:  # the message of the parser could repeat a secret
        raise ValueError(f"UI_LOGIN: {file} is not a TOML file.") from None
    if not isinstance(auth, dict):
        raise ValueError(f"UI_LOGIN: {file} has no section [auth].")
    if missing := LOGIN_KEYS - auth.keys():
        raise ValueError(f"UI_LOGIN: the section [auth] of {file} lacks {', '.join(sorted(missing))}.")


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach an address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def read() -> Settings:
    """Read the settings from the environment.

    Raises:
        ValueError: some are invalid. The message has a line for each variable and repeats no secret.
    """
    try:
        return Settings()
    except ValidationError as error:
        raise ValueError("\n".join(map(message, error.errors()))) from None


def message(problem: ErrorDetails) -> str:
    """Return a line that names the variable and what is wrong."""
    text = problem["msg"].removeprefix("Value error, ")
    if not problem["loc"]:
        return text
    field = str(problem["loc"][0])
    return f"{field if field.isupper() else f'UI_{field.upper()}'}: {text}"
