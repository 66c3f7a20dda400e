"""ASGI middleware for the conventions of HTTP that the frameworks leave out: HEAD, preflights, refused methods."""

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service import problems
from service.problems import Problem

HIDDEN = ("/schema.json",)
PROBES = ("/livez", "/readyz", "/healthz")


class CrossOrigin(CORSMiddleware):
    """Let pages of allowed origins call the service, with refusals of preflights as problem details."""

    def preflight_response(self, request_headers: Headers) -> Response:
        """Answer a preflight."""
        permission = super().preflight_response(request_headers)
        if permission.status_code == 200:
            return permission
        detail = "Pages of this origin may not call the service, or not with this method or these headers."
        return problems.response(permission.status_code, f"{detail} SERVICE_CORS_ORIGINS lists the allowed origins.")


class Routes:
    """Take the place of BentoML's routes where they do not do what the API documents."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an application."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] == "http":
            if scope["path"] in HIDDEN:
                raise Problem(404, problems.DETAILS[404])
            if scope["path"] in PROBES and scope["method"] not in ("GET", "HEAD"):
                raise Problem(405, problems.DETAILS[405], {"Allow": "GET, HEAD"})
        await self.app(scope, receive, send)


class Head:
    """Answer HEAD like GET, without the body: FastAPI's routes know only the methods that they name."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an application."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return

        async def send_without_body(message: Message) -> None:
            await send(message if message["type"] != "http.response.body" else {**message, "body": b""})

        await self.app({**scope, "method": "GET"}, receive, send_without_body)
