"""The REST interface: what is asked for, what is answered, and how FastAPI describes it."""

import asyncio
import time
from concurrent.futures import Executor
from dataclasses import asdict
from http import HTTPStatus
from typing import Annotated, Any, Protocol
from uuid import uuid4

import bentoml
import numpy as np
from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse

from sentiment.inference import explain as explanation
from service import metrics, problems
from service.batching import Batcher
from service.model import PackagedModel
from service.problems import Problem
from service.schemas import (
    MOST_CHARACTERS,
    MOST_TWEETS,
    ONE,
    SEVERAL,
    Asked,
    Explanation,
    Prediction,
    Predictions,
    ProblemDetails,
    Question,
    Questions,
)
from telemetry import events
from telemetry.events import Text
from telemetry.writer import Writer

MOST_ERRORS = 3
TITLE = "Tweet sentiment"
DESCRIPTION = "Says of tweets whether they are negative. Errors are problem details (RFC 9457)."
SAID = {
    400: "what is asked does not fit: empty, too long, of another type, with a field that is not known",
    401: "no valid key",
    404: "no such address",
    405: "a method that the address does not take",
    413: "the request is too large",
    415: "the request is not JSON",
    429: "too many requests",
    500: "an error of the service",
    503: "not ready",
    504: "no answer in time",
}


class Answering(Protocol):
    """What the routes need of the service."""

    failure: str | None
    model: PackagedModel
    score: Batcher
    events: Writer | None
    keep: Text
    explanations: Executor


async def answering() -> Answering:
    """Return the service once it is ready.

    Raises:
        Problem: its model is not.
    """
    service: Answering = bentoml.get_current_service()
    if service.failure is not None:
        raise Problem(503, service.failure)
    return service


async def require_json(request: Request) -> None:
    """Refuse a body that says to be something else than JSON."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise Problem(415, "Send JSON: `Content-Type: application/json`.")


Service = Annotated[Answering, Depends(answering)]


def told(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the description of errors that a route can answer."""
    return {
        status: {
            "model": ProblemDetails,
            "description": SAID[status],
            "content": {
                problems.MEDIA_TYPE: {
                    "example": {"title": HTTPStatus(status).phrase, "status": status, "detail": SAID[status]}
                }
            },
        }
        for status in statuses
    }


def application() -> FastAPI:
    """Return the application with its routes."""
    app = FastAPI(title=TITLE, description=DESCRIPTION, openapi_url="/docs.json", docs_url=None, redoc_url=None)
    app.add_exception_handler(RequestValidationError, tell_what_does_not_fit)
    app.add_exception_handler(HTTPException, tell)
    reads = [Depends(require_json)]
    app.post(
        "/predict",
        dependencies=reads,
        response_model=Prediction | Predictions,
        responses=told(400, 401, 405, 413, 415, 429, 500, 503, 504),
    )(predict)
    app.post("/explain", dependencies=reads, responses=told(400, 401, 405, 413, 415, 429, 500, 503, 504))(explain)
    app.get("/model", responses=told(401, 405, 429, 500, 503))(model)
    app.get("/metrics", responses=told(401, 405, 429, 500), response_class=PlainTextResponse)(expose)
    app.openapi = lambda: description(app)  # type: ignore[method-assign]  # FastAPI's way of changing it
    return app


