"""Settings of events and alerts: environment variables, most of which start with TELEMETRY_."""

import os
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AnyHttpUrl, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from monitoring.alarm import Rules
from monitoring.baseline import Learning
from monitoring.evidence import Errors
from telemetry import environment
from telemetry.alert import Rule
from telemetry.buzz import Plan
from telemetry.database import StoreError
from telemetry.urls import connect
from telemetry.wording import Language, reasons

Addresses = Annotated[tuple[str, ...], NoDecode]
AnySettings = TypeVar("AnySettings", bound=BaseSettings)


def read(kind: type[AnySettings]) -> AnySettings:
    """Read settings from the environment.

    Raises:
        ValueError: some are invalid. The message has a line for each variable and never repeats a value.
    """
    if mistakes := environment.mistakes(variables(kind), os.environ):
        raise ValueError("\n".join(mistakes))
    try:
        return kind()
    except ValidationError as error:
        prefix = kind.model_config["env_prefix"]
        messages = []
        for problem in error.errors():
            field = str(problem["loc"][0]) if problem["loc"] else ""
            variable = field if field.isupper() else f"{prefix}{field.upper()}"
            messages.append(f"{variable}: {problem['msg']}" if field else problem["msg"])
        raise ValueError("\n".join(messages)) from None


def variables(kind: type[BaseSettings]) -> list[str]:
    """Return the names of the variables from which settings are read."""
    prefix = kind.model_config["env_prefix"]
    return [str(field.validation_alias or f"{prefix}{name.upper()}") for name, field in kind.model_fields.items()]


