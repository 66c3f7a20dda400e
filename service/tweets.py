"""The forms in which clients send tweets: a text, texts, or tweets with what their source says about them."""

import time
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from service.fields import MOST_TWEETS, Author, Id, Source, Time, Tweet, Tweets
from service.reasons import check_string, invalid

# Clocks differ, but not by more than a day.
MOST_AHEAD_SECONDS = 24 * 60 * 60.0


class SourceTweet(Struct, forbid_unknown_fields=True):
    """A tweet, and what its source says about it."""

    text: Tweet
    time: Time = None
    author: Author = None
    id: Id = None


SourceTweetList = Annotated[
    list[SourceTweet], Meta(min_length=1, max_length=MOST_TWEETS, description="Tweets, as their source gives them.")
]


class Question(SourceTweet, forbid_unknown_fields=True):
    """One tweet."""

    source: Source = "api"


class Questions(Struct, forbid_unknown_fields=True):
    """Several tweets."""

    texts: Tweets
    source: Source = "api"


class SourceTweets(Struct, forbid_unknown_fields=True):
    """Several tweets, and what their source says about them."""

    tweets: SourceTweetList
    source: Source = "api"


class Several(Struct, forbid_unknown_fields=True):
    """Several tweets, in either form."""

    texts: Tweets | UnsetType = UNSET
    tweets: SourceTweetList | UnsetType = UNSET
    source: Source = "api"


class OneOrSeveral(Struct, forbid_unknown_fields=True):
    """One tweet or several, in any form."""

    text: Tweet | UnsetType = UNSET
    time: Time = None
    author: Author = None
    id: Id = None
    texts: Tweets | UnsetType = UNSET
    tweets: SourceTweetList | UnsetType = UNSET
    source: Source = "api"


def check_form(body: Struct) -> None:
    """Check that tweets are sent in one form.

    Raises:
        Problem: there are none or several of `text`, `texts` and `tweets`, or fields of one tweet beside several.
    """
    sent = [name for name in ("text", "texts", "tweets") if getattr(body, name, UNSET) is not UNSET]
    if not sent:
        raise invalid("text is missing" if isinstance(body, OneOrSeveral) else "texts is missing")
    if len(sent) > 1:
        raise invalid("The request has an unknown field: send one of `text`, `texts` and `tweets`")
    if isinstance(body, OneOrSeveral) and sent != ["text"]:
        for name in ("time", "author", "id"):
            if getattr(body, name) is not None:
                raise invalid(f"The request has an unknown field: send `{name}` with each tweet in `tweets`")


def tweets_of(body: Struct) -> list[SourceTweet]:
    """Return the tweets of a body, whatever their form."""
    if isinstance(body, SourceTweet):
        return [body]
    tweets: list[SourceTweet] | UnsetType = getattr(body, "tweets", UNSET)
    texts: list[str] | UnsetType = getattr(body, "texts", UNSET)
    if tweets is not UNSET:
        return tweets
    if texts is not UNSET:
        return [SourceTweet(text) for text in texts]
    assert isinstance(body, OneOrSeveral)
    assert body.text is not UNSET
    return [SourceTweet(body.text, body.time, body.author, body.id)]


def check_tweet(place: str, tweet: SourceTweet) -> None:
    """Check what the schema cannot say of a tweet.

    Raises:
        Problem: a string is blank or contains a NUL character, or the time is in the future.
    """
    prefix = f"{place}." if place.startswith("tweets") else ""
    check_string(place if place.startswith("texts") else f"{prefix}text", tweet.text)
    check_string(f"{prefix}author", tweet.author)
    if "\0" in (tweet.id or ""):
        raise invalid(f"{prefix}id contains a NUL character")
    if tweet.time is not None and tweet.time.timestamp() > time.time() + MOST_AHEAD_SECONDS:
        raise invalid(f"{prefix}time is in the future")
