"""The built-in rules as rows: made at the start of `anhu alerts`, and made anew where a newer release has other
numbers. What people changed stays theirs."""

from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from alerts.domain.rules.built_in import BUILT_IN
from alerts.domain.rules.built_in_living import BUILT_IN_LIVING
from alerts.domain.rules.definition import json_of

Connection = AsyncConnection[Any]

_ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtextextended('anhu rules', 0))"
_NEWEST = """
SELECT v.version, v.definition, v.changed_by IS NOT NULL FROM rules r
JOIN rule_versions v ON v.rule_id = r.id AND v.version = r.version WHERE r.id = %s
"""
_MAKE = """
INSERT INTO rules (id, key, version) VALUES (%s, %s, %s)
ON CONFLICT (id) DO UPDATE SET key = excluded.key, version = excluded.version
"""
_VERSION = """
INSERT INTO rule_versions (rule_id, version, definition, changed_by_name, reason)
VALUES (%s, %s, %s, '内置', '内置规则')
"""


async def store_built_in(connection: Connection) -> int:
    """How many were made or made anew."""
    made = 0
    async with connection.transaction():
        await connection.execute(_ONE_AT_A_TIME)
        for rule in (*BUILT_IN, *BUILT_IN_LIVING):
            newest = await (await connection.execute(_NEWEST, (rule.id,))).fetchone()
            version = 1
            if newest is not None:
                before, definition, by_people = newest
                same = definition == json_of(rule) | {"version": before}
                if by_people or same:
                    continue
                version = before + 1
            await connection.execute(_MAKE, (rule.id, rule.key, version))
            await connection.execute(_VERSION, (rule.id, version, Jsonb(json_of(rule) | {"version": version})))
            made += 1
    return made
