"""The watch's settings: environment variables."""

from pydantic import AnyHttpUrl, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from watch.sources import x


class Settings(BaseSettings):
    """Where the watch sends tweets, and its secrets; the source is named on the command line."""

    model_config = SettingsConfigDict(
        title="Watch", env_prefix="WATCH_", frozen=True, env_ignore_empty=True, hide_input_in_errors=True
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
    token: SecretStr | None = Field(
        default=None, description="Bearer token for the endpoint of `python -m watch poll`, if it needs one."
    )
    x_bearer_token: SecretStr | None = Field(
        default=None,
        validation_alias="X_BEARER_TOKEN",
        description="Bearer token of X's API, for `python -m watch x`.",
    )
    x_url: AnyHttpUrl = Field(default=AnyHttpUrl(x.URL), description="Address of X's API.")
