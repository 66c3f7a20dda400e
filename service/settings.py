"""The service's settings: environment variables that start with SERVICE_."""

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

from pydantic import Field, IPvAnyNetwork, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

# Name of the service and of its Bento; prefix of its metrics.
NAME = "tweet_sentiment"
# Where the step `package` puts the model in the Bento.
PACKAGED = Path(__file__).parents[1] / "model"
Strings = Annotated[tuple[str, ...], NoDecode]
Secrets = Annotated[tuple[SecretStr, ...], NoDecode]
Networks = Annotated[tuple[IPvAnyNetwork, ...], NoDecode]


class Settings(BaseSettings):
    """The settings of the REST service. Separate several keys or origins by commas."""

    model_config = SettingsConfigDict(
        title="Service", env_prefix="SERVICE_", frozen=True, env_ignore_empty=True, hide_input_in_errors=True
    )

    model: Path = Field(
        default=PACKAGED, description="Folder of the packaged model; the default is the one inside the Bento."
    )
    host: str = Field(
        default="127.0.0.1",
        description="Address to listen on; the default accepts connections from this machine only.",
    )
    port: int = Field(default=3000, ge=1, le=65535, description="Port to listen on.")
    shadow: Path | None = Field(
        default=None,
        description="Folder of a second packaged model, the challenger. It scores the same tweets after each answer is "
        "sent; the metrics and the store show where it disagrees. None by default.",
    )
    model_public_key: Path | None = Field(
        default=None,
        description="PEM file with the public key of those who package models. Only models whose signature is verified "
        "with it are served, challengers too. By default, signatures are not verified.",
    )
    start_seconds: float = Field(
        default=60,
        gt=0,
        description="Startup timeout, in seconds; the process exits if the model has not passed its self-test by then.",
    )

    api_keys: Secrets = Field(
        default=(),
        description="API keys of at least 16 characters, separated by commas; clients send one as "
        "`Authorization: Bearer <key>`. Without keys, only requests from this machine are answered.",
    )
    anonymous: bool = Field(
        default=False,
        description="Without API keys, answer requests from other machines too. "
        "Without keys and with `false`, `python -m service` refuses to listen on a non-loopback address.",
    )
    requests_per_minute: int = Field(
        default=600,
        ge=1,
        description="Maximum number of requests per minute for each API key, "
        "or for each IP address (IPv6: network of 64 bits) if the request has no valid key.",
    )
    tweets_per_minute: int = Field(
        default=300_000,
        ge=512,
        description="Maximum number of tweets per minute, counted like requests: a request with 512 tweets counts 512. "
        "With a PostgreSQL `TELEMETRY_DATABASE`, both limits apply to all replicas together.",
    )
    trusted_proxies: Networks = Field(
        default=(),
        description="Networks of reverse proxies (`10.0.0.0/8`), separated by commas. Only their `X-Forwarded-For` is "
        "trusted: the client is the last address in it that is not a trusted proxy. None by default.",
    )
    max_body_bytes: int = Field(
        default=4 * 2**20,
        ge=1024,
        description="Maximum size of a request body, in bytes, enforced while the body is read; "
        "the default, 4 MiB, holds 512 tweets of 2,000 characters in UTF-8.",
    )
    max_waiting_tweets: int = Field(
        default=4096,
        ge=1,
        description="Maximum number of tweets waiting for the model; further requests are answered with 503 and "
        "`Retry-After`. Choose at most what the model can score within SERVICE_TIMEOUT_SECONDS.",
    )
    timeout_seconds: float = Field(
        default=30,
        gt=0,
        lt=60,
        description="Timeout of the headers of a request, in seconds, and of everything from the headers to the "
        "response; below 60, where BentoML's own timeout ends every request.",
    )
    cors_origins: Strings = Field(
        default=(),
        description="Origins whose web pages may call the service, separated by commas (`https://example.org`); "
        "none by default.",
    )

    @field_validator("model", "shadow", "model_public_key")
    @classmethod
    def _expand_home(cls, path: Path | None) -> Path | None:
        return None if path is None else path.expanduser()

    @field_validator("host")
    @classmethod
    def _check_host(cls, host: str) -> str:
        """Return an IP address; BentoML takes no names."""
        if host == "localhost":
            return "127.0.0.1"
        try:
            return str(ip_address(host.removeprefix("[").removesuffix("]")))
        except ValueError:
            raise ValueError(
                "is not an IP address. Write 127.0.0.1 or ::1 for this machine only, 0.0.0.0 or :: for all addresses"
            ) from None

    @field_validator("api_keys", "cors_origins", "trusted_proxies", mode="before")
    @classmethod
    def _split_at_commas(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("api_keys")
    @classmethod
    def _refuse_short_keys(cls, keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        """Refuse keys short enough to be guessed."""
        if any(len(key.get_secret_value()) < 16 for key in keys):
            raise ValueError("a key has fewer than 16 characters; generate one with `openssl rand -hex 32`")
        return keys

    @property
    def given_model(self) -> Path | None:
        """The folder of the model, if it is not that of the Bento."""
        return self.model if "model" in self.model_fields_set else None

    @property
    def open_to_all(self) -> bool:
        """Whether the service answers anyone who can reach its port."""
        return self.anonymous and not self.api_keys

    def require_safe(self) -> None:
        """Refuse to listen on a non-loopback address without keys, unless SERVICE_ANONYMOUS allows it.

        Raises:
            ValueError: the host is not a loopback address, and neither SERVICE_API_KEYS nor SERVICE_ANONYMOUS is set.
        """
        if not (self.api_keys or self.anonymous or is_loopback(self.host)):
            raise ValueError(
                f"SERVICE_HOST={self.host} can be reached from other machines, but no API key is set. Set "
                "SERVICE_API_KEYS (generate a key with `openssl rand -hex 32`), "
                "or set SERVICE_ANONYMOUS=true to answer anyone."
            )


def is_loopback(host: str) -> bool:
    """Return whether a host is reachable from this machine only."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
