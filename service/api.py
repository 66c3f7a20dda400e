"""The REST API: routes, error handlers and the OpenAPI document."""

import asyncio
import time
from concurrent.futures import Executor
from dataclasses import asdict
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import bentoml
import numpy as np
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse

from sentiment.inference import explain as explanation
from service import metrics, problems
from service.batching import Batcher
from service.ids import Ids, event_id
from service.model import PackagedModel
from service.problems import Problem
from service.schemas import (
    MOST_TWEETS,
    ONE,
    SEVERAL,
    Explanation,
    Prediction,
    Predictions,
    PredictRequest,
    ProblemDetails,
    Question,
    Questions,
)
from telemetry import events
from telemetry.events import Source, Text
from telemetry.store import Store
from telemetry.writer import Writer

if TYPE_CHECKING:
    from service.monitoring import Monitor

MOST_ERRORS = 3
TITLE = "Tweet sentiment"
DESCRIPTION = "Classifies tweets as negative or not. Errors are problem details (RFC 9457)."
ERROR_DESCRIPTIONS = {
    400: "Invalid request: empty or too long text, wrong type or unknown field",
    401: "Missing or invalid API key",
    404: "Unknown path, or an id that the service never gave",
    405: "Method not supported by this path",
    409: "Contradicts what is stored and can no longer be changed",
    413: "Request body too large",
    415: "Request body not declared as JSON",
    429: "Too many requests",
    500: "Internal error",
    503: "Model not ready, or store unreachable",
    504: "No response in time",
}


class State(Protocol):
    """The attributes of the service that the routes use."""

    failure: str | None
    model: PackagedModel
    score: Batcher
    events: Writer | None
    store: Store | None
    ids: Ids
    monitor: "Monitor | None"
    undo_seconds: float
    keep: Text
    keep_feedback: Text
    explanations: Executor


async def ready_service() -> State:
    """Return the service.

    Raises:
        Problem: its model is not ready.
    """
    service: State = bentoml.get_current_service()
    if service.failure is not None:
        raise Problem(503, service.failure)
    return service


async def require_json(request: Request) -> None:
    """Refuse a body whose media type is not JSON."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise Problem(415, "Send JSON with the header `Content-Type: application/json`.")


Service = Annotated[State, Depends(ready_service)]


def error_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI description of the errors of a route."""
    return {
        status: {
            "model": ProblemDetails,
            "description": ERROR_DESCRIPTIONS[status],
            "content": {
                problems.MEDIA_TYPE: {
                    "example": {
                        "title": HTTPStatus(status).phrase,
                        "status": status,
                        "detail": ERROR_DESCRIPTIONS[status],
                    }
                }
            },
        }
        for status in statuses
    }


def application(*routers: APIRouter) -> FastAPI:
    """Return the application with its routes and those of routers."""
    app = FastAPI(title=TITLE, description=DESCRIPTION, openapi_url="/docs.json", docs_url=None, redoc_url=None)
    app.add_exception_handler(RequestValidationError, handle_validation_error)
    app.add_exception_handler(HTTPException, handle_http_exception)
    json_only = [Depends(require_json)]
    app.post(
        "/predict",
        dependencies=json_only,
        response_model=Prediction | Predictions,
        responses=error_responses(400, 401, 405, 413, 415, 429, 500, 503, 504),
    )(predict)
    app.post(
        "/explain", dependencies=json_only, responses=error_responses(400, 401, 405, 413, 415, 429, 500, 503, 504)
    )(explain)
    app.get("/model", responses=error_responses(401, 405, 429, 500, 503))(model)
    app.get(
        "/metrics", summary="Metrics", responses=error_responses(401, 405, 429, 500), response_class=PlainTextResponse
    )(expose)
    for router in routers:
        app.include_router(router)
    app.openapi = lambda: openapi(app)  # type: ignore[method-assign]  # as FastAPI documents it
    return app


