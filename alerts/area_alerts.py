"""Devices that were lost together become one alert of their area; it tells how many are back, and lets go of the rest
in the end. One alert a transaction."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import dict_row
from uuid_utils.compat import uuid7

from alerts import ledger
from alerts.device_alerts import rule_for
from alerts.domain.alert import UNRESOLVED
from alerts.domain.area import (
    Alive,
    Incident,
    Lost,
    Open,
    belongs_to,
    counted,
    incidents,
    known_since,
    lost_together,
    mostly_back,
    releases,
)
from alerts.domain.conditions import (
    AREA,
    OFFLINE,
    Happening,
    Noted,
    before,
    fold,
    fold_target,
    raise_alert,
    tell_progress,
)

Connection = AsyncConnection[Any]

#: More than these are looked at when these are covered; nobody of them is alone before.
AT_ONCE = 5000
#: The alert of an area tells its counts at most so often, and at once when all are back.
TELL_EVERY = timedelta(seconds=60)

_LOST = """
SELECT c.id, o.path, h.source, c.since, c.until, c.noted_at
FROM device_conditions c JOIN devices d ON d.key = c.device_key LEFT JOIN elders p ON p.id = d.elder_id
JOIN organizations o ON o.id = coalesce(p.organization_id, d.organization_id)
LEFT JOIN LATERAL (SELECT min(source) AS source FROM device_hardware WHERE device_id = d.device_id) AS h ON true
WHERE c.type = %s AND c.state = ANY(%s) ORDER BY c.due_at LIMIT %s
"""
_ALIVE = """
SELECT o.path, h.source, count(*)
FROM device_states s JOIN devices d ON d.key = s.device_key LEFT JOIN elders p ON p.id = d.elder_id
JOIN organizations o ON o.id = coalesce(p.organization_id, d.organization_id)
LEFT JOIN (SELECT device_id, min(source) AS source FROM device_hardware GROUP BY device_id) AS h USING (device_id)
WHERE greatest(s.last_seen_at, CASE WHEN s.online THEN s.online_at END) > %s
  AND NOT EXISTS (SELECT FROM device_conditions c
                  WHERE c.device_key = s.device_key AND c.type = %s AND c.ended_at IS NULL)
GROUP BY 1, 2
"""
_OPEN = """
SELECT i.alert_id, i.organization_id, i.source, i.first_lost_at, i.last_lost_at
FROM area_incidents i JOIN alerts a ON a.id = i.alert_id WHERE i.ended_at IS NULL AND a.state = ANY(%s)
"""
_COVER = """
UPDATE device_conditions SET state = 'covered', incident_id = %s WHERE id = ANY(%s) AND state = ANY(%s)
"""
_AREA = "SELECT name, address FROM organizations WHERE id = %s"
_BEGIN = """
INSERT INTO area_incidents (alert_id, organization_id, source, first_lost_at, last_lost_at, lost, silent, told_at)
VALUES (%(alert_id)s, %(organization_id)s, %(source)s, %(first)s, %(last)s, %(lost)s, %(lost)s, %(now)s)
ON CONFLICT (alert_id) DO UPDATE
    SET first_lost_at = excluded.first_lost_at, last_lost_at = excluded.last_lost_at, lost = excluded.lost,
        silent = excluded.silent, told_at = excluded.told_at, back_since = NULL, ended_at = NULL
"""
_COUNTS = """
SELECT i.alert_id, i.lost, i.silent, i.told_at, i.back_since, a.state,
       n.lost AS lost_now, n.silent AS silent_now, n.covered
FROM area_incidents i JOIN alerts a ON a.id = i.alert_id
CROSS JOIN LATERAL (
    SELECT count(DISTINCT c.device_key)::int AS lost, (count(*) FILTER (WHERE c.ended_at IS NULL))::int AS silent,
           (count(*) FILTER (WHERE c.state = 'covered'))::int AS covered
    FROM device_conditions c WHERE c.incident_id = i.alert_id) AS n
