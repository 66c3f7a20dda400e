"""Handlers of the errors of a request: what is wrong with it, without repeating it."""

from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match, Mount

from service import problems
from service.batching import Busy
from service.problems import Problem

MOST_ERRORS = 3
METHODS = ("DELETE", "GET", "POST", "PUT")


async def handle_validation_error(_: Request, error: Exception) -> Response:
    """Return the location and reason of each error, without repeating text from the request."""
    assert isinstance(error, RequestValidationError)
    reasons = [f"{location(problem)} {reason(problem)}" for problem in error.errors()[:MOST_ERRORS]]
    return problems.response(400, "; ".join(reasons) + ". GET /docs.json describes valid requests.")


def location(error: dict[str, Any]) -> str:
    """Return the location of a validation error, without the name of an unknown field, which is the client's text."""
    path = list(error["loc"][1:])
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
        case "value_error":
            return str(error["ctx"]["error"])
        case _:
            return "must be an object"


async def handle_busy(_: Request, error: Exception) -> Response:
    """Return that too many tweets wait, and when to try again."""
    assert isinstance(error, Busy)
    seconds = f"{error.seconds:.0f}"
    return problems.response(503, f"Too many tweets are waiting. Try again in {seconds} s.", {"Retry-After": seconds})


async def handle_http_exception(request: Request, error: Exception) -> Response:
    """Return an HTTP exception as problem details."""
    if isinstance(error, Problem):
        return error.response()
    assert isinstance(error, HTTPException)
    headers = {"Allow": allowed_methods(request)} if error.status_code == 405 else error.headers
    return problems.response(error.status_code, problems.DETAILS[error.status_code], headers)


def allowed_methods(request: Request) -> str:
    """Return the methods of all routes at the path of a request; FastAPI names only those of the first."""
    routes = [route for route in request.app.routes if not isinstance(route, Mount)]
    methods = [
        method
        for method in METHODS
        if any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in routes)
    ]
    if "GET" in methods or not methods:  # files have no routes
        methods += ["GET", "HEAD"]
    return ", ".join(sorted(set(methods)))
