"""The base class of all errors that a user can fix; CONTRIBUTING.md shows the tree of its subclasses."""


class UserError(Exception):
    """An error that a user can fix: the message says what is wrong, where, and what to do.

    Commands print its message alone (`pipeline/door.py`). Any other exception is a bug in the program and keeps its
    traceback.
    """


class SettingsError(UserError):
    """A setting with an invalid value."""


class MissingFileError(UserError, FileNotFoundError):
    """A file that does not exist."""


class ClassifierError(UserError):
    """A folder without a usable classifier, or input that a classifier cannot score."""
