"""Organisations, elders and devices: what the caller may see."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from psycopg.rows import dict_row

from services.api import paging
from services.api.dependencies import Address, DatabaseConnection, DataKeys, SignedIn, id_of
from services.api.problems import responses
from services.api.rows import one_of, page_of
from services.api.schemas import (
    AbilityLevel,
    Device,
    DevicePage,
    Elder,
    ElderPage,
    Organization,
    OrganizationPage,
)
from services.registry import reach, telephones
from services.registry.find import Conditions, add_device_search, add_elder_search, add_reach
from services.registry.looks import record_look
from services.registry.sealing import Keys
from services.storage.pool import Connection

router = APIRouter(tags=["registry"])

Search = Annotated[str | None, Query(max_length=64, pattern=r"^[^\x00]*$", description="a part of it; all when absent")]
Below = Annotated[UUID | None, Query(description="only of this organisation and those below it")]
_ORGANIZATION = "SELECT o.* FROM organizations o"
_ELDER = f"""
SELECT p.*, extract(year FROM age(p.birth_date))::int AS age,
       p.identity_hash IS NOT NULL AS has_identity, {reach.ELDER_P_IN_NEED} AS in_need,
       (SELECT max(b.ends_at) FROM openings b WHERE b.elder_id = p.id AND b.account_id = %(reach_account)s::uuid
        AND b.ends_at > clock_timestamp()) AS opened_until,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('name', c.name, 'relation', c.relation, 'phone', c.phone)
                                  ORDER BY c.position), '[]')
        FROM elder_contacts c WHERE c.elder_id = p.id) AS contacts
FROM elders p
"""
_DEVICE = """
SELECT d.device_id AS id, d.device_id, d.kind, d.model, d.organization_id, d.elder_id, d.enrolled_at, d.revoked_at,
       s.online, s.online_at, s.last_seen_at, s.battery,
       (SELECT w.name FROM elders w WHERE w.id = d.elder_id) AS elder_name,
       (SELECT r.rssi FROM readings r WHERE r.device_key = d.key AND r.ts > now() - interval '1 day'
        AND r.rssi IS NOT NULL ORDER BY r.ts DESC LIMIT 1) AS rssi,
       array(SELECT c.type FROM device_conditions c WHERE c.device_key = d.key AND c.state NOT IN ('past', 'ended')
             ORDER BY c.type) AS conditions
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
    keys: DataKeys,
    search: Search = None,
    organization_id: Below = None,
    care_category: Search = None,
    ability_level: AbilityLevel | None = None,
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> ElderPage:
    """`search` is by any part of the name, its initials in pinyin or the address, by a telephone number of theirs or of
    a contact's, or by its last four digits; of several words each has to be there. Position, health notes and entry
    notes are in `/elders/{id}` alone, and only while an alert is unresolved."""
    where = Conditions(["p.erased_at IS NULL"])
    await add_reach(connection, caller, where, "p", organization_id)
    add_elder_search(where, search, keys)
    if care_category:
        where.add("%(care_category)s = ANY(p.care_categories)", care_category=care_category)
    if ability_level:
        where.add("p.ability_level = %(ability_level)s", ability_level=ability_level)
    where.values["reach_account"] = caller.account_id
    rows, following = await _page(connection, _ELDER, where, "p.id", paging.decode(cursor, UUID), limit)
    items = [_elder(row, keys, shown=False) for row in rows]
    return ElderPage.model_validate({"items": items, "next": following})


async def _page(
    connection: Connection, statement: str, where: Conditions, key: str, after: list[Any] | None, limit: int
) -> tuple[list[dict[str, Any]], str | None]:
    """In the order of one unique key. Planned for its values each time: a search for what everybody has reads the list
    in its order, one for what few have by the index."""
    if after:
        where.add(f"{key} > %(after)s", after=after[0])
    query = f"{statement} WHERE {where} ORDER BY {key} LIMIT %(limit)s"
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, where.values | {"limit": limit + 1}, prepare=False)
        rows = await cursor.fetchall()
    return paging.page(rows, limit, "id")


@router.get("/elders/{elder_id}", responses=responses(401, 404))
async def elder(
    connection: DatabaseConnection, caller: SignedIn, address: Address, keys: DataKeys, elder_id: str
) -> Elder:
    """Position and health are there while an alert is unresolved, or the caller has opened them; the look is recorded.
    Telephone numbers are whole while an alert is unresolved, and masked else."""
    row = await one_of(connection, caller, f"{_ELDER} WHERE {reach.ELDER_P}", "p.id", id_of(elder_id))
    open_now = row["in_need"] or row["opened_until"] is not None
    if open_now:
        what = "elder" if row["in_need"] else "opened"
        await record_look(connection, caller, what, row["id"], alert_id=None, address=address)
    shown = _elder(row, keys, shown=open_now)
    if not caller.may_locate(row["id"]):
        shown |= {"position": None, "entry_notes": None}
    if not caller.may_measure(row["id"]):
        shown |= {"health_notes": None}
    return Elder.model_validate(shown)


def _elder(row: dict[str, Any], keys: Keys, *, shown: bool) -> dict[str, Any]:
    position = {"lat": row["lat"], "lon": row["lon"]} if shown and row["lat"] is not None else None
    closed = {} if shown else dict.fromkeys(("health_notes", "entry_notes", "conditions", "medicines", "allergies"))
    # Whoever is on the floor is called at once; at other times a number is asked for (`POST /elders/{id}/phones`).
    told = telephones.shown(keys, row, whole=row["in_need"])
    return told | {"position": position, "withheld": not shown, "masked": not row["in_need"]} | closed


@router.get("/devices", responses=responses(401, 422))
async def devices(
    connection: DatabaseConnection,
    caller: SignedIn,
    keys: DataKeys,
    search: Search = None,
    organization_id: Below = None,
    elder_id: UUID | None = None,
    revoked: Annotated[bool, Query(description="those that are revoked, in the place of those that are not")] = False,
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> DevicePage:
    """`search` is by the device's id, and by what finds the elder who has it."""
    where = Conditions(["d.revoked_at IS NOT NULL" if revoked else "d.revoked_at IS NULL"])
    await add_reach(connection, caller, where, "d", organization_id)
    if elder_id:
        where.add("d.elder_id = %(elder_id)s", elder_id=elder_id)
    if search:
        add_device_search(where, search, keys)
    rows, following = await _page(connection, _DEVICE, where, "d.device_id", paging.decode(cursor, str), limit)
    return DevicePage.model_validate({"items": rows, "next": following})


@router.get("/devices/{device_id}", responses=responses(401, 404))
async def device(connection: DatabaseConnection, caller: SignedIn, device_id: str) -> Device:
    statement = f"{_DEVICE} WHERE {reach.DEVICE_D}"
    return Device.model_validate(
        await one_of(connection, caller, statement, "d.device_id", device_id.replace("\x00", "�"))
    )
