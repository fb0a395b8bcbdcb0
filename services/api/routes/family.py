"""The caregiver's page (家属端): their elders, and what happens to them."""

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Body
from psycopg.rows import dict_row

from alerts.domain.alert import Actor
from alerts.ledger import ALERT, alert_of
from alerts.presentation import alert_json
from alerts.say_safe import say_safe
from services.api.dependencies import Address, DatabaseConnection, DataKeys, SignedIn, id_of
from services.api.family_schemas import Family, FamilyAlert, SafeBody, Vitals
from services.api.problems import ProblemError, not_found, responses
from services.registry.looks import record_look, record_looks
from services.registry.reach import Caller
from services.registry.telephones import shown
from services.storage.pool import Connection

router = APIRouter(prefix="/family", tags=["family"])

_ELDERS = """
SELECT p.id, p.name, p.phone, clock_timestamp() AS now,
       array(SELECT purpose FROM consents c WHERE c.elder_id = p.id AND c.withdrawn_at IS NULL ORDER BY 1) AS consents
FROM elders p WHERE p.id = ANY(%s) ORDER BY p.name, p.id
"""
_DEVICES = """
SELECT d.elder_id, d.device_id, d.kind, s.online, s.last_seen_at, s.battery
FROM devices d LEFT JOIN device_states s ON s.device_key = d.key
WHERE d.elder_id = ANY(%s) AND d.revoked_at IS NULL ORDER BY d.device_id
"""
_ALERTS = f"""
{ALERT} WHERE a.elder_id = ANY(%s)
  AND (a.state IN ('triggered', 'acknowledged', 'dispatched', 'arrived') OR a.raised_at > now() - interval '7 days')
ORDER BY a.raised_at DESC LIMIT 50
"""
_BESIDE = """
SELECT a.id, o.name AS station, o.phone AS station_phone, told.stage, told.at,
       (SELECT jsonb_agg(jsonb_build_object('at', t.at, 'kind', t.kind, 'by', t.actor, 'note', t.note, 'body', t.body)
                         ORDER BY t.id)
        FROM alert_timeline t WHERE t.alert_id = a.id AND t.kind = ANY(%(kinds)s)) AS steps
FROM alerts a JOIN organizations o ON o.id = a.organization_id
LEFT JOIN LATERAL (
    SELECT d.stage, d.at FROM alert_events e JOIN device_told d ON d.event = e.event WHERE e.alert_id = a.id
    ORDER BY d.at DESC LIMIT 1) told ON true
WHERE a.id = ANY(%(ids)s)
"""
_KINDS: Final = (
    *("raised", "folded", "worsened", "escalated", "seen", "acknowledged", "dispatched", "arrived", "resolved"),
    *("cancelled", "family_safe"),
)
_FIELDS: Final = ("heart_rate", "spo2", "body_temperature", "respiratory_rate", "systolic", "diastolic", "steps")
# A day of one elder's few devices.
_VITALS = " UNION ALL ".join(
    f"(SELECT '{field}' AS field, r.{field}::float AS value, r.ts AS at FROM readings r JOIN devices d"
    f" ON d.key = r.device_key WHERE d.elder_id = %(elder)s AND r.ts > now() - interval '1 day'"
    f" AND r.{field} IS NOT NULL ORDER BY r.ts DESC LIMIT 1)"
    for field in _FIELDS
)


