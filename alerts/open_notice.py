"""A message has been seen: its link was opened, or a telephone says that it has shown it."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

Connection = AsyncConnection[Any]

# Due at once: whoever delivers takes note, and lets the other channels rest.
_OPENED = """
WITH opened AS (
    UPDATE notices SET opened_at = coalesce(opened_at, clock_timestamp()),
                       next_at = least(next_at, clock_timestamp())
    WHERE id = %s RETURNING account_id, alert_id, why
)
SELECT p.role, o.alert_id, o.why FROM opened o JOIN accounts p ON p.id = o.account_id
"""
_SHOWN = """
UPDATE notices SET shown_at = coalesce(shown_at, clock_timestamp()), next_at = least(next_at, clock_timestamp())
WHERE id = %s
"""
_HINT = "SELECT pg_notify('anhu_notices', '')"


@dataclass(frozen=True, slots=True)
class Opened:
    role: str
    alert_id: UUID | None
    why: str


async def open_notice(connection: Connection, notice_id: UUID) -> Opened | None:
    """Whose it is and of what; None when it is kept no more."""
    async with connection.transaction():
        row = await (await connection.execute(_OPENED, (notice_id,))).fetchone()
        await connection.execute(_HINT)
    return Opened(*row) if row else None


async def show_notice(connection: Connection, notice_id: UUID) -> bool:
    async with connection.transaction():
        known = (await connection.execute(_SHOWN, (notice_id,))).rowcount
        await connection.execute(_HINT)
    return bool(known)
