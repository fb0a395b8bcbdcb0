"""Compiles what gateways mark readings by, for each device of an elder. And the sweep, which marks those whom nobody
marked."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from alerts.domain.rules.following import ANSWERED_FOR, Kept
from alerts.domain.rules.marking import Joint, Marks, marks, narrower
from alerts.domain.rules.model import Rule
from alerts.kept import on_of
from alerts.rulebook import RuleBook
from alerts.subjects import Known, load_subjects

Connection = AsyncConnection[Any]

AT_ONCE = 200
SWEPT_AT_ONCE = 500
#: An elder with readings is looked at, marked or not, when the last look is so long ago; …
LOOK_EVERY = "1 hour"
#: … of wristbands, which are marked by all that they say, this; …
LOOK_EVERY_WORN = "4 hours"
#: … and of all this when a gateway cannot mark.
LOOK_EVERY_UNMARKED = "1 minute"
#: By then gateways have what was compiled: what came meanwhile and was not marked is looked at.
_LOADED_AFTER = "5 seconds"

# Whoever compiled at the same time might have read earlier, and write later.
_ONE_AT_A_TIME = "SELECT pg_try_advisory_xact_lock(hashtextextended('anhu limits', 0))"
_TAKE = """
DELETE FROM limits_stale WHERE number IN (SELECT number FROM limits_stale ORDER BY number LIMIT %s) RETURNING elder_id
"""
_EVERYBODY = "INSERT INTO limits_stale (elder_id) SELECT DISTINCT elder_id FROM devices WHERE elder_id IS NOT NULL"
_THERE = """
SELECT d.key, d.elder_id, l.limits, l.watched, l.quiet, l.quiet_until, l.score
FROM devices d LEFT JOIN device_limits l ON l.device_key = d.key WHERE d.elder_id = ANY(%s) ORDER BY d.key
"""
_SET = """
INSERT INTO device_limits (device_key, limits, watched, quiet, quiet_until, score)
SELECT * FROM unnest(%s::int[], %s::jsonb[], %s::bool[], %s::jsonb[], %s::timestamptz[], %s::jsonb[])
ON CONFLICT (device_key) DO UPDATE
    SET limits = excluded.limits, watched = excluded.watched, quiet = excluded.quiet,
        quiet_until = excluded.quiet_until, score = excluded.score, changed_in = pg_current_xact_id()
"""
# Of whom nothing was ever heard there is nothing to look at.
_LOOK_SOON = f"""
INSERT INTO rule_checks (elder_id, since, swept, not_before)
SELECT e.id, coalesce(s.checked_at, clock_timestamp() - interval '{LOOK_EVERY}'), true,
       clock_timestamp() + interval '{_LOADED_AFTER}'
FROM unnest(%s::uuid[]) AS e (id) LEFT JOIN rule_subjects s ON s.elder_id = e.id
WHERE EXISTS (SELECT FROM devices d JOIN device_states t ON t.device_key = d.key
              WHERE d.elder_id = e.id AND t.last_seen_at IS NOT NULL)
"""
_MISSING = """
INSERT INTO limits_stale (elder_id)
SELECT DISTINCT d.elder_id FROM devices d LEFT JOIN device_limits l ON l.device_key = d.key
WHERE d.elder_id IS NOT NULL AND l.device_key IS NULL
  AND NOT EXISTS (SELECT FROM limits_stale s WHERE s.elder_id = d.elder_id OR s.elder_id IS NULL) LIMIT 1000
"""
_UNMARKED = """
SELECT EXISTS (SELECT FROM workers WHERE kind = 'gateway' AND beat_at > clock_timestamp() - interval '1 minute'
                 AND started_at < clock_timestamp() - interval '30 seconds'
                 AND (status -> 'limits' ->> 'ok') IS DISTINCT FROM 'true')
"""
_NOT_LOOKED_AT = f"""
INSERT INTO rule_checks (elder_id, since, swept)
SELECT d.elder_id, coalesce(min(s.checked_at), clock_timestamp() - interval '{LOOK_EVERY}'), true
FROM devices d JOIN device_states t ON t.device_key = d.key LEFT JOIN rule_subjects s ON s.elder_id = d.elder_id
WHERE d.elder_id IS NOT NULL AND t.last_seen_at > coalesce(s.checked_at, '-infinity')
  AND coalesce(s.checked_at, '-infinity') < clock_timestamp()
      - CASE WHEN d.kind = 'wristband' THEN %s::interval ELSE %s::interval END
  AND NOT EXISTS (SELECT FROM rule_checks q WHERE q.elder_id = d.elder_id)
GROUP BY d.elder_id LIMIT {SWEPT_AT_ONCE}
"""
# What was answered and did not end is asked again half an hour later, though nothing marks it: all that is beyond its
# limit is known.
_ANSWERED = """
INSERT INTO rule_checks (elder_id, since, swept)
SELECT e.elder_id, min(a.last_move_at), true FROM rule_episodes e JOIN alerts a ON a.id = e.alert_id
WHERE e.cleared_at IS NULL AND a.state IN ('resolved', 'followed_up', 'cancelled')
  AND a.last_move_at < clock_timestamp() - %s
  AND NOT EXISTS (SELECT FROM rule_checks q WHERE q.elder_id = e.elder_id) GROUP BY e.elder_id
