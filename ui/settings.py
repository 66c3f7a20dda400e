"""The page's settings: environment variables."""

from pydantic import AnyHttpUrl, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


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
    patience_seconds: float = Field(
        default=60,
        gt=0,
        description="Timeout of a request to the service, in seconds; the default leaves time for a cold start.",
    )
