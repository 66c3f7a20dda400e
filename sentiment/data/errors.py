"""What can be wrong with data."""

from sentiment.inference.errors import UserError


class DataError(UserError):
    """Data that cannot be used for training."""
