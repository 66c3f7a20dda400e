"""Request bodies, parsed in bounded time.

A body of 4 MB can hold a million strings, fields or brackets. So strings are counted before anything is parsed, and the
parser knows the schema: it stops at the first value that does not belong there, and creates nothing for it.
"""

import re
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType
from starlette.requests import Request

from service.problems import Problem

MOST_CHARACTERS = 2_000
MOST_COMMENT_CHARACTERS = 500
MOST_TWEETS = 512
MOST_NAME_CHARACTERS = 320  # of an email address (RFC 3696, erratum 1690)
MOST_ITEMS = 100
# Strings of the largest request: the tweets, the names and values of the other fields.
MOST_STRINGS = MOST_TWEETS + 8
EXAMPLE = "@AirParadis two hours late and nobody tells us why :("
EXAMPLES = [EXAMPLE, "thank you for the upgrade!"]
HINT = "GET /docs.json describes valid requests."

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
Source = Annotated[
    Literal["api", "page", "batch"],
    Meta(
        description="Origin of the request, by default `api`; the web page sends `page` or `batch`. "
        "Monitoring counts them separately."
    ),
]
Body = TypeVar("Body", bound=Struct)


class Question(Struct, forbid_unknown_fields=True):
    """One tweet."""

    text: Tweet
    source: Source = "api"


class Questions(Struct, forbid_unknown_fields=True):
    """Several tweets."""

    texts: Tweets
    source: Source = "api"


class OneOrSeveral(Struct, forbid_unknown_fields=True):
    """One tweet or several."""

    text: Tweet | UnsetType = UNSET
    texts: Tweets | UnsetType = UNSET
    source: Source = "api"


class ToExplain(Struct, forbid_unknown_fields=True):
    """A tweet to explain."""

    text: Tweet


class Feedback(Struct, forbid_unknown_fields=True):
    """A person's feedback on a prediction."""

    true_sentiment: Annotated[
        Literal["negative", "positive"], Meta(description="The true sentiment: `positive` if not negative.")
    ]
    text: (
        Annotated[
            Tweet,
            Meta(
                description="The tweet, exactly as sent for the prediction; kept for those who review mispredictions. "
                "Mentions and links are masked first, unless the service is configured otherwise."
            ),
        ]
        | None
    ) = None
    comment: (
        Annotated[
            str,
            Meta(
                max_length=MOST_COMMENT_CHARACTERS,
                description="A comment, masked like the text.",
                extra_json_schema=WITHOUT_NUL,
            ),
        ]
        | None
    ) = None


class Named(Struct):
    """The person who judges."""

    labeller: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=MOST_NAME_CHARACTERS,
            description="Who judges, such as an email address; a keyed hash of it is stored.",
            extra_json_schema=NOT_BLANK,
        ),
    ]


class Turn(Named, forbid_unknown_fields=True):
    """A person who asks for the next answers to judge."""

    limit: Annotated[int, Meta(ge=1, le=MOST_ITEMS, description="Maximum number of answers.")] = 20


class Judgement(Named, forbid_unknown_fields=True):
    """What a person says about an answer."""

    answer: Annotated[
        Literal["negative", "positive", "discarded", "skipped"],
        Meta(
            description="The true sentiment; `discarded` if nothing should be learned from the tweet, `skipped` to "
            "leave it to others."
        ),
    ]


async def read(request: Request, kind: type[Body]) -> Body:
    """Read and parse the body of a request.

    Raises:
        Problem: the body is not JSON, or not as `kind` describes; the reason never repeats text of the client.
    """
    return parse(await receive(request), kind)


async def receive(request: Request) -> bytes:
    """Return the body of a request.

    Raises:
        Problem: it is not declared as JSON, or it is compressed.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise Problem(415, "Send JSON with the header `Content-Type: application/json`.")
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Problem(415, "Send JSON uncompressed, without `Content-Encoding`.", {"Accept-Encoding": "identity"})
    return await request.body()


def parse(body: bytes, kind: type[Body]) -> Body:
    """Parse a body.

    Raises:
        Problem: the body is not valid.
    """
    # At least one of the two quotation marks of each string, the first, has no backslash before it.
    if body.count(b'"') - body.count(b'\\"') > 2 * MOST_STRINGS:
        raise invalid(f"The request has more than {MOST_TWEETS} tweets")
    try:
        parsed = msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise invalid(sentence(str(error))) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise invalid("The request is not valid JSON in UTF-8") from None
    check(parsed)
    return parsed


def check(body: Struct) -> None:
    """Check what the schema cannot say.

    Raises:
        Problem: a text is blank or contains a NUL character, or there are both or neither of `text` and `texts`.
    """
    if isinstance(body, Named):
        if not body.labeller.strip():
            raise invalid("labeller is empty")
        if "\0" in body.labeller:
            raise invalid("labeller contains a NUL character")
        return
    if isinstance(body, Feedback):
        if body.text is not None and not body.text.strip():
            raise invalid("text is empty")
        for name in ("text", "comment"):
            if "\0" in (getattr(body, name) or ""):
                raise invalid(f"{name} contains a NUL character")
        return
    text: str | UnsetType = getattr(body, "text", UNSET)
    texts: list[str] | UnsetType = getattr(body, "texts", UNSET)
    if text is UNSET and texts is UNSET:
        raise invalid("text is missing")
    if text is not UNSET and texts is not UNSET:
        raise invalid("The request has an unknown field: send either `text` or `texts`")
    named = [("text", text)] if text is not UNSET else []
    named += [(f"texts[{place}]", each) for place, each in enumerate(texts if texts is not UNSET else [])]
    for name, each in named:
        if not each.strip():
            raise invalid(f"{name} is empty")
        if "\0" in each:
            raise invalid(f"{name} contains a NUL character")


def invalid(reason: str) -> Problem:
    """Return the error for an invalid body."""
    return Problem(400, f"{reason}. {HINT}")


def sentence(error: str) -> str:
    """Return the reason of a validation error of msgspec, without the client's text that some contain.

    Source of the messages: https://jcristharif.com/msgspec/usage.html#typed-deserialization
    """
    place = "The request"
    if found := re.search(r"at `\$\.(texts?|source|true_sentiment|comment|labeller|limit|answer)(\[\d+\])?`$", error):
        place = "".join(part or "" for part in found.groups())
    missing = re.search(r"^Object missing required field `(\w+)`", error)
    most = {"comment": MOST_COMMENT_CHARACTERS, "labeller": MOST_NAME_CHARACTERS}.get(place, MOST_CHARACTERS)
    choices = {
        "true_sentiment": "must be `negative` or `positive`",
        "answer": "must be `negative`, `positive`, `discarded` or `skipped`",
    }
    reasons = {
        "Object contains unknown field": "has an unknown field",
        "Object missing required field": f"has no `{missing.group(1)}`" if missing else "has a missing field",
        "Expected `str` of length >=": "is empty",
        "Expected `str` of length <=": f"has more than {most:,} characters",
        "Expected `array` of length >=": "is an empty list",
        "Expected `array` of length <=": f"has more than {MOST_TWEETS} tweets",
        "Expected `str": "must be a string of valid characters",
        "Expected `array": "must be a list",
        "Invalid enum value": choices.get(place, "must be `api`, `page` or `batch`"),
        "Number out of range": "must be a string of valid characters",
        "Expected `int`": f"must be a whole number from 1 to {MOST_ITEMS}",
    }
    reason = next((reason for start, reason in reasons.items() if error.startswith(start)), "must be an object")
    return f"{place} {reason}"
