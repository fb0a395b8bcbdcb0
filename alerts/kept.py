"""Episodes as they are stored, as the domain's values."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from alerts.domain.alert import Severity
from alerts.domain.rules.following import Ended, Held, Kept
from alerts.rulebook import RuleBook

Connection = AsyncConnection[Any]

# A follow-up moves a closed alert, and closes nothing.
_KEPT = """
SELECT e.*, CASE WHEN a.state IN ('resolved', 'followed_up', 'cancelled') THEN (
           SELECT min(t.at) FROM alert_timeline t WHERE t.alert_id = a.id AND t.kind IN ('resolved', 'cancelled'))
       END AS alert_closed_at
FROM rule_episodes e LEFT JOIN alerts a ON a.id = e.alert_id
"""
_OF = _KEPT + "WHERE e.elder_id = ANY(%s) AND (e.cleared_at IS NULL OR e.cleared_at >= %s) ORDER BY e.began_at"
_ON = _KEPT + "WHERE e.elder_id = ANY(%s) AND e.cleared_at IS NULL"


async def kept_of(connection: Connection, book: RuleBook, elder_id: UUID, since: datetime) -> list[Kept]:
    """An elder's that are on, and those that ended since then."""
    return (await kept_of_all(connection, book, [elder_id], since)).get(elder_id, [])


async def kept_of_all(
    connection: Connection, book: RuleBook, elders: Sequence[UUID], since: datetime
) -> dict[UUID, list[Kept]]:
    """The same of several, by elder."""
    return await _by_elder(connection, book, _OF, (list(elders), since))


async def on_of(connection: Connection, book: RuleBook, elders: Sequence[UUID]) -> dict[UUID, list[Kept]]:
    """Those that are on, by elder."""
    return await _by_elder(connection, book, _ON, (list(elders),))


async def _by_elder(
    connection: Connection, book: RuleBook, statement: LiteralString, values: tuple[Any, ...]
) -> dict[UUID, list[Kept]]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        rows = await (await cursor.execute(statement, values)).fetchall()
    found: dict[UUID, list[Kept]] = {}
    for row in rows:
        found.setdefault(row["elder_id"], []).append(await _kept(connection, book, row))
    return found


async def _kept(connection: Connection, book: RuleBook, row: dict[str, Any]) -> Kept:
    return Kept(
        row["id"],
        await book.version(connection, row["rule_id"], row["version"]),
        Severity(row["severity"]),
        row["began_at"],
        row["raised_at"],
        row["cleared_at"],
        Ended(row["ended"]) if row["ended"] else None,
        row["evidence"],
        row["alert_id"],
        row["alert_closed_at"],
        Held(row["held"]) if row["held"] else None,
    )
