"""Errors as problem details (RFC 9457)."""

from collections.abc import Mapping
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

MEDIA_TYPE = "application/problem+json"
# Details of errors that BentoML, FastAPI or Starlette raise without one of ours.
DETAILS = {
    400: "The request body is not valid JSON in UTF-8.",
    404: "Nothing exists at this path. GET /docs.json lists all paths.",
    405: "This path does not support this method. GET /docs.json lists the methods of each path.",
    500: "Internal error. Try again; if it persists, the log of the service has the details.",
    503: "The model is not ready; the log of the service says why.",
}


class Problem(HTTPException):
    """An error for the client: what is wrong and what to do, never repeating text from the request."""

    def response(self) -> JSONResponse:
        """Return the response for this error."""
        return response(self.status_code, self.detail, self.headers)


def response(status: int, detail: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Return the response for an error."""
    return JSONResponse(body(status, detail), status, headers, media_type=MEDIA_TYPE)


def body(status: int, detail: str) -> dict[str, str | int]:
    """Return problem details; without `type`, the status code defines the error (RFC 9457, section 4.2.1)."""
    return {"title": HTTPStatus(status).phrase, "status": status, "detail": detail}