class Settings(BaseSettings):
    """What the service stores, forwards and sends by email or webhook."""

    model_config = SettingsConfigDict(
        title="Events and alerts",
        env_prefix="TELEMETRY_",
        frozen=True,
        env_ignore_empty=True,
        hide_input_in_errors=True,
    )

    database: SecretStr | None = Field(
        default=None,
        description="Database that stores events: `sqlite:///events.db` (a file on a local disk), or "
        "`postgresql://user:password@host/name`. Without it, the service stores no predictions and refuses feedback.",
    )
    text: Literal["none", "masked", "raw"] = Field(
        default="none",
        description="How much of a tweet to store with its prediction: "
        "`none`, `masked` (mentions and links replaced) or `raw` (all of it).",
    )
    feedback_text: Literal["masked", "raw"] = Field(
        default="masked",
        description="How much of a tweet and its comment to store with feedback: "
        "`masked` (mentions and links replaced) or `raw` (all of it).",
    )
    days: float = Field(
        default=30,
        gt=0,
        description="Retention of predictions and alerts, in days. "
        "If events are forwarded, none is deleted for its age before it was forwarded.",
    )
    feedback_days: float | None = Field(
        default=None,
        gt=0,
        description="Retention of feedback and of judged tweets, in days; by default they are kept forever.",
    )
    megabytes: float = Field(
        default=200,
        gt=0,
        description="Maximum size of an SQLite file, in megabytes; above it the oldest predictions are deleted, "
        "but no feedback.",
    )
    undo_seconds: float = Field(
        default=8,
        ge=0,
        description="Seconds during which feedback can be undone; no job forwards it or counts it before.",
    )

    connection_string: SecretStr | None = Field(
        default=None,
        validation_alias="APPLICATIONINSIGHTS_CONNECTION_STRING",  # Azure's name for it
        description="Connection string of Azure Application Insights; events are forwarded only if it is set.",
    )
    exporter: Literal["opencensus", "opentelemetry"] = Field(
        default="opencensus", description="Library that forwards events to Application Insights."
    )

    alert_tweets: int = Field(
        default=3,
        ge=1,
        description="Number of different tweets that must be reported as mispredicted to raise an alert.",
    )
    alert_minutes: float = Field(
        default=5, gt=0, description="Time window, in minutes, within which the tweets must be reported."
    )
    alert_cool_down_minutes: float = Field(
        default=30,
        description="Minutes after an alert during which no other is raised; at least TELEMETRY_ALERT_MINUTES.",
    )

    buzz_zone: str | None = Field(
        default=None,
        description="Time zone of your customers, such as `Europe/Paris`. If it is set, the tweets that clients of the "
        "API send are watched for a backlash, and for falling silent; otherwise they are not.",
    )
    buzz_evidence: float = Field(
        default=Rules().alarm,
        gt=Rules().watch,
        description="Evidence from which an alarm is raised: the natural logarithm of how much likelier the counts are "
        "in a crisis. Higher values cost time and save false alarms.",
    )
    buzz_sensitivity: float = Field(
        default=1,
        gt=0,
        le=1,
        description="Share of negative tweets that the model calls negative, from its model card; with "
        "TELEMETRY_BUZZ_SPECIFICITY, it corrects the counts. 1 corrects nothing.",
    )
    buzz_specificity: float = Field(
        default=1, gt=0, le=1, description="Share of other tweets that the model does not call negative."
    )

    buzz_language: Language = Field(default="en", description="Language of alarms about a backlash: `en` or `fr`.")
    buzz_reasons: Path | None = Field(
        default=None,
        description="YAML file with the reasons of complaints, like `telemetry/reasons.yaml`; by default an airline's.",
    )
    buzz_link: AnyHttpUrl | None = Field(
        default=None, description="Address of the page, which alarms about a backlash link to; none by default."
    )

    mail_to: Addresses = Field(
        default=(),
        description="Email addresses that receive alerts, separated by commas; no email is sent by default.",
    )
    mail_from: str = Field(default="", description="Sender address of the emails; required by TELEMETRY_MAIL_TO.")
    smtp_host: str = Field(default="", description="SMTP server; required by TELEMETRY_MAIL_TO.")
    smtp_port: int = Field(default=587, ge=1, le=65535, description="Port of the SMTP server.")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        default="starttls",
        description="Encryption of the connection to the SMTP server: `starttls`, `tls` (from the start) or `none`.",
    )
    smtp_user: str = Field(
        default="", description="User name for the SMTP server; without it, the client does not log in."
    )
    smtp_password: SecretStr = Field(default=SecretStr(""), description="Password for the SMTP server.")
    webhook: SecretStr | None = Field(
        default=None, description="URL to which each alert is posted as JSON; nothing is posted by default."
    )
    webhook_format: Literal["slack", "teams"] = Field(
        default="slack", description="Message format of the webhook: `slack` or `teams` (a Teams workflow)."
    )

    @field_validator("database")
    @classmethod
    def _check_database(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None:
            try:
                connect(url.get_secret_value())
            except StoreError as error:
                raise ValueError(str(error)) from None
        return url

    @field_validator("buzz_zone")
    @classmethod
    def _check_zone(cls, name: str | None) -> str | None:
        if name is not None:
            try:
                ZoneInfo(name)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                raise ValueError("is not the name of a time zone: write one such as Europe/Paris or UTC") from None
        return name

    @field_validator("buzz_reasons")
    @classmethod
    def _check_reasons(cls, file: Path | None) -> Path | None:
        reasons(file)
        return file

    @field_validator("mail_to", mode="before")
    @classmethod
    def _split_at_commas(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _check_combinations(self) -> Self:
        """Refuse settings that cannot work together, and one that is no longer used."""
        if os.environ.get("TELEMETRY_PATH"):
            raise ValueError("TELEMETRY_PATH is no longer used: set TELEMETRY_DATABASE=sqlite:///<that path> instead")
        if self.alert_cool_down_minutes < self.alert_minutes:
            raise ValueError(
                "TELEMETRY_ALERT_COOL_DOWN_MINUTES must be at least TELEMETRY_ALERT_MINUTES; "
                "otherwise one tweet could count towards two alerts"
            )
        if self.mail_to and not (self.smtp_host and self.mail_from):
            raise ValueError("TELEMETRY_MAIL_TO needs TELEMETRY_SMTP_HOST and TELEMETRY_MAIL_FROM as well")
        if self.smtp_user and self.smtp_security == "none":
            raise ValueError(
                "TELEMETRY_SMTP_USER needs TELEMETRY_SMTP_SECURITY=starttls or tls; "
                "the password is never sent unencrypted"
            )
        if self.buzz_sensitivity + self.buzz_specificity <= 1:
            raise ValueError(
                "TELEMETRY_BUZZ_SENSITIVITY and TELEMETRY_BUZZ_SPECIFICITY must add up to more than 1; "
                "a model that only tosses a coin cannot be corrected"
            )
        if not (self.smtp_user + self.smtp_password.get_secret_value()).isascii():
            raise ValueError("TELEMETRY_SMTP_USER and TELEMETRY_SMTP_PASSWORD must be ASCII")
        return self

    @property
    def buzz(self) -> Plan | None:
        """How the stream is watched for a backlash, or None if it is not."""
        if self.buzz_zone is None:
            return None
        return Plan(
            rules=Rules(alarm=self.buzz_evidence),
            learning=Learning(zone=ZoneInfo(self.buzz_zone)),
            errors=Errors(sensitivity=self.buzz_sensitivity, specificity=self.buzz_specificity),
        )

    @property
    def rule(self) -> Rule:
        """The rule that decides when an alert is fired."""
        return Rule(
            tweets=self.alert_tweets,
            seconds=self.alert_minutes * 60,
            cool_down_seconds=self.alert_cool_down_minutes * 60,
        )
