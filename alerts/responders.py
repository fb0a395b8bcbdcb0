"""Responders of an alert: who could go, who was asked and what they said, who goes. Reads; does not decide."""

from collections.abc import Collection, Sequence
from datetime import datetime, time
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from alerts.domain.alert import Actor, Position
from alerts.domain.places import box_around, metres_between
from alerts.domain.responders import REACH_METRES, SEEN_LASTS, Candidate, Chosen, nearest, whereabouts
from alerts.domain.rules.fence import Hours
from alerts.domain.tasks import TaskState, to_send

Connection = AsyncConnection[Any]

# Where the elder is: where the alert says, else at home.
_WHERE = """
SELECT CASE WHEN a.lat IS NOT NULL THEN a.lat ELSE e.lat END AS lat,
       CASE WHEN a.lat IS NOT NULL THEN a.lon ELSE e.lon END AS lon, a.organization_id, clock_timestamp() AS now
FROM alerts a LEFT JOIN elders e ON e.id = a.elder_id WHERE a.id = %s
"""
_CANDIDATES = """
SELECT r.account_id, c.name, r.kind, r.phone, r.skills, r.hours, r.lat, r.lon, r.seen_lat, r.seen_lon, r.seen_at,
       o.path @> ARRAY[%(home)s::uuid] AS of_home,
       EXISTS (SELECT FROM responder_answers w JOIN alerts b ON b.id = w.alert_id
               WHERE w.account_id = r.account_id AND w.state IN ('accepted', 'arrived') AND NOT w.told_over
                 AND b.state IN ('triggered', 'acknowledged', 'dispatched', 'arrived')) AS busy,
       EXISTS (SELECT FROM notices n WHERE n.alert_id = %(alert)s AND n.account_id = r.account_id
               AND n.why = 'responder') AS asked
FROM responders r JOIN accounts c ON c.id = r.account_id JOIN organizations o ON o.id = r.organization_id
WHERE r.ended_at IS NULL AND c.disabled_at IS NULL
  AND (r.lat BETWEEN %(south)s AND %(north)s AND r.lon BETWEEN %(west)s AND %(east)s
       OR r.seen_lat BETWEEN %(south)s AND %(north)s AND r.seen_lon BETWEEN %(west)s AND %(east)s
          AND r.seen_at > %(seen_from)s
       OR o.path @> ARRAY[%(home)s::uuid])
"""
_ASKED = """
SELECT n.account_id AS id, c.name, r.kind, r.phone, r.skills, min(n.asked_at) AS asked_at, w.note, w.answered_at,
       coalesce(w.state, 'asked') AS state, r.lat, r.lon, r.seen_lat, r.seen_lon, r.seen_at
FROM notices n JOIN accounts c ON c.id = n.account_id JOIN responders r ON r.account_id = n.account_id
LEFT JOIN responder_answers w ON w.alert_id = n.alert_id AND w.account_id = n.account_id
WHERE n.alert_id = %s AND n.why = 'responder'
GROUP BY n.account_id, c.name, r.account_id, w.alert_id, w.account_id ORDER BY min(n.asked_at), min(n.id::text)
"""
_GOES = """
SELECT w.account_id, c.name, w.state FROM responder_answers w JOIN accounts c ON c.id = w.account_id
WHERE w.alert_id = %s AND w.state IN ('accepted', 'arrived', 'done')
"""


async def nearest_able(connection: Connection, alert_id: UUID, limit: int) -> Sequence[UUID]:
    """Accounts of responders to be asked now, the nearest first; for whoever asks by a policy. To ask is to write a
    notice with why 'responder' for each: who has one is not found again. None of an alert that is not there."""
    return [one.account_id for one in await find_nearest(connection, alert_id, limit)]


