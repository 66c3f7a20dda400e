"""A mail server on this machine that sends nothing: it shows each email on the terminal, and keeps it as a file."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import NamedTuple

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from rich.console import Console
from rich.panel import Panel
from rich.text import Text

HOST = "127.0.0.1"


class Mailbox(NamedTuple):
    """Where emails go.

    Attributes:
        folder: of the files, `1.eml`, `2.eml` and so on.
        console: the terminal.
    """

    folder: Path
    console: Console

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take an email."""
        content = envelope.content if isinstance(envelope.content, bytes) else str(envelope.content).encode()
        file = self.folder / f"{len([*self.folder.iterdir()]) + 1}.eml"
        file.write_bytes(content)
        message = message_from_bytes(content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        body = message.get_body(("plain",))
        text = "" if body is None else str(body.get_content()).strip()
        title = Text(f"Email to {message['To']}: {message['Subject']}")
        self.console.print(Panel(Text(text), title=title, subtitle=Text(str(file)), title_align="left"))
        return "250 OK"


@contextmanager
def open_mailbox(folder: Path, console: Console) -> Iterator[int]:
    """Take emails; yield the port."""
    folder.mkdir()
    port = free_port()
    server = Controller(Mailbox(folder, console), hostname=HOST, port=port)
    server.start()
    try:
        yield port
    finally:
        server.stop()


def free_port() -> int:
    """Return an unused port."""
    with socket.socket() as listening:
        listening.bind((HOST, 0))
        return int(listening.getsockname()[1])
