"""Numbers and withheld data asked for, who looked, and a person's data taken out or erased."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from psycopg.rows import dict_row

from services.api import paging
from services.api.dependencies import Acting, Address, DatabaseConnection, DataKeys, SignedIn, id_of
from services.api.privacy_schemas import (
    ElderPhones,
    FamilyLooks,
    LookPage,
    Opening,
    OpeningPage,
    Trails,
    WhyErased,
    WhyOpened,
)
from services.api.problems import ProblemError, not_found, responses
from services.api.routes.records import told
from services.api.rows import one_of, page_of
from services.registry import reach
from services.registry.erase_person import erase_person
from services.registry.kept import kept
from services.registry.looks import record_look, record_phones
from services.registry.openings import close_withheld, open_withheld
from services.registry.personal_data import as_json, as_page, personal_data
from services.registry.telephones import shown

router = APIRouter(tags=["privacy"])

_ELDER = f"""
SELECT p.id, p.name, p.phone, p.doctor_phone,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('name', c.name, 'relation', c.relation, 'phone', c.phone)
                                  ORDER BY c.position), '[]')
        FROM elder_contacts c WHERE c.elder_id = p.id) AS contacts
FROM elders p WHERE {reach.ELDER_P}
"""
_OPENING = f"""
SELECT b.*, p.name AS elder_name, c.name AS who FROM openings b JOIN elders p ON p.id = b.elder_id
JOIN accounts c ON c.id = b.account_id WHERE {reach.BELONGS.format("p")}
"""
# What is of no elder, as a responder's number, is the root's to see.
_LOOK = f"""
SELECT l.*, c.name AS who, c.role, p.name AS elder_name FROM access_log l JOIN accounts c ON c.id = l.account_id
LEFT JOIN elders p ON p.id = l.elder_id
WHERE CASE WHEN p.id IS NOT NULL THEN {reach.BELONGS.format("p")}
           ELSE EXISTS (SELECT FROM organizations r
                        WHERE r.parent_id IS NULL AND r.id = ANY(%(reach_organizations)s::uuid[])) END
"""
# The family's own looks are told too: there may be several of them.
_FAMILY = """
SELECT l.at, l.what, CASE WHEN c.role = 'caregiver' THEN '家属 ' || c.name ELSE c.name END AS who,
       (SELECT o.name FROM account_organizations m JOIN organizations o ON o.id = m.organization_id
        WHERE m.account_id = c.id ORDER BY cardinality(o.path), o.id LIMIT 1) AS organization,
       CASE WHEN l.what = 'opened' THEN (
           SELECT b.reason FROM openings b WHERE b.elder_id = l.elder_id AND b.account_id = l.account_id
           AND b.opened_at <= l.at ORDER BY b.opened_at DESC LIMIT 1) END AS reason
FROM access_log l JOIN accounts c ON c.id = l.account_id WHERE l.elder_id = %s ORDER BY l.at DESC, l.id DESC LIMIT 200
"""
_TRAILS = """
SELECT s.trail, s.sealed_to, s.seals, s.sealed_at, CASE s.trail
           WHEN 'changes' THEN (SELECT count(*) FROM changes WHERE id > s.sealed_to)
           ELSE (SELECT count(*) FROM access_log WHERE id > s.sealed_to) END AS unsealed
FROM (SELECT t.trail, coalesce(max(x.last_id), 0) AS sealed_to, count(x.id) AS seals, max(x.sealed_at) AS sealed_at
      FROM unnest(ARRAY['access_log', 'changes']) AS t (trail) LEFT JOIN trail_seals x USING (trail)
      GROUP BY t.trail) s ORDER BY s.trail
"""
_HEAD = "SELECT coalesce((SELECT encode(hash, 'hex') FROM trail_seals ORDER BY id DESC LIMIT 1), '')"


_FORMS: dict[str, Any] = {
    "application/json": {"schema": {"type": "object", "additionalProperties": {"type": "array"}}},
    "text/html": {"schema": {"type": "string"}},
}


@router.post("/elders/{elder_id}/phones", responses=responses(401, 403, 404))
async def phones(
    connection: DatabaseConnection, caller: SignedIn, address: Address, keys: DataKeys, elder_id: str
) -> ElderPhones:
    """The whole numbers of an elder, their doctor and their contacts. That they were asked for is kept, and the family
    sees it. While an alert is unresolved they are in `GET /elders/{id}` itself."""
    row = await one_of(connection, caller, _ELDER, "p.id", id_of(elder_id))
    await record_phones(connection, caller, row["id"], address)
    return ElderPhones.model_validate(shown(keys, row, whole=True))


@router.post("/elders/{elder_id}/opening", status_code=201, responses=responses(401, 403, 404, 422))
async def opening(
    connection: DatabaseConnection, caller: SignedIn, address: Address, elder_id: str, why: WhyOpened
) -> Opening:
    """Break-glass: for half an hour the caller sees position, health and entry notes as if an alert were unresolved.
    The reason is shown to the elder's family and to auditors."""
    row = await one_of(connection, caller, _ELDER, "p.id", id_of(elder_id))
    made = await open_withheld(connection, caller, row["id"], why.reason, address)
    await record_look(connection, caller, "opened", row["id"], alert_id=None, address=address)
    who = {"elder_name": row["name"], "account_id": caller.account_id, "who": caller.name}
    return Opening.model_validate(made | who)


