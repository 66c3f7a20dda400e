"""Routes that classify tweets, and explain how they were classified."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import asdict
from itertools import accumulate
from typing import TypeVar

import numpy as np
from fastapi import APIRouter, Request, Response
from msgspec import UNSET
from starlette.concurrency import run_in_threadpool

from monitoring.terms import original
from service import bodies, guards, metrics
from service.api import Service, State
from service.document import described, error_responses
from service.feedback import unreachable
from service.fields import EXAMPLE, EXAMPLES, EXAMPLES_OF_A_SOURCE
from service.ids import Ids, event_id
from service.observe import VISIT
from service.schemas import Contribution, Explanation, Prediction, PredictionBatch
from service.scoring import Score, uncertainty
from service.shadow import Answered
from service.tweets import OneOrSeveral, Question, Questions, Several, SourceTweet, SourceTweets, tweets_of
from telemetry import events
from telemetry.database import Unavailable
from telemetry.events import Sentiment, Source, Text

# Longest time without a break for other requests.
SLICE_SECONDS = 0.005
Item = TypeVar("Item")
REFUSALS = (400, 401, 405, 413, 415, 429, 500, 503, 504)

router = APIRouter(tags=["predictions"])


@router.post(
    "/predict",
    summary="Classify a tweet",
    response_model=Prediction,
    responses=error_responses(*REFUSALS),
    openapi_extra=described(
        [Question], ("A complaint", {"text": EXAMPLE}), ("Collected tweet", EXAMPLES_OF_A_SOURCE[0])
    ),
)
async def predict(request: Request, service: Service) -> Response:
    """Classify one tweet.

    A list `texts` or `tweets` instead of `text` is answered too, as by `POST /predict/batch`.
    """
    service.score.backlog.refuse_if_full()
    body = await bodies.read(request, OneOrSeveral)
    predictions = await classify(request, service, tweets_of(body), body.source)
    return json_response(PredictionBatch(predictions=predictions) if body.text is UNSET else predictions[0])


@router.post(
    "/predict/batch",
    summary="Classify several tweets",
    response_model=PredictionBatch,
    responses=error_responses(*REFUSALS),
    openapi_extra=described(
        [Questions, SourceTweets],
        ("Two tweets", {"texts": EXAMPLES}),
        ("Collected tweets", {"tweets": EXAMPLES_OF_A_SOURCE}),
    ),
)
async def predict_batch(request: Request, service: Service) -> Response:
    """Classify up to 512 tweets: faster than one request for each.

    Send `texts`, or `tweets` with what their source says about them. Tweets with an `id` are answered once they are
    stored, each of them once.
    """
    service.score.backlog.refuse_if_full()
    body = await bodies.read(request, Several)
    predictions = await classify(request, service, tweets_of(body), body.source)
    return json_response(PredictionBatch(predictions=predictions))


def json_response(body: Prediction | PredictionBatch) -> Response:
    """Return predictions as JSON; FastAPI would validate each of up to 512 again."""
    return Response(body.model_dump_json(), media_type="application/json")


async def classify(request: Request, service: State, tweets: list[SourceTweet], source: Source) -> list[Prediction]:
    """Classify tweets, count the predictions and store them as events.

    Raises:
        Busy: too many tweets wait already; these do not count for the client.
        Problem: the client has sent too many tweets in the last minute, or tweets with an id cannot be stored now.
    """
    service.score.backlog.refuse_if_full(len(tweets))
    guards.spend(service.limiter, request.scope, "tweets", len(tweets), service.tweets_per_minute)
    started = time.perf_counter()
    scores = await service.score([tweet.text for tweet in tweets])
    probabilities = np.array([score.negative_probability for score in scores])
    now, milliseconds = time.time(), (time.perf_counter() - started) * 1000
    classifier, trace_id = service.model.classifier, request.scope[VISIT].trace_id
    predictions, stored = list[Prediction](), list[events.Prediction]()
    async for tweet, score, negative, costly, reliable in with_breaks(
        zip(
            tweets,
            scores,
            classifier.is_negative(probabilities).tolist(),
            classifier.is_uncertain(probabilities).tolist(),
            classifier.is_reliable(probabilities).tolist(),
            strict=True,
        )
    ):
        prediction = describe(service, tweet, source, now, score, negative, costly, reliable)
        predictions.append(prediction)
        if service.events is not None:
            stored.append(event(prediction, tweet, source, now, service.ids, service.keep, milliseconds, trace_id))
    # All or nothing: a request that times out before leaves no event.
    await store(service, stored, wait=any(tweet.id is not None for tweet in tweets))
    for prediction in predictions:
        metrics.PREDICTIONS.labels(prediction.sentiment).inc()
        metrics.PROBABILITY.observe(prediction.negative_probability)
        if prediction.uncertainty_reason is not None:
            metrics.UNCERTAIN.labels(prediction.uncertainty_reason).inc()
    if service.shadow is not None:
        texts = [tweet.text for tweet in tweets]
        service.shadow.add(Answered(*answer, source) for answer in zip(predictions, texts, strict=True))
    return predictions


async def store(service: State, stored: list[events.Prediction], *, wait: bool) -> None:
    """Store events: soon, or at once if the client relies on it, since it will not send the tweets again.

    Raises:
        Problem: they cannot be stored at once.
    """
    if service.events is None:
        return
    if not wait:
        service.events.add(stored)
        return
    try:
        await run_in_threadpool(service.events.write, stored)
    except Unavailable:
        raise unreachable() from None


async def with_breaks(items: Iterable[Item]) -> AsyncIterator[Item]:
    """Yield items, letting other requests proceed every `SLICE_SECONDS`."""
    until = time.perf_counter() + SLICE_SECONDS
    for item in items:
        yield item
        if time.perf_counter() > until:
            await asyncio.sleep(0)
            until = time.perf_counter() + SLICE_SECONDS


def describe(
    service: State,
    tweet: SourceTweet,
    source: Source,
    now: float,
    score: Score,
    negative: bool,
    costly: bool,
    reliable: bool,
) -> Prediction:
    """Return the answer for a tweet; its id is the same each time if the tweet has an id."""
    sentiment: Sentiment = "negative" if negative else "positive"
    version = service.model.about["version"]
    reason = uncertainty(score.language, service.model.about["languages"], costly=costly)
    return Prediction(
        sentiment=sentiment,
        negative_probability=score.negative_probability,
        certainty="certain" if reason is None else "uncertain",
        uncertainty_reason=reason,
        language=score.language,
        # The promise was measured on tweets that the model reads.
        reliable=reliable and reason != "language",
        model_version=version,
        prediction_id=service.ids.issue(
            tweet.text,
            tweet_id=tweet.id,
            time=tweet.time.timestamp() if tweet.time is not None else now if tweet.id is None else 0.0,
            model_version=version,
            negative_probability=score.negative_probability,
            sentiment=sentiment,
            source=source,
        ),
    )


def event(
    prediction: Prediction,
    tweet: SourceTweet,
    source: Source,
    now: float,
    ids: Ids,
    keep: Text,
    milliseconds: float,
    trace_id: str,
) -> events.Prediction:
    """Return the event of a prediction."""
    return events.Prediction(
        id=event_id(prediction.prediction_id),
        time=now if tweet.time is None else tweet.time.timestamp(),
        source=source,
        model_version=prediction.model_version,
        negative_probability=prediction.negative_probability,
        sentiment=prediction.sentiment,
        milliseconds=milliseconds,
        characters=len(tweet.text),
        text=events.keep(tweet.text, keep),
        trace_id=trace_id,
        fingerprint=ids.fingerprint(original(tweet.text)),
        author=None if tweet.author is None else ids.author(tweet.author),
    )


@router.post(
    "/explain",
    summary="Explain a prediction",
    responses=error_responses(*REFUSALS),
    openapi_extra=described([bodies.ToExplain], ("A complaint", {"text": EXAMPLE})),
)
async def explain(request: Request, service: Service) -> Explanation:
    """Explain a prediction by the contribution of each word."""
    service.explanations.backlog.refuse_if_full()
    text = (await bodies.read(request, bodies.ToExplain)).text
    guards.spend(service.limiter, request.scope, "tweets", 1, service.tweets_per_minute)
    classifier = service.model.classifier
    (explained,) = await service.explanations([text])
    negative = classifier.is_negative(np.array([explained.negative_probability]))[0]
    offsets = utf16_offsets(text)
    return Explanation(
        sentiment="negative" if negative else "positive",
        negative_probability=explained.negative_probability,
        base=explained.base,
        contributions=[
            Contribution(**asdict(word), start_utf16=offsets[word.start], end_utf16=offsets[word.end])
            for word in explained.contributions
        ],
        error=explained.error,
        method=explained.method,
        model_version=service.model.about["version"],
    )


def utf16_offsets(text: str) -> list[int]:
    """Return the offset in UTF-16 code units of each code point, and of the end: characters above U+FFFF take two."""
    return list(accumulate((1 + (character > "\uffff") for character in text), initial=0))
