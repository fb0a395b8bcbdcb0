"""Lays a cover over elders, devices or an organisation, with its author, its reason and its end."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from uuid_utils.compat import uuid7

from alerts import ledger
from alerts.domain.alert import Actor, Severity
from alerts.domain.cover_check import Types, Wanted, begins_at, flaws
from alerts.domain.rules.check import Flaw

Connection = AsyncConnection[Any]

# The severities that a rule may have for somebody: its own, and those of its contexts.
_OF_RULES = """
SELECT 'rule.' || r.key, array_agg(DISTINCT s.severity)
FROM rules r JOIN rule_versions v ON v.rule_id = r.id AND v.version = r.version,
     LATERAL (SELECT v.definition ->> 'severity' AS severity UNION ALL
              SELECT w ->> 'severity' FROM jsonb_array_elements(coalesce(v.definition -> 'severity_when', '[]')) w) s
GROUP BY r.key
"""
_MAKE = """
INSERT INTO covers (id, kind, elder_id, device_ids, organization_id, types, reason, made_by, made_by_name, made_at,
                    starts_at, ends_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""


async def make_cover(connection: Connection, wanted: Wanted, longest: timedelta, actor: Actor) -> UUID | Sequence[Flaw]:
    """The new cover's id, or what is wrong with it. `longest`: how long this person may make one last."""
    async with connection.transaction():
        row = await (await connection.execute("SELECT clock_timestamp()")).fetchone()
        assert row is not None
        now: datetime = row[0]
        found = flaws(wanted, longest, await _types(connection), now)
        if found:
            return found
        cover_id: UUID = uuid7()
        await connection.execute(
            _MAKE,
            (
                *(cover_id, wanted.kind.value, wanted.elder_id, sorted(wanted.device_ids), wanted.organization_id),
                *(sorted(wanted.types), wanted.reason, actor.id, actor.name, now),
                *(begins_at(wanted, now), wanted.ends_at),
            ),
        )
    return cover_id


async def _types(connection: Connection) -> Types:
    rows = await (await connection.execute(_OF_RULES)).fetchall()
    rules = {name: frozenset(Severity(one) for one in severities) for name, severities in rows}
    return Types(await ledger.load_rules(connection), rules)
