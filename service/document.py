"""The OpenAPI document."""

from collections.abc import Sequence
from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from msgspec import Struct

from service import bodies, problems, tweets
from service.schemas import ProblemDetails

TITLE = "Tweet sentiment"
DESCRIPTION = """\
Classifies tweets as negative or not. If the service has API keys, choose *Authorize* and enter one.

Errors are problem details (RFC 9457); they never repeat the request. If an error has a `Retry-After` header, send the
request again after that many seconds.
"""
TAGS = [
    {"name": "predictions", "description": "Classify tweets, and explain how they were classified."},
    {"name": "feedback", "description": "Report wrong predictions."},
    {"name": "relabelling", "description": "Judge answers that may be wrong, to train on them."},
    {"name": "operation", "description": "Describe the model in service, and monitor it."},
]
BODIES = [
    tweets.Question,
    tweets.Questions,
    tweets.SourceTweets,
    bodies.ToExplain,
    bodies.Feedback,
    bodies.Turn,
    bodies.Judgement,
]
PROBLEM_DETAILS = {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}
ERROR_DESCRIPTIONS = {
    400: "Invalid request: empty or too long text, wrong type or unknown field",
    401: "Missing or invalid API key",
    404: "Unknown path, or a prediction id that the service did not return",
    405: "Method not supported by this path",
    409: "Different feedback is stored and can no longer be changed",
    413: "Request body too large",
    415: "Request body not declared as JSON, or compressed",
    429: "Too many requests or tweets; `Retry-After` says when to try again",
    500: "Internal error",
    503: "Model not ready, service busy or store unreachable; `Retry-After` says when to try again",
    504: "No response in time",
}


def error_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI description of the errors of a route."""
    return {
        status: {
            "description": ERROR_DESCRIPTIONS[status],
            "content": {
                problems.MEDIA_TYPE: PROBLEM_DETAILS | {"example": problems.body(status, ERROR_DESCRIPTIONS[status])}
            },
        }
        for status in statuses
    }


def openapi(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document: the routes of FastAPI, the probes of BentoML, and the API key.

    Source: https://fastapi.tiangolo.com/how-to/extending-openapi/
    """
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes, tags=TAGS
        )
        for operations in document["paths"].values():
            for operation in operations.values():
                operation["responses"].pop("422", None)  # validation errors are 400 here
                operation["security"] = [{"key": []}, {}]
        bearer = {"type": "http", "scheme": "bearer", "description": "API key of the service, if it requires one"}
        document["components"]["securitySchemes"] = {"key": bearer}
        schemas = document["components"]["schemas"]
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        described = {"ProblemDetails": ProblemDetails.model_json_schema(), **body_schemas()}
        assert not schemas.keys() & described.keys(), "each schema needs a name of its own"
        schemas |= described
        document["paths"] |= {
            "/livez": probe("is_alive", "The process is alive"),
            "/readyz": probe("is_ready", "The model is ready", 503),
        }
        app.openapi_schema = document
    return app.openapi_schema


def probe(operation: str, summary: str, *statuses: int) -> dict[str, Any]:
    """Return the OpenAPI description of one of BentoML's probes."""
    errors = {str(status): response for status, response in error_responses(405, *statuses).items()}
    success = {"200": {"description": summary, "content": {"text/plain": {"schema": {"type": "string"}}}}}
    return {"get": {"operationId": operation, "summary": summary, "tags": ["operation"], "responses": success | errors}}


def body_schemas() -> dict[str, Any]:
    """Return the OpenAPI schemas of the bodies that the API documents.

    They name no defaults: generators of clients for TypeScript require every property that has one.
    """
    _, found = msgspec.json.schema_components(BODIES, ref_template="#/components/schemas/{name}")
    for schema in found.values():
        for field in schema["properties"].values():
            field.pop("default", None)
    return found


def described(kinds: Sequence[type[Struct]], *examples: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the OpenAPI description of a route's body, which is of one of some kinds."""
    schemas = [{"$ref": f"#/components/schemas/{kind.__name__}"} for kind in kinds]
    return {
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": schemas[0] if len(schemas) == 1 else {"anyOf": schemas},
                    "examples": {
                        summary.split()[0].lower(): {"summary": summary, "value": value} for summary, value in examples
                    },
                }
            },
        }
    }
