"""A person's own channels: added, put in order, tried, taken away; and the hours in which they want quiet."""

from collections.abc import Sequence
from datetime import time
from typing import Any, Final
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import dict_row
from uuid_utils.compat import uuid7

from alerts.channels.targets import Target
from alerts.domain.delivery import TEST
from services.registry.channel_targets import fingerprints, sealed, service_at_rest, service_shown
from services.registry.sealing import Keys

Connection = AsyncConnection[Any]

MOST_CHANNELS: Final = 10

# Whose browser subscribes anew keeps its place; one that was gone is back.
_ADD = """
INSERT INTO channels (id, account_id, kind, label, position, least, target, target_sealed, service,
                      fingerprint)
SELECT %(id)s, %(account)s, %(kind)s, %(label)s, coalesce(max(position), 0) + 1, %(least)s, %(target)s,
       %(sealed)s, %(service)s, %(fingerprint)s FROM channels WHERE account_id = %(account)s
HAVING count(*) < %(most)s OR bool_or(fingerprint = %(fingerprint)s)
ON CONFLICT (account_id, fingerprint) DO UPDATE
    SET label = excluded.label, least = excluded.least, target = excluded.target,
        target_sealed = excluded.target_sealed, service = excluded.service, gone_at = NULL, failed_at = NULL,
        failure = NULL
RETURNING id
"""
# Known by a key that was in use before, or plain: it is the same, and sealed by the key in use from now on.
_ADOPT = """
UPDATE channels SET fingerprint = %(fingerprint)s
WHERE id = (SELECT id FROM channels WHERE account_id = %(account)s AND fingerprint = ANY(%(before)s)
            ORDER BY position, id LIMIT 1)
  AND fingerprint = ANY(%(before)s)
  AND NOT EXISTS (SELECT FROM channels WHERE account_id = %(account)s AND fingerprint = %(fingerprint)s)
"""
_CHANNEL = """
SELECT id, kind, label, position, least, service, target, target_sealed, added_at, worked_at, failed_at, failure,
       gone_at,
       (SELECT jsonb_build_object('asked_at', n.asked_at, 'outcome', t.outcome, 'ended', n.ended)
        FROM notices n LEFT JOIN delivery_attempts t ON t.notice_id = n.id
        WHERE n.account_id = c.account_id AND n.why = 'test' AND n.channel_id = c.id
        ORDER BY n.asked_at DESC, t.started_at DESC NULLS LAST LIMIT 1) AS test
FROM channels c WHERE account_id = %s
"""
_LIST = _CHANNEL + " ORDER BY position, id"
_ONE = _CHANNEL + " AND id = %s"
_IDS = "SELECT id FROM channels WHERE account_id = %s FOR UPDATE"
_PLACE = "UPDATE channels SET position = %s WHERE id = %s AND account_id = %s"
_REMOVE = "DELETE FROM channels WHERE id = %s AND account_id = %s"
_TRY = """
INSERT INTO notices (id, account_id, key, why, severity, asked_at, channel_id)
SELECT %(notice)s, account_id, %(key)s, %(why)s, 'blue', clock_timestamp(), id FROM channels
WHERE id = %(channel)s AND account_id = %(account)s
"""
_HINT = "SELECT pg_notify('anhu_notices', '')"
_QUIET = "SELECT begins, ends FROM quiet_hours WHERE account_id = %s"
_SET_QUIET = """
INSERT INTO quiet_hours (account_id, begins, ends) VALUES (%s, %s, %s)
ON CONFLICT (account_id) DO UPDATE SET begins = excluded.begins, ends = excluded.ends
"""
_NO_QUIET = "DELETE FROM quiet_hours WHERE account_id = %s"


async def list_channels(connection: Connection, keys: Keys, account_id: UUID) -> list[dict[str, Any]]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        rows = await (await cursor.execute(_LIST, (account_id,))).fetchall()
    return [_shown(keys, row) for row in rows]


async def one_channel(connection: Connection, keys: Keys, account_id: UUID, channel_id: UUID) -> dict[str, Any] | None:
    async with connection.cursor(row_factory=dict_row) as cursor:
        row = await (await cursor.execute(_ONE, (account_id, channel_id))).fetchone()
    return _shown(keys, row) if row else None


def _shown(keys: Keys, row: dict[str, Any]) -> dict[str, Any]:
    """Everything but the target."""
    told = row | {"service": service_shown(keys, row)}
    return {name: value for name, value in told.items() if name not in ("target", "target_sealed")}


async def add_channel(
    connection: Connection, keys: Keys, account_id: UUID, target: Target, label: str, least: str
) -> dict[str, Any] | None:
    """The channel, last in order; None when there are too many already."""
    fingerprint, *before = fingerprints(keys, target.kind, target.value)
    plain, secret = sealed(keys, target.value)
    row = {
        "id": uuid7(),
        "account": account_id,
        "kind": target.kind,
        "label": label,
        "least": least,
        "target": plain,
        "sealed": secret,
        "service": service_at_rest(keys, target.kind, target.value, target.service),
        "fingerprint": fingerprint,
        "before": before,
        "most": MOST_CHANNELS,
    }
    async with connection.transaction():
        if before:
            await connection.execute(_ADOPT, row)
        added = await (await connection.execute(_ADD, row)).fetchone()
        return await one_channel(connection, keys, account_id, added[0]) if added else None


async def order_channels(connection: Connection, account_id: UUID, ids: Sequence[UUID]) -> bool:
    """False when these are not all that the person has: another page was faster."""
    async with connection.transaction():
        there = {row[0] for row in await (await connection.execute(_IDS, (account_id,))).fetchall()}
        if there != set(ids) or len(there) != len(ids):
            return False
        for position, channel_id in enumerate(ids, start=1):
            await connection.execute(_PLACE, (position, channel_id, account_id))
    return True


async def remove_channel(connection: Connection, account_id: UUID, channel_id: UUID) -> bool:
    return bool((await connection.execute(_REMOVE, (channel_id, account_id))).rowcount)


async def try_channel(connection: Connection, account_id: UUID, channel_id: UUID) -> bool:
    """A message by this channel alone, on its way within a second."""
    notice_id = uuid7()
    row = {"notice": notice_id, "key": f"test {notice_id}", "why": TEST, "channel": channel_id, "account": account_id}
    async with connection.transaction():
        asked = (await connection.execute(_TRY, row)).rowcount
        await connection.execute(_HINT)
    return bool(asked)


async def quiet_hours(connection: Connection, account_id: UUID) -> tuple[time, time] | None:
    row = await (await connection.execute(_QUIET, (account_id,))).fetchone()
    return (row[0], row[1]) if row else None


async def set_quiet_hours(connection: Connection, account_id: UUID, hours: tuple[time, time] | None) -> None:
    if hours is None:
        await connection.execute(_NO_QUIET, (account_id,))
    else:
        await connection.execute(_SET_QUIET, (account_id, *hours))
