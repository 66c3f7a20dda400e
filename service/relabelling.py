"""Routes of the relabelling queue: the next answers to judge, and what a person says about one."""

from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from service import bodies
from service.api import Service, State
from service.bodies import Judgement, Turn
from service.document import described, error_responses
from service.feedback import store_of, unreachable
from service.problems import Problem
from service.schemas import BaseModel
from telemetry import relabelling
from telemetry.database import Unavailable
from telemetry.events import Text
from telemetry.relabelling import CHANGE_SECONDS, Final, Item, Progress, Queue, UnknownItem
from telemetry.report import iso
from telemetry.suspects import Scope

router = APIRouter(tags=["relabelling"])


class NextAnswers(BaseModel):
    """The next answers for a person, and how far the queue is."""

    items: list[Item] = Field(description="The answers, those most likely to be wrong first.")
    progress: Progress
    without_text: int = Field(
        description="Number of reported mispredictions and disagreements whose text was not kept."
    )
    text: Text = Field(
        description="How much of a tweet the service keeps with its prediction (`TELEMETRY_TEXT`); with `none`, the "
        "queue has only tweets that were sent with feedback."
    )


class StoredJudgement(BaseModel):
    """A judgement as it is stored."""

    item_id: str
    answer: Literal["negative", "positive", "discarded", "skipped"]
    label: Literal["negative", "positive", "discarded"] | None = Field(
        description="The label of the tweet once two people agree or a third has decided; null until then."
    )
    changeable_until: str | None = Field(
        description="Until when the person can change it: ISO 8601, in UTC; null if at any time, after `skipped`."
    )


def scope_of(service: State) -> Scope:
    """Return what the queue takes from the service."""
    classifier = service.model.classifier
    return Scope(
        model_version=service.model.about["version"],
        uncertain=classifier.uncertain,
        undo_seconds=service.undo_seconds,
    )


# POST, so that the person's name is in no URL, which proxies log.
@router.post(
    "/relabelling/next",
    summary="Return the next answers to judge",
    response_model=NextAnswers,
    responses=error_responses(400, 401, 405, 413, 415, 429, 500, 503, 504),
    openapi_extra=described([Turn], ("Ten answers", {"labeller": "ana@example.org", "limit": 10})),
)
async def next_answers(request: Request, service: Service) -> NextAnswers:
    """Return the answers that a person should judge next: reported, contradicted by a challenger, or uncertain.

    Tweets that need another opinion come first. Nobody is asked twice about a tweet.
    """
    turn = await bodies.read(request, Turn)
    queue = await run_in_threadpool(ask, service, turn)
    return NextAnswers(
        items=list(queue.items), progress=queue.progress, without_text=queue.without_text, text=service.keep
    )


def ask(service: State, turn: Turn) -> Queue:
    """Return the queue for a person. Blocks.

    Raises:
        Problem: there is no store, or it is unreachable.
    """
    try:
        return relabelling.ask(store_of(service), service.ids.person(turn.labeller), turn.limit, scope_of(service))
    except Unavailable:
        raise unreachable() from None


@router.put(
    "/relabelling/{item_id}/judgement",
    summary="Judge an answer",
    response_model=StoredJudgement,
    responses={
        200: {"model": StoredJudgement, "description": "The same judgement was stored before, or it was changed"},
        201: {"model": StoredJudgement, "description": "The judgement is on disk"},
        **error_responses(400, 401, 404, 405, 409, 413, 415, 429, 500, 503, 504),
    },
    openapi_extra=described([Judgement], ("A complaint", {"labeller": "ana@example.org", "answer": "negative"})),
)
async def put_judgement(item_id: str, request: Request, service: Service, response: Response) -> StoredJudgement:
    """Store what a person says about an answer.

    The same request may be sent again. Another answer of the same person replaces the first until `changeable_until`.
    """
    judgement = await bodies.read(request, Judgement)
    stored, is_new = await run_in_threadpool(judge, service, item_id, judgement)
    response.status_code = 201 if is_new else 200
    return stored


def judge(service: State, item_id: str, judgement: Judgement) -> tuple[StoredJudgement, bool]:
    """Store a judgement; return it, and whether it is the person's first on this tweet. Blocks.

    Raises:
        Problem: the answer is unknown, it is too late to change, or there is no store, or it is unreachable.
    """
    person, scope = service.ids.person(judgement.labeller), scope_of(service)
    try:
        stored = relabelling.judge(store_of(service), item_id, person, judgement.answer, scope)
    except UnknownItem:
        raise Problem(404, "No answer with a stored text has this id. POST /relabelling/next lists answers.") from None
    except Final:
        hours = f"{CHANGE_SECONDS / 3600:g} h"
        raise Problem(
            409, f"This person judged this answer more than {hours} ago; it can no longer be changed."
        ) from None
    except Unavailable:
        raise unreachable() from None
    until = None if judgement.answer == "skipped" else iso(stored.judgement.time + CHANGE_SECONDS)
    answer = StoredJudgement(
        item_id=item_id, answer=stored.judgement.answer, label=stored.label, changeable_until=until
    )
    return answer, stored.is_new
