"""Care homes: buildings, rooms and beds, and who has which."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from psycopg.rows import dict_row

from services.api.dependencies import Address, DatabaseConnection, SignedIn, id_of
from services.api.home_schemas import BedList, BedOf, NewBeds
from services.api.problems import not_found, responses
from services.api.routes.records import told
from services.api.rows import one_of
from services.registry import reach
from services.registry.beds import add_beds, give_bed, remove_bed
from services.registry.names import Actor
from services.registry.reach import Caller
from services.storage.pool import Connection

router = APIRouter(prefix="/organizations/{organization_id}/beds", tags=["registry"])

_HOME = f"SELECT o.id FROM organizations o WHERE o.tier = 'care_home' AND {reach.ORGANIZATION_O}"
_BEDS = """
SELECT b.id, b.building, b.room, b.bed, b.since,
       CASE WHEN p.id IS NOT NULL THEN jsonb_build_object('id', p.id, 'name', p.name) END AS elder
FROM beds b LEFT JOIN elders p ON p.id = b.elder_id WHERE b.organization_id = %s ORDER BY b.building, b.room, b.bed
"""


@router.get("", responses=responses(401, 403, 404))
async def beds(connection: DatabaseConnection, caller: SignedIn, organization_id: str) -> BedList:
    """Of a care home, by building and room."""
    return await _beds(connection, await _home(connection, caller, organization_id))


@router.post("", status_code=201, responses=responses(401, 403, 404, 422))
async def new_beds(connection: DatabaseConnection, caller: SignedIn, organization_id: str, new: NewBeds) -> BedList:
    """Those that are there stay as they are."""
    home = await _home(connection, caller, organization_id, writes=True)
    await add_beds(connection, home, new.building, new.room, new.beds)
    return await _beds(connection, home)


@router.put("/{bed_id}", responses=responses(401, 403, 404, 409, 422))
async def bed_of(
    connection: DatabaseConnection, caller: SignedIn, address: Address, organization_id: str, bed_id: str, of: BedOf
) -> BedList:
    """Who has it from now on: alerts of theirs say so."""
    home = await _home(connection, caller, organization_id, writes=True)
    with told():
        if not await give_bed(connection, Actor(caller.name, address, caller), home, id_of(bed_id), of.elder_id):
            raise not_found()
    return await _beds(connection, home)


@router.delete("/{bed_id}", responses=responses(401, 403, 404, 409))
async def no_bed(connection: DatabaseConnection, caller: SignedIn, organization_id: str, bed_id: str) -> BedList:
    home = await _home(connection, caller, organization_id, writes=True)
    with told():
        if not await remove_bed(connection, home, id_of(bed_id)):
            raise not_found()
    return await _beds(connection, home)


async def _home(connection: Connection, caller: Caller, organization_id: str, *, writes: bool = False) -> UUID:
    row = await one_of(connection, caller, _HOME, "o.id", id_of(organization_id))
    home: UUID = row["id"]
    return home


async def _beds(connection: Connection, home: UUID) -> BedList:
    async with connection.cursor(row_factory=dict_row) as cursor:
        rows: list[dict[str, Any]] = await (await cursor.execute(_BEDS, (home,))).fetchall()
    return BedList.model_validate({"items": rows})
