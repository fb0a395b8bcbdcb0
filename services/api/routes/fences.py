"""An elder's fences: what there are, who changed what; and, for administrators, changes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from psycopg.rows import dict_row
from pydantic import StringConstraints

from alerts.change_fence import Outdated, change_fence, draw_fence, take_away_fence
from alerts.domain.alert import Actor
from alerts.domain.rules.definition import DefinitionError
from alerts.domain.rules.fence import Circle, Point, Polygon
from alerts.domain.rules.fence import Fence as DomainFence
from alerts.domain.rules.fence_definition import fence_of
from gateway.decoders.datum import gcj02_to_wgs84
from services.api.dependencies import Address, DatabaseConnection, SignedIn, id_of
from services.api.fence_schemas import ChangedFence, ElderFences, FenceDetail, NewFence
from services.api.problems import ProblemError, not_found, responses
from services.api.rows import one_of
from services.registry import reach
from services.registry.looks import record_look
from services.registry.reach import Caller
from services.storage.pool import Connection

router = APIRouter(prefix="/elders/{elder_id}/fences", tags=["fences"])

#: No fence is known by it: what comes is read under it first.
_NOBODY = UUID(int=0)
_ELDER = f"SELECT p.id, {reach.ELDER_P_SHOWN} AS in_need FROM elders p WHERE {reach.ELDER_P}"
_AS_CHANGED = """
v.version, v.definition, v.changed_at, v.reason,
jsonb_build_object('id', v.changed_by, 'name', v.changed_by_name) AS changed_by
"""
_FENCES = f"""
SELECT f.id, v.definition ->> 'name' AS name, v.definition ->> 'keep' AS keep, {_AS_CHANGED}
FROM elder_fences f JOIN elder_fence_versions v ON v.fence_id = f.id AND v.version = f.version
WHERE f.elder_id = %(elder)s AND f.ended_at IS NULL ORDER BY f.id
"""
_VERSIONS = f"SELECT {_AS_CHANGED} FROM elder_fence_versions v WHERE v.fence_id = %(id)s ORDER BY v.version DESC"


def _administrator(caller: SignedIn, address: Address) -> Actor:
    return Actor(caller.account_id, caller.name, address)


Administrator = Annotated[Actor, Depends(_administrator)]
WhyGone = Annotated[
    str,
    StringConstraints(min_length=1, max_length=500, strip_whitespace=True, pattern=r"^[^\x00]*$"),
    Query(description="kept with who did it"),
]


@router.get("", responses=responses(401, 404))
async def fences(connection: DatabaseConnection, caller: SignedIn, address: Address, elder_id: str) -> ElderFences:
    """Where they are is as good as the elder's address: open to administrators, and to others while an alert of the
    elder is unresolved. That look is recorded."""
    elder = await one_of(connection, caller, _ELDER, "p.id", id_of(elder_id))
    items = await _rows(connection, _FENCES, elder=elder["id"])
    shown = await _may_see(connection, caller, address, elder, items)
    return ElderFences.model_validate({"items": [_as_shown(one, shown) for one in items], "withheld": not shown})


@router.get("/{fence_id}", responses=responses(401, 404))
async def one_fence(
    connection: DatabaseConnection, caller: SignedIn, address: Address, elder_id: str, fence_id: str
) -> FenceDetail:
    """With all its versions: who changed what, when and why."""
    elder = await one_of(connection, caller, _ELDER, "p.id", id_of(elder_id))
    return await _detail(connection, caller, address, elder, id_of(fence_id))


@router.post("", status_code=201, responses=responses(401, 403, 404, 422))
async def new_fence(
    connection: DatabaseConnection,
    caller: SignedIn,
    actor: Administrator,
    address: Address,
    elder_id: str,
    new: NewFence,
) -> FenceDetail:
    """Holds from its commit on."""
    elder = await one_of(connection, caller, _ELDER, "p.id", id_of(elder_id))
    with _flaws_told():
        fence = await draw_fence(connection, elder["id"], _read(new, _NOBODY), actor, new.reason)
    return await _detail(connection, caller, address, elder, fence.id)


@router.put("/{fence_id}", responses=responses(401, 403, 404, 409, 422))
async def changed_fence(
    connection: DatabaseConnection,
    caller: SignedIn,
    actor: Administrator,
    address: Address,
    elder_id: str,
    fence_id: str,
    changed: ChangedFence,
) -> FenceDetail:
    """A new version. What the old one had raised is over by that, and what lasts counts anew. 409: somebody else has
    changed the fence since `version`."""
    elder = await one_of(connection, caller, _ELDER, "p.id", id_of(elder_id))
    with _flaws_told():
        fence = _read(changed, id_of(fence_id))
    _only_done(await change_fence(connection, elder["id"], fence, changed.version, actor, changed.reason))
    return await _detail(connection, caller, address, elder, fence.id)


@router.delete("/{fence_id}", status_code=204, responses=responses(401, 403, 404, 409, 422))
async def no_fence(
    connection: DatabaseConnection,
    caller: SignedIn,
    actor: Administrator,
    elder_id: str,
    fence_id: str,
    version: Annotated[int, Query(ge=1, description="the version that is taken away")],
    reason: WhyGone,
) -> None:
    """Takes it away; that it was there, and who took it away, is kept."""
    elder = await one_of(connection, caller, _ELDER, "p.id", id_of(elder_id))
    _only_done(await take_away_fence(connection, elder["id"], id_of(fence_id), version, actor, reason))


def _only_done(done: object) -> None:
    if isinstance(done, Outdated):
        told = f"这个围栏已被别人修改，现在是第 {done.version} 版，请先查看再修改"
        raise ProblemError(409, told, title="Changed since", version=done.version)
    if done is None:
        raise not_found()


async def _detail(
    connection: Connection, caller: Caller, address: str, elder: dict[str, Any], fence_id: UUID
) -> FenceDetail:
    found = [one for one in await _rows(connection, _FENCES, elder=elder["id"]) if one["id"] == fence_id]
    if not found:
        raise not_found()
    shown = await _may_see(connection, caller, address, elder, found)
    versions = [_as_shown(one, shown) for one in await _rows(connection, _VERSIONS, id=fence_id)]
    told = _as_shown(found[0], shown) | {"versions": versions, "withheld": not shown}
    return FenceDetail.model_validate(told)


async def _rows(connection: Connection, statement: str, **values: UUID) -> list[dict[str, Any]]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        return await (await cursor.execute(statement, values)).fetchall()


async def _may_see(
    connection: Connection, caller: Caller, address: str, elder: dict[str, Any], items: list[dict[str, Any]]
) -> bool:
    shown = caller.role == "administrator" or (bool(elder["in_need"]) and caller.may_locate(elder["id"]))
    if shown and items:
        await record_look(connection, caller, "fences", elder["id"], alert_id=None, address=address)
    return shown


def _as_shown(row: dict[str, Any], shown: bool) -> dict[str, Any]:
    return row if shown else row | {"definition": None}


def _read(said: NewFence, fence_id: UUID) -> DomainFence:
    """Raises DefinitionError."""
    fence = fence_of(said.fence, fence_id, 1)
    return fence if said.datum == "wgs84" else replace(fence, shape=_from_map(fence.shape))


def _from_map(shape: Circle | Polygon) -> Circle | Polygon:
    """What was drawn on a Chinese map, in WGS 84."""
    if isinstance(shape, Circle):
        return replace(shape, centre=Point(*gcj02_to_wgs84(shape.centre.lat, shape.centre.lon)))
    return Polygon(tuple(Point(*gcj02_to_wgs84(point.lat, point.lon)) for point in shape.points))


@contextmanager
def _flaws_told() -> Iterator[None]:
    """What is wrong with a fence becomes the answer."""
    try:
        yield
    except DefinitionError as error:
        flaws = [{"where": flaw.where, "what": flaw.what} for flaw in error.flaws]
        raise ProblemError(422, str(error), title="Not a fence", flaws=flaws) from None
