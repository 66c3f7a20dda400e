"""The service: the packaged model, ready once it has passed its self-test, behind its guards.

`bentoml serve` starts it; `python -m service` does so too, and watches that it gets ready.
"""

import gc
import logging
from concurrent.futures import ThreadPoolExecutor

import bentoml
from starlette.middleware.cors import CORSMiddleware

from sentiment.golden import GoldenError
from service import api, guards
from service.batching import Batcher
from service.model import PackagedModel
from service.settings import Settings

log = logging.getLogger(__name__)

MOST_AT_ONCE = 64
SETTINGS = Settings()


@bentoml.service(
    name="tweet_sentiment",
    workers=SETTINGS.workers,
    traffic={"timeout": SETTINGS.timeout_seconds + 1},  # our own limit comes first, and tells it as all errors are told
    metrics={"enabled": False},  # BentoML's make a label of every address that a client invents
    logging={"access": {"enabled": False}},
)
@bentoml.asgi_app(api.application())
class TweetSentiment:
    """Say of tweets whether they are negative."""

    def __init__(self) -> None:
        """Load the model; without one that passes its self-test the service lives, and is never ready."""
        self.failure: str | None = None
        try:
            self.model = PackagedModel.load(SETTINGS.model)
        except (OSError, ValueError, ImportError, GoldenError) as error:
            self.failure = f"The model in {SETTINGS.model} cannot be served. {error}"
            log.critical(self.failure)
            return
        thread = ThreadPoolExecutor(1, thread_name_prefix="model")
        self.score = Batcher(self.model.classifier.negative_probability, thread, largest=MOST_AT_ONCE)
        # What is loaded now stays: to look at it again and again is where the slowest answers come from.
        gc.collect()
        gc.freeze()

    def __is_ready__(self) -> bool:
        """Return whether the model has passed its self-test."""
        return self.failure is None


TweetSentiment.add_asgi_middleware(guards.Problems)
TweetSentiment.add_asgi_middleware(CORSMiddleware, allow_origins=SETTINGS.cors_origins, allow_headers=["Authorization"])
TweetSentiment.add_asgi_middleware(
    guards.Admission,
    keys=[key.get_secret_value() for key in SETTINGS.api_keys],
    anonymous=SETTINGS.anonymous,
    requests_per_minute=SETTINGS.requests_per_minute,
)
TweetSentiment.add_asgi_middleware(guards.TimeLimit, seconds=SETTINGS.timeout_seconds)
TweetSentiment.add_asgi_middleware(guards.BodyLimit, most=SETTINGS.max_body_bytes)
