"""The error raised for files that cannot be read as a table."""


class TableError(ValueError):
    """A file that cannot be read, or only with a guess that the caller does not allow.

    Attributes:
        code: identifies the error, for callers with their own messages.
        values: the values for these messages, such as `row` (the number of the line in the file, or of the row in the
            sheet, where the row begins, from 1), `column`, `found` or `expected`.
    """

    def __init__(self, code: str, message: str, **values: object) -> None:
        """Store the code and the values with the message, a complete sentence."""
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.values = values

    def __str__(self) -> str:
        """Return the message."""
        return self.message
