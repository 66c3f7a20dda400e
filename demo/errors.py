"""Errors of the demonstration that users can correct."""

from sentiment.inference.errors import UserError


class DemoError(UserError):
    """A program of the demonstration that cannot run; the message says why."""
