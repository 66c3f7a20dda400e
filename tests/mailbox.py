"""A mail server that keeps what it receives."""

from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.e2e.server import free_port

PASSWORD = "a-password-of-the-tests"


class Mailbox:
    """The messages that a mail server has accepted, and the recipients that it refuses."""

    def __init__(self) -> None:
        self.port = free_port()
        self.messages: list[EmailMessage] = []
        self.envelopes: list[Envelope] = []
        self.users: list[bytes] = []
        self.encrypted: list[bool] = []
        self.refused: set[str] = set()

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address in self.refused:
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.messages.append(message)
        self.envelopes.append(envelope)
        self.encrypted.append(session.ssl is not None)
        return "250 OK"

    def authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.users.append(data.login)
        return AuthResult(success=data.password == PASSWORD.encode(), handled=False)

    @property
    def contents(self) -> list[str]:
        """The raw messages."""
        return [str(envelope.content, "utf-8") for envelope in self.envelopes if isinstance(envelope.content, bytes)]

    @property
    def settings(self) -> dict[str, object]:
        return {
            "mail_to": "anna@example.org, bob@example.org",
            "mail_from": "Tweet sentiment <alerts@example.org>",
            "smtp_host": "127.0.0.1",
            "smtp_port": self.port,
        }


@contextmanager
def serve(mailbox: Mailbox | None = None, **options: Any) -> Iterator[Mailbox]:
    """Run a mail server, on the same port for the same mailbox."""
    mailbox = mailbox or Mailbox()
    server = Controller(mailbox, hostname="127.0.0.1", port=mailbox.port, authenticator=mailbox.authenticate, **options)
    server.start()
    try:
        yield mailbox
    finally:
        server.stop()
