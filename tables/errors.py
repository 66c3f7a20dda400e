"""The one error of a file that cannot be read as a table."""


class TableError(ValueError):
    """A file that cannot be read, or not without a guess that the caller does not allow.

    Attributes:
        code: names the fault, for callers that have sentences of their own.
        values: what these sentences need, such as `row` (the number of the line in the file, or of the row in the
            sheet, where the row begins; the first is 1), `column`, `found` or `expected`.
    """

    def __init__(self, code: str, message: str, **values: object) -> None:
        """Keep the code and the values beside the message, a plain sentence that stands alone."""
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.values = values

    def __str__(self) -> str:
        """Return the message."""
        return self.message