WHERE i.ended_at IS NULL ORDER BY i.told_at
"""
_BACK_SINCE = "UPDATE area_incidents SET back_since = %s WHERE alert_id = %s"
_TOLD = "UPDATE area_incidents SET lost = %s, silent = %s, told_at = %s WHERE alert_id = %s"
_RELEASE = """
UPDATE device_conditions SET state = 'released', due_at = %s WHERE incident_id = %s AND state = ANY(%s)
"""
_OVER = "UPDATE area_incidents SET ended_at = %s WHERE alert_id = %s"
_CONCERNED = """
SELECT DISTINCT coalesce(p.organization_id, d.organization_id)
FROM device_conditions c JOIN devices d ON d.key = c.device_key LEFT JOIN elders p ON p.id = d.elder_id
WHERE c.incident_id = %s
"""


async def cover(connection: Connection, now: datetime) -> bool:
    """Puts what belongs to an incident under it, and begins at most one: whether it did, for there may be more."""
    states = before(Happening.LOST_TOGETHER)
    rows = await (await connection.execute(_LOST, (OFFLINE, states, AT_ONCE))).fetchall()
    if not rows:
        return False
    lost = [Lost(row[0], tuple(row[1]), *row[2:]) for row in rows]
    unresolved = sorted(state.value for state in UNRESOLVED)
    on = [Open(*row) for row in await (await connection.execute(_OPEN, (unresolved,))).fetchall()]
    covered: dict[UUID, list[UUID]] = {}
    left: list[Lost] = []
    for one in lost:
        found = belongs_to(one, on)
        if found is None:
            left.append(one)
        else:
            covered.setdefault(found.alert_id, []).append(one.condition_id)
    for alert_id, conditions in covered.items():
        await connection.execute(_COVER, (alert_id, conditions, states))
    # Thousands may be lost at once: a thread of its own, so that presses go on.
    for group in await asyncio.to_thread(lost_together, left, now):
        alive_rows = await (await connection.execute(_ALIVE, (known_since(group), OFFLINE))).fetchall()
        alive = [Alive(tuple(path), source, devices) for path, source, devices in alive_rows]
        for incident in incidents(group, alive):
            await _begin(connection, incident)
            return True
    return False


async def _begin(connection: Connection, incident: Incident) -> None:
    area = await (await connection.execute(_AREA, (incident.organization_id,))).fetchone()
    assert area is not None  # the path's foreign key
    name, address = area
    device_id = f"area-{incident.organization_id}"
    rule = await rule_for(connection, AREA)
    candidates, now = await ledger.lock_same_cause(connection, AREA, None, device_id)
    noted = Noted(
        uuid7(),
        AREA,
        device_id,
        None,
        None,
        incident.organization_id,
        address or name,
        incident.first,
        max(one.noted_at for one in incident.lost),
        {
            "area": name,
            "source": incident.source,
            "since": incident.first.isoformat(),
            "lost": len(incident.lost),
            "restored": 0,
            "restored_at": None,
        },
    )
    shared = [one for one in counted(incident.lost) if one != incident.organization_id]
    found = fold_target(candidates, noted)
    change = fold(found, noted, shared) if found else raise_alert(noted, rule, uuid7(), now, shared)
    await ledger.save(connection, found, change, now)
    begun = {
        "alert_id": change.alert.id,
        "organization_id": incident.organization_id,
        "source": incident.source,
        "first": incident.first,
        "last": incident.last,
        "lost": len(incident.lost),
        "now": now,
    }
    await connection.execute(_BEGIN, begun)
    conditions = [one.condition_id for one in incident.lost]
    await connection.execute(_COVER, (change.alert.id, conditions, before(Happening.LOST_TOGETHER)))


async def follow_next(connection: Connection, now: datetime) -> bool:
    """Tells one incident how many are back, releases what is to be released; False when all is told."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        rows = await (await cursor.execute(_COUNTS)).fetchall()
    for row in rows:
        if await _follow(connection, row, now):
            return True
    return False


async def _follow(connection: Connection, row: dict[str, Any], now: datetime) -> bool:
    alert_id, lost, silent = row["alert_id"], row["lost_now"], row["silent_now"]
    closed = row["state"] not in UNRESOLVED
    back_since = (row["back_since"] or now) if mostly_back(lost, silent) else None
    if back_since != row["back_since"]:
        await connection.execute(_BACK_SINCE, (back_since, alert_id))
    changed = (lost, silent) != (row["lost"], row["silent"])
    tells = changed and not closed and (silent == 0 or now - row["told_at"] >= TELL_EVERY)
    if tells:
        await _tell(connection, alert_id, lost, silent)
        await connection.execute(_TOLD, (lost, silent, now, alert_id))
    if row["covered"] and releases(back_since, closed=closed, now=now):
        await connection.execute(_RELEASE, (now, alert_id, before(Happening.INCIDENT_OVER)))
    # Released ones count as silent until they are heard: the incident tells of them to its end.
    if silent == 0 or closed:
        await connection.execute(_OVER, (now, alert_id))
    return tells


async def _tell(connection: Connection, alert_id: UUID, lost: int, silent: int) -> None:
    locked = await ledger.lock_alert(connection, alert_id)
    assert locked is not None  # the foreign key
    alert, now = locked
    concerned: Sequence[tuple[UUID]] = await (await connection.execute(_CONCERNED, (alert_id,))).fetchall()
    shared = [organization for (organization,) in concerned if organization != alert.organization_id]
    if alert.unresolved:
        await ledger.save(connection, alert, tell_progress(alert, lost, silent, shared, now), now)
