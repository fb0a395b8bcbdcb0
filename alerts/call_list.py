"""Whom to call when an area is lost, in order: those of its elders whom the caller reaches."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from alerts.domain.alert import Severity
from alerts.domain.call_order import AtRisk, in_order, risk
from services.registry import reach
from services.registry.whereabouts import PLACE_P

Connection = AsyncConnection[Any]

# Devices' own alerts are left aside: that nothing is heard of them is what the list is about.
_ELDERS = f"""
WITH lost AS (
    SELECT d.elder_id, d.device_id, d.kind, min(c.since) AS since, bool_and(c.ended_at IS NOT NULL) AS restored
    FROM device_conditions c JOIN devices d ON d.key = c.device_key
    WHERE c.incident_id = %(incident_id)s AND d.elder_id IS NOT NULL GROUP BY d.elder_id, d.device_id, d.kind
), elder AS (
    SELECT elder_id, min(since) AS since, bool_and(restored) AS restored,
           jsonb_agg(jsonb_build_object('device_id', device_id, 'kind', kind, 'silent_since', since,
                                        'restored', restored) ORDER BY device_id) AS devices
    FROM lost GROUP BY elder_id
)
SELECT p.id, p.name, p.phone, {PLACE_P}, p.ability_level, p.living_situation, p.care_categories,
       elder.since, elder.restored, elder.devices,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('name', k.name, 'relation', k.relation, 'phone', k.phone)
                                  ORDER BY k.position), '[]')
        FROM elder_contacts k WHERE k.elder_id = p.id) AS contacts,
       (SELECT array_agg(DISTINCT a.severity) FROM alerts a WHERE a.elder_id = p.id AND a.type NOT LIKE 'device.%%'
           AND a.state IN ('triggered', 'acknowledged', 'dispatched', 'arrived')) AS open_alerts,
       (SELECT array_agg(DISTINCT e.severity) FROM rule_episodes e WHERE e.elder_id = p.id AND e.mode = 'live'
           AND e.ended IS DISTINCT FROM 'refuted'
           AND (e.cleared_at IS NULL OR e.cleared_at > elder.since - interval '1 day')) AS vitals
FROM elder JOIN elders p ON p.id = elder.elder_id WHERE {reach.ELDER_P}
"""
_WORST_FIRST = tuple(Severity)


@dataclass(frozen=True, slots=True)
class ToCall:
    row: dict[str, Any]
    points: int
    reasons: tuple[str, ...]


async def call_list(connection: Connection, incident_id: UUID, caller: reach.Caller) -> list[ToCall]:
    """Who is still silent first, then by risk. Health data: only for an incident that is unresolved."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        rows = await (await cursor.execute(_ELDERS, caller.parameters | {"incident_id": incident_id})).fetchall()
    by_id = {row["id"]: row for row in rows}
    return [ToCall(by_id[one.elder_id], *risk(one)) for one in in_order([_at_risk(row) for row in rows])]


def _at_risk(row: dict[str, Any]) -> AtRisk:
    return AtRisk(
        row["id"],
        row["name"],
        row["ability_level"],
        row["living_situation"],
        frozenset(row["care_categories"]),
        _worst(row["open_alerts"]),
        _worst(row["vitals"]),
        row["since"],
        row["restored"],
    )


def _worst(names: list[str] | None) -> Severity | None:
    return min((Severity(name) for name in names or ()), key=_WORST_FIRST.index, default=None)
