"""What follows an alert a moment later, beside the intake of presses: the station where the elder is is asked too, and
whoever was on the way is told that it is over. One alert, one transaction."""

import logging
from collections.abc import Awaitable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from alerts import ledger
from alerts.domain.alert import Change, Entry, Position, Tell
from alerts.domain.away import AWAY_METRES, Station, away_above, away_from_home, back_home, metres_away, station_there
from alerts.domain.duty import on_duty
from alerts.domain.watching import ABSENT_AFTER
from alerts.rosters import AHEAD, load_calendar, load_rosters
from services.storage.errors import is_conflict, is_outage

log = logging.getLogger(__name__)

Connection = AsyncConnection[Any]

#: One that failed is tried again after this.
_AGAIN_SECONDS = 30

# Those whose position has not been compared with their elder's home yet. No lock: a press that folds does not wait for
# what follows here.
_NEXT = """
SELECT a.id, a.lat, a.lon, a.accuracy, a.organization_id, o.path AS home_path, e.lat AS home_lat, e.lon AS home_lon,
       (SELECT u.away_metres FROM organizations u WHERE u.id = ANY(o.path) AND u.away_metres IS NOT NULL
        ORDER BY cardinality(u.path) DESC LIMIT 1) AS away_metres
FROM alerts a JOIN elders e ON e.id = a.elder_id JOIN organizations o ON o.id = a.organization_id
LEFT JOIN alert_whereabouts w ON w.alert_id = a.id
WHERE a.state IN ('triggered', 'acknowledged', 'dispatched', 'arrived') AND a.elder_id IS NOT NULL
  AND a.lat IS NOT NULL
  AND (w.alert_id IS NULL OR w.lat <> a.lat OR w.lon <> a.lon
       OR w.failed IS NOT NULL AND w.looked_at < clock_timestamp() - make_interval(secs => %s))
ORDER BY a.raised_at LIMIT 1
"""
_LOOKED = """
INSERT INTO alert_whereabouts AS w (alert_id, lat, lon, looked_at, metres, failed)
VALUES (%(id)s, %(lat)s, %(lon)s, clock_timestamp(), %(metres)s, %(failed)s)
ON CONFLICT (alert_id) DO UPDATE SET lat = excluded.lat, lon = excluded.lon, looked_at = excluded.looked_at,
    metres = excluded.metres, failed = excluded.failed
WHERE w.lat <> excluded.lat OR w.lon <> excluded.lon OR w.failed IS NOT NULL
"""
_STATIONS = """
SELECT o.id, o.name, o.tier, o.path, coalesce(o.lat, c.lat) AS lat, coalesce(o.lon, c.lon) AS lon
FROM organizations o LEFT JOIN LATERAL (
    SELECT avg(p.lat) AS lat, avg(p.lon) AS lon FROM elders p WHERE p.organization_id = o.id AND p.lat IS NOT NULL
) c ON o.lat IS NULL
WHERE coalesce(o.lat, c.lat) IS NOT NULL
"""
_NAMES = "SELECT id, name FROM accounts WHERE id = ANY(%s) AND disabled_at IS NULL"
_ROUTED = "SELECT organization_id FROM alert_routes WHERE alert_id = %s"
# Nobody watches where an elder is who is away: as on the alert's own way up (station_watch.py), the organisation above
# is beside it. What both ways have in common is reached by its own.
_ABOVE_THERE = """
SELECT a.id, o.id, o.parent_id, w.why FROM station_watch w JOIN organizations o ON o.id = w.organization_id
JOIN alert_routes r ON r.organization_id = o.id JOIN alerts a ON a.id = r.alert_id
JOIN organizations h ON h.id = a.organization_id
WHERE w.expected AND w.unwatched_since <= clock_timestamp() - %s AND o.id <> ALL(h.path) AND o.parent_id <> ALL(h.path)
  AND a.state IN ('triggered', 'acknowledged', 'dispatched', 'arrived') AND a.severity IN ('red', 'orange')
  AND a.elder_id IS NOT NULL
  AND NOT EXISTS (SELECT FROM alert_routes s WHERE s.alert_id = a.id AND s.organization_id = o.parent_id)
ORDER BY random() LIMIT 1
"""
# In no order, so that one of which it fails does not stand before the others for ever.
_OVER = """
SELECT w.alert_id FROM responder_answers w JOIN alerts a ON a.id = w.alert_id
WHERE w.state IN ('accepted', 'arrived') AND NOT w.told_over
  AND a.state NOT IN ('triggered', 'acknowledged', 'dispatched', 'arrived')
ORDER BY random() LIMIT 1
"""
_TOLD_OVER = """
UPDATE responder_answers SET told_over = true
WHERE alert_id = %s AND state IN ('accepted', 'arrived') AND NOT told_over RETURNING account_id
"""

_FORGET = """
UPDATE responders SET seen_lat = NULL, seen_lon = NULL, seen_at = NULL
WHERE ended_at IS NULL AND seen_lat IS NOT NULL AND seen_at < clock_timestamp() - interval '1 day'
"""


@dataclass(frozen=True, slots=True)
class Failure:
    """An alert of which something could not be done: it is looked at again later."""

    alert_id: UUID
    error: Exception


