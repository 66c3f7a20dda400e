"""The base class of all errors that a user can mend; CONTRIBUTING.md draws the tree of those derived from it."""


class UserError(Exception):
    """An error that a user can mend: the message says what is wrong, where, and what to do.

    It leaves a command as its message alone (`pipeline/door.py`). Any other exception is an error of the program, and
    keeps its traceback.
    """


class SettingsError(UserError):
    """A setting with an unusable value."""


class MissingFileError(UserError, FileNotFoundError):
    """A file that does not exist."""
