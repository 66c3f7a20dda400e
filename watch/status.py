"""What the watch is doing: a live display on a terminal, a line every few seconds elsewhere."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

LINE_SECONDS = 10.0
NO_STATE = "unknown"


class Status:
    """Counts, and what happens now."""

    def __init__(self, console: Console, source: str) -> None:
        """Configure the console, and the name of the source."""
        self.console, self.source = console, source
        self.sent = self.negative = self.rejected = 0
        self.latest: datetime | None = None
        self.alarm = NO_STATE
        self.doing = "reading"
        self._began = self._shown = time.monotonic()
        self._live = Live(self, console=console, refresh_per_second=4, transient=True)

    def __enter__(self) -> "Status":
        """Start the display."""
        if self.console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the display; its last state remains as a line."""
        if self.console.is_terminal:
            self._live.stop()
        self.console.print(self.line(), highlight=False)

    def __rich__(self) -> Table:
        """Return the display."""
        table = Table.grid(padding=(0, 2))
        rate = self.sent / max(0.1, time.monotonic() - self._began)
        rows = {
            "source": self.source,
            "sent": f"{self.sent:,} tweets ({rate:,.0f} a second), {self._share()} negative",
            "rejected": f"{self.rejected:,}",
            "latest tweet": self._lag(),
            "alarm": self.alarm,
            "now": self.doing,
        }
        for name, value in rows.items():
            table.add_row(f"[dim]{name}[/dim]", value)
        return table

    def say(self, message: str) -> None:
        """Show what happens now."""
        self.doing = message
        if not self.console.is_terminal:
            self.console.print(message, highlight=False)

    def count(self, sentiment: str, written: str | None) -> None:
        """Count a tweet that the service has acknowledged."""
        self.sent += 1
        self.negative += sentiment == "negative"
        if written is not None:
            moment = datetime.fromisoformat(written)
            self.latest = moment if self.latest is None else max(self.latest, moment)

    def tick(self) -> None:
        """Go on; without a terminal, print a line from time to time."""
        self.doing = "reading"
        if not self.console.is_terminal and time.monotonic() - self._shown >= LINE_SECONDS:
            self._shown = time.monotonic()
            self.console.print(self.line(), highlight=False)

    def line(self) -> str:
        """Return the state in a line."""
        return (
            f"Sent {self.sent:,} tweets ({self._share()} negative), rejected {self.rejected:,}; "
            f"latest: {self._lag()}; alarm: {self.alarm}."
        )

    def _share(self) -> str:
        return f"{self.negative / self.sent:.0%}" if self.sent else "none"

    def _lag(self) -> str:
        if self.latest is None:
            return "none with a time"
        minutes = (datetime.now(UTC) - self.latest).total_seconds() / 60
        behind = f"{minutes / 60:,.0f} h" if minutes >= 120 else f"{max(0, minutes):,.0f} min"
        return f"{self.latest.astimezone(UTC):%Y-%m-%d %H:%M} UTC, {behind} ago"


def alarm_of(buzz: Mapping[str, Any] | None) -> str:
    """Return the state of the alarm in words, as the service reports it."""
    if buzz is None:
        return f"{NO_STATE} (does the service have TELEMETRY_DATABASE and TELEMETRY_BUZZ_ZONE?)"
    current = [crisis for crisis in buzz["crises"] if crisis["over_since"] is None]
    if not current:
        return "learning what is usual" if buzz["learning"] else "calm"
    return ", ".join(f"{crisis['level'].upper()} ({crisis['kind']}) since {crisis['since']}" for crisis in current)
