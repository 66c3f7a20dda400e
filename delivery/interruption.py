"""Signals to stop, which take effect between two operations, never within one."""

import signal
import threading
from types import FrameType


class Interruption:
    """The signal that this process has received, if any."""

    def __init__(self) -> None:
        """Wait for signals with `install`."""
        self._number = signal.SIGINT
        self._received = threading.Event()

    def install(self) -> None:
        """Note SIGINT and SIGTERM from now on instead of ending."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.receive)

    def receive(self, number: int, _: FrameType | None = None) -> None:
        """Note a signal."""
        self._number = signal.Signals(number)
        self._received.set()

    def wait(self, seconds: float) -> None:
        """Wait.

        Raises:
            KeyboardInterrupt: a signal was received; its argument is the number of the signal.
        """
        if self._received.wait(seconds):
            raise KeyboardInterrupt(int(self._number))

    def check(self) -> None:
        """Do nothing unless a signal was received.

        Raises:
            KeyboardInterrupt: one was; its argument is the number of the signal.
        """
        self.wait(0)
