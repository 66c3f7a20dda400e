"""How people are told of an alert: by mail, and by a webhook (Slack, Teams, or what sends SMS)."""

import smtplib
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from html import escape
from typing import Any

import requests

from telemetry.settings import Settings
from telemetry.store import Alert, Store
from telemetry.worker import Delayed

TIMEOUT_SECONDS = 20.0
Tell = Callable[[Alert], None]


class DeliveryError(Exception):
    """An alert of which nobody was told."""


def channels(settings: Settings) -> Iterator[tuple[str, Tell]]:
    """Yield the name of each channel of the settings, and what tells of an alert over it."""
    if settings.mail_to:
        yield "mail", lambda alert: send_mail(alert, settings)
    if settings.webhook is not None:
        yield "webhook", lambda alert: post(alert, settings)


def deliver(store: Store, channel: str, tell: Tell) -> None:
    """Tell of the alerts of which a channel has not, in their order.

    Raises:
        Delayed: one could not be told; the next call begins with it.
        sqlite3.Error: the store cannot be read or written.
    """
    number = store.begin(channel)
    for alert in store.alerts(after=number):
        try:
            tell(alert)
        except DeliveryError as error:
            store.advance(channel, number, str(error))
            raise Delayed(f"Alert {alert.number} not told by {channel}: {error}") from error
        number = alert.number
        store.advance(channel, number)


def send_mail(alert: Alert, settings: Settings) -> None:
    """Tell of an alert by mail.

    Raises:
        DeliveryError: the server cannot be reached, or refuses; or an address cannot be sent.
    """
    try:
        with connect(settings) as server:
            if settings.smtp_security == "starttls":
                server.starttls(context=ssl.create_default_context())
            if settings.smtp_user:
                server.login(settings.smtp_user, settings.smtp_password.get_secret_value())
            server.send_message(mail(alert, settings))
    except (OSError, ValueError, smtplib.SMTPException) as error:
        raise DeliveryError(f"{settings.smtp_host}:{settings.smtp_port}: {error}") from error


def connect(settings: Settings) -> smtplib.SMTP:
    """Connect to the mail server, encrypted from the beginning or not."""
    host, port = settings.smtp_host, settings.smtp_port
    if settings.smtp_security == "tls":
        return smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_SECONDS, context=ssl.create_default_context())
    return smtplib.SMTP(host, port, timeout=TIMEOUT_SECONDS)


def mail(alert: Alert, settings: Settings) -> EmailMessage:
    """Return the mail on an alert; sent twice it bears the same id, so that mail programs show it once."""
    message = EmailMessage()
    message["Subject"] = title(alert)
    message["From"], message["To"] = settings.mail_from, ", ".join(settings.mail_to)
    message["Date"] = format_datetime(datetime.fromtimestamp(alert.time, UTC))
    message["Message-ID"] = f"<alert-{alert.number}-{alert.time:.0f}@{settings.mail_from.rpartition('@')[2]}>"
    message.set_content("\n\n".join([title(alert), *lines(alert), ""]))
    return message


def post(alert: Alert, settings: Settings) -> None:
    """Tell of an alert by a webhook.

    Raises:
        DeliveryError: it cannot be reached, or refuses. Its address is a secret, and is not told.
    """
    assert settings.webhook is not None
    body = slack(alert) if settings.webhook_format == "slack" else teams(alert)
    try:
        answer = requests.post(settings.webhook.get_secret_value(), json=body, timeout=TIMEOUT_SECONDS)
    except requests.RequestException as error:
        raise DeliveryError(f"the webhook cannot be reached ({type(error).__name__})") from None
    if not answer.ok:
        raise DeliveryError(f"the webhook answers {answer.status_code}")


def slack(alert: Alert) -> dict[str, Any]:
    """Return the body of Slack's incoming webhooks; the tweets cannot mention anybody there.

    Source: https://docs.slack.dev/messaging/formatting-message-text
    """
    told = [escape(line, quote=False) for line in lines(alert)]
    return {"text": "\n".join([f"*{title(alert)}*", *(f"• {line}" for line in told)])}


def teams(alert: Alert) -> dict[str, Any]:
    """Return the body of a Teams workflow: an adaptive card, whose text runs show no formatting of the tweets.

    Source: https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook
    """

    def block(text: str, weight: str = "default") -> dict[str, Any]:
        return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, "weight": weight}]}

    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [block(title(alert), "bolder"), *map(block, lines(alert))],
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
    return {"type": "message", "attachments": [attachment]}


def title(alert: Alert) -> str:
    """Return what an alert says in one line."""
    times = [mistake["time"] for mistake in alert.mistakes]
    minutes = max(1, -(-(max(times) - min(times)) // 60))
    return f"Tweet sentiment: {len(alert.mistakes)} tweets reported as mispredicted within {minutes:.0f} min"


def lines(alert: Alert) -> list[str]:
    """Return a line for each tweet of an alert."""
    return [
        f"{datetime.fromtimestamp(one['time'], UTC):%Y-%m-%d %H:%M:%S} UTC, model {one['model_version']}: "
        f"predicted {one['predicted_sentiment']}, is {one['true_sentiment']}: {one['text']}"
        for one in alert.mistakes
    ]
