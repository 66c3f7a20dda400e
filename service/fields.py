"""Fields of request bodies: their types, limits and descriptions."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

MOST_CHARACTERS = 2_000
MOST_COMMENT_CHARACTERS = 500
MOST_TWEETS = 512
MOST_NAME_CHARACTERS = 320  # of an email address (RFC 3696, erratum 1690)
MOST_ID_CHARACTERS = 200
MOST_ITEMS = 100
EXAMPLE = "@AirParadis two hours late and nobody tells us why :("
EXAMPLES = [EXAMPLE, "thank you for the upgrade!"]
EXAMPLES_OF_A_SOURCE = [
    {"text": EXAMPLE, "time": "2026-11-29T18:04:11+01:00", "author": "@anna", "id": "1994808112345678901"},
    {"text": EXAMPLES[1], "time": "2026-11-29T17:05:40Z", "author": "@bob", "id": "1994808487654321098"},
]

# What `check` demands, for the documentation: neither blank nor with a NUL character.
WITHOUT_NUL = {"pattern": r"^[^\u0000]*$"}
NOT_BLANK = {"pattern": r"^[^\u0000]*[^\s\u0000][^\u0000]*$"}
Tweet = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=MOST_CHARACTERS,
        description="Text of a tweet, as typed.",
        extra_json_schema=NOT_BLANK,
    ),
]
Tweets = Annotated[list[Tweet], Meta(min_length=1, max_length=MOST_TWEETS, description="Texts of several tweets.")]
Time = Annotated[
    Annotated[datetime, Meta(tz=True)] | None,
    Meta(description="When it was written: RFC 3339, with an offset or Z. Without it, the time of the request counts."),
]
Author = Annotated[
    Annotated[str, Meta(min_length=1, max_length=MOST_NAME_CHARACTERS, extra_json_schema=NOT_BLANK)] | None,
    Meta(description="Who wrote it, in any form that is the same each time; a keyed hash of it is stored."),
]
Id = Annotated[
    Annotated[str, Meta(min_length=1, max_length=MOST_ID_CHARACTERS, extra_json_schema=WITHOUT_NUL)] | None,
    Meta(
        description="The source's own id of the tweet: a tweet that is sent again gets the same prediction id, and "
        "counts once."
    ),
]
Source = Annotated[
    Literal["api", "page", "batch"],
    Meta(
        description="Origin of the request, by default `api`; the web page sends `page` or `batch`. "
        "Monitoring counts them separately."
    ),
]
