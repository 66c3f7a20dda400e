"""Delivery of alerts by email and by webhook (Slack, Teams or an SMS gateway)."""

import smtplib
import ssl
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from html import escape
from typing import Any, NamedTuple

import requests

from telemetry.messages import AnyAlert, lines, title
from telemetry.settings import Settings

TIMEOUT_SECONDS = 20.0
# Sends an alert to recipients; returns those that were refused.
Send = Callable[[AnyAlert, Sequence[str]], Collection[str]]


class DeliveryError(Exception):
    """An alert could not be delivered to anybody.

    Attributes:
        code: the reason, for programs.
    """

    def __init__(self, code: str, message: str) -> None:
        """Describe the failure for programs and for people."""
        super().__init__(message)
        self.code = code


class Channel(NamedTuple):
    """A way to send alerts.

    Attributes:
        name: its name.
        recipients: to whom it sends, in words.
        send: sends an alert.
    """

    name: str
    recipients: Sequence[str]
    send: Send


def channels(settings: Settings) -> Iterator[Channel]:
    """Yield each configured channel."""
    if settings.mail_to:
        yield Channel("mail", settings.mail_to, lambda alert, recipients: send_mail(alert, settings, recipients))
    if settings.webhook is not None:
        yield Channel("webhook", ["webhook"], lambda alert, _: post(alert, settings))


def send_mail(alert: AnyAlert, settings: Settings, recipients: Sequence[str]) -> Collection[str]:
    """Send an alert by email; return the recipients that the server refuses.

    Raises:
        DeliveryError: the server cannot be reached or refuses the email, or an address is invalid.
    """
    server_name = f"{settings.smtp_host}:{settings.smtp_port}"
    try:
        with connect(settings) as server:
            if settings.smtp_security == "starttls":
                server.starttls(context=ssl.create_default_context())
            if settings.smtp_user:
                server.login(settings.smtp_user, settings.smtp_password.get_secret_value())
            return server.send_message(mail(alert, settings), to_addrs=recipients)
    except smtplib.SMTPRecipientsRefused as error:
        return error.recipients
    except (smtplib.SMTPServerDisconnected, smtplib.SMTPConnectError) as error:
        raise DeliveryError("smtp_unreachable", f"{server_name}: {error}") from error
    except (smtplib.SMTPException, ValueError) as error:
        raise DeliveryError("smtp_refused", f"{server_name}: {error}") from error
    except OSError as error:
        raise DeliveryError("smtp_unreachable", f"{server_name}: {error}") from error


def connect(settings: Settings) -> smtplib.SMTP:
    """Connect to the SMTP server; with `tls`, the connection is encrypted from the start."""
    host, port = settings.smtp_host, settings.smtp_port
    if settings.smtp_security == "tls":
        return smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_SECONDS, context=ssl.create_default_context())
    return smtplib.SMTP(host, port, timeout=TIMEOUT_SECONDS)


def mail(alert: AnyAlert, settings: Settings) -> EmailMessage:
    """Return the email for an alert; its Message-ID is the same if it is sent again, so mail clients show it once."""
    message = EmailMessage()
    message["Subject"] = title(alert, settings)
    message["From"], message["To"] = settings.mail_from, ", ".join(settings.mail_to)
    message["Date"] = format_datetime(datetime.fromtimestamp(alert.time, UTC))
    message["Message-ID"] = f"<alert-{alert.number}-{alert.time:.0f}@{settings.mail_from.rpartition('@')[2]}>"
    message.set_content("\n\n".join([title(alert, settings), *lines(alert, settings), ""]))
    return message


def post(alert: AnyAlert, settings: Settings) -> Collection[str]:
    """Post an alert to the webhook; return an empty list, as it has one recipient.

    Raises:
        DeliveryError: the webhook cannot be reached or refuses. The message omits its URL, which is a secret.
    """
    assert settings.webhook is not None
    body = slack(alert, settings) if settings.webhook_format == "slack" else teams(alert, settings)
    try:
        response = requests.post(settings.webhook.get_secret_value(), json=body, timeout=TIMEOUT_SECONDS)
    except requests.RequestException as error:
        reason = f"the webhook cannot be reached ({type(error).__name__})"
        raise DeliveryError("webhook_unreachable", reason) from None
    if not response.ok:
        raise DeliveryError("webhook_refused", f"the webhook returned status {response.status_code}")
    return []


def slack(alert: AnyAlert, settings: Settings) -> dict[str, Any]:
    """Return the JSON for a Slack incoming webhook; escaping keeps tweets from mentioning Slack users.

    Source: https://docs.slack.dev/messaging/formatting-message-text
    """
    escaped = [escape(line, quote=False) for line in lines(alert, settings)]
    return {"text": "\n".join([f"*{title(alert, settings)}*", *(f"• {line}" for line in escaped)])}


def teams(alert: AnyAlert, settings: Settings) -> dict[str, Any]:
    """Return the JSON for a Teams workflow: an adaptive card whose text runs show tweets as plain text.

    Source: https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook
    """

    def block(text: str, weight: str = "default") -> dict[str, Any]:
        return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, "weight": weight}]}

    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [block(title(alert, settings), "bolder"), *map(block, lines(alert, settings))],
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
    return {"type": "message", "attachments": [attachment]}
