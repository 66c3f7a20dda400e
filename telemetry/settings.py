"""What can be set from outside for events and alerts: environment variables, most of which begin with TELEMETRY_."""

from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from telemetry.alert import Rule

Addresses = Annotated[tuple[str, ...], NoDecode]
AnySettings = TypeVar("AnySettings", bound=BaseSettings)


def read(kind: type[AnySettings]) -> AnySettings:
    """Read settings from the environment.

    Raises:
        ValueError: some are wrong: which variables, and what is wrong with each. What they hold is not repeated.
    """
    try:
        return kind()
    except ValidationError as error:
        prefix = kind.model_config["env_prefix"]
        told = []
        for wrong in error.errors():
            name = str(wrong["loc"][0]) if wrong["loc"] else ""
            named = name if name.isupper() else f"{prefix}{name.upper()}"
            told.append(f"{named}: {wrong['msg']}" if name else wrong["msg"])
        raise ValueError("\n".join(told)) from None


class Settings(BaseSettings):
    """The settings of events and alerts, each read from the variable TELEMETRY_<NAME>."""

    model_config = SettingsConfigDict(
        title="Events and alerts", env_prefix="TELEMETRY_", frozen=True, env_ignore_empty=True, hide_input_in_errors=True
    )

    path: Path | None = Field(default=None, description="SQLite file of events; the service keeps none without it")
    text: Literal["none", "masked", "raw"] = Field(
        default="none", description="what a prediction keeps of its tweet: nothing, all but mentions and links, or all"
    )
    feedback_text: Literal["masked", "raw"] = Field(
        default="masked", description="what a feedback keeps of its tweet and its comment"
    )
    days: float = Field(default=30, gt=0, description="after how many days an event is deleted")
    megabytes: float = Field(default=200, gt=0, description="how large the file may be before predictions are deleted")
    undo_seconds: float = Field(default=8, ge=0, description="for how long a feedback can be taken back")

    connection_string: SecretStr | None = Field(
        default=None,
        validation_alias="APPLICATIONINSIGHTS_CONNECTION_STRING",  # as Azure calls it
        description="of Application Insights; events are forwarded where it is set",
    )
    exporter: Literal["opencensus", "opentelemetry"] = Field(
        default="opencensus", description="which library forwards events"
    )

    alert_tweets: int = Field(default=3, ge=1, description="how many tweets reported as mispredicted fire an alert")
    alert_minutes: float = Field(default=5, gt=0, description="within how many minutes")
    alert_cool_down_minutes: float = Field(default=30, description="for how long no other is fired after one")

    mail_to: Addresses = Field(default=(), description="who is told of an alert by mail, separated by commas")
    mail_from: str = Field(default="", description="address that it is sent from")
    smtp_host: str = Field(default="", description="mail server")
    smtp_port: int = Field(default=587, ge=1, le=65535, description="its port")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="how the connection is encrypted"
    )
    smtp_user: str = Field(default="", description="user, where the server asks for one")
    smtp_password: SecretStr = Field(default=SecretStr(""), description="and password")
    webhook: SecretStr | None = Field(default=None, description="address that is sent each alert as JSON")
    webhook_format: Literal["slack", "teams"] = Field(default="slack", description="in which form")

    @field_validator("mail_to", mode="before")
    @classmethod
    def _cut(cls, value: object) -> object:
        """Cut a list at its commas."""
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _fit(self) -> Self:
        """Refuse settings that cannot work together."""
        if self.alert_cool_down_minutes < self.alert_minutes:
            raise ValueError(
                "TELEMETRY_ALERT_COOL_DOWN_MINUTES must be at least TELEMETRY_ALERT_MINUTES: "
                "a tweet would count for two alerts"
            )
        if self.mail_to and not (self.smtp_host and self.mail_from):
            raise ValueError("TELEMETRY_MAIL_TO needs TELEMETRY_SMTP_HOST and TELEMETRY_MAIL_FROM as well")
        if self.smtp_user and self.smtp_security == "none":
            raise ValueError(
                "TELEMETRY_SMTP_USER needs TELEMETRY_SMTP_SECURITY=starttls or tls: passwords are not sent open"
            )
        if not (self.smtp_user + self.smtp_password.get_secret_value()).isascii():
            raise ValueError("TELEMETRY_SMTP_USER and TELEMETRY_SMTP_PASSWORD must be ASCII: others cannot be sent")
        return self

    @property
    def rule(self) -> Rule:
        """When an alert is fired."""
        return Rule(
            tweets=self.alert_tweets,
            seconds=self.alert_minutes * 60,
            cool_down_seconds=self.alert_cool_down_minutes * 60,
        )
