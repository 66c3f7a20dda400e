"""Routes for feedback on a prediction: `PUT` stores it, `DELETE` takes it back while it can be undone."""

from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from service import bodies
from service.api import Service, State
from service.bodies import Feedback
from service.document import described, error_responses
from service.ids import Ids, Origin, UnknownId, event_id
from service.problems import Problem
from service.schemas import BaseModel
from telemetry import events
from telemetry.database import Unavailable
from telemetry.report import iso
from telemetry.store import Store, TooLate

PATH = "/predictions/{prediction_id}/feedback"
RETRY_SECONDS = 5

router = APIRouter(tags=["feedback"])


class StoredReport(BaseModel):
    """Feedback as it is stored."""

    prediction_id: str
    true_sentiment: Literal["negative", "positive"]
    comment: str | None
    undo_until: str = Field(description="Time until which it can be changed or deleted: ISO 8601, in UTC.")


def store_of(service: State) -> Store:
    """Return the store.

    Raises:
        Problem: there is none.
    """
    if service.store is None:
        raise Problem(503, "The service has no event store. Its administrator must set TELEMETRY_DATABASE.")
    return service.store


def unreachable() -> Problem:
    """Return the answer while the store cannot be reached."""
    return Problem(503, "The event store is unreachable. Send the request again.", {"Retry-After": str(RETRY_SECONDS)})


def origin_of(ids: Ids, prediction_id: str) -> Origin:
    """Return what an id says about its prediction.

    Raises:
        Problem: the service never gave this id.
    """
    try:
        return ids.read(prediction_id)
    except UnknownId:
        raise Problem(404, "Unknown prediction id. Send one that this service returned.") from None


@router.put(
    PATH,
    summary="Report the true sentiment",
    responses={
        200: {"model": StoredReport, "description": "The same feedback was stored before, or was changed in time"},
        201: {"model": StoredReport, "description": "The feedback is on disk"},
        **error_responses(400, 401, 404, 405, 409, 413, 415, 429, 500, 503, 504),
    },
    response_model=StoredReport,
    openapi_extra=described(
        [Feedback], ("A wrong prediction", {"true_sentiment": "negative", "comment": "This is irony."})
    ),
)
async def put_feedback(prediction_id: str, request: Request, service: Service, response: Response) -> StoredReport:
    """Store feedback on a prediction, and answer once it is safe on disk.

    You can safely send the same request again. Different feedback replaces the first until `undo_until`.
    """
    report = await bodies.read(request, Feedback)
    stored, is_new = await run_in_threadpool(acknowledge, service, prediction_id, report)
    response.status_code = 201 if is_new else 200
    return StoredReport(
        prediction_id=prediction_id,
        true_sentiment=stored.true_sentiment,
        comment=stored.comment,
        undo_until=iso(stored.time + service.undo_seconds),
    )


def acknowledge(service: State, prediction_id: str, report: Feedback) -> tuple[events.Feedback, bool]:
    """Store feedback; return what is stored, and whether it is the first on this prediction. Blocks.

    Raises:
        Problem: unknown id, another text than that of the prediction, too late to change, or no store.
    """
    store, origin = store_of(service), origin_of(service.ids, prediction_id)
    if report.text is not None and service.ids.fingerprint(report.text) != origin.fingerprint:
        raise Problem(400, "text is not the tweet of this prediction. Send the same text as to `POST /predict`.")
    feedback = events.Feedback(
        id=event_id(prediction_id),
        time=0.0,  # the store's time replaces it
        source=origin.source,
        model_version=origin.model_version,
        negative_probability=origin.negative_probability,
        text=None if report.text is None else events.keep(report.text, service.keep_feedback),
        predicted_sentiment=origin.sentiment,
        true_sentiment=report.true_sentiment,
        comment=events.keep((report.comment or "").strip(), service.keep_feedback) or None,
        fingerprint=origin.fingerprint,
    )
    try:
        return store.acknowledge(feedback, service.undo_seconds)
    except TooLate:
        raise Problem(409, "Different feedback on this prediction is stored and can no longer be changed.") from None
    except Unavailable:
        raise unreachable() from None


# Not `async`, so that it runs in a thread: the store blocks.
@router.delete(
    PATH,
    summary="Delete feedback",
    status_code=204,
    responses=error_responses(401, 404, 405, 409, 429, 500, 503, 504),
)
def delete_feedback(prediction_id: str, service: Service) -> None:
    """Delete feedback, until `undo_until`."""
    store = store_of(service)
    origin_of(service.ids, prediction_id)
    try:
        if not store.withdraw(event_id(prediction_id), service.undo_seconds):
            raise Problem(404, "There is no feedback on this prediction.")
    except TooLate:
        raise Problem(409, "The feedback can no longer be undone.") from None
    except Unavailable:
        raise unreachable() from None