"""
# Numbers of transactions that are not given out yet were brought here from another server: gateways would load those
# rows again and again.
_OF_THIS_SERVER = """
UPDATE device_limits SET changed_in = pg_current_xact_id() WHERE changed_in > pg_snapshot_xmax(pg_current_snapshot())
"""


async def begin(connection: Connection) -> None:
    await connection.execute(_OF_THIS_SERVER)


async def compile_next(connection: Connection, book: RuleBook) -> int:
    """Compiles the limits of some whom a change concerns; how many changes that were, at most AT_ONCE. None: there are
    none, or another process is at it."""
    async with connection.transaction():
        if not await _is_ours(connection):
            return 0
        taken = [elder for (elder,) in await (await connection.execute(_TAKE, (AT_ONCE,))).fetchall()]
        stale = set(taken)
        if None in stale:
            stale.discard(None)
            await connection.execute(_EVERYBODY)
        elif not stale:
            return 0
        await book.refresh(connection)
        await _compile(connection, book, list(stale))
        return AT_ONCE if None in taken else len(taken)


@dataclass(frozen=True, slots=True)
class _Limits:
    """A row of device_limits, but for its key."""

    limits: dict[str, Any]
    every: bool
    quiet: dict[str, Any] | None
    until: datetime | None
    score: dict[str, Any] | None

    def narrower(self, before: "_Limits") -> bool:
        """Whether a reading may matter by them that did not before."""
        if narrower(self.limits, before.limits) or (self.every and not before.every):
            return True
        joint, joint_before = _joint_of(self.score), _joint_of(before.score)
        return joint is not None and joint.narrower(joint_before)


def _joint_of(score: dict[str, Any] | None) -> Joint | None:
    return None if score is None else Joint(score["most"], score["bands"])


def _limits(known: Known, rules: Sequence[Rule], on: Sequence[Kept]) -> _Limits:
    always = marks(rules, known.subject, on, known.seen, together=known.together)
    joint, quiet = always.joint, known.quiet
    bands = None if joint is None else {field: [list(band) for band in of] for field, of in joint.bands.items()}
    score = None if joint is None else {"most": joint.most, "bands": bands}
    if quiet is None or always.every:
        return _Limits(_json_of(always), always.every, None, None, score)
    meanwhile = marks(rules, known.subject, on, known.seen, quiet.rules, known.together)
    return _Limits(_json_of(always), False, _json_of(meanwhile), quiet.until, score)


def _json_of(found: Marks) -> dict[str, list[float | None]]:
    return {field: list(band) for field, band in sorted(found.bands.items())}


async def _compile(connection: Connection, book: RuleBook, elders: Sequence[UUID]) -> None:
    subjects = await load_subjects(connection, elders)
    on = await on_of(connection, book, elders)
    wanted: dict[UUID, _Limits] = {}
    for number, (elder_id, known) in enumerate(subjects.items()):
        wanted[elder_id] = _limits(known, book.in_force(known.subject), on.get(elder_id, []))
        if number % 10 == 9:
            await asyncio.sleep(0)  # a press that has come meanwhile goes first
    changed: list[tuple[Any, ...]] = []
    narrowed: set[UUID] = set()
    for key, elder_id, *there in await (await connection.execute(_THERE, (list(wanted),))).fetchall():
        new, before = wanted[elder_id], None if there[0] is None else _Limits(*there)
        if new != before:
            changed.append((key, json.dumps(new.limits), new.every, _told(new.quiet), new.until, _told(new.score)))
            if before is None or new.narrower(before):
                narrowed.add(elder_id)
    if changed:
        await connection.execute(_SET, [list(column) for column in zip(*changed, strict=True)])
    if narrowed:
        await connection.execute(_LOOK_SOON, (sorted(narrowed),))


def _told(value: dict[str, Any] | None) -> str | None:
    return None if value is None else json.dumps(value)


async def sweep(connection: Connection) -> int:
    """Marks those whom nobody marked: whose devices have no limits yet, and whoever was not looked at for long."""
    async with connection.transaction():
        if not await _is_ours(connection):
            return 0
        missing = (await connection.execute(_MISSING)).rowcount
        marked = await _sweep_some(connection)
        return missing + marked + (await connection.execute(_NOT_LOOKED_AT, (LOOK_EVERY_WORN, LOOK_EVERY))).rowcount


async def sweep_some(connection: Connection) -> int:
    """The part of it that is soon due."""
    async with connection.transaction():
        return await _sweep_some(connection) if await _is_ours(connection) else 0


async def _is_ours(connection: Connection) -> bool:
    row = await (await connection.execute(_ONE_AT_A_TIME)).fetchone()
    return bool(row and row[0])


async def _sweep_some(connection: Connection) -> int:
    marked = (await connection.execute(_ANSWERED, (ANSWERED_FOR,))).rowcount
    unmarked = await (await connection.execute(_UNMARKED)).fetchone()
    if unmarked and unmarked[0]:
        marked += (await connection.execute(_NOT_LOOKED_AT, (LOOK_EVERY_UNMARKED,) * 2)).rowcount
    return marked
