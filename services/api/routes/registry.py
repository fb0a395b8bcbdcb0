"""Organisations, elders and devices: what the caller may see."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query

from services.api import paging
from services.api.dependencies import Address, DatabaseConnection, SignedIn, id_of
from services.api.problems import responses
from services.api.rows import one_of, page_of
from services.api.schemas import (
    Device,
    DevicePage,
    Elder,
    ElderPage,
    Organization,
    OrganizationPage,
)
from services.registry import reach
from services.registry.looks import record_look

router = APIRouter(tags=["registry"])

Search = Annotated[str | None, Query(max_length=64, pattern=r"^[^\x00]*$", description="a part of it; all when absent")]
_NAMED = "(%(search)s::text IS NULL OR strpos(p.name, %(search)s) > 0)"
_NUMBERED = """
(%(search)s::text IS NULL OR strpos(lower(d.device_id), lower(%(search)s)) > 0
 OR EXISTS (SELECT FROM elders w WHERE w.id = d.elder_id AND strpos(w.name, %(search)s) > 0))
"""

_ORGANIZATION = "SELECT o.* FROM organizations o"
_ELDER = f"""
SELECT p.*, extract(year FROM age(p.birth_date))::int AS age, {reach.ELDER_P_IN_NEED} AS in_need,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('name', c.name, 'relation', c.relation, 'phone', c.phone)
                                  ORDER BY c.position), '[]')
        FROM elder_contacts c WHERE c.elder_id = p.id) AS contacts
FROM elders p
"""
_DEVICE = """
SELECT d.device_id AS id, d.device_id, d.kind, d.model, d.organization_id, d.elder_id, d.enrolled_at, d.revoked_at,
       s.online, s.online_at, s.last_seen_at, s.battery
FROM devices d LEFT JOIN device_states s ON s.device_key = d.key
"""


@router.get("/organizations", responses=responses(401, 422))
async def organizations(
    connection: DatabaseConnection, caller: SignedIn, limit: paging.Limit = 50, cursor: paging.Cursor = None
) -> OrganizationPage:
    """The caller's organisations and all below them."""
    after = paging.decode(cursor, UUID)
    statement = f"{_ORGANIZATION} WHERE {reach.ORGANIZATION_O}"
    rows = await page_of(connection, caller, statement, "o.id", after and after[0], limit)
    items, following = paging.page(rows, limit, "id")
    return OrganizationPage.model_validate({"items": items, "next": following})


@router.get("/organizations/{organization_id}", responses=responses(401, 404))
async def organization(connection: DatabaseConnection, caller: SignedIn, organization_id: str) -> Organization:
    statement = f"{_ORGANIZATION} WHERE {reach.ORGANIZATION_O}"
    return Organization.model_validate(await one_of(connection, caller, statement, "o.id", id_of(organization_id)))


@router.get("/elders", responses=responses(401, 422))
async def elders(
    connection: DatabaseConnection,
    caller: SignedIn,
    search: Search = None,
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> ElderPage:
    """`search` is by name. Position, health notes and entry notes are in `/elders/{id}` alone, and only while an alert
    is unresolved."""
    after = paging.decode(cursor, UUID)
    statement = f"{_ELDER} WHERE {reach.ELDER_P} AND {_NAMED}"
    values = {"search": search}
    rows = await page_of(connection, caller, statement, "p.id", after and after[0], limit, values=values)
    items, following = paging.page(rows, limit, "id")
    return ElderPage.model_validate({"items": [_elder(row, shown=False) for row in items], "next": following})


@router.get("/elders/{elder_id}", responses=responses(401, 404))
async def elder(connection: DatabaseConnection, caller: SignedIn, address: Address, elder_id: str) -> Elder:
    """The look is recorded when position and health are shown."""
    row = await one_of(connection, caller, f"{_ELDER} WHERE {reach.ELDER_P}", "p.id", id_of(elder_id))
    if row["in_need"]:
        await record_look(connection, caller, "elder", row["id"], alert_id=None, address=address)
    shown = _elder(row, shown=row["in_need"])
    if not caller.may_locate(row["id"]):
        shown |= {"position": None, "entry_notes": None}
    if not caller.may_measure(row["id"]):
        shown |= {"health_notes": None}
    return Elder.model_validate(shown)


def _elder(row: dict[str, Any], *, shown: bool) -> dict[str, Any]:
    position = {"lat": row["lat"], "lon": row["lon"]} if shown and row["lat"] is not None else None
    closed = {} if shown else {"health_notes": None, "entry_notes": None}
    return row | {"position": position, "withheld": not shown} | closed


@router.get("/devices", responses=responses(401, 422))
async def devices(
    connection: DatabaseConnection,
    caller: SignedIn,
    search: Search = None,
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> DevicePage:
    """`search` is by the device's id, and by the name of the elder who has it."""
    after = paging.decode(cursor, str)
    statement = f"{_DEVICE} WHERE d.revoked_at IS NULL AND {reach.DEVICE_D} AND {_NUMBERED}"
    values = {"search": search}
    rows = await page_of(connection, caller, statement, "d.device_id", after and after[0], limit, values=values)
    items, following = paging.page(rows, limit, "id")
    return DevicePage.model_validate({"items": items, "next": following})


@router.get("/devices/{device_id}", responses=responses(401, 404))
async def device(connection: DatabaseConnection, caller: SignedIn, device_id: str) -> Device:
    statement = f"{_DEVICE} WHERE {reach.DEVICE_D}"
    return Device.model_validate(
        await one_of(connection, caller, statement, "d.device_id", device_id.replace("\x00", "�"))
    )
