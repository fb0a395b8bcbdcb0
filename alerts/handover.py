"""The sheet that is handed over to 120: all that its crew asks about one alert. Reads; open while it is unresolved."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from alerts.domain.alert import UNRESOLVED, State
from alerts.responders import who_goes

Connection = AsyncConnection[Any]

_SHEET = """
SELECT a.id AS alert_id, a.title, a.type, a.severity, a.state, a.drill, a.occurrences, a.occurred_at, a.sentence,
       a.device_kind, a.place, a.lat, a.lon, a.accuracy, clock_timestamp() AS made_at,
       o.name AS station, o.phone AS station_phone,
       e.id AS elder_id, e.name, e.gender, extract(year FROM age(e.birth_date))::int AS age, e.phone,
       nullif(concat_ws(' ', e.address, e.bed), '') AS address,
       e.lat AS home_lat, e.lon AS home_lon, e.ability_level, e.living_situation, e.care_categories, e.conditions,
       e.medicines || array(SELECT DISTINCT m.medicine FROM medication_plans m WHERE m.elder_id = e.id
           AND m.ended_at IS NULL AND coalesce(m.ends_on, 'infinity') >= current_date AND m.medicine <> ALL(e.medicines)
           ORDER BY 1) AS medicines,
       e.allergies, e.health_notes, e.entry_notes
FROM alerts a JOIN organizations o ON o.id = a.organization_id LEFT JOIN elders e ON e.id = a.elder_id WHERE a.id = %s
"""
_CONTACTS = "SELECT name, relation, phone FROM elder_contacts WHERE elder_id = %s ORDER BY position"
_TIMELINE = "SELECT at, kind, actor AS by, note, body FROM alert_timeline WHERE alert_id = %s ORDER BY id"
_PHONE = "SELECT phone FROM responders WHERE account_id = %s"
#: What a crew reads, in this order.
VITALS = ("heart_rate", "spo2", "systolic", "diastolic", "respiratory_rate", "body_temperature")
# The newest of each: the primary key of readings is (device_key, ts, seq), so each is one step into an index, but for
# a field that a device does not measure, which is why a day is the end of it.
_VITALS = " UNION ALL ".join(
    f"(SELECT '{field}' AS field, {field}::float AS value, ts AS at FROM readings"
    f" WHERE device_key = ANY(%(devices)s) AND ts > clock_timestamp() - interval '1 day' AND {field} IS NOT NULL"
    " ORDER BY ts DESC LIMIT 1)"
    for field in VITALS
)
_DEVICES = "SELECT key FROM devices WHERE elder_id = %s AND revoked_at IS NULL"
_ABOUT_ELDER = (
    *("name", "gender", "age", "phone", "ability_level", "living_situation", "care_categories"),
    *("conditions", "medicines", "allergies", "health_notes"),
)


@dataclass(frozen=True, slots=True)
class Sheet:
    elder_id: UUID | None
    content: dict[str, Any]


async def handover_sheet(connection: Connection, alert_id: UUID) -> Sheet | State | None:
    """The state of an alert that is closed, of which nothing is told any more; None when there is none."""
    async with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        row = await (await cursor.execute(_SHEET, (alert_id,))).fetchone()
        if row is None:
            return None
        if State(row["state"]) not in UNRESOLVED:
            return State(row["state"])
        timeline = await (await cursor.execute(_TIMELINE, (alert_id,))).fetchall()
        contacts = await (await cursor.execute(_CONTACTS, (row["elder_id"],))).fetchall()
        devices = [one["key"] for one in await (await cursor.execute(_DEVICES, (row["elder_id"],))).fetchall()]
        vitals = await (await cursor.execute(_VITALS, {"devices": devices})).fetchall() if devices else []
        going = await who_goes(connection, alert_id)
        phone = await (await connection.execute(_PHONE, (going[0].id,))).fetchone() if going else None
    content = row | {
        "elder": {name: row[name] for name in _ABOUT_ELDER} if row["elder_id"] else None,
        "address": row["place"] or row["address"],
        **_place(row),
        "contacts": contacts,
        "vitals": vitals,
        "responder": going[0].name if going else _sent(timeline),
        "responder_phone": phone[0] if phone else None,
        "timeline": timeline,
    }
    return Sheet(row["elder_id"], content)


def _place(row: dict[str, Any]) -> dict[str, Any]:
    if row["lat"] is not None:
        accuracy = {} if row["accuracy"] is None else {"accuracy": row["accuracy"]}
        return {"position": {"lat": row["lat"], "lon": row["lon"]} | accuracy, "position_from": "device"}
    if row["home_lat"] is not None:
        return {"position": {"lat": row["home_lat"], "lon": row["home_lon"]}, "position_from": "home"}
    return {"position": None, "position_from": None}


def _sent(timeline: list[dict[str, Any]]) -> str | None:
    """Whom an operator dispatched last."""
    sent = [entry["body"] for entry in timeline if entry["kind"] == "dispatched" and entry["body"]]
    return sent[-1].get("responder") if sent else None
