"""The register of responders: who could be asked to go. For operators and administrators, within their reach."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query

from gateway.decoders.datum import gcj02_to_wgs84
from services.api import paging
from services.api.dependencies import Address, DatabaseConnection, DataKeys, SignedIn, id_of
from services.api.problems import ProblemError, responses
from services.api.responder_schemas import ChangedResponder, NewResponder, Place, Responder, ResponderPage, ShownPhone
from services.api.rows import one_of, page_of
from services.registry import reach
from services.registry.looks import record_phone_of_responder
from services.registry.reach import Caller
from services.registry.responders import Entered, add_responder, change_responder, end_responder
from services.registry.sealing import Keys
from services.registry.telephones import digits_of, kept_as_masked, opened, shown, sought
from services.storage.pool import Connection

router = APIRouter(prefix="/responders", tags=["responders"])

_RESPONDER = f"""
SELECT w.*, w.account_id AS id, c.name,
       CASE WHEN b.id IS NOT NULL THEN jsonb_build_object('id', b.id, 'name', b.name) END AS author,
       EXISTS (SELECT FROM responder_answers n JOIN alerts a ON a.id = n.alert_id
               WHERE n.account_id = w.account_id AND n.state IN ('accepted', 'arrived') AND NOT n.told_over
                 AND a.state IN ('triggered', 'acknowledged', 'dispatched', 'arrived')) AS busy
FROM responders w JOIN accounts c ON c.id = w.account_id LEFT JOIN accounts b ON b.id = w.changed_by
WHERE {reach.RESPONDER_W}
"""
_ORGANIZATION = f"SELECT o.id FROM organizations o WHERE {reach.ORGANIZATION_O}"
_SOUGHT = (
    "(%(search)s::text IS NULL OR strpos(c.name, %(search)s) > 0 OR w.phone_marks && %(marks)s::bytea[]"
    " OR left(w.phone, 1) <> '~' AND strpos(w.phone, %(search)s) > 0)"
)


@router.get("", responses=responses(401, 403, 422))
async def list_responders(
    connection: DatabaseConnection,
    caller: SignedIn,
    keys: DataKeys,
    search: Annotated[
        str | None, Query(max_length=64, pattern=r"^[^\x00]*$", description="of name; a whole number or its end")
    ] = None,
    ended: Annotated[bool, Query(description="those who were taken off, instead")] = False,
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> ResponderPage:
    after = paging.decode(cursor, UUID)
    statement = f"{_RESPONDER} AND (w.ended_at IS NOT NULL) = %(ended)s AND {_SOUGHT}"
    digits = digits_of(search or "")
    values = {"search": search, "ended": ended, "marks": sought(keys, digits) if len(digits) >= 4 and keys else []}
    rows = await page_of(connection, caller, statement, "w.account_id", after and after[0], limit, values=values)
    items, following = paging.page(rows, limit, "id")
    return ResponderPage.model_validate({"items": [_shown(row, keys) for row in items], "next": following})


@router.get("/{responder_id}", responses=responses(401, 403, 404))
async def one_responder(
    connection: DatabaseConnection, caller: SignedIn, keys: DataKeys, responder_id: str
) -> Responder:
    """The telephone number is masked: `POST /responders/{id}/phone` shows it."""
    return await _one(connection, caller, keys, id_of(responder_id))


@router.post("/{responder_id}/phone", responses=responses(401, 403, 404))
async def phone_of_responder(
    connection: DatabaseConnection, caller: SignedIn, address: Address, keys: DataKeys, responder_id: str
) -> ShownPhone:
    """The whole number. That it was asked for is kept."""
    row = await one_of(connection, caller, _RESPONDER, "w.account_id", id_of(responder_id))
    await record_phone_of_responder(connection, caller, row["id"], address)
    return ShownPhone(phone=opened(keys, row["phone"]) or "")


@router.post("", status_code=201, responses=responses(401, 403, 404, 422))
async def new_responder(
    connection: DatabaseConnection, caller: SignedIn, keys: DataKeys, new: NewResponder
) -> Responder:
    """Somebody who may be asked from now on. 404: no such organisation within reach."""
    await one_of(connection, caller, _ORGANIZATION, "o.id", new.organization_id)
    if "**" in new.phone:
        raise ProblemError(422, "请填写完整的电话号码", title="A masked telephone number")
    return await _one(connection, caller, keys, await add_responder(connection, keys, _entered(new), caller.account_id))


@router.put("/{responder_id}", responses=responses(401, 403, 404, 409, 422))
async def changed_responder(
    connection: DatabaseConnection, caller: SignedIn, keys: DataKeys, responder_id: str, changed: ChangedResponder
) -> Responder:
    """All of it anew. 409: somebody else has changed it since `version`, or they were taken off."""
    row = await one_of(connection, caller, _RESPONDER, "w.account_id", id_of(responder_id))
    before = Responder.model_validate(_shown(row, keys))
    await one_of(connection, caller, _ORGANIZATION, "o.id", changed.organization_id)
    # The form was shown a masked number, and sends it back.
    changed.phone = kept_as_masked(changed.phone, [opened(keys, row["phone"]) or ""])
    if "**" in changed.phone:
        raise ProblemError(422, "请填写完整的电话号码", title="A masked telephone number")
    entered = _entered(changed)
    if not await change_responder(connection, keys, before.id, entered, changed.version, caller.account_id):
        now = await _one(connection, caller, keys, before.id)
        told = "已从名册移除" if now.ended_at else f"已被别人修改，现在是第 {now.version} 版，请先查看再修改"
        raise ProblemError(409, f"{now.name}{told}", title="Changed since", version=now.version)
    return await _one(connection, caller, keys, before.id)


@router.post("/{responder_id}/end", responses=responses(401, 403, 404))
async def ended_responder(
    connection: DatabaseConnection, caller: SignedIn, keys: DataKeys, responder_id: str
) -> Responder:
    """Off the register: not asked any more, and every link they have is dead. What they did is kept."""
    before = await _one(connection, caller, keys, id_of(responder_id))
    await end_responder(connection, before.id, caller.account_id)
    return await _one(connection, caller, keys, before.id)


async def _one(connection: Connection, caller: Caller, keys: Keys, responder_id: UUID) -> Responder:
    row = await one_of(connection, caller, _RESPONDER, "w.account_id", responder_id)
    return Responder.model_validate(_shown(row, keys))


def _shown(row: dict[str, Any], keys: Keys) -> dict[str, Any]:
    position = {"lat": row["lat"], "lon": row["lon"]} if row["lat"] is not None else None
    return shown(keys, row, whole=False) | {"position": position, "changed_by": row["author"]}


def _entered(said: NewResponder) -> Entered:
    lat, lon = wgs84(said.position)
    hours = tuple(
        {
            "weekdays": sorted(set(one.weekdays)),
            "from": one.start.isoformat("minutes"),
            "to": one.end.isoformat("minutes"),
        }
        for one in said.hours
    )
    skills = tuple(dict.fromkeys(said.skills))
    return Entered(said.name, said.organization_id, said.kind, said.phone, skills, hours, lat, lon)


def wgs84(place: Place | None) -> tuple[float | None, float | None]:
    """As it is stored."""
    if place is None:
        return None, None
    return gcj02_to_wgs84(place.lat, place.lon) if place.datum == "gcj02" else (place.lat, place.lon)
