"""How a release can end."""

from sentiment.inference.errors import UserError


class DeliveryError(UserError):
    """A release that was refused, or that failed and was rolled back: production is as it was before."""


class AttentionError(UserError):
    """A platform that refused a change in the middle of a release: a person has to look at it."""
