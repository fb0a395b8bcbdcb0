"""Looks whose screens are watched: raises an alert for who is not, lets go when somebody is back, and has open alerts
shown above. One worker at a time; one alert a transaction."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import dict_row
from uuid_utils.compat import uuid7

from alerts import ledger
from alerts.device_alerts import rule_for
from alerts.domain.conditions import fold, fold_target, raise_alert, restore
from alerts.domain.duty import on_duty
from alerts.domain.watching import ABSENT_AFTER, ALIVE_FOR, UNWATCHED, Now, Watched, Why, absent, look, note
from alerts.policies import Held, load_policies, nearest
from alerts.rosters import load_calendar, load_rosters, with_rosters

Connection = AsyncConnection[Any]

_ONE_AT_A_TIME = "SELECT pg_try_advisory_xact_lock(hashtextextended('anhu stations', 0)), clock_timestamp()"
_SCREENS = """
SELECT organization_id, count(*) FILTER (WHERE watching AND alive_at > %s) FROM station_screens
WHERE closed_at IS NULL GROUP BY organization_id
"""
_KNOWN = "SELECT * FROM station_watch"
_PATHS = "SELECT id, path, name, address FROM organizations WHERE id = ANY(%s)"
# Of an organisation whose policy expects a watch at every hour there may be no trace yet.
_BELOW = "SELECT id FROM organizations WHERE path && %s::uuid[]"
_NOTE = """
INSERT INTO station_watch (organization_id, expected, watched_since, unwatched_since, why, alert_id)
VALUES (%(organization_id)s, %(expected)s, %(watched_since)s, %(unwatched_since)s, %(why)s, %(alert_id)s)
ON CONFLICT (organization_id) DO UPDATE
    SET expected = excluded.expected, watched_since = excluded.watched_since,
        unwatched_since = excluded.unwatched_since, why = excluded.why, alert_id = excluded.alert_id
"""
_FORGET = "DELETE FROM station_screens WHERE alive_at < clock_timestamp() - interval '1 day'"
_CLOSE_DEAD = """
UPDATE station_screens SET closed_at = clock_timestamp()
WHERE closed_at IS NULL AND alive_at < clock_timestamp() - interval '5 minutes'
"""
_HAS_ALERT = "UPDATE station_watch SET alert_id = %s WHERE organization_id = %s"
# What is shown where nobody watches, and not yet above: alerts.escalate has it shown there.
_SHOW_ABOVE = """
INSERT INTO alert_timers (alert_id, kind, due_at)
SELECT DISTINCT a.id, 'unwatched', clock_timestamp()
FROM station_watch w JOIN organizations o ON o.id = w.organization_id
JOIN alert_routes r ON r.organization_id = o.id JOIN alerts a ON a.id = r.alert_id
JOIN organizations h ON h.id = a.organization_id AND o.id = ANY(h.path)
WHERE w.expected AND w.unwatched_since <= clock_timestamp() - %s AND o.parent_id IS NOT NULL
  AND a.state IN ('triggered', 'acknowledged', 'dispatched', 'arrived') AND a.severity IN ('red', 'orange')
  AND NOT EXISTS (SELECT FROM alert_routes s WHERE s.alert_id = a.id AND s.organization_id = o.parent_id)