def openapi(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document: the routes of FastAPI, the probes of BentoML, and the API key.

    Source: https://fastapi.tiangolo.com/how-to/extending-openapi/
    """
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        for operations in document["paths"].values():
            for operation in operations.values():
                operation["responses"].pop("422", None)  # validation errors are 400 here
                operation["security"] = [{"key": []}, {}]
        bearer = {"type": "http", "scheme": "bearer", "description": "API key of the service, if it requires one"}
        document["components"]["securitySchemes"] = {"key": bearer}
        for schema in ("HTTPValidationError", "ValidationError"):
            document["components"]["schemas"].pop(schema)
        document["paths"] |= {"/livez": probe("The process is alive"), "/readyz": probe("The model is ready", 503)}
        app.openapi_schema = document
    return app.openapi_schema


def probe(summary: str, *statuses: int) -> dict[str, Any]:
    """Return the OpenAPI description of one of BentoML's probes."""
    schema = {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}
    errors = {
        str(status): {"description": ERROR_DESCRIPTIONS[status], "content": {problems.MEDIA_TYPE: schema}}
        for status in (405, *statuses)
    }
    success = {"200": {"description": summary, "content": {"text/plain": {"schema": {"type": "string"}}}}}
    return {"get": {"summary": summary, "responses": success | errors}}


async def predict(request: PredictRequest, service: Service) -> Response:
    """Classify one tweet (`text`) or several (`texts`)."""
    started = time.perf_counter()
    texts = request.texts if isinstance(request, Questions) else [request.text]
    probabilities = await service.score(texts)
    classifier, version = service.model.classifier, service.model.about["version"]
    now = time.time()
    predictions = [
        Prediction(
            sentiment="negative" if negative else "positive",
            negative_probability=probability,
            certainty="uncertain" if uncertain else "certain",
            reliable=reliable,
            model_version=version,
            prediction_id=service.ids.issue(
                text,
                time=now,
                model_version=version,
                negative_probability=probability,
                sentiment="negative" if negative else "positive",
                source=request.source,
            ),
        )
        for text, probability, negative, uncertain, reliable in zip(
            texts,
            probabilities.tolist(),
            classifier.is_negative(probabilities).tolist(),
            classifier.is_uncertain(probabilities).tolist(),
            classifier.is_reliable(probabilities).tolist(),
            strict=True,
        )
    ]
    for prediction in predictions:
        metrics.PREDICTIONS.labels(prediction.sentiment).inc()
        metrics.PROBABILITY.observe(prediction.negative_probability)
    if service.events is not None:
        milliseconds = (time.perf_counter() - started) * 1000
        service.events.add(
            event(prediction, text, request.source, service.keep, milliseconds)
            for prediction, text in zip(predictions, texts, strict=True)
        )
    body = Predictions(predictions=predictions) if isinstance(request, Questions) else predictions[0]
    # Returned as JSON, because FastAPI would validate each of up to 512 predictions again.
    return Response(body.model_dump_json(), media_type="application/json")


def event(prediction: Prediction, text: str, source: Source, keep: Text, milliseconds: float) -> events.Prediction:
    """Return the event of a prediction."""
    return events.Prediction(
        id=event_id(prediction.prediction_id),
        time=time.time(),
        source=source,
        model_version=prediction.model_version,
        negative_probability=prediction.negative_probability,
        sentiment=prediction.sentiment,
        milliseconds=milliseconds,
        characters=len(text),
        text=events.keep(text, keep),
    )


async def explain(request: Question, service: Service) -> Explanation:
    """Explain a prediction by the contribution of each word."""
    loop = asyncio.get_running_loop()
    classifier = service.model.classifier
    explained = await loop.run_in_executor(service.explanations, explanation.explain, classifier, request.text)
    negative = classifier.is_negative(np.array([explained.negative_probability]))[0]
    return Explanation(
        sentiment="negative" if negative else "positive",
        model_version=service.model.about["version"],
        **asdict(explained),
    )


async def model(service: Service) -> dict[str, Any]:
    """Return the model's metadata: name, version, origin, metrics and model card."""
    return service.model.about


async def expose() -> Response:
    """Return all metrics in the Prometheus text format."""
    return Response(metrics.exposition(), media_type="text/plain; version=0.0.4; charset=utf-8")


async def handle_validation_error(_: Request, error: Exception) -> Response:
    """Return the location and reason of each error, without repeating text from the request."""
    assert isinstance(error, RequestValidationError)
    reasons = [f"{location(problem)} {reason(problem)}" for problem in error.errors()[:MOST_ERRORS]]
    return problems.response(400, "; ".join(reasons) + ". GET /docs.json describes valid requests.")


def location(error: dict[str, Any]) -> str:
    """Return the location of a validation error, without the name of an unknown field, which is the client's text."""
    path = [key for key in error["loc"][1:] if key not in (ONE, SEVERAL)]
    if error["type"] in ("extra_forbidden", "json_invalid"):
        path = path[:-1]
    if not path:
        return "The request"
    return str(path[0]) + "".join(f"[{key}]" for key in path[1:])


def reason(error: dict[str, Any]) -> str:
    """Return the reason of a validation error."""
    match error["type"]:
        case "missing":
            return "is missing"
        case "extra_forbidden":
            return "has an unknown field"
        case "json_invalid":
            return "is not valid JSON"
        case "string_type" | "string_unicode":
            return "must be a string of valid characters"
        case "string_too_short":
            return "is empty"
        case "string_too_long":
            return f"has more than {error['ctx']['max_length']:,} characters"
        case "too_short":
            return "is an empty list"
        case "too_long":
            return f"has more than {MOST_TWEETS} tweets"
        case "list_type":
            return "must be a list"
        case "literal_error":
            return f"must be {error['ctx']['expected']}"
        case "int_parsing" | "greater_than_equal" | "less_than_equal":
            return "must be a whole number within the limits"
        case "value_error":
            return str(error["ctx"]["error"])
        case _:
            return "must be an object"


async def handle_http_exception(_: Request, error: Exception) -> Response:
    """Return an HTTP exception as problem details."""
    if isinstance(error, Problem):
        return error.response()
    assert isinstance(error, HTTPException)
    return problems.response(error.status_code, problems.DETAILS[error.status_code], error.headers)
