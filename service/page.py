"""The page at `/` that shows the API and sends requests to it. Everything it loads comes from this service."""

from pathlib import Path

from fastapi import APIRouter, FastAPI
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles

ASSETS = Path(__file__).parent / "assets"
# Swagger UI sets styles of elements and shows images in its style sheet as `data:`; nothing else may be inline.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {"Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff"}

router = APIRouter(include_in_schema=False)


@router.get("/")
def get_page() -> Response:
    """Return the page."""
    return FileResponse(ASSETS / "index.html", headers=HEADERS)


def add_to(app: FastAPI) -> None:
    """Add the page and its files: ours, and Swagger UI, of which the package `fastapi-offline` has a copy."""
    app.include_router(router)
    app.mount("/assets", StaticFiles(directory=ASSETS, packages=[("fastapi_offline", "static")]))
