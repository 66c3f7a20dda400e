"""Alert channels and their settings, tested with a real mail server and webhook."""

import json
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from telemetry import channels, schema
from telemetry.alert import Alert
from telemetry.channels import Channel, DeliveryError, post
from telemetry.delivery import begin, deliver
from telemetry.settings import Settings, read
from telemetry.store import Store
from telemetry.worker import Delayed
from tests.e2e.server import free_port
from tests.events import feedback
from tests.mailbox import PASSWORD, Mailbox, serve

NOON = 1_760_000_400.0  # 2025-10-09 09:00 UTC
SECRET = "T000/B000/a-secret-of-the-tests"
TEXTS = ("délayed again 😠", "<!channel> lost & found *bags*", "rude\ncrew")
ReadSettings = Callable[..., Settings]


ALERT = Alert(4, NOON + 122, [feedback(number, NOON + number * 61, text) for number, text in enumerate(TEXTS)])


@pytest.fixture
def read_settings(monkeypatch: pytest.MonkeyPatch) -> ReadSettings:
    """Return a function that sets environment variables and reads the settings."""

    def set_and_read(**variables: object) -> Settings:
        for name, value in variables.items():
            monkeypatch.setenv(f"TELEMETRY_{name.upper()}", str(value))
        return read(Settings)

    return set_and_read


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create a self-signed certificate for 127.0.0.1, with its key in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
    now = datetime.now(UTC)
    self_signed = (
        x509.CertificateBuilder(subject_name=name, issuer_name=name, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = tmp_path_factory.mktemp("certificate") / "server.pem"
    file.write_bytes(self_signed.public_bytes(serialization.Encoding.PEM) + private)
    return file


@pytest.fixture
def context(certificate: Path) -> ssl.SSLContext:
    server_context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server_context.load_cert_chain(certificate)
    return server_context


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trust the test certificate."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))


def send_to_all(alert: Alert, settings: Settings) -> Collection[str]:
    """Send an alert by mail; return who was refused."""
    return channels.send_mail(alert, settings, settings.mail_to)


def test_a_mail_contains_each_tweet_unchanged(read_settings: ReadSettings) -> None:
    with serve() as mailbox:
        send_to_all(ALERT, read_settings(**mailbox.settings, smtp_security="none"))
    (message,), (envelope,) = mailbox.messages, mailbox.envelopes
    assert message["Subject"] == "Tweet sentiment: 3 tweets reported as mispredicted within 3 min"
    assert message["From"] == "Tweet sentiment <alerts@example.org>"
    assert message["To"] == "anna@example.org, bob@example.org"
    assert message["Date"].datetime == datetime(2025, 10, 9, 9, 2, 2, tzinfo=UTC)
    assert envelope.mail_from == "alerts@example.org"
    assert envelope.rcpt_tos == ["anna@example.org", "bob@example.org"]
    body = message.get_content().replace("\r\n", "\n")
    assert all(text in body for text in TEXTS)
    assert "2025-10-09 09:01:01 UTC, model 7, predicted negative, actually positive: <!channel> lost & found" in body


def test_a_resent_mail_keeps_its_message_id(read_settings: ReadSettings) -> None:
    with serve() as mailbox:
        settings = read_settings(**mailbox.settings, smtp_security="none")
        for alert in (ALERT, ALERT, ALERT._replace(number=5)):
            send_to_all(alert, settings)
    first, resent, other = (re.findall(r"^Message-ID: (.+)\r$", mail, re.MULTILINE) for mail in mailbox.contents)
    assert first == resent != other
    assert re.fullmatch(r"<[^<>@\s]+@example\.org>", first[0])


@pytest.mark.usefixtures("trusted")
def test_credentials_are_sent_encrypted(read_settings: ReadSettings, context: ssl.SSLContext) -> None:
    with serve(tls_context=context, require_starttls=True, auth_required=True) as mailbox:
        send_to_all(ALERT, read_settings(**mailbox.settings, smtp_user="anna", smtp_password=PASSWORD))
    assert len(mailbox.messages) == 1
    assert mailbox.users == [b"anna"]
    assert mailbox.encrypted == [True]


@pytest.mark.usefixtures("trusted")
def test_mail_is_sent_over_implicit_tls(read_settings: ReadSettings, context: ssl.SSLContext) -> None:
    with serve(ssl_context=context, auth_require_tls=False) as mailbox:  # aiosmtpd counts only STARTTLS as TLS
        send_to_all(
            ALERT, read_settings(**mailbox.settings, smtp_security="tls", smtp_user="anna", smtp_password=PASSWORD)
        )
    assert len(mailbox.messages) == 1
    assert mailbox.users == [b"anna"]


@pytest.mark.usefixtures("trusted")
def test_a_rejected_password_is_an_error(read_settings: ReadSettings, context: ssl.SSLContext) -> None:
    with serve(tls_context=context, auth_required=True) as mailbox:
        settings = read_settings(**mailbox.settings, smtp_user="anna", smtp_password="another")
        with pytest.raises(DeliveryError, match="535") as failure:
            send_to_all(ALERT, settings)
    assert "another" not in str(failure.value)
    assert mailbox.messages == []


@pytest.mark.parametrize("address", ["anna@example.org\nBcc: eve@example.org", "ännä@example.org"])
def test_an_invalid_recipient_is_an_error(read_settings: ReadSettings, address: str) -> None:
    with serve(enable_SMTPUTF8=False) as mailbox:
        settings = read_settings(**{**mailbox.settings, "mail_to": address}, smtp_security="none")
        with pytest.raises(DeliveryError):
            send_to_all(ALERT, settings)
    assert mailbox.messages == []


@pytest.mark.parametrize(("security", "option"), [("starttls", "tls_context"), ("tls", "ssl_context")])
def test_an_untrusted_certificate_is_an_error(
    read_settings: ReadSettings, context: ssl.SSLContext, security: str, option: str
) -> None:
    with serve(**{option: context}) as mailbox:
        settings = read_settings(**mailbox.settings, smtp_security=security, smtp_user="anna", smtp_password=PASSWORD)
        with pytest.raises(DeliveryError, match="certificate verify failed"):
            send_to_all(ALERT, settings)
    assert mailbox.messages == []
    assert mailbox.users == []


def test_nothing_is_sent_to_a_server_without_encryption(read_settings: ReadSettings) -> None:
    with serve(auth_require_tls=False) as mailbox:
        settings = read_settings(**mailbox.settings, smtp_user="anna", smtp_password=PASSWORD)
        with pytest.raises(DeliveryError, match="STARTTLS"):
            send_to_all(ALERT, settings)
    assert mailbox.messages == []
    assert mailbox.users == []


def test_a_silent_mail_server_times_out(
    silent_port: int, read_settings: ReadSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "TIMEOUT_SECONDS", 0.2)
    began = time.monotonic()
    with pytest.raises(DeliveryError, match="timed out"):
        send_to_all(ALERT, read_settings(**{**Mailbox().settings, "smtp_port": silent_port}))
    assert time.monotonic() - began < 2


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Return a port that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        yield port


def add_alerts(store: Store, *numbers: int) -> None:
    """Add alerts to a store, each about one misprediction."""
    store.add(feedback(number) for number in numbers)
    with store.database.writing(schema.alerts) as connection:
        for number in numbers:
            alert = sa.insert(schema.alerts).values(number=number, time=NOON, fired=NOON)
            connection.execute(alert)
            event = sa.select(schema.feedback.c.number).where(schema.feedback.c.id == feedback(number).id)
            connection.execute(sa.insert(schema.alert_feedback).values(alert=number, feedback=event.scalar_subquery()))


def pending(store: Store) -> list[tuple[int, str]]:
    """Return which alerts must still be sent to whom."""
    with store.database.reading() as connection:
        query = sa.select(schema.deliveries.c.alert, schema.deliveries.c.recipient)
        rows = connection.execute(query.where(schema.deliveries.c.time.is_(None)))
        return sorted((row.alert, row.recipient) for row in rows)


@pytest.fixture
def store(event_store: Store) -> Store:
    return event_store


def only_channel(settings: Settings) -> Channel:
    """Return the channel that settings configure."""
    (channel,) = channels.channels(settings)
    return channel


def recorder(send: Callable[[int], object]) -> Channel:
    """Return a channel with one recipient, which calls `send` with the number of each alert."""

    def send_alert(alert: Alert, recipients: Sequence[str]) -> list[str]:
        assert recipients == ["anna"]
        send(alert.number)
        return []

    return Channel("mail", ["anna"], send_alert)


def last_lines(mailbox: Mailbox) -> list[str]:
    """Return the end of each mail: the text of the tweet."""
    return [message.get_content().rstrip()[-7:] for message in mailbox.messages]


def test_each_alert_is_sent_once_and_in_order_after_an_outage(read_settings: ReadSettings, store: Store) -> None:
    mailbox = Mailbox()
    channel = only_channel(read_settings(**mailbox.settings, smtp_security="none"))
    begin(store, "mail")
    add_alerts(store, 1, 2)
    with serve(mailbox):
        deliver(store, channel)
    add_alerts(store, 3, 4)
    for _ in range(2):
        with pytest.raises(Delayed, match=f"Alert 3 could not be sent by mail: .*{mailbox.port}.*refused") as failure:
            deliver(store, channel)
        assert failure.value.code == "smtp_unreachable"
        assert {number for number, _ in pending(store)} == {3, 4}
    with serve(mailbox):
        deliver(store, channel)
        deliver(store, channel)
    assert pending(store) == []
    assert last_lines(mailbox) == ["tweet 1", "tweet 2", "tweet 3", "tweet 4"]


def test_only_a_recipient_that_the_server_refused_is_sent_the_alert_again(
    read_settings: ReadSettings, store: Store
) -> None:
    begin(store, "mail")
    with serve() as mailbox:
        channel = only_channel(read_settings(**mailbox.settings, smtp_security="none"))
        mailbox.refused = {"bob@example.org"}
        add_alerts(store, 1, 2)
        for _ in range(2):
            with pytest.raises(Delayed, match=r"the server refuses bob@example\.org") as failure:
                deliver(store, channel)
            assert failure.value.code == "smtp_refused"
            assert pending(store) == [(1, "bob@example.org"), (2, "bob@example.org")]
        assert [envelope.rcpt_tos for envelope in mailbox.envelopes] == [["anna@example.org"]] * 2
        mailbox.refused = {"anna@example.org", "bob@example.org"}
        add_alerts(store, 3)
        with pytest.raises(Delayed, match=r"the server refuses anna@example\.org, bob@example\.org"):
            deliver(store, channel)
        assert len(pending(store)) == 4
        mailbox.refused = set()
        deliver(store, channel)
    assert pending(store) == []
    assert [envelope.rcpt_tos for envelope in mailbox.envelopes[2:]] == [
        ["bob@example.org"],
        ["bob@example.org"],
        ["anna@example.org", "bob@example.org"],
    ]
    assert last_lines(mailbox) == ["tweet 1", "tweet 2", "tweet 1", "tweet 2", "tweet 3"]


def test_a_recipient_that_is_no_longer_configured_holds_nothing_up(read_settings: ReadSettings, store: Store) -> None:
    begin(store, "mail")
    add_alerts(store, 1)
    with serve() as mailbox:
        mailbox.refused = {"bob@example.org"}
        settings = read_settings(**mailbox.settings, smtp_security="none")
        with pytest.raises(Delayed):
            deliver(store, only_channel(settings))
        deliver(store, only_channel(settings.model_copy(update={"mail_to": ("anna@example.org",)})))
    assert pending(store) == []
    assert len(mailbox.messages) == 1


def test_delivery_resumes_at_the_alert_that_failed(store: Store) -> None:
    attempts: list[int] = []

    def send(number: int) -> None:
        attempts.append(number)
        if attempts == [1, 2]:
            raise DeliveryError("smtp_refused", "not now")

    begin(store, "mail")
    add_alerts(store, 1, 2, 3)
    with pytest.raises(Delayed, match="not now"):
        deliver(store, recorder(send))
    deliver(store, recorder(send))
    assert attempts == [1, 2, 2, 3]


def test_an_interrupted_delivery_keeps_its_progress(store: Store) -> None:
    def send(number: int) -> None:
        if number == 2:
            raise KeyboardInterrupt

    begin(store, "mail")
    add_alerts(store, 1, 2)
    with pytest.raises(KeyboardInterrupt):
        deliver(store, recorder(send))
    assert pending(store) == [(2, "anna")]


def test_an_alert_that_cannot_be_sent_is_put_aside_and_the_rest_is_sent(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    sent: list[int] = []

    def send(number: int) -> None:
        if number == 2:
            raise OverflowError(SECRET)
        sent.append(number)

    begin(store, "mail")
    add_alerts(store, 1, 2, 3)
    errors: list[str] = []
    deliver(store, recorder(send), errors.append)
    deliver(store, recorder(send), errors.append)
    assert (sent, errors, pending(store)) == ([1, 3], ["mail"], [])
    with store.database.reading() as connection:
        (skipped,) = connection.execute(sa.select(schema.skipped))
    assert (skipped.reader, skipped.number, skipped.error) == ("mail", 2, "OverflowError")
    assert "OverflowError in mail, alert 2" in caplog.text
    assert SECRET not in caplog.text


def test_a_new_channel_skips_old_alerts(store: Store) -> None:
    sent: list[int] = []
    add_alerts(store, 1, 2)
    begin(store, "mail")
    deliver(store, recorder(sent.append))
    add_alerts(store, 3)
    begin(store, "mail")
    deliver(store, recorder(sent.append))
    assert sent == [3]


class Webhook(HTTPServer):
    """Record posts, and answer with `status`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), WebhookHandler)
        self.bodies: list[Any] = []
        self.status = 200

    @property
    def settings(self) -> dict[str, object]:
        return {"webhook": f"http://127.0.0.1:{self.server_port}/{SECRET}"}


class WebhookHandler(BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self) -> None:
        assert self.path == f"/{SECRET}"
        assert self.headers["Content-Type"] == "application/json"
        self.server.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    with Webhook() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_tweets_cannot_mention_anybody_on_slack(webhook: Webhook, read_settings: ReadSettings) -> None:
    post(ALERT, read_settings(**webhook.settings))
    ((name, text),) = webhook.bodies[0].items()
    assert name == "text"
    assert text.startswith("*Tweet sentiment: 3 tweets reported as mispredicted within 3 min*\n• 2025-10-09 09:00:00")
    assert "délayed again 😠" in text
    assert "&lt;!channel&gt; lost &amp; found" in text
    assert "<" not in text


def test_teams_gets_a_card_with_each_tweet_as_plain_text(webhook: Webhook, read_settings: ReadSettings) -> None:
    post(ALERT, read_settings(**webhook.settings, webhook_format="teams"))
    (body,) = webhook.bodies
    assert body["type"] == "message"
    (attachment,) = body["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    assert {block["type"] for block in card["body"]} == {"RichTextBlock"}
    runs = [run for block in card["body"] for run in block["inlines"]]
    assert {run["type"] for run in runs} == {"TextRun"}
    heading, *lines = (run["text"] for run in runs)
    assert heading == "Tweet sentiment: 3 tweets reported as mispredicted within 3 min"
    assert [line.endswith(text) for line, text in zip(lines, TEXTS, strict=True)] == [True] * 3


@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
def test_error_statuses_of_a_webhook_do_not_reveal_its_address(
    webhook: Webhook, read_settings: ReadSettings, status: int
) -> None:
    webhook.status = status
    with pytest.raises(DeliveryError, match=f"returned status {status}") as failure:
        post(ALERT, read_settings(**webhook.settings))
    assert SECRET not in repr(failure.getrepr(chain=True))


@pytest.mark.parametrize("address", ["http://127.0.0.1:{port}/{secret}", "no-address/{secret}", "http://[/{secret}"])
def test_errors_of_an_unreachable_webhook_do_not_reveal_its_address(
    store: Store, read_settings: ReadSettings, address: str, caplog: pytest.LogCaptureFixture
) -> None:
    settings = read_settings(webhook=address.format(port=free_port(), secret=SECRET))
    begin(store, "webhook")
    add_alerts(store, 1)
    with pytest.raises(Delayed, match="the webhook cannot be reached") as failure:
        deliver(store, only_channel(settings))
    assert failure.value.code == "webhook_unreachable"
    assert SECRET not in str(failure.getrepr(chain=True, style="short"))
    assert SECRET not in caplog.text + repr(settings)


def test_a_silent_webhook_times_out(
    silent_port: int, read_settings: ReadSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "TIMEOUT_SECONDS", 0.2)
    began = time.monotonic()
    with pytest.raises(DeliveryError, match="ReadTimeout"):
        post(ALERT, read_settings(webhook=f"http://127.0.0.1:{silent_port}/{SECRET}"))
    assert time.monotonic() - began < 2


def test_only_configured_channels_are_used(read_settings: ReadSettings) -> None:
    assert list(channels.channels(read_settings())) == []
    settings = read_settings(**Mailbox().settings, webhook="https://example.org/hook")
    assert [channel.name for channel in channels.channels(settings)] == ["mail", "webhook"]
    assert settings.mail_to == ("anna@example.org", "bob@example.org")


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"mail_to": "anna@example.org"}, "TELEMETRY_MAIL_TO needs TELEMETRY_SMTP_HOST and TELEMETRY_MAIL_FROM"),
        ({"mail_to": "anna@example.org", "smtp_host": "mail"}, "needs TELEMETRY_SMTP_HOST and TELEMETRY_MAIL_FROM"),
        ({"smtp_user": "anna", "smtp_password": PASSWORD, "smtp_security": "none"}, "never sent unencrypted"),
        ({"smtp_password": "a-secret-é"}, "TELEMETRY_SMTP_PASSWORD must be ASCII"),
        ({"alert_minutes": 10, "alert_cool_down_minutes": 9.5}, "must be at least TELEMETRY_ALERT_MINUTES"),
        ({"alert_tweets": 0}, "TELEMETRY_ALERT_TWEETS: Input should be greater than or equal to 1"),
        ({"database": "mysql://a-secret@db/events"}, "TELEMETRY_DATABASE: .*is neither SQLite nor PostgreSQL"),
        ({"path": "a-secret"}, "TELEMETRY_PATH is no longer used: set TELEMETRY_DATABASE=sqlite:///"),
        ({"smtp_port": "a-secret"}, "TELEMETRY_SMTP_PORT: Input should be a valid integer"),
        ({"exporter": "a-secret"}, "TELEMETRY_EXPORTER: Input should be 'opencensus' or 'opentelemetry'"),
        ({"days": "a-secret", "text": "a-secret"}, r"TELEMETRY_TEXT: .*\nTELEMETRY_DAYS: "),
    ],
)
def test_invalid_settings_are_named_without_their_values(
    read_settings: ReadSettings, variables: dict[str, object], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason) as failure:
        read_settings(**variables)
    assert "a-secret" not in str(failure.value)
    assert PASSWORD not in str(failure.value)
    assert failure.value.__cause__ is None and failure.value.__suppress_context__


def test_empty_variables_count_as_unset(read_settings: ReadSettings) -> None:
    settings = read_settings(database="", mail_to="", webhook="", smtp_port="")
    assert (settings.database, settings.mail_to, settings.webhook, settings.smtp_port) == (None, (), None, 587)


def test_secrets_are_not_shown(read_settings: ReadSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APPLICATIONINSIGHTS_CONNECTION_STRING", f"InstrumentationKey={SECRET}")
    settings = read_settings(smtp_password=SECRET, webhook=SECRET, database=f"postgresql://tests:{SECRET}@db/events")
    assert settings.connection_string is not None
    assert settings.connection_string.get_secret_value() == f"InstrumentationKey={SECRET}"
    assert SECRET not in f"{settings!r} {settings.model_dump_json()}"


def test_an_unrelated_connection_string_is_ignored(
    read_settings: ReadSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONNECTION_STRING", "Server=database;Password=a-secret")
    assert read_settings().connection_string is None


def test_the_rule_is_read_from_the_settings(read_settings: ReadSettings) -> None:
    rule = read_settings(alert_tweets=4, alert_minutes=2.5, alert_cool_down_minutes=10).rule
    assert (rule.tweets, rule.seconds, rule.cool_down_seconds) == (4, 150, 600)
