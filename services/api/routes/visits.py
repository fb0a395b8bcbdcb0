"""Visits (巡访): who is due, who visits them, what was found, and which share was visited."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from psycopg.rows import dict_row

from alerts.domain.alert import Actor, Position
from alerts.domain.jpeg import NotAPhotoError, read_photo
from alerts.domain.visits import Result
from alerts.record_visit import Visit as Recorded
from alerts.record_visit import WrongTimeError, add_photo, record_visit
from alerts.visit_dues import PLANS_THERE, TODAY
from alerts.visit_rates import coverage
from services.api import paging
from services.api.dependencies import Address, DatabaseConnection, DataKeys, SignedIn, id_of
from services.api.problems import ProblemError, not_found, responses
from services.api.routes.responders import wgs84
from services.api.rows import one_of
from services.api.visit_schemas import (
    Assigned,
    AssignVisits,
    Coverage,
    DuePage,
    NewVisit,
    Visit,
    VisitorList,
    VisitorPassword,
    VisitPage,
    VisitPlanList,
    WantedPlan,
)
from services.registry import reach
from services.registry.access import Tie, ties_of
from services.registry.find import Conditions, add_reach
from services.registry.looks import record_look
from services.registry.names import Actor as Changer
from services.registry.reach import Caller
from services.registry.telephones import shown
from services.registry.visitors import visitors_of, visitors_password
from services.storage.pool import Connection

router = APIRouter(prefix="/visits", tags=["visits"])

_PLANS = f"""
SELECT DISTINCT v.* FROM organizations o CROSS JOIN LATERAL ({PLANS_THERE}) v
WHERE {reach.ORGANIZATION_O} AND (%(organization_id)s::uuid IS NULL OR o.id = %(organization_id)s)
ORDER BY v.key, v.organization_id NULLS FIRST
"""
_PLAN = """
INSERT INTO visit_plans (organization_id, key, name, groups, every, raises, source, changed_by)
VALUES (%(organization_id)s, %(key)s, %(name)s, %(groups)s, %(every)s, %(raises)s, %(source)s, %(by)s)
ON CONFLICT (organization_id, key) DO UPDATE
SET name = excluded.name, groups = excluded.groups, every = excluded.every, raises = excluded.raises,
    source = excluded.source, changed_by = excluded.changed_by, changed_at = now()
"""
_ORGANIZATION = f"SELECT o.id FROM organizations o WHERE {reach.ORGANIZATION_O}"
_ELDER = f"SELECT p.id FROM elders p WHERE {reach.VISITED_P}"
_DUE = f"""
SELECT jsonb_build_object('id', p.id, 'name', p.name) AS elder, p.id, d.organization_id, p.phone,
       CASE WHEN p.bed IS NULL THEN p.address ELSE concat_ws(' ', p.address, p.bed) END AS address, p.living_situation,
       d.plan, d.every, d.due_on, d.visited_on, d.due_on < {TODAY} AS overdue,
       CASE WHEN c.id IS NOT NULL THEN jsonb_build_object('id', c.id, 'name', c.name) END AS visitor
FROM visit_dues d JOIN elders p ON p.id = d.elder_id
LEFT JOIN visit_assignments s ON s.elder_id = d.elder_id LEFT JOIN accounts c ON c.id = s.account_id
"""
_ASSIGN = f"""
INSERT INTO visit_assignments (elder_id, account_id, assigned_by)
SELECT p.id, %(account_id)s, %(by)s FROM elders p WHERE p.id = ANY(%(elders)s) AND {reach.ELDER_P}
ON CONFLICT (elder_id) DO UPDATE SET account_id = excluded.account_id, assigned_by = excluded.assigned_by,
    assigned_at = now()
"""
_NOBODYS = f"""
DELETE FROM visit_assignments s USING elders p WHERE p.id = s.elder_id AND p.id = ANY(%(elders)s) AND {reach.ELDER_P}
"""
_VISIT = """
SELECT v.*, jsonb_build_object('id', p.id, 'name', p.name) AS elder,
       jsonb_build_object('id', v.visitor_id, 'name', v.visitor_name) AS visitor,
       array(SELECT h.position FROM visit_photos h WHERE h.visit_id = v.id ORDER BY h.position) AS photos
FROM visits v JOIN elders p ON p.id = v.elder_id
"""
_REACHED_VISIT = f"{_VISIT} WHERE {reach.VISITED_P}"
#: Of so few organisations visits are found by their elders: by time one would go through everybody's for a page.
_FEW = 5
_OF_THEM = "v.elder_id = ANY(array(SELECT e.id FROM elders e WHERE e.organization_id = ANY(%(organizations)s::uuid[])))"
_STATES = {
    "overdue": f"d.due_on < {TODAY}",
    "soon": f"d.due_on <= {TODAY} + 7",
    "nobodys": "s.elder_id IS NULL",
}
_BYTES = "SELECT bytes FROM visit_photos WHERE visit_id = %s AND position = %s"
_PHOTO_IN: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}},
    }
}
_PHOTO_OUT: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}, "description": "a JPEG"}
}


@router.get("/plans", responses=responses(401, 403, 422))
async def plans(connection: DatabaseConnection, caller: SignedIn, organization_id: UUID | None = None) -> VisitPlanList:
    """Those that hold for an organisation, or somewhere within reach."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_PLANS, caller.parameters | {"organization_id": organization_id})
        return VisitPlanList.model_validate({"items": await cursor.fetchall()})


