"""The covers that may hold something back now, as the database has them, and what a look decides under them."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import dict_row

from alerts.domain.holding import Cover, Hold, Kind, Whose, hold, of_rule
from alerts.domain.rules.covering import Ask, Keep, at_once, concerns_covers, held_under
from alerts.domain.rules.following import Held, Kept, Step
from alerts.domain.rules.model import Rule, Subject
from alerts.domain.rules.scope import severity_for

log = logging.getLogger(__name__)

Connection = AsyncConnection[Any]

_NOW = """
SELECT id, kind, starts_at, over_at, elder_id, device_ids, organization_id, types FROM covers
WHERE over_at > %(now)s AND starts_at <= %(now)s
  AND (elder_id = %(elder_id)s OR organization_id = ANY(%(path)s) OR device_ids && %(device_ids)s)
"""
_STAYS = """
SELECT starts_at, over_at FROM covers
WHERE elder_id = %s AND kind = 'hospital' AND over_at > greatest(starts_at, %s) ORDER BY starts_at
"""
_BY = """
SELECT episode_id, array_agg(cover_id) FROM held_alerts
WHERE episode_id = ANY(%s) AND cover_id IS NOT NULL AND alert_id IS NULL GROUP BY episode_id
"""


async def covers_over(
    connection: Connection, path: Sequence[UUID], elder_id: UUID | None, device_ids: Iterable[str], now: datetime
) -> list[Cover]:
    """Those that lie over an elder, any of these devices or their organisation (`path`: from the root to it)."""
    asked = {"now": now, "elder_id": elder_id, "path": list(path), "device_ids": list(device_ids)}
    async with connection.cursor(row_factory=dict_row) as cursor:
        rows = await (await cursor.execute(_NOW, asked)).fetchall()
    return [_cover(row) for row in rows]


async def stays_of(connection: Connection, elder_id: UUID, since: datetime) -> tuple[tuple[datetime, datetime], ...]:
    """When an elder was in hospital, and will be. Where that cannot be read nobody is: what rules say is not kept back
    by it."""
    try:
        async with connection.transaction():
            return tuple(await (await connection.execute(_STAYS, (elder_id, since))).fetchall())
    except psycopg.errors.Error as error:
        if connection.closed:
            raise
        log.error("hospital stays cannot be read: %s", str(error).strip())
        return ()


def _cover(row: dict[str, Any]) -> Cover:
    sets = {name: frozenset(row[name]) for name in ("device_ids", "types")}
    return Cover(**row | sets | {"kind": Kind(row["kind"])})


@dataclass(frozen=True, slots=True)
class Decided:
    """What a look does."""

    steps: Sequence[Step | Keep]
    ask: Ask
    #: False: the rest is for the next look
    all: bool = True


async def decide(
    connection: Connection,
    subject: Subject,
    device_ids: Iterable[str],
    kept: Sequence[Kept],
    steps: Sequence[Step],
    now: datetime,
) -> Decided:
    """Covers are read when there is something that they may hold back, and after what is red is done."""
    red = at_once(steps, kept, now)
    if red is not None:
        return Decided(red, _nobody, all=False)
    if not concerns_covers(steps, kept):
        return Decided(held_under(steps, kept, _nobody, {}, now), _nobody)
    on = [one for one in kept if one.cleared_at is None]
    measured_by = {*device_ids, *(one.evidence["device_id"] for one in on)}
    covers = await covers_over(connection, subject.organization_path, subject.elder_id, measured_by, now)
    ask = partial(_ask, subject, covers, now)
    silenced = [one.id for one in on if one.held is Held.SILENCED]
    return Decided(held_under(steps, kept, ask, await _by(connection, silenced), now), ask)


def _nobody(_rule: Rule, _evidence: Mapping[str, Any]) -> Hold | None:
    return None


def _ask(
    subject: Subject, covers: Sequence[Cover], now: datetime, rule: Rule, evidence: Mapping[str, Any]
) -> Hold | None:
    whose = Whose(subject.organization_path, subject.elder_id, evidence["device_id"])
    candidate = of_rule(rule.key, severity_for(rule, subject), whose)
    return None if candidate is None else hold(candidate, covers, now)


async def _by(connection: Connection, episodes: list[UUID]) -> dict[UUID, frozenset[UUID]]:
    """The covers that are known to hold these back."""
    if not episodes:
        return {}
    rows = await (await connection.execute(_BY, (episodes,))).fetchall()
    return {episode_id: frozenset(covers) for episode_id, covers in rows}
