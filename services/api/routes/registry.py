"""Organisations, elders, devices and quarantine: what the caller may see."""

import base64
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from psycopg.rows import dict_row

from services.api import paging
from services.api.dependencies import Address, DatabaseConnection, SignedIn, id_of
from services.api.problems import not_found, responses
from services.api.schemas import (
    Device,
    DevicePage,
    Elder,
    ElderPage,
    Organization,
    OrganizationPage,
    Quarantined,
    QuarantinePage,
)
from services.registry import reach
from services.registry.looks import record_look
from services.registry.reach import Caller
from services.storage.pool import Connection

router = APIRouter(tags=["registry"])

_ORGANIZATION = "SELECT o.* FROM organizations o"
_ELDER = f"""
SELECT p.*, extract(year FROM age(p.birth_date))::int AS age, {reach.ELDER_P_IN_NEED} AS in_need,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('name', c.name, 'relation', c.relation, 'phone', c.phone)
                                  ORDER BY c.position), '[]')
        FROM elder_contacts c WHERE c.elder_id = p.id) AS contacts
FROM elders p
"""
_DEVICE = """
SELECT d.device_id AS id, d.device_id, d.kind, d.model, d.organization_id, d.elder_id, d.enrolled_at,
       s.online, s.online_at, s.last_seen_at, s.battery
FROM devices d LEFT JOIN device_states s ON s.device_key = d.key
"""
_QUARANTINE = "SELECT q.* FROM quarantine q"


async def _page(
    connection: Connection, caller: Caller, statement: str, key: str, after: Any, limit: int, *, newest: bool = False
) -> list[dict[str, Any]]:
    """Rows that the statement's conditions allow, by one unique key, one more than the limit."""
    values = caller.parameters | {"after": after, "limit": limit + 1}
    if after is not None:
        statement += f" AND {key} {'<' if newest else '>'} %(after)s"
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(f"{statement} ORDER BY {key} {'DESC' if newest else ''} LIMIT %(limit)s", values)
        return await cursor.fetchall()


async def _one(connection: Connection, caller: Caller, statement: str, key: str, value: Any) -> dict[str, Any]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(f"{statement} AND {key} = %(key)s", caller.parameters | {"key": value})
        row = await cursor.fetchone()
    if row is None:
        raise not_found()
    return row


@router.get("/organizations", responses=responses(401, 422))
async def organizations(
    connection: DatabaseConnection, caller: SignedIn, limit: paging.Limit = 50, cursor: paging.Cursor = None
) -> OrganizationPage:
    """The caller's organisations and all below them."""
    after = paging.decode(cursor, UUID)
    statement = f"{_ORGANIZATION} WHERE {reach.ORGANIZATION_O}"
    rows = await _page(connection, caller, statement, "o.id", after and after[0], limit)
    items, following = paging.page(rows, limit, "id")
    return OrganizationPage.model_validate({"items": items, "next": following})


@router.get("/organizations/{organization_id}", responses=responses(401, 404))
async def organization(connection: DatabaseConnection, caller: SignedIn, organization_id: str) -> Organization:
    statement = f"{_ORGANIZATION} WHERE {reach.ORGANIZATION_O}"
    return Organization.model_validate(await _one(connection, caller, statement, "o.id", id_of(organization_id)))


@router.get("/elders", responses=responses(401, 422))
async def elders(
    connection: DatabaseConnection, caller: SignedIn, limit: paging.Limit = 50, cursor: paging.Cursor = None
) -> ElderPage:
    """Position, health notes and entry notes are in `/elders/{id}` alone, and only while an alert is unresolved."""
    after = paging.decode(cursor, UUID)
    rows = await _page(connection, caller, f"{_ELDER} WHERE {reach.ELDER_P}", "p.id", after and after[0], limit)
    items, following = paging.page(rows, limit, "id")
    return ElderPage.model_validate({"items": [_elder(row, shown=False) for row in items], "next": following})


@router.get("/elders/{elder_id}", responses=responses(401, 404))
async def elder(connection: DatabaseConnection, caller: SignedIn, address: Address, elder_id: str) -> Elder:
    """The look is recorded when position and health are shown."""
    row = await _one(connection, caller, f"{_ELDER} WHERE {reach.ELDER_P}", "p.id", id_of(elder_id))
    if row["in_need"]:
        await record_look(connection, caller, "elder", row["id"], alert_id=None, address=address)
    return Elder.model_validate(_elder(row, shown=row["in_need"]))


def _elder(row: dict[str, Any], *, shown: bool) -> dict[str, Any]:
    position = {"lat": row["lat"], "lon": row["lon"]} if shown and row["lat"] is not None else None
    closed = {} if shown else {"health_notes": None, "entry_notes": None}
    return row | {"position": position, "withheld": not shown} | closed


@router.get("/devices", responses=responses(401, 422))
async def devices(
    connection: DatabaseConnection, caller: SignedIn, limit: paging.Limit = 50, cursor: paging.Cursor = None
) -> DevicePage:
    after = paging.decode(cursor, str)
    statement = f"{_DEVICE} WHERE d.revoked_at IS NULL AND {reach.DEVICE_D}"
    rows = await _page(connection, caller, statement, "d.device_id", after and after[0], limit)
    items, following = paging.page(rows, limit, "id")
    return DevicePage.model_validate({"items": items, "next": following})


@router.get("/devices/{device_id}", responses=responses(401, 404))
async def device(connection: DatabaseConnection, caller: SignedIn, device_id: str) -> Device:
    statement = f"{_DEVICE} WHERE {reach.DEVICE_D}"
    return Device.model_validate(
        await _one(connection, caller, statement, "d.device_id", device_id.replace("\x00", "�"))
    )


@router.get("/quarantine", responses=responses(401, 422))
async def quarantine(
    connection: DatabaseConnection, caller: SignedIn, limit: paging.Limit = 50, cursor: paging.Cursor = None
) -> QuarantinePage:
    """Bad input with its reason, newest first."""
    after = paging.decode(cursor, int)
    statement = f"{_QUARANTINE} WHERE {reach.QUARANTINE_Q}"
    rows = await _page(connection, caller, statement, "q.id", after and after[0], limit, newest=True)
    items, following = paging.page(rows, limit, "id")
    return QuarantinePage.model_validate({"items": [_quarantined(row) for row in items], "next": following})


@router.get("/quarantine/{quarantine_id}", responses=responses(401, 404))
async def quarantined(connection: DatabaseConnection, caller: SignedIn, quarantine_id: str) -> Quarantined:
    if not (quarantine_id.isascii() and quarantine_id.isdigit() and len(quarantine_id) < 19):
        raise not_found()
    statement = f"{_QUARANTINE} WHERE {reach.QUARANTINE_Q}"
    return Quarantined.model_validate(
        _quarantined(await _one(connection, caller, statement, "q.id", int(quarantine_id)))
    )


def _quarantined(row: dict[str, Any]) -> dict[str, Any]:
    payload: bytes = row["payload"]
    return row | {
        "payload": payload.decode("utf-8", "replace"),
        "payload_base64": base64.b64encode(payload).decode(),
    }
