"""Prediction ids: signed, and holding what feedback needs, so that feedback needs no stored prediction.

So it works on any replica, after a crash, after retention has removed the prediction, and if none is stored.
"""

import hmac
import secrets
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import NamedTuple, get_args

from telemetry import pseudonyms
from telemetry.events import Sentiment, Source
from telemetry.pseudonyms import normalized

# Nonce, time, probability, sentiment, source, fingerprint; the model's version fills the rest.
LAYOUT = struct.Struct(">12sddBB8s")
NONCE_BYTES, SIGNATURE_BYTES = 12, 16
# The id of an event is the nonce: the first characters of the prediction id.
EVENT_ID_CHARACTERS = 16
LONGEST = 512
SENTIMENTS: tuple[Sentiment, ...] = get_args(Sentiment)
SOURCES: tuple[Source, ...] = get_args(Source)


class UnknownId(Exception):
    """An id that this service never gave."""


class Origin(NamedTuple):
    """What a prediction id says about its prediction.

    Attributes:
        time: seconds since 1970 (UTC); 0 for a tweet with an id of its own whose time is unknown.
        model_version: version of the registered model.
        negative_probability: predicted probability of negative.
        sentiment: the answer.
        source: where the tweet was classified.
        fingerprint: of the tweet, 16 hexadecimal digits.
    """

    time: float
    model_version: str
    negative_probability: float
    sentiment: Sentiment
    source: Source
    fingerprint: str


class Ids:
    """Make and read ids with a secret key, which all replicas share."""

    def __init__(self, key: bytes) -> None:
        """Derive a key for each purpose from the secret key."""
        purposes = (b"sign ids", b"hash texts", b"hash people", b"hash ids of tweets")
        self._key = key
        self._signing, self._hashing, self._naming, self._tweets = (
            hmac.digest(key, purpose, "sha256") for purpose in purposes
        )

    def fingerprint(self, text: str) -> str:
        """Return a keyed hash of a tweet, the same for tweets that differ in case, spaces and Unicode form only."""
        return self._hash(text).hex()

    def person(self, name: str) -> str:
        """Return a keyed hash of a person's name or address, in place of which it is stored: 32 hexadecimal digits.

        It is the same for names that differ in case, spaces and Unicode form only.
        """
        return hmac.digest(self._naming, normalized(name).encode(), "sha256")[:16].hex()

    def author(self, name: str) -> str:
        """Return the keyed hash of a tweet's author, in place of which it is stored; see `telemetry.pseudonyms`."""
        return pseudonyms.author(self._key, name)

    def issue(
        self,
        text: str,
        *,
        tweet_id: str | None = None,
        time: float,
        model_version: str,
        negative_probability: float,
        sentiment: Sentiment,
        source: Source,
    ) -> str:
        """Return an id for the prediction of a tweet; see `Origin`.

        It is new, unless the tweet has an id of its own (`tweet_id`): then its events have the same id each time.
        """
        numbers = (time, negative_probability, SENTIMENTS.index(sentiment), SOURCES.index(source))
        nonce = secrets.token_bytes(NONCE_BYTES) if tweet_id is None else self._nonce(tweet_id)
        body = LAYOUT.pack(nonce, *numbers, self._hash(text)) + model_version.encode()
        return encode(body + self._sign(body))

    def read(self, prediction_id: str) -> Origin:
        """Return what an id says about its prediction.

        Raises:
            UnknownId: it is not signed with this key.
        """
        try:
            if len(prediction_id) > LONGEST:
                raise ValueError
            encoded = prediction_id.encode("ascii")
            content = urlsafe_b64decode(encoded + b"=" * (-len(encoded) % 4))
        except ValueError:
            raise UnknownId from None
        body, signature = content[:-SIGNATURE_BYTES], content[-SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, self._sign(body)) or encode(content) != prediction_id:
            raise UnknownId
        _, time, probability, sentiment, source, fingerprint = LAYOUT.unpack_from(body)
        version = body[LAYOUT.size :].decode()
        return Origin(time, version, probability, SENTIMENTS[sentiment], SOURCES[source], fingerprint.hex())

    def _hash(self, text: str) -> bytes:
        return hmac.digest(self._hashing, normalized(text).encode(), "sha256")[:8]

    def _nonce(self, tweet_id: str) -> bytes:
        return hmac.digest(self._tweets, tweet_id.encode(), "sha256")[:NONCE_BYTES]

    def _sign(self, body: bytes) -> bytes:
        return hmac.digest(self._signing, body, "sha256")[:SIGNATURE_BYTES]


def encode(content: bytes) -> str:
    """Return base64 for URLs, without padding."""
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def event_id(prediction_id: str) -> str:
    """Return the id of the events of a prediction."""
    return prediction_id[:EVENT_ID_CHARACTERS]
