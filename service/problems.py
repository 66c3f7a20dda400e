"""How the service says no: problem details, one shape for all errors (RFC 9457)."""

from collections.abc import Mapping
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

MEDIA_TYPE = "application/problem+json"
# What is said where a part of the service that knows no better refuses a request.
DETAILS = {
    400: "The request is no JSON in UTF-8.",
    404: "There is nothing at this address. What there is: GET /docs.json.",
    405: "This address does not take this method. What it takes: GET /docs.json.",
    500: "Something went wrong in the service. It is in its log; try again.",
    503: "The model is not ready: the log of the service says why.",
}


class Problem(HTTPException):
    """An error that is told to the client: what is wrong with its request, and what to do, never a text it has sent."""

    def response(self) -> JSONResponse:
        """Return the response that tells it."""
        return response(self.status_code, self.detail, self.headers)


def response(status: int, detail: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Return problem details; `type` is left out, so that the status says what it is (section 4.2.1)."""
    told = {"title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return JSONResponse(told, status, headers, media_type=MEDIA_TYPE)
