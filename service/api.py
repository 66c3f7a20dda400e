"""The REST API: what its routes share, its description of the model, and its metrics."""

from typing import TYPE_CHECKING, Annotated, Protocol

import bentoml
from fastapi import APIRouter, Depends, FastAPI, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, PlainTextResponse

from sentiment.inference import explain as explanation
from service import document, metrics, page, refusals
from service.batching import Batcher, Busy
from service.document import error_responses
from service.ids import Ids
from service.limits import Limiter
from service.model import PackagedModel
from service.problems import Problem
from service.schemas import Model
from service.scoring import Score
from service.shadow import Shadow
from service.version import version
from telemetry.events import Text
from telemetry.spans import WatchPlan
from telemetry.store import Store
from telemetry.writer import Writer

if TYPE_CHECKING:
    from service.monitoring import Monitor


class State(Protocol):
    """The attributes of the service that the routes use."""

    failure: str | None
    model: PackagedModel
    score: Batcher[Score]
    events: Writer | None
    store: Store | None
    ids: Ids
    limiter: Limiter
    tweets_per_minute: int
    shadow: Shadow | None
    monitor: "Monitor | None"
    undo_seconds: float
    watch_plan: WatchPlan
    keep: Text
    keep_feedback: Text
    explanations: Batcher[explanation.Explanation]


async def ready_service() -> State:
    """Return the service.

    Raises:
        Problem: its model is not ready.
    """
    service: State = bentoml.get_current_service()
    if service.failure is not None:
        raise Problem(503, service.failure)
    return service


Service = Annotated[State, Depends(ready_service)]


def application(*routers: APIRouter) -> FastAPI:
    """Return the application with its routes and those of routers."""
    app = FastAPI(
        title=document.TITLE,
        description=document.DESCRIPTION,
        version=version(),
        openapi_url="/docs.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    app.add_exception_handler(RequestValidationError, refusals.handle_validation_error)
    app.add_exception_handler(HTTPException, refusals.handle_http_exception)
    app.add_exception_handler(Busy, refusals.handle_busy)
    for router in routers:
        app.include_router(router)
    app.get(
        "/model",
        summary="Describe the model",
        tags=["operation"],
        response_model=Model,
        responses=error_responses(401, 405, 429, 500, 503),
    )(get_model)
    app.get(
        "/metrics",
        summary="Read the Prometheus metrics",
        tags=["operation"],
        responses=error_responses(401, 405, 429, 500),
        response_class=PlainTextResponse,
    )(get_metrics)
    page.add_to(app)
    app.openapi = lambda: document.openapi(app)  # type: ignore[method-assign]  # as FastAPI documents it
    return app


async def get_model(service: Service) -> Response:
    """Describe the model in service: name, version, origin, metrics and model card."""
    return JSONResponse(service.model.about)


async def get_metrics() -> Response:
    """Return all metrics in the Prometheus text format."""
    return Response(metrics.exposition(), media_type="text/plain; version=0.0.4; charset=utf-8")
