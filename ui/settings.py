"""What can be set from outside for the page: environment variables."""

from pydantic import AnyHttpUrl, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """The page's settings, each read from the variable UI_<NAME>, and the two that say where the service is."""

    model_config = SettingsConfigDict(
        title="Page", env_prefix="UI_", frozen=True, env_ignore_empty=True, hide_input_in_errors=True
    )

    service_url: AnyHttpUrl = Field(
        default=AnyHttpUrl("http://127.0.0.1:3000"),
        validation_alias="SERVICE_URL",
        description="address of the service",
    )
    service_key: SecretStr | None = Field(
        default=None, validation_alias="SERVICE_KEY", description="key that the service asks for, if it does"
    )
    host: str = Field(default="127.0.0.1", description="address to listen on")
    port: int = Field(default=8501, ge=1, le=65535, description="port to listen on")
    patience_seconds: float = Field(
        default=60,
        gt=0,
        description="how long an answer may take; a service that was asleep needs some time to wake up",
    )
