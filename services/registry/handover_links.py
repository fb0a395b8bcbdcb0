"""Links to an alert's hand-over sheet: made for hours, and taken back."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from psycopg.rows import dict_row
from uuid_utils.compat import uuid7

from services.storage.pool import Connection

_MAKE = """
INSERT INTO handover_links (id, alert_id, made_by, made_at, expires_at)
VALUES (%s, %s, %s, now(), now() + %s) RETURNING id, made_at, expires_at, revoked_at
"""
_OF_ALERT = "SELECT id, made_at, expires_at, revoked_at FROM handover_links WHERE alert_id = %s ORDER BY made_at, id"
_REVOKE = """
UPDATE handover_links SET revoked_at = coalesce(revoked_at, now()) WHERE id = %s AND alert_id = %s RETURNING id
"""
_OPEN = """
SELECT alert_id, made_by FROM handover_links WHERE id = %s AND revoked_at IS NULL AND expires_at > now()
"""


async def make_handover_link(connection: Connection, alert_id: UUID, by: UUID, lasts: timedelta) -> dict[str, Any]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        row = await (await cursor.execute(_MAKE, (uuid7(), alert_id, by, lasts))).fetchone()
    assert row is not None
    return row


async def handover_links_of(connection: Connection, alert_id: UUID) -> list[dict[str, Any]]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        return await (await cursor.execute(_OF_ALERT, (alert_id,))).fetchall()


async def revoke_handover_link(connection: Connection, alert_id: UUID, link_id: UUID) -> bool:
    """False: there is no such link of that alert."""
    return await (await connection.execute(_REVOKE, (link_id, alert_id))).fetchone() is not None


async def open_handover_link(connection: Connection, link_id: UUID) -> tuple[UUID, UUID] | None:
    """The alert, and who made the link; None: it was taken back, or its time is over."""
    row = await (await connection.execute(_OPEN, (link_id,))).fetchone()
    return (row[0], row[1]) if row else None
