"""The errors of the papers."""

from sentiment.inference.errors import UserError


class PaperError(UserError):
    """A paper that needs a value that nobody has measured, or with a slide that is too full."""


class DeliverablesError(UserError):
    """Deliverables with a wrong name or date, or without one of their parts."""
