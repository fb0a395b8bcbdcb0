"""Other systems that are told of changes: registered, changed, paused, tried, and what became of the last deliveries.
`push_changes.py` sends."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from psycopg.rows import dict_row
from uuid_utils.compat import uuid7

from alerts.change_feed import newest
from services.registry import reach
from services.registry.changing import changes_by
from services.registry.names import Actor, NotPossibleError, UnknownNameError
from services.registry.sealing import Keys
from services.storage.pool import Connection

#: Of one organisation. Each is read for by itself.
MOST: Final = 20

_ORGANIZATION = f"SELECT o.id FROM organizations o WHERE o.id = %(id)s AND {reach.ORGANIZATION_O} FOR KEY SHARE"
_COUNT = "SELECT count(*) FROM webhooks WHERE organization_id = %s"
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('anhu webhooks', 0))"
_MAKE = """
INSERT INTO webhooks (id, organization_id, label, url, subjects, made_by_name) VALUES (%s, %s, %s, %s, %s, %s)
"""
_STATE = """
INSERT INTO webhook_states (webhook_id, secret, changes_after, timeline_after) VALUES (%s, %s, %s, %s)
"""
_WITHIN = f"EXISTS (SELECT FROM organizations o WHERE o.id = w.organization_id AND {reach.ORGANIZATION_O})"
# In the order of whoever sends: how far it is, and then what was asked for. Nobody waits for each other in a ring.
_REACHED = f"""
SELECT w.id FROM webhook_states s JOIN webhooks w ON w.id = s.webhook_id
WHERE w.id = %(id)s AND {_WITHIN} FOR UPDATE OF s
"""
_CHANGE = """
UPDATE webhooks SET label = coalesce(%(label)s, label), url = coalesce(%(url)s, url),
    subjects = coalesce(%(subjects)s, subjects),
    paused_at = CASE WHEN %(paused)s THEN coalesce(paused_at, clock_timestamp())
                     WHEN %(paused)s IS NULL THEN paused_at END,
    paused_why = CASE WHEN %(paused)s THEN coalesce(paused_why, 'asked') WHEN %(paused)s IS NULL THEN paused_why END
WHERE id = %(id)s
"""
# Whoever sends now does not go on with what was.
_LET_GO = "UPDATE webhook_states SET claim = NULL, claimed_until = NULL WHERE webhook_id = %s"
_ANEW = """
UPDATE webhook_states SET failures = 0, failing_since = NULL, next_at = clock_timestamp() WHERE webhook_id = %s
"""
_REMOVE = "DELETE FROM webhooks WHERE id = %s"
_TRY = "UPDATE webhook_states SET test_asked_at = clock_timestamp() WHERE webhook_id = %s"
_SEAL = "UPDATE webhook_states SET secret = %s WHERE webhook_id = %s"
_SEALED_ANEW = """
INSERT INTO changes (subject, subject_id, what, account_id, actor, address)
VALUES ('webhook', %s, 'secret made anew', %s, %s, %s)
"""
#: Everything but the secret.
WEBHOOK = f"""
SELECT w.id, jsonb_build_object('id', n.id, 'name', n.name) AS organization, w.label, w.url, w.subjects, w.made_at,
       w.made_by_name AS made_by, w.paused_at, w.paused_why, s.delivered_at, s.failing_since, s.failures,
       CASE WHEN s.failures > 0 THEN s.failure END AS failure,
       CASE WHEN s.failures > 0 AND w.paused_at IS NULL THEN s.next_at END AS next_at
