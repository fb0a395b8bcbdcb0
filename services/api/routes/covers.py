"""Silences, maintenance windows, hospital stays and holidays: what there is, new ones, an early end."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from alerts.domain.alert import Actor
from alerts.domain.cover_check import LONGEST, LONGEST_OF_OPERATORS, Wanted
from alerts.domain.holding import Kind
from alerts.end_cover import end_cover
from alerts.make_cover import make_cover
from services.api import paging
from services.api.cover_schemas import Cover, CoverPage, NewCover
from services.api.dependencies import Address, DatabaseConnection, SignedIn, id_of
from services.api.problems import ProblemError, responses
from services.api.rows import one_of, page_of
from services.registry import reach
from services.registry.reach import Caller
from services.storage.pool import Connection

router = APIRouter(prefix="/covers", tags=["covers"])

_STATE = """
CASE WHEN c.over_at <= clock_timestamp() THEN 'over' WHEN c.starts_at > clock_timestamp() THEN 'planned' ELSE 'on' END
"""
_COVER = f"""
SELECT c.*, {_STATE} AS state,
       CASE WHEN p.id IS NOT NULL THEN jsonb_build_object('id', p.id, 'name', p.name) END AS elder,
       CASE WHEN o.id IS NOT NULL THEN jsonb_build_object('id', o.id, 'name', o.name) END AS organization,
       jsonb_build_object('id', c.made_by, 'name', c.made_by_name) AS author,
       CASE WHEN c.ended_by IS NOT NULL THEN jsonb_build_object('id', c.ended_by, 'name', c.ended_by_name) END AS ender,
       held.alerts, held.times
FROM covers c LEFT JOIN elders p ON p.id = c.elder_id LEFT JOIN organizations o ON o.id = c.organization_id,
     LATERAL (SELECT count(*) AS alerts, coalesce(sum(h.times), 0) AS times
              FROM held_alerts h WHERE h.cover_id = c.id AND {reach.HELD_H}) held
WHERE {reach.COVER_C}
"""


def _author(caller: SignedIn, address: Address) -> Actor:
    return Actor(caller.account_id, caller.name, address)


Author = Annotated[Actor, Depends(_author)]


@router.get("", responses=responses(401, 422))
async def covers(
    connection: DatabaseConnection,
    caller: SignedIn,
    state: Annotated[
        list[Literal["planned", "on", "over"]] | None, Query(description="may repeat; planned and on by default")
    ] = None,
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> CoverPage:
    """Those that may hold back alerts that the caller reaches, the latest made first."""
    after = paging.decode(cursor, UUID)
    states = {"states": state or ["planned", "on"]}
    statement = f"{_COVER} AND {_STATE} = ANY(%(states)s)"
    rows = await page_of(connection, caller, statement, "c.id", after and after[0], limit, newest=True, values=states)
    items, following = paging.page(rows, limit, "id")
    return CoverPage.model_validate({"items": [_cover(row) for row in items], "next": following})


@router.post("", status_code=201, responses=responses(401, 403, 422))
async def new_cover(connection: DatabaseConnection, caller: SignedIn, actor: Author, new: NewCover) -> Cover:
    """Holds from its start on: what is raised already stays. Nothing red is ever held back, nor a fall, an SOS, smoke,
    gas or a water leak, whatever is covered. An operator's lasts 8 h at most, an administrator's 30 days."""
    wanted = Wanted(
        Kind(new.kind),
        new.starts_at,
        new.ends_at,
        new.reason,
        new.elder_id,
        frozenset(new.device_ids),
        new.organization_id,
        frozenset(new.types),
    )
    await _only_within(connection, caller, wanted.elder_id, wanted.organization_id, sorted(wanted.device_ids))
    longest = LONGEST if caller.role == "administrator" else LONGEST_OF_OPERATORS
    made = await make_cover(connection, wanted, longest, actor)
    if not isinstance(made, UUID):
        flaws = [{"where": flaw.where, "what": flaw.what} for flaw in made]
        told = "；".join(flaw.what for flaw in made)
        raise ProblemError(422, told, title="Not a cover", flaws=flaws)
    return await _one(connection, caller, made)


@router.post("/{cover_id}/end", responses=responses(401, 403, 404))
async def ended_cover(connection: DatabaseConnection, caller: SignedIn, actor: Author, cover_id: str) -> Cover:
    """What it held back and is still on is raised within seconds. One that is over stays as it is."""
    cover = await _one(connection, caller, id_of(cover_id))
    elder_id = cover.elder.id if cover.elder else None
    organization_id = cover.organization.id if cover.organization else None
    await _only_within(connection, caller, elder_id, organization_id, cover.device_ids)
    await end_cover(connection, cover.id, actor)
    return await _one(connection, caller, cover.id)


async def _one(connection: Connection, caller: Caller, cover_id: UUID) -> Cover:
    return Cover.model_validate(_cover(await one_of(connection, caller, _COVER, "c.id", cover_id)))


def _cover(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"made_by": row["author"], "ended_by": row["ender"]}


async def _only_within(
    connection: Connection, caller: Caller, elder_id: UUID | None, organization_id: UUID | None, device_ids: list[str]
) -> None:
    """Raises a 403 problem when it lies over somebody whom the caller does not reach."""
    asked = {"elder_id": elder_id, "organization_id": organization_id, "device_ids": device_ids}
    row = await (await connection.execute(reach.MAY_COVER, caller.parameters | asked)).fetchone()
    if row is None or not row[0]:
        whom = "这位老人" if elder_id else "这个机构" if organization_id else "其中有的设备"
        raise ProblemError(403, f"{whom}不在您的管辖范围内")
