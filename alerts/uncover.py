"""Sees to it that what waited for the end of a cover is looked at when it is over: then it is raised, if it is still
on. There is nothing to remember: whatever ended while nobody ran is found all the same."""

from typing import Any

from psycopg import AsyncConnection

Connection = AsyncConnection[Any]

_MARK = """
INSERT INTO rule_checks (elder_id, since)
SELECT DISTINCT e.elder_id, clock_timestamp() FROM rule_episodes e
WHERE e.cleared_at IS NULL AND e.held = 'silenced'
  AND NOT EXISTS (SELECT FROM held_alerts h JOIN covers c ON c.id = h.cover_id
                  WHERE h.episode_id = e.id AND h.alert_id IS NULL
                    AND c.starts_at <= clock_timestamp() AND c.over_at > clock_timestamp())
  AND NOT EXISTS (SELECT FROM rule_checks q WHERE q.elder_id = e.elder_id)
"""
_WAKE = "SELECT pg_notify('anhu_rules', '')"


async def mark_uncovered(connection: Connection) -> int:
    """How many elders are to be looked at because a cover of theirs is over."""
    marked = (await connection.execute(_MARK)).rowcount
    if marked:
        await connection.execute(_WAKE)
    return marked