FROM webhooks w JOIN webhook_states s ON s.webhook_id = w.id JOIN organizations n ON n.id = w.organization_id
WHERE {_WITHIN}
"""
DELIVERIES = """
SELECT at, event, subject, action, outcome, detail, milliseconds FROM webhook_deliveries
WHERE webhook_id = %s ORDER BY id DESC LIMIT 50
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is None stays as it is."""

    label: str | None = None
    url: str | None = None
    subjects: Sequence[str] | None = None
    paused: bool | None = None


async def register(
    connection: Connection,
    actor: Actor,
    keys: Keys,
    organization_id: UUID,
    label: str,
    url: str,
    subjects: Sequence[str],
) -> tuple[UUID, str]:
    """Its id, and the secret, told this once. It is told of what is begun from now on. Raises UnknownNameError,
    NotPossibleError, KeysError without a key that seals."""
    webhook_id, secret = uuid7(), secrets.token_urlsafe(32)
    sealed = keys.seal(secret)
    async with changes_by(connection, actor):
        values = {"id": organization_id} | _reach(actor)
        if await (await connection.execute(_ORGANIZATION, values)).fetchone() is None:
            raise UnknownNameError(f"organization {organization_id}")
        await connection.execute(_LOCK)
        row = await (await connection.execute(_COUNT, (organization_id,))).fetchone()
        assert row is not None
        if row[0] >= MOST:
            raise NotPossibleError("too many webhooks", f"一个机构最多 {MOST} 个对外推送，请先删除不用的")
        place = await newest(connection)
        said = (webhook_id, organization_id, label, url, list(subjects), actor.name)
        await connection.execute(_MAKE, said)
        await connection.execute(_STATE, (webhook_id, sealed, place.changes, place.timeline))
    return webhook_id, secret


async def change(connection: Connection, actor: Actor, webhook_id: UUID, wanted: Wanted) -> None:
    """One that goes on begins where it stopped, and at once. Raises UnknownNameError."""
    async with changes_by(connection, actor):
        await _reached(connection, actor, webhook_id)
        values = {
            "id": webhook_id,
            "label": wanted.label,
            "url": wanted.url,
            "subjects": None if wanted.subjects is None else list(wanted.subjects),
            "paused": wanted.paused,
        }
        await connection.execute(_CHANGE, values)
        await connection.execute(_LET_GO, (webhook_id,))
        if wanted.paused is False or wanted.url is not None:
            await connection.execute(_ANEW, (webhook_id,))


async def renew_secret(connection: Connection, actor: Actor, keys: Keys, webhook_id: UUID) -> str:
    """The new one, told this once; the old one signs nothing any more. Raises UnknownNameError, KeysError."""
    secret = secrets.token_urlsafe(32)
    sealed = keys.seal(secret)
    async with changes_by(connection, actor):
        await _reached(connection, actor, webhook_id)
        await connection.execute(_SEAL, (sealed, webhook_id))
        await connection.execute(_LET_GO, (webhook_id,))
        await connection.execute(_SEALED_ANEW, (str(webhook_id), actor.account_id, actor.name, actor.address))
    return secret


async def try_out(connection: Connection, actor: Actor, webhook_id: UUID) -> None:
    """Sends a message that is of no change, even while it is paused. Raises UnknownNameError."""
    async with connection.transaction():
        await _reached(connection, actor, webhook_id)
        await connection.execute(_TRY, (webhook_id,))


async def remove(connection: Connection, actor: Actor, webhook_id: UUID) -> None:
    """Raises UnknownNameError."""
    async with changes_by(connection, actor):
        await _reached(connection, actor, webhook_id)
        await connection.execute(_REMOVE, (webhook_id,))


async def last_deliveries(connection: Connection, webhook_id: UUID) -> list[dict[str, Any]]:
    """Attempts, the newest first."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        return await (await cursor.execute(DELIVERIES, (webhook_id,))).fetchall()


async def _reached(connection: Connection, actor: Actor, webhook_id: UUID) -> None:
    values = {"id": webhook_id} | _reach(actor)
    if await (await connection.execute(_REACHED, values)).fetchone() is None:
        raise UnknownNameError(f"webhook {webhook_id}")


def _reach(actor: Actor) -> dict[str, Any]:
    assert actor.caller is not None
    return actor.caller.parameters
