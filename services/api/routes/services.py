"""Service requests: a quieter list beside the alerts. The family may ask, call off and rate; the station does."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Query
from psycopg.rows import dict_row

from alerts.domain.alert import Actor
from alerts.domain.services import RequestState, Step, Wish, allowed_steps
from alerts.service_requests import Asked, ask_for_service, may_take, take_step
from services.api import paging
from services.api.dependencies import Address, DatabaseConnection, SignedIn, id_of
from services.api.problems import ProblemError, responses
from services.api.rows import one_of, page_of
from services.api.service_schemas import (
    AssignBody,
    NewServiceRequest,
    RateBody,
    RequestStateName,
    ServiceRequest,
    ServiceRequestDetail,
    ServiceRequestPage,
    StepBody,
)
from services.registry import reach
from services.registry.reach import Caller
from services.storage.pool import Connection

router = APIRouter(prefix="/service-requests", tags=["service requests"])

_REQUEST = f"""
SELECT s.*, p.name AS elder_name FROM service_requests s LEFT JOIN elders p ON p.id = s.elder_id
WHERE {reach.SERVICE_S}
"""
_ELDER = f"SELECT p.id FROM elders p WHERE {reach.ELDER_P}"
_LOG = """
SELECT at, kind, account_id, actor, note, body FROM service_request_log WHERE request_id = %s ORDER BY id
"""
_ERRORS = responses(401, 403, 404, 409, 422)


@router.get("", responses=responses(401, 422))
async def list_service_requests(
    connection: DatabaseConnection,
    caller: SignedIn,
    state: Annotated[
        list[RequestStateName] | None, Query(description="may repeat; open, accepted and assigned by default")
    ] = None,
    organization_id: UUID | None = None,
    elder_id: UUID | None = None,
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> ServiceRequestPage:
    """The newest first."""
    after = paging.decode(cursor, UUID)
    statement = (
        f"{_REQUEST} AND s.state = ANY(%(states)s)"
        " AND (%(organization_id)s::uuid IS NULL OR s.organization_id = %(organization_id)s)"
        " AND (%(elder_id)s::uuid IS NULL OR s.elder_id = %(elder_id)s)"
    )
    values = {
        "states": state or ["open", "accepted", "assigned"],
        "organization_id": organization_id,
        "elder_id": elder_id,
    }
    rows = await page_of(connection, caller, statement, "s.id", after and after[0], limit, newest=True, values=values)
    items, following = paging.page(rows, limit, "id")
    return ServiceRequestPage.model_validate({"items": [_shown(row, caller) for row in items], "next": following})


@router.get("/{request_id}", responses=responses(401, 404))
async def one_service_request(
    connection: DatabaseConnection, caller: SignedIn, request_id: str
) -> ServiceRequestDetail:
    """With all that was done."""
    row = await one_of(connection, caller, _REQUEST, "s.id", id_of(request_id))
    async with connection.cursor(row_factory=dict_row) as cursor:
        log = await (await cursor.execute(_LOG, (row["id"],))).fetchall()
    return ServiceRequestDetail.model_validate(_shown(row, caller) | {"log": [_entry(one) for one in log]})


@router.post("", status_code=201, responses=responses(401, 403, 404, 422))
async def new_service_request(
    connection: DatabaseConnection, caller: SignedIn, address: Address, new: NewServiceRequest
) -> ServiceRequest:
    """For an elder within reach: by the station, or by the family."""
    elder = await one_of(connection, caller, _ELDER, "p.id", new.elder_id)
    who = Actor(caller.account_id, caller.name, address)
    request_id = await ask_for_service(connection, Asked(elder["id"], new.service, new.words), who)
    return await _one(connection, caller, request_id)


@router.post("/{request_id}/accept", responses=_ERRORS)
async def accept(
    connection: DatabaseConnection, caller: SignedIn, request_id: str, body: Annotated[StepBody | None, Body()] = None
) -> ServiceRequest:
    """受理."""
    return await _step(connection, caller, request_id, Wish(Step.ACCEPT, note=body.note if body else None))


@router.post("/{request_id}/assign", responses=_ERRORS)
async def assign(connection: DatabaseConnection, caller: SignedIn, request_id: str, body: AssignBody) -> ServiceRequest:
    """派单; again for somebody else."""
    return await _step(connection, caller, request_id, Wish(Step.ASSIGN, body.assigned_to, note=body.note))


@router.post("/{request_id}/done", responses=_ERRORS)
async def done(
    connection: DatabaseConnection, caller: SignedIn, request_id: str, body: Annotated[StepBody | None, Body()] = None
) -> ServiceRequest:
    """办结."""
    return await _step(connection, caller, request_id, Wish(Step.DONE, note=body.note if body else None))


@router.post("/{request_id}/withdraw", responses=_ERRORS)
async def withdraw(
    connection: DatabaseConnection, caller: SignedIn, request_id: str, body: Annotated[StepBody | None, Body()] = None
) -> ServiceRequest:
    """撤销, by the station or the family."""
    return await _step(connection, caller, request_id, Wish(Step.WITHDRAW, note=body.note if body else None))


@router.post("/{request_id}/rate", responses=_ERRORS)
async def rate(connection: DatabaseConnection, caller: SignedIn, request_id: str, body: RateBody) -> ServiceRequest:
    """评价, by the family, or by whoever asked the elder on the telephone; the latest counts."""
    return await _step(connection, caller, request_id, Wish(Step.RATE, rating=body.rating, note=body.note))


async def _step(connection: Connection, caller: Caller, request_id: str, wish: Wish) -> ServiceRequest:
    reached = await _one(connection, caller, id_of(request_id))
    if not _may(wish.step, caller):
        raise ProblemError(403, "您可以查看这个服务请求，但不能处理它")
    refused = await take_step(connection, reached.id, wish, Actor(caller.account_id, caller.name))
    if refused is not None:
        raise ProblemError(409, refused.detail, state=refused.state.value)
    return await _one(connection, caller, reached.id)


async def _one(connection: Connection, caller: Caller, request_id: UUID) -> ServiceRequest:
    return ServiceRequest.model_validate(_shown(await one_of(connection, caller, _REQUEST, "s.id", request_id), caller))


def _may(step: Step, caller: Caller) -> bool:
    family = caller.role in reach.FAMILY
    return (family or caller.may_move_alerts) and may_take(step, staff=not family)


def _shown(row: dict[str, Any], caller: Caller) -> dict[str, Any]:
    steps = [step.value for step in allowed_steps(RequestState(row["state"])) if _may(step, caller)]
    return row | {
        "elder": {"id": row["elder_id"], "name": row["elder_name"]} if row["elder_id"] else None,
        "asked_by": {"id": row["asked_by"], "name": row["asked_by_name"]} if row["asked_by"] else None,
        "holder": {"id": row["holder_id"], "name": row["holder_name"]} if row["holder_id"] else None,
        "steps": steps,
    }


def _entry(row: dict[str, Any]) -> dict[str, Any]:
    by = {"id": row["account_id"], "name": row["actor"]} if row["account_id"] else None
    return row | {"by": by}
