"""What is wrong with a request body, in words of the service that never repeat text of the client."""

import re

from service.fields import (
    MOST_CHARACTERS,
    MOST_COMMENT_CHARACTERS,
    MOST_ID_CHARACTERS,
    MOST_ITEMS,
    MOST_NAME_CHARACTERS,
    MOST_TWEETS,
)
from service.problems import Problem

HINT = "GET /docs.json describes valid requests."
MOST = {
    "comment": MOST_COMMENT_CHARACTERS,
    "labeller": MOST_NAME_CHARACTERS,
    "author": MOST_NAME_CHARACTERS,
    "id": MOST_ID_CHARACTERS,
}
WELL_FORMED_TIME = "a time with an offset, such as 2026-11-29T18:04:11+01:00 (RFC 3339)"
# Where msgspec says that an error is: a field of ours, an element of a list, and a field of that.
PLACE = re.compile(
    r"at `\$\.(texts?|tweets|time|author|id|source|true_sentiment|comment|labeller|limit|answer)(\[\d+\])?"
    r"(\.(?:text|time|author|id))?`$"
)


def invalid(reason: str) -> Problem:
    """Return the error for an invalid body."""
    return Problem(400, f"{reason}. {HINT}")


def sentence(error: str) -> str:
    """Return the reason of a validation error of msgspec, without the client's text that some contain.

    Source of the messages: https://jcristharif.com/msgspec/usage.html#typed-deserialization
    """
    place, name = "The request", ""
    if found := PLACE.search(error):
        place = "".join(part or "" for part in found.groups())
        name = (found[3] or found[1]).removeprefix(".")
    missing = re.search(r"^Object missing required field `(\w+)`", error)
    choices = {
        "true_sentiment": "must be `negative` or `positive`",
        "answer": "must be `negative`, `positive`, `discarded` or `skipped`",
    }
    reasons = {
        "Object contains unknown field": "has an unknown field",
        "Object missing required field": f"has no `{missing.group(1)}`" if missing else "has a missing field",
        "Expected `str` of length >=": "is empty",
        "Expected `str` of length <=": f"has more than {MOST.get(name, MOST_CHARACTERS):,} characters",
        "Expected `array` of length >=": "is an empty list",
        "Expected `array` of length <=": f"has more than {MOST_TWEETS} tweets",
        "Expected `datetime": f"must be {WELL_FORMED_TIME}",
        "Invalid RFC3339 encoded datetime": f"must be {WELL_FORMED_TIME}",
        "Expected `str": "must be a string of valid characters",
        "Expected `array": "must be a list",
        "Invalid enum value": choices.get(name, "must be `api`, `page` or `batch`"),
        "Number out of range": "must be a string of valid characters",
        "Expected `int`": f"must be a whole number from 1 to {MOST_ITEMS}",
    }
    reason = next((reason for start, reason in reasons.items() if error.startswith(start)), "must be an object")
    return f"{place} {reason}"


def check_string(name: str, value: str | None) -> None:
    """Check what the schema cannot say of a string that is no comment.

    Raises:
        Problem: it is blank or contains a NUL character.
    """
    if value is None:
        return
    if not value.strip():
        raise invalid(f"{name} is empty")
    if "\0" in value:
        raise invalid(f"{name} contains a NUL character")
