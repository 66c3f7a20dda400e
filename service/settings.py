"""What can be set from outside: environment variables that begin with SERVICE_."""

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

# Of the service and its Bento, and before the names of its metrics.
NAME = "tweet_sentiment"
# Where the step `package` puts it, in the Bento.
PACKAGED = Path(__file__).parents[1] / "model"
Words = Annotated[tuple[str, ...], NoDecode]
Secrets = Annotated[tuple[SecretStr, ...], NoDecode]


class Settings(BaseSettings):
    """The service's settings, each read from the variable SERVICE_<NAME>; lists are separated by commas."""

    model_config = SettingsConfigDict(
        title="Service", env_prefix="SERVICE_", frozen=True, env_ignore_empty=True, hide_input_in_errors=True
    )

    model: Path = Field(default=PACKAGED, description="folder of the packaged model; a Bento holds its own")
    host: str = Field(default="127.0.0.1", description="address to listen on")
    port: int = Field(default=3000, ge=1, le=65535, description="port to listen on")
    start_seconds: float = Field(default=60, gt=0, description="until when the model must have passed its self-test")

    api_keys: Secrets = Field(
        default=(), description="keys, one of which a request must bear (Authorization: Bearer <key>)"
    )
    anonymous: bool = Field(default=False, description="whether others than this machine are answered without a key")
    requests_per_minute: int = Field(
        default=600, ge=1, description="of one key, or of one address where there are no keys"
    )
    max_body_bytes: int = Field(default=8 * 2**20, ge=1024, description="of a request, counted as they come")
    timeout_seconds: float = Field(
        default=30,
        gt=0,
        lt=60,
        description="for one request, from its first byte to its answer; BentoML ends all after 60",
    )
    cors_origins: Words = Field(
        default=(), description="origins whose pages may call the service (https://example.org)"
    )

    @field_validator("api_keys", "cors_origins", mode="before")
    @classmethod
    def _cut(cls, value: object) -> object:
        """Cut a list at its commas."""
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("api_keys")
    @classmethod
    def _long_enough(cls, keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        """Refuse keys that can be guessed."""
        if any(len(key.get_secret_value()) < 16 for key in keys):
            raise ValueError("a key has less than 16 characters: make one with `openssl rand -hex 32`")
        return keys

    @property
    def open_to_all(self) -> bool:
        """Whether anybody who reaches the port is answered."""
        return self.anonymous and not self.api_keys

    def require_safe(self) -> None:
        """Refuse to be reached by others than this machine without keys, unless told so.

        Raises:
            ValueError: the address is not this machine's own, and there are neither keys nor SERVICE_ANONYMOUS=true.
        """
        if not (self.api_keys or self.anonymous or is_loopback(self.host)):
            raise ValueError(
                f"SERVICE_HOST={self.host} can be reached from other machines, and there are no keys. Set "
                "SERVICE_API_KEYS (make one with `openssl rand -hex 32`), or SERVICE_ANONYMOUS=true to answer anybody."
            )


def is_loopback(host: str) -> bool:
    """Return whether an address can be reached from this machine only."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
