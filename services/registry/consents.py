"""What an elder agreed to show to whom: given, given anew, and withdrawn. A withdrawal holds from its commit on, since
whoever asks for anything is asked about at that moment (`sign_in.caller_of`, `alerts/delivery.py`)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import dict_row

from services.registry import reach
from services.registry.changing import changes_by
from services.registry.names import Actor, UnknownNameError
from services.storage.pool import Connection

# Two who record at the same time wait for each other at the elder.
_ELDER = f"SELECT p.id FROM elders p WHERE p.id = %(id)s AND {reach.ELDER_P} FOR NO KEY UPDATE OF p"
_CONSENTS = """
SELECT id, purpose, text, given_at, given_by, recorded_by, withdrawn_at, withdrawn_by FROM consents
WHERE elder_id = %s ORDER BY withdrawn_at IS NOT NULL, given_at DESC, id
"""
_FAMILY = """
SELECT a.id, a.name FROM account_elders b JOIN accounts a ON a.id = b.account_id
WHERE b.elder_id = %s AND a.disabled_at IS NULL AND a.role = 'caregiver' ORDER BY a.name, a.id
"""
_SAME = """
SELECT FROM consents WHERE elder_id = %(elder)s AND purpose = %(purpose)s AND text = %(text)s AND withdrawn_at IS NULL
   AND given_by = %(given_by)s AND (%(given_at)s::timestamptz IS NULL OR given_at = %(given_at)s)
"""
# The clock goes on within a transaction: what is given anew begins where the one before it ends, not before.
_END = """
UPDATE consents SET withdrawn_at = greatest(given_at, now()), withdrawn_by = %(by)s
WHERE elder_id = %(elder)s AND withdrawn_at IS NULL
"""
_GIVE = """
INSERT INTO consents (elder_id, purpose, text, given_at, given_by, recorded_by)
VALUES (%(elder)s, %(purpose)s, %(text)s, coalesce(%(given_at)s, now()), %(given_by)s, %(by)s)
"""
_THERE = "SELECT FROM consents WHERE elder_id = %(elder)s AND id = %(id)s"


async def consents_of(connection: Connection, elder_id: UUID) -> list[dict[str, Any]]:
    """Those in force first, then those withdrawn, the newest before the others."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        return await (await cursor.execute(_CONSENTS, (elder_id,))).fetchall()


async def family_of(connection: Connection, elder_id: UUID) -> list[dict[str, Any]]:
    """Who would see what the elder agrees to."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        return await (await cursor.execute(_FAMILY, (elder_id,))).fetchall()


async def give_consent(
    connection: Connection,
    actor: Actor,
    elder_id: UUID,
    *,
    purpose: str,
    text: str,
    given_by: str,
    given_at: datetime | None = None,
) -> None:
    """In the place of one that is in force; the same again changes nothing. `given_at`: not in the future; now when
    absent. Raises UnknownNameError."""
    values: dict[str, Any] = {"elder": elder_id, "purpose": purpose, "text": text, "given_by": given_by}
    values |= {"given_at": given_at, "by": actor.name}
    async with changes_by(connection, actor):
        await _lock(connection, actor, elder_id)
        if await (await connection.execute(_SAME, values)).fetchone() is not None:
            return
        await connection.execute(f"{_END} AND purpose = %(purpose)s", values)
        await connection.execute(_GIVE, values)


async def withdraw_consent(connection: Connection, actor: Actor, elder_id: UUID, consent_id: UUID) -> None:
    """At once, for all of the family; again it changes nothing. Raises UnknownNameError."""
    values = {"elder": elder_id, "id": consent_id, "by": actor.name}
    async with changes_by(connection, actor):
        await _lock(connection, actor, elder_id)
        if await (await connection.execute(_THERE, values)).fetchone() is None:
            raise UnknownNameError(str(consent_id))
        await connection.execute(f"{_END} AND id = %(id)s", values)


async def _lock(connection: Connection, actor: Actor, elder_id: UUID) -> None:
    assert actor.caller is not None
    values = actor.caller.parameters | {"id": elder_id}
    if await (await connection.execute(_ELDER, values)).fetchone() is None:
        raise UnknownNameError(str(elder_id))