ON CONFLICT DO NOTHING
"""
_UNWATCHED = """
SELECT organization_id, why FROM station_watch
WHERE organization_id = ANY(%s) AND expected AND unwatched_since <= clock_timestamp() - %s
"""


async def unwatched(connection: Connection, organizations: Sequence[UUID]) -> Mapping[UUID, str]:
    """Those of them that are, with the reason."""
    rows = await (await connection.execute(_UNWATCHED, (list(organizations), ABSENT_AFTER))).fetchall()
    return {organization_id: why for organization_id, why in rows}


async def watch_stations(connection: Connection) -> int:
    """One look, and what follows; how many alerts were written. 0 when another worker looks."""
    async with connection.transaction():
        now = await _ours(connection)
        if now is None:
            return 0
        looked = await _look(connection, now)
        await connection.execute(_SHOW_ABOVE, (ABSENT_AFTER,))
    written = 0
    for one in looked:
        if absent(one, now) == (one.alert_id is not None):
            continue
        async with connection.transaction():
            if await _ours(connection) is None:
                break
            await (_raise(connection, one, now) if one.alert_id is None else _restore(connection, one, now))
            written += 1
    return written


async def forget_screens(connection: Connection) -> None:
    """Screens of processes that died without closing them; and, after a day, all that are closed."""
    await connection.execute(_CLOSE_DEAD)
    await connection.execute(_FORGET)


async def _ours(connection: Connection) -> datetime | None:
    """The time, when it is our turn."""
    row = await (await connection.execute(_ONE_AT_A_TIME)).fetchone()
    return row[1] if row and row[0] else None


async def _look(connection: Connection, now: datetime) -> list[Watched]:
    screens = dict(await (await connection.execute(_SCREENS, (now - ALIVE_FOR,))).fetchall())
    async with connection.cursor(row_factory=dict_row) as cursor:
        rows = await (await cursor.execute(_KNOWN)).fetchall()
    known = {row["organization_id"]: _watched(row) for row in rows}
    held = await load_policies(connection)
    rostered = await with_rosters(connection)
    on_shift: dict[UUID, int] = {}
    if rostered:
        calendar = await load_calendar(connection)
        rosters = await load_rosters(connection, rostered, now, now + timedelta(seconds=1))
        for one in rostered:
            # A roster whose shifts are all over for today is a roster: nobody is on shift.
            on_shift[one] = len(on_duty(rosters[one], calendar, now)) if one in rosters else 0
            await asyncio.sleep(0)  # a press that has come meanwhile goes first
    concerned = {*screens, *known, *on_shift}
    if held:
        always = [one for one, of in held.items() if of.policy.watch == "always"]
        if always:
            concerned |= {row[0] for row in await (await connection.execute(_BELOW, (always,))).fetchall()}
    paths = {row[0]: row[1] for row in await (await connection.execute(_PATHS, (list(concerned),))).fetchall()}
    looked = []
    for organization_id, path in paths.items():
        before = known.get(organization_id, Watched(organization_id))
        policy: Held = nearest(path, held)
        found = Now(screens.get(organization_id, 0), on_shift.get(organization_id), policy.policy.watch)
        after = look(before, found, now)
        if after != before:
            await connection.execute(_NOTE, _row(after))
        looked.append(after)
    return looked


async def _raise(connection: Connection, one: Watched, now: datetime) -> None:
    place = await (await connection.execute(_PATHS, ([one.organization_id],))).fetchone()
    assert place is not None
    _, path, name, address = place
    noted = note(one, name, path, address, uuid7(), now)
    rule = await rule_for(connection, UNWATCHED)
    candidates, at = await ledger.lock_same_cause(connection, UNWATCHED, None, noted.device_id)
    found = fold_target(candidates, noted)
    change = fold(found, noted) if found else raise_alert(noted, rule, uuid7(), at)
    await ledger.save(connection, found, change, at)
    await connection.execute(_HAS_ALERT, (change.alert.id, one.organization_id))


async def _restore(connection: Connection, one: Watched, now: datetime) -> None:
    assert one.alert_id is not None
    locked = await ledger.lock_alert(connection, one.alert_id)
    assert locked is not None  # the foreign key
    alert, at = locked
    if alert.unresolved:
        await ledger.save(connection, alert, restore(alert, one.watched_since or now), at)
    await connection.execute(_HAS_ALERT, (None, one.organization_id))


def _watched(row: Mapping[str, Any]) -> Watched:
    return Watched(
        row["organization_id"],
        row["expected"],
        row["watched_since"],
        row["unwatched_since"],
        Why(row["why"]) if row["why"] else None,
        row["alert_id"],
    )


def _row(one: Watched) -> dict[str, Any]:
    return {
        "organization_id": one.organization_id,
        "expected": one.expected,
        "watched_since": one.watched_since,
        "unwatched_since": one.unwatched_since,
        "why": one.why.value if one.why else None,
        "alert_id": one.alert_id,
    }