def description(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document: what FastAPI knows, and what BentoML and the guards add.

    Source: https://fastapi.tiangolo.com/how-to/extending-openapi/
    """
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        for operations in document["paths"].values():
            for operation in operations.values():
                operation["responses"].pop("422", None)  # here it is 400
                operation["security"] = [{"key": []}, {}]
        bearer = {"type": "http", "scheme": "bearer", "description": "one of SERVICE_API_KEYS, where they are set"}
        document["components"]["securitySchemes"] = {"key": bearer}
        for schema in ("HTTPValidationError", "ValidationError"):
            document["components"]["schemas"].pop(schema)
        document["paths"] |= {"/livez": probe("The process answers"), "/readyz": probe("The model is ready", 503)}
        app.openapi_schema = document
    return app.openapi_schema


def probe(what: str, *statuses: int) -> dict[str, Any]:
    """Return the description of one of BentoML's probes."""
    schema = {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}
    errors = {
        str(status): {"description": SAID[status], "content": {problems.MEDIA_TYPE: schema}}
        for status in (405, *statuses)
    }
    well = {"200": {"description": what, "content": {"text/plain": {"schema": {"type": "string"}}}}}
    return {"get": {"summary": what, "responses": well | errors}}


async def predict(asked: Asked, service: Service) -> Response:
    """Say whether a tweet is negative; or of several, each."""
    started = time.perf_counter()
    texts = asked.texts if isinstance(asked, Questions) else [asked.text]
    probabilities = await service.score(texts)
    classifier, version = service.model.classifier, service.model.about["version"]
    answers = [
        Prediction(
            sentiment="negative" if negative else "positive",
            negative_probability=probability,
            certainty="uncertain" if uncertain else "certain",
            model_version=version,
            prediction_id=uuid4().hex,
        )
        for probability, negative, uncertain in zip(
            probabilities.tolist(),
            classifier.is_negative(probabilities).tolist(),
            classifier.is_uncertain(probabilities).tolist(),
            strict=True,
        )
    ]
    for answer in answers:
        metrics.PREDICTIONS.labels(answer.sentiment).inc()
        metrics.PROBABILITY.observe(answer.negative_probability)
    if service.events is not None:
        milliseconds = (time.perf_counter() - started) * 1000
        service.events.add(
            event(answer, text, service.keep, milliseconds) for answer, text in zip(answers, texts, strict=True)
        )
    told = Predictions(predictions=answers) if isinstance(asked, Questions) else answers[0]
    # It is valid as it was made: FastAPI would look at each of 512 once more.
    return Response(told.model_dump_json(), media_type="application/json")


def event(answer: Prediction, text: str, what: Text, milliseconds: float) -> events.Prediction:
    """Return what is kept of a prediction."""
    return events.Prediction(
        id=answer.prediction_id,
        time=time.time(),
        model_version=answer.model_version,
        negative_probability=answer.negative_probability,
        sentiment=answer.sentiment,
        milliseconds=milliseconds,
        characters=len(text),
        text=events.keep(text, what),
    )


async def explain(asked: Question, service: Service) -> Explanation:
    """Say how much each word of a tweet pushes towards negative or positive."""
    loop = asyncio.get_running_loop()
    classifier = service.model.classifier
    told = await loop.run_in_executor(service.explanations, explanation.explain, classifier, asked.text)
    negative = classifier.is_negative(np.array([told.negative_probability]))[0]
    return Explanation(
        sentiment="negative" if negative else "positive", model_version=service.model.about["version"], **asdict(told)
    )


async def model(service: Service) -> dict[str, Any]:
    """Tell which model answers: where it comes from, how good it is, and its card."""
    return service.model.about


async def expose() -> Response:
    """Return what Prometheus asks for."""
    return Response(metrics.exposition(), media_type="text/plain; version=0.0.4; charset=utf-8")


async def tell_what_does_not_fit(_: Request, error: Exception) -> Response:
    """Answer with where a request does not fit and why, without what the client has sent."""
    assert isinstance(error, RequestValidationError)
    found = [f"{place(wrong)} {reason(wrong)}" for wrong in error.errors()[:MOST_ERRORS]]
    return problems.response(400, "; ".join(found) + ". What fits: GET /docs.json.")


def place(wrong: dict[str, Any]) -> str:
    """Return where in a request something does not fit; the name of a field that is not known is the client's text."""
    location = [part for part in wrong["loc"][1:] if part not in (ONE, SEVERAL)]
    if wrong["type"] in ("extra_forbidden", "json_invalid"):
        location = location[:-1]
    if not location:
        return "The request"
    return str(location[0]) + "".join(f"[{part}]" for part in location[1:])


def reason(wrong: dict[str, Any]) -> str:
    """Return why something does not fit."""
    match wrong["type"]:
        case "missing":
            return "is missing"
        case "extra_forbidden":
            return "has a field that is not known"
        case "json_invalid":
            return "is no JSON"
        case "string_type" | "string_unicode":
            return "must be a string of valid characters"
        case "string_too_short":
            return "is empty"
        case "string_too_long":
            return f"has more than {MOST_CHARACTERS:,} characters"
        case "too_short":
            return "is an empty list"
        case "too_long":
            return f"has more than {MOST_TWEETS} tweets"
        case "list_type":
            return "must be a list"
        case "value_error":
            return str(wrong["ctx"]["error"])
        case _:
            return "must be an object"


async def tell(_: Request, error: Exception) -> Response:
    """Answer with what an error says, as problem details."""
    if isinstance(error, Problem):
        return error.response()
    assert isinstance(error, HTTPException)
    return problems.response(error.status_code, problems.DETAILS[error.status_code], error.headers)
