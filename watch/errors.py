"""Errors that users of the watch can correct."""


class WatchError(Exception):
    """A source, a file or a service that cannot be used as it is; the message says what to do."""