@router.delete("/elders/{elder_id}/opening", status_code=204, responses=responses(401, 403, 404))
async def no_opening(connection: DatabaseConnection, caller: SignedIn, elder_id: str) -> None:
    """Before its time is over."""
    row = await one_of(connection, caller, _ELDER, "p.id", id_of(elder_id))
    await close_withheld(connection, caller, row["id"])


@router.get("/trails", responses=responses(401, 403))
async def trails(connection: DatabaseConnection, _caller: SignedIn) -> Trails:
    """How far the trails are sealed, and how long each kind of data is kept. `anhu audit verify` looks whether they
    hold."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        items: list[Any] = await (await cursor.execute(_TRAILS)).fetchall()
    head = await (await connection.execute(_HEAD)).fetchone()
    assert head is not None
    return Trails.model_validate({"items": items, "head": head[0], "kept": await kept(connection)})


@router.get("/trails/looks", responses=responses(401, 403, 422))
async def looks(
    connection: DatabaseConnection,
    caller: SignedIn,
    elder_id: UUID | None = None,
    account_id: UUID | None = None,
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> LookPage:
    """Who saw location, health or numbers of whom; newest first."""
    after = paging.decode(cursor, int)
    statement = (
        f"{_LOOK} AND (%(elder_id)s::uuid IS NULL OR l.elder_id = %(elder_id)s)"
        " AND (%(account_id)s::uuid IS NULL OR l.account_id = %(account_id)s)"
    )
    values = {"elder_id": elder_id, "account_id": account_id}
    rows = await page_of(connection, caller, statement, "l.id", after and after[0], limit, newest=True, values=values)
    items, following = paging.page(rows, limit, "id")
    return LookPage.model_validate({"items": items, "next": following})


@router.get("/trails/openings", responses=responses(401, 403, 422))
async def openings(
    connection: DatabaseConnection,
    caller: SignedIn,
    elder_id: UUID | None = None,
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> OpeningPage:
    """What was withheld and opened, with the reasons."""
    after = paging.decode(cursor, datetime.fromisoformat, UUID)
    values: dict[str, Any] = caller.parameters | {"elder_id": elder_id, "limit": limit + 1}
    where = " AND (%(elder_id)s::uuid IS NULL OR b.elder_id = %(elder_id)s)"
    if after:
        where += " AND (b.opened_at, b.id) < (%(at)s, %(id)s)"
        values |= {"at": after[0], "id": after[1]}
    async with connection.cursor(row_factory=dict_row) as rows:
        await rows.execute(f"{_OPENING}{where} ORDER BY b.opened_at DESC, b.id DESC LIMIT %(limit)s", values)
        items, following = paging.page(await rows.fetchall(), limit, "opened_at", "id")
    return OpeningPage.model_validate({"items": items, "next": following})


@router.get("/family/elders/{elder_id}/looks", responses=responses(401, 403, 404))
async def family_looks(connection: DatabaseConnection, caller: SignedIn, elder_id: str) -> FamilyLooks:
    """谁看过: the last two hundred looks at location, health and numbers."""
    elder = id_of(elder_id)
    if elder not in caller.elders:
        raise not_found()
    async with connection.cursor(row_factory=dict_row) as cursor:
        rows: list[Any] = await (await cursor.execute(_FAMILY, (elder,))).fetchall()
    return FamilyLooks(items=rows)


@router.get(
    "/elders/{elder_id}/personal-data",
    response_class=Response,
    responses=responses(401, 403, 404, 409) | {200: {"content": _FORMS, "description": "all that is kept, as a file"}},
)
async def personal_data_of(
    connection: DatabaseConnection,
    actor: Acting,
    keys: DataKeys,
    elder_id: str,
    form: Annotated[Literal["json", "html"], Query()] = "json",
) -> Response:
    """个人信息副本: everything about a person, for them. That it was taken out is kept."""
    with told():
        found = await personal_data(connection, actor, keys, id_of(elder_id))
    headers = {"content-disposition": f'attachment; filename="personal-data.{form}"'}
    if form == "html":
        return Response(as_page(found), media_type="text/html", headers=headers)
    return Response(as_json(found), media_type="application/json", headers=headers)


@router.post("/elders/{elder_id}/personal-data/erase", status_code=204, responses=responses(401, 403, 404, 409, 422))
async def erased(
    connection: DatabaseConnection, caller: SignedIn, actor: Acting, elder_id: str, why: WhyErased
) -> None:
    """删除: record, contacts, health, positions and what was written by hand are gone for good; alerts, their times and
    statistics stay, without the person."""
    row = await one_of(connection, caller, _ELDER, "p.id", id_of(elder_id))
    if row["name"] != why.name:
        raise ProblemError(422, "姓名与档案不一致，没有删除", title="Not their name")
    with told():
        await erase_person(connection, actor, row["id"], why.reason)