async def _tried(connection: Connection, alert_id: UUID, work: Awaitable[None]) -> bool | Failure:
    """Work on one alert: True also when somebody else moved it meanwhile, and it is looked at again."""
    try:
        await work
        return True
    except Exception as error:
        if is_conflict(error):
            return True
        if connection.closed or is_outage(error):
            raise
        return Failure(alert_id, error)


async def ask_station_there(connection: Connection) -> bool | Failure:
    """Compares one alert's position with the elder's home; False when there is none to compare. Raises psycopg.Error
    when the database takes nothing now."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        row = await (await cursor.execute(_NEXT, (_AGAIN_SECONDS,))).fetchone()
    if row is None:
        return False
    done = await _tried(connection, row["id"], _compare(connection, row))
    if isinstance(done, Failure):
        await connection.execute(_LOOKED, row | {"metres": None, "failed": str(done.error)[:1000]})
    return done


async def _compare(connection: Connection, row: dict[str, Any]) -> None:
    position = Position(row["lat"], row["lon"], row["accuracy"])
    home = Position(row["home_lat"], row["home_lon"]) if row["home_lat"] is not None else None
    stations: list[Station] = []
    if home is None:  # then from where their station is
        stations = await _stations(connection)
        home = next((one.at for one in stations if one.id == row["organization_id"]), None)
    away, metres = metres_away(position, home, row["away_metres"] or AWAY_METRES)
    there = station_there(stations or await _stations(connection), position) if away else None
    on_shift = await _on_shift(connection, there.id) if there else {}
    async with connection.transaction():
        locked = await ledger.lock_alert(connection, row["id"])
        looked = await connection.execute(_LOOKED, row | {"metres": metres, "failed": None})
        if metres is None or locked is None or not locked[0].unresolved or not looked.rowcount:
            return
        alert, now = locked
        if away:
            routed = {one[0] for one in await (await connection.execute(_ROUTED, (alert.id,))).fetchall()}
            change: Change | None = away_from_home(alert, position, there, routed, row["home_path"], metres, on_shift)
        else:
            change = back_home(alert)
        if change is not None:
            await ledger.save(connection, alert, change, now)


async def _on_shift(connection: Connection, organization_id: UUID) -> dict[UUID, str]:
    """By name. A roster that cannot be read keeps the alert from no screen."""
    try:
        now = datetime.now(UTC)
        rosters = await load_rosters(connection, [organization_id], now, now + AHEAD)
        if organization_id not in rosters:
            return {}
        people = on_duty(rosters[organization_id], await load_calendar(connection), now)
        return dict(await (await connection.execute(_NAMES, (list(people),))).fetchall())
    except Exception as error:
        if connection.closed or is_outage(error):
            raise
        log.error("who is on shift at %s cannot be told", organization_id, exc_info=error)
        return {}


async def _stations(connection: Connection) -> list[Station]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        rows = await (await cursor.execute(_STATIONS)).fetchall()
    return [
        Station(row["id"], row["name"], row["tier"], Position(row["lat"], row["lon"]), tuple(row["path"]))
        for row in rows
    ]


async def ask_above_there(connection: Connection) -> bool | Failure:
    """Of one alert that is shared with a station where nobody watches; False when there is none. Raises psycopg.Error
    when the database takes nothing now."""
    found = await (await connection.execute(_ABOVE_THERE, (ABSENT_AFTER,))).fetchone()
    if found is None:
        return False
    return await _tried(connection, found[0], _add_above(connection, *found))


async def _add_above(connection: Connection, alert_id: UUID, station: UUID, above: UUID, why: str) -> None:
    on_shift = await _on_shift(connection, above)
    async with connection.transaction():
        locked = await ledger.lock_alert(connection, alert_id)
        if locked is not None and locked[0].unresolved:
            change = away_above(locked[0], station, above, why, on_shift)
            await ledger.save(connection, locked[0], change, locked[1])


async def tell_that_it_is_over(connection: Connection) -> bool | Failure:
    """Of one alert that is closed, whoever is still on the way or there; False when there is none. Raises psycopg.Error
    when the database takes nothing now."""
    found = await (await connection.execute(_OVER)).fetchone()
    if found is None:
        return False
    return await _tried(connection, found[0], _tell(connection, found[0]))


async def forget_positions(connection: Connection) -> None:
    """Where responders were, once it says nothing any more. What is not forgotten now is the next time."""
    try:
        await connection.execute(_FORGET)
    except Exception as error:
        if connection.closed or is_outage(error):
            raise
        log.error("positions of responders were not forgotten", exc_info=error)


async def _tell(connection: Connection, alert_id: UUID) -> None:
    async with connection.transaction():
        locked = await ledger.lock_alert(connection, alert_id)
        if locked is None or locked[0].unresolved:
            return
        alert, now = locked
        told = [one[0] for one in await (await connection.execute(_TOLD_OVER, (alert.id,))).fetchall()]
        if told:
            tell = tuple(Tell(one, f"over {alert.id}", "update", "over") for one in told)
            change = Change(replace(alert, version=alert.version + 1), (Entry("stood_down"),), tell=tell)
            await ledger.save(connection, alert, change, now)