async def find_nearest(
    connection: Connection, alert_id: UUID, limit: int, skills: Collection[str] = ()
) -> Sequence[Chosen]:
    """The same with names and distances; `skills`: those that each must have."""
    found = await _find(connection, alert_id)
    if found is None:
        return []
    rows, elder_at, now = found
    return nearest([_candidate(row) for row in rows], elder_at, now, limit, skills)


async def could_go(connection: Connection, alert_id: UUID, limit: int) -> list[dict[str, Any]]:
    """Whom a person could send, for a dialog, in the order of `to_send`; `state` is None of who was not asked."""
    found = await _find(connection, alert_id)
    if found is None:
        return []
    rows, elder_at, now = found
    asked = {row["id"]: row for row in await asked_of(connection, alert_id)}
    near = {
        one.account_id: one for one in nearest([_candidate(row) for row in rows], elder_at, now, len(rows), again=True)
    }
    known = {row["account_id"]: row | {"id": row["account_id"], "state": None} for row in rows}
    order = to_send(list(near), {one: TaskState(row["state"]) for one, row in asked.items()})[:limit]
    return [asked[one] if one in asked else known[one] | {"metres": near[one].metres} for one in order]


async def _find(
    connection: Connection, alert_id: UUID
) -> tuple[list[dict[str, Any]], Position | None, datetime] | None:
    """Whoever may be near enough, where the elder is, and the time; None: there is no such alert."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        where = await (await cursor.execute(_WHERE, (alert_id,))).fetchone()
        if where is None:
            return None
        elder_at, now = _position(where), where["now"]
        # A box of no size far from everybody: nobody is found by their place.
        south, north, west, east = box_around(elder_at, REACH_METRES) if elder_at else (91.0, 91.0, 181.0, 181.0)
        asked = {"alert": alert_id, "home": where["organization_id"], "seen_from": now - SEEN_LASTS}
        box = {"south": south, "north": north, "west": west, "east": east}
        rows = await (await cursor.execute(_CANDIDATES, asked | box)).fetchall()
    return rows, elder_at, now


async def asked_of(connection: Connection, alert_id: UUID) -> list[dict[str, Any]]:
    """Who was asked, the first before the others, with what became of it and how far they are from the elder."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        where = await (await cursor.execute(_WHERE, (alert_id,))).fetchone()
        rows = await (await cursor.execute(_ASKED, (alert_id,))).fetchall()
    if where is None or not rows:
        return []
    elder_at = _position(where)
    return [row | {"metres": metres_from(row, elder_at, where["now"])} for row in rows]


async def who_goes(connection: Connection, alert_id: UUID) -> tuple[Actor, TaskState] | None:
    """The one who accepted, and how far they have come."""
    row = await (await connection.execute(_GOES, (alert_id,))).fetchone()
    return (Actor(row[0], row[1]), TaskState(row[2])) if row else None


def metres_from(row: dict[str, Any], elder_at: Position | None, now: datetime) -> int | None:
    """How far a responder's row is from the elder; None: nobody knows."""
    at = whereabouts(_position(row), _position(row, "seen_"), row["seen_at"], now)
    return round(metres_between(at, elder_at)) if at and elder_at else None


def hours_of(said: Sequence[dict[str, Any]]) -> tuple[Hours, ...]:
    """From the column's JSON."""
    return tuple(
        Hours(frozenset(one["weekdays"]), time.fromisoformat(one["from"]), time.fromisoformat(one["to"]))
        for one in said
    )


def _candidate(row: dict[str, Any]) -> Candidate:
    return Candidate(
        row["account_id"],
        row["name"],
        row["of_home"],
        frozenset(row["skills"]),
        hours_of(row["hours"]),
        _position(row),
        _position(row, "seen_"),
        row["seen_at"],
        row["busy"],
        row["asked"],
    )


def _position(row: dict[str, Any], prefix: str = "") -> Position | None:
    lat, lon = row[f"{prefix}lat"], row[f"{prefix}lon"]
    return None if lat is None else Position(lat, lon)