@router.get("", responses=responses(401, 403))
async def family(connection: DatabaseConnection, caller: SignedIn, address: Address, keys: DataKeys) -> Family:
    """All that the page shows, asked again every few seconds."""
    elders = list(caller.elders)
    async with connection.cursor(row_factory=dict_row) as cursor:
        people = await (await cursor.execute(_ELDERS, (elders,))).fetchall()
        devices = await (await cursor.execute(_DEVICES, (elders,))).fetchall()
        found = [alert_of(row) for row in await (await cursor.execute(_ALERTS, (elders,))).fetchall()]
        now = await (await cursor.execute("SELECT clock_timestamp() AS now")).fetchone()
        beside = {
            row["id"]: row
            for row in await (
                await cursor.execute(_BESIDE, {"ids": [one.id for one in found], "kinds": list(_KINDS)})
            ).fetchall()
        }
    located = [one.elder.id for one in found if one.elder and one.unresolved and caller.may_locate(one.elder.id)]
    if located:
        await record_looks(connection, caller, "family", sorted(set(located)), alert_id=None, address=address)
    assert now is not None
    told = [
        shown(keys, person, whole=True)
        | {
            "devices": (own := [one for one in devices if one["elder_id"] == person["id"]]),
            "last_seen_at": max((one["last_seen_at"] for one in own if one["last_seen_at"]), default=None),
            "alerts": [
                _alert(alert_json(one), beside[one.id], locate=caller.may_locate(person["id"]))
                for one in found
                if one.elder and one.elder.id == person["id"]
            ],
        }
        for person in people
    ]
    return Family.model_validate({"at": now["now"], "elders": told})


@router.get("/elders/{elder_id}/vitals", responses=responses(401, 403, 404))
async def vitals(connection: DatabaseConnection, caller: SignedIn, address: Address, elder_id: str) -> Vitals:
    """The last of each within a day. The look is recorded."""
    elder = id_of(elder_id)
    if elder not in caller.elders:
        raise not_found()
    if not caller.may_measure(elder):
        raise ProblemError(403, "老人没有同意家属查看体征数据")
    await record_look(connection, caller, "readings", elder, alert_id=None, address=address)
    async with connection.cursor(row_factory=dict_row) as cursor:
        rows = await (await cursor.execute(_VITALS, {"elder": elder})).fetchall()
    return Vitals.model_validate({"items": rows})


@router.post("/alerts/{alert_id}/safe", responses=responses(401, 403, 404, 409, 422))
async def safe(
    connection: DatabaseConnection,
    caller: SignedIn,
    address: Address,
    alert_id: str,
    body: Annotated[SafeBody | None, Body()] = None,
) -> FamilyAlert:
    """我已确认安全: the station is told on the alert, and goes on until it has made sure itself."""
    await _reached(connection, caller, id_of(alert_id))
    note = body.note.strip() if body and body.note else None
    said = await say_safe(connection, id_of(alert_id), note or None, Actor(caller.account_id, caller.name, address))
    if said is None:
        raise ProblemError(409, "这条告警已经结束，不需要再确认")
    async with connection.cursor(row_factory=dict_row) as cursor:
        row = await (await cursor.execute(_BESIDE, {"ids": [said.id], "kinds": list(_KINDS)})).fetchone()
    assert row is not None
    locate = caller.may_locate(said.elder.id if said.elder else None)
    return FamilyAlert.model_validate(_alert(alert_json(said), row, locate=locate))


async def _reached(connection: Connection, caller: Caller, alert_id: UUID) -> None:
    statement = "SELECT FROM alerts WHERE id = %s AND elder_id = ANY(%s)"
    if await (await connection.execute(statement, (alert_id, list(caller.elders)))).fetchone() is None:
        raise not_found()


def _alert(alert: dict[str, Any], beside: dict[str, Any], *, locate: bool) -> dict[str, Any]:
    steps = beside["steps"] or []
    sent = [one for one in steps if one["kind"] == "dispatched" and one["body"]]
    way = None
    if sent and alert["state"] == "dispatched":
        last = sent[-1]
        way = {"responder": last["body"].get("responder", ""), "eta_minutes": last["body"].get("eta_minutes")}
        way |= {"since": last["at"]}
    return alert | {
        "open": not alert["withheld"],
        "holder": alert["holder"]["name"] if alert["holder"] else None,
        "station": beside["station"],
        "station_phone": beside["station_phone"],
        "on_the_way": way,
        "safe": [
            {"by": one["by"] or "", "at": one["at"], "note": one["note"]}
            for one in steps
            if one["kind"] == "family_safe"
        ],
        "told": {"stage": beside["stage"], "at": beside["at"]} if beside["stage"] else None,
        "location": alert["location"] if locate else None,
        "place": alert["place"] if locate else None,
        "steps": [{"at": one["at"], "kind": one["kind"]} for one in steps],
    }
