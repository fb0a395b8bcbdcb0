"""Draws a fence, changes one, takes one away: a new version, with who did it and why. What was is never edited."""

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb
from uuid_utils.compat import uuid7

from alerts.domain.alert import Actor
from alerts.domain.rules.check import Flaw
from alerts.domain.rules.definition import DefinitionError
from alerts.domain.rules.fence import Fence
from alerts.domain.rules.fence_definition import json_of_fence

Connection = AsyncConnection[Any]

MOST_FENCES = 20

# Nobody looks at the elder meanwhile: as alerts.watch takes it.
_LOOK_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('look at ' || %s, 0))"
_LOCK = "SELECT version FROM elder_fences WHERE id = %s AND elder_id = %s AND ended_at IS NULL FOR UPDATE"
_COUNT = "SELECT count(*) FROM elder_fences WHERE elder_id = %s AND ended_at IS NULL"
_MAKE = "INSERT INTO elder_fences (id, elder_id, version) VALUES (%s, %s, 1)"
_CHANGE = """
UPDATE elder_fences SET version = %s, ended_at = CASE WHEN %s THEN clock_timestamp() END WHERE id = %s
"""
_VERSION = """
INSERT INTO elder_fence_versions (fence_id, version, definition, changed_by, changed_by_name, origin, reason)
VALUES (%s, %s, %s, %s, %s, %s, %s)
"""
# What it had raised is over: a person has seen to it, and what lasts counts anew, by the new fence.
_END = """
UPDATE rule_episodes e SET cleared_at = greatest(clock_timestamp(), e.raised_at), ended = 'answered'
FROM rule_versions v
WHERE e.elder_id = %s AND e.cleared_at IS NULL AND v.rule_id = e.rule_id AND v.version = e.version
  AND v.definition -> 'condition' ->> 'kind' = 'fence'
"""
# Who is away is not still at home.
_LOOK_ANEW = "DELETE FROM elder_looks WHERE elder_id = %s"
_STALE = "INSERT INTO limits_stale (elder_id) VALUES (%s)"
_LOOK = "INSERT INTO rule_checks (elder_id, since) VALUES (%s, clock_timestamp())"
_HINT = "SELECT pg_notify('anhu_rules', '')"


@dataclass(frozen=True, slots=True)
class Outdated:
    """Somebody else has changed it since: nothing was done."""

    version: int


async def draw_fence(connection: Connection, elder_id: UUID, drawn: Fence, actor: Actor, reason: str) -> Fence:
    """The new fence, in its first version, whatever id and version it came with. Raises DefinitionError when there are
    too many."""
    fence = replace(drawn, id=uuid7(), version=1)
    async with connection.transaction():
        await connection.execute(_LOOK_LOCK, (str(elder_id),))
        row = await (await connection.execute(_COUNT, (elder_id,))).fetchone()
        if row is not None and row[0] >= MOST_FENCES:
            told = f"这位老人已有 {row[0]} 个围栏，最多 {MOST_FENCES} 个，请先删除不用的"
            raise DefinitionError([Flaw("fence", told)])
        await connection.execute(_MAKE, (fence.id, elder_id))
        await _keep(connection, elder_id, fence.id, 1, fence, actor, reason)
    return fence


async def change_fence(
    connection: Connection, elder_id: UUID, changed: Fence, based_on: int, actor: Actor, reason: str
) -> Fence | Outdated | None:
    """The new version of the fence with that id; Outdated when the newest one is not the one that the change was made
    on; None when the elder has no such fence."""
    done = await _change(connection, elder_id, changed.id, based_on, changed, actor, reason)
    return replace(changed, version=done) if isinstance(done, int) else done


async def take_away_fence(
    connection: Connection, elder_id: UUID, fence_id: UUID, based_on: int, actor: Actor, reason: str
) -> int | Outdated | None:
    """The version that says so; else as `change_fence`."""
    return await _change(connection, elder_id, fence_id, based_on, None, actor, reason)


async def _change(
    connection: Connection,
    elder_id: UUID,
    fence_id: UUID,
    based_on: int,
    fence: Fence | None,
    actor: Actor,
    reason: str,
) -> int | Outdated | None:
    async with connection.transaction():
        await connection.execute(_LOOK_LOCK, (str(elder_id),))
        found = await (await connection.execute(_LOCK, (fence_id, elder_id))).fetchone()
        if found is None:
            return None
        if found[0] != based_on:
            return Outdated(found[0])
        version: int = found[0] + 1
        await connection.execute(_CHANGE, (version, fence is None, fence_id))
        await _keep(connection, elder_id, fence_id, version, fence, actor, reason)
    return version


async def _keep(
    connection: Connection,
    elder_id: UUID,
    fence_id: UUID,
    version: int,
    fence: Fence | None,
    actor: Actor,
    reason: str,
) -> None:
    definition = None if fence is None else Jsonb(json_of_fence(fence))
    row = (fence_id, version, definition, actor.id, actor.name, actor.origin, reason)
    await connection.execute(_VERSION, row)
    await connection.execute(_END, (elder_id,))
    await connection.execute(_STALE, (elder_id,))
    await connection.execute(_LOOK_ANEW, (elder_id,))
    await connection.execute(_LOOK, (elder_id,))
    await connection.execute(_HINT)
