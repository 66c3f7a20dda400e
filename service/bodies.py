"""Request bodies, parsed in bounded time.

A body of 4 MB can hold a million strings, fields or brackets. So strings are counted before anything is parsed, and the
parser knows the schema: it stops at the first value that does not belong there, and creates nothing for it.
"""

from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct
from starlette.requests import Request

from service.fields import (
    MOST_COMMENT_CHARACTERS,
    MOST_ITEMS,
    MOST_NAME_CHARACTERS,
    MOST_TWEETS,
    NOT_BLANK,
    WITHOUT_NUL,
    Tweet,
)
from service.problems import Problem
from service.reasons import check_string, invalid, sentence
from service.tweets import OneOrSeveral, Question, Questions, Several, SourceTweets, check_form, check_tweet, tweets_of

# Strings of the largest request: the names and values of four fields of each tweet, and those of the other fields.
MOST_STRINGS = 8 * MOST_TWEETS + 8
Body = TypeVar("Body", bound=Struct)


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
        Problem: a string is blank or contains a NUL character, a time is in the future, or there are none or several of
            `text`, `texts` and `tweets`.
    """
    if isinstance(body, Named):
        check_string("labeller", body.labeller)
    elif isinstance(body, Feedback):
        check_string("text", body.text)
        if "\0" in (body.comment or ""):
            raise invalid("comment contains a NUL character")
    elif isinstance(body, ToExplain):
        check_string("text", body.text)
    elif isinstance(body, Question):
        check_tweet("", body)
    elif isinstance(body, Questions | SourceTweets | Several | OneOrSeveral):
        check_form(body)
        place = "texts" if getattr(body, "texts", UNSET) is not UNSET else "tweets"
        for number, tweet in enumerate(tweets_of(body)):
            check_tweet(f"{place}[{number}]", tweet)