@router.put("/plans/{key}", responses=responses(401, 403, 404, 422))
async def set_plan(connection: DatabaseConnection, caller: SignedIn, key: str, wanted: WantedPlan) -> VisitPlanList:
    """An organisation's own, which holds there and below."""
    if not (0 < len(key) <= 40 and all(one == "_" or "a" <= one <= "z" for one in key)):
        raise ProblemError(422, "计划代号只能用小写字母和下划线，最多 40 个字符")
    await one_of(connection, caller, _ORGANIZATION, "o.id", wanted.organization_id)
    await connection.execute(_PLAN, wanted.model_dump() | {"key": key, "by": caller.name})
    return await plans(connection, caller, wanted.organization_id)


@router.get("/due", responses=responses(401, 403, 422))
async def due(
    connection: DatabaseConnection,
    caller: SignedIn,
    keys: DataKeys,
    organization_id: UUID | None = None,
    visitor_id: UUID | None = None,
    state: Annotated[
        Literal["all", "overdue", "soon", "nobodys"], Query(description="soon: overdue, or due within seven days")
    ] = "all",
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> DuePage:
    """Who is due first comes first. A visitor has their own, with the number to ring before they go."""
    after = paging.decode(cursor, date.fromisoformat, UUID)
    # By the elder's organisation, and by the one that the list was made with, which has an index.
    where = await _reached(connection, caller, ("p", "d"), organization_id)
    if visitor_id is not None:
        where.add("s.account_id = %(visitor_id)s", visitor_id=visitor_id)
    if state in _STATES:
        where.add(_STATES[state])
    if after:
        where.add("(d.due_on, d.elder_id) > (%(day)s, %(elder)s)", day=after[0], elder=after[1])
    rows = await _rows(connection, f"{_DUE} WHERE {where} ORDER BY d.due_on, d.elder_id", where, limit)
    items, following = paging.page(rows, limit, "due_on", "id")
    whole = caller.role in reach.VISITORS
    return DuePage.model_validate({"items": [shown(keys, row, whole=whole) for row in items], "next": following})


@router.get("/visitors", responses=responses(401, 403))
async def visitors(connection: DatabaseConnection, caller: SignedIn) -> VisitorList:
    """Who may be given visits: the register's people and the operators, within reach."""
    return VisitorList.model_validate({"items": await visitors_of(connection, caller)})


@router.post("/visitors/{account_id}/password", responses=responses(401, 403, 404))
async def visitor_password(
    connection: DatabaseConnection, caller: SignedIn, address: Address, account_id: str
) -> VisitorPassword:
    """A responder of the register may sign in from now on, for their visits alone; an earlier password is void."""
    made = await visitors_password(connection, Changer(caller.name, address, caller), id_of(account_id))
    if made is None:
        raise not_found()
    return VisitorPassword(username=made[0], password=made[1])


@router.put("/assignments", responses=responses(401, 403, 404, 422))
async def assign(connection: DatabaseConnection, caller: SignedIn, wanted: AssignVisits) -> Assigned:
    """Whose visits these are from now on; who is not within reach is left as it is."""
    values = caller.parameters | {"elders": wanted.elder_ids, "by": caller.account_id, "account_id": wanted.account_id}
    if wanted.account_id is None:
        return Assigned(assigned=(await connection.execute(_NOBODYS, values)).rowcount)
    if wanted.account_id not in {one["id"] for one in await visitors_of(connection, caller)}:
        raise not_found()
    return Assigned(assigned=(await connection.execute(_ASSIGN, values)).rowcount)


@router.get("/rates", responses=responses(401, 403, 404))
async def rates(connection: DatabaseConnection, caller: SignedIn, organization_id: UUID | None = None) -> Coverage:
    """By calendar weeks, months and quarters of Beijing, as the plans count them."""
    of = list(caller.organizations)
    if organization_id is not None:
        of = [(await one_of(connection, caller, _ORGANIZATION, "o.id", organization_id))["id"]]
    clock = await (await connection.execute(f"SELECT {TODAY}")).fetchone()
    assert clock is not None
    return Coverage.model_validate(await coverage(connection, of, clock[0]))


@router.get("", responses=responses(401, 422))
async def list_visits(
    connection: DatabaseConnection,
    caller: SignedIn,
    elder_id: UUID | None = None,
    organization_id: UUID | None = None,
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> VisitPage:
    """The newest first. The family sees that there was a visit, and what was found where it may see health."""
    after = paging.decode(cursor, datetime.fromisoformat, UUID)
    where = await _reached(connection, caller, ("p",), organization_id)
    if 0 < len(where.values.get("organizations", ())) <= _FEW:
        where.add(_OF_THEM)
    if elder_id is not None:
        where.add("v.elder_id = %(elder_id)s", elder_id=elder_id)
    if after:
        where.add("(v.visited_at, v.id) < (%(at)s, %(visit)s)", at=after[0], visit=after[1])
    rows = await _rows(connection, f"{_VISIT} WHERE {where} ORDER BY v.visited_at DESC, v.id DESC", where, limit)
    items, following = paging.page(rows, limit, "visited_at", "id")
    return VisitPage.model_validate({"items": [_shown(row, caller) for row in items], "next": following})


@router.post("", status_code=201, responses=responses(401, 403, 404, 409, 422))
async def new_visit(connection: DatabaseConnection, caller: SignedIn, new: NewVisit) -> Visit:
    """By a visitor for whoever is theirs, by the station for all within reach."""
    elder = await one_of(connection, caller, _ELDER, "p.id", new.elder_id)
    lat, lon = wgs84(new.position)
    accuracy = new.position.accuracy if new.position else None
    position = None if lat is None or lon is None else Position(lat, lon, accuracy)
    visit = Recorded(
        new.id, elder["id"], Result(new.result), new.visited_at, new.findings or None, tuple(new.concerns), position
    )
    try:
        await record_visit(connection, visit, Actor(caller.account_id, caller.name))
    except WrongTimeError as error:
        raise ProblemError(422, str(error)) from None
    row = await one_of(connection, caller, _REACHED_VISIT, "v.id", new.id)
    if row["visitor_id"] != caller.account_id or row["elder_id"] != elder["id"]:
        raise ProblemError(409, "这个编号已用于另一次巡访")
    return Visit.model_validate(_shown(row, caller))


@router.put(
    "/{visit_id}/photos/{position}",
    status_code=204,
    responses=responses(401, 403, 404, 413, 422),
    openapi_extra=_PHOTO_IN,
)
async def set_photo(
    connection: DatabaseConnection, caller: SignedIn, request: Request, visit_id: str, position: int
) -> None:
    """A JPEG of 700 KB at most, of a visit of one's own; three to a visit. Where it was taken is cut out of it."""
    row = await one_of(connection, caller, _REACHED_VISIT, "v.id", id_of(visit_id))
    if row["visitor_id"] != caller.account_id:
        raise ProblemError(403, "只能给自己登记的巡访上传照片")
    if not 1 <= position <= 3:
        raise ProblemError(422, "一次巡访最多 3 张照片")
    try:
        photo = read_photo(await request.body())
    except NotAPhotoError as error:
        raise ProblemError(422, str(error)) from None
    await add_photo(connection, row["id"], position, photo)


@router.get("/{visit_id}/photos/{position}", response_class=Response, responses=_PHOTO_OUT | responses(401, 403, 404))
async def photo(
    connection: DatabaseConnection, caller: SignedIn, address: Address, visit_id: str, position: int
) -> Response:
    """The look is recorded."""
    row = await one_of(connection, caller, _REACHED_VISIT, "v.id", id_of(visit_id))
    found = await (await connection.execute(_BYTES, (row["id"], max(0, min(position, 9))))).fetchone()
    if found is None:
        raise not_found()
    await record_look(connection, caller, "visit_photo", row["elder_id"], alert_id=None, address=address)
    return Response(bytes(found[0]), media_type="image/jpeg")


async def _reached(
    connection: Connection, caller: Caller, aliases: tuple[str, ...], organization_id: UUID | None
) -> Conditions:
    """Staff by their organisations, looked up first; others by who is theirs."""
    where = Conditions(["true"])
    if Tie.WITHIN in ties_of(caller.role):
        for alias in aliases:
            await add_reach(connection, caller, where, alias, organization_id)
        return where
    where.add(reach.VISITED_P, **caller.parameters)
    if organization_id is not None:
        where.add("p.organization_id = %(below)s", below=organization_id)
    return where


async def _rows(connection: Connection, statement: str, where: Conditions, limit: int) -> list[dict[str, Any]]:
    """One more than the limit; planned for its values each time, as the lists of the registry are."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        values = where.values | {"limit": limit + 1}
        return await (await cursor.execute(f"{statement} LIMIT %(limit)s", values, prepare=False)).fetchall()


def _shown(row: dict[str, Any], caller: Caller) -> dict[str, Any]:
    family = caller.role in reach.FAMILY
    here = None if family or row["lat"] is None else {"lat": row["lat"], "lon": row["lon"], "accuracy": row["accuracy"]}
    health = caller.may_measure(row["elder_id"])
    return row | {
        "position": here,
        "findings": row["findings"] if health else None,
        "concerns": row["concerns"] if health else [],
        "photos": [] if family else row["photos"],
    }
