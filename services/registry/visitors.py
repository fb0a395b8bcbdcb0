"""Who may be given visits: the people of the register of responders, and the operators; a password for the first."""

import asyncio
from typing import Any
from uuid import UUID

from psycopg.rows import dict_row

from services.registry import reach
from services.registry.bulk.few import new_password
from services.registry.changing import changes_by
from services.registry.names import Actor
from services.registry.passwords import hash_password
from services.registry.responders import NO_PASSWORD
from services.storage.pool import Connection

_WITHIN = "o.path && %(reach_organizations)s::uuid[]"
_VISITORS = f"""
SELECT c.id, c.name, w.kind, CASE WHEN c.password_hash <> '{NO_PASSWORD}' THEN c.username END AS username,
       (SELECT count(*) FROM visit_assignments g WHERE g.account_id = c.id) AS elders
FROM responders w JOIN accounts c ON c.id = w.account_id
WHERE w.ended_at IS NULL AND c.disabled_at IS NULL AND {reach.RESPONDER_W}
UNION ALL
SELECT c.id, c.name, 'operator', c.username,
       (SELECT count(*) FROM visit_assignments g WHERE g.account_id = c.id)
FROM accounts c WHERE c.role = 'operator' AND c.disabled_at IS NULL AND EXISTS (
    SELECT FROM account_organizations m JOIN organizations o ON o.id = m.organization_id
    WHERE m.account_id = c.id AND {_WITHIN})
ORDER BY 3, 2, 1
"""
_ONE = f"""
SELECT c.username, w.phone FROM responders w JOIN accounts c ON c.id = w.account_id
WHERE c.id = %(id)s AND w.ended_at IS NULL AND c.disabled_at IS NULL AND {reach.RESPONDER_W} FOR UPDATE OF c
"""
# The telephone number is what a grid worker remembers; where another account has it, the name stays as it is.
_SET = """
UPDATE accounts SET password_hash = %(hash)s, username = CASE WHEN %(phone)s = '' OR EXISTS (
    SELECT FROM accounts o WHERE o.username = %(phone)s AND o.id <> accounts.id) THEN username ELSE %(phone)s END
WHERE id = %(id)s RETURNING username
"""
_TELL_ENDED = "SELECT pg_notify('anhu_sessions', '')"
_END_SESSIONS = "UPDATE sessions SET revoked_at = now() WHERE account_id = %s AND revoked_at IS NULL"


async def visitors_of(connection: Connection, caller: reach.Caller) -> list[dict[str, Any]]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        return await (await cursor.execute(_VISITORS, caller.parameters)).fetchall()


async def visitors_password(connection: Connection, actor: Actor, account_id: UUID) -> tuple[str, str] | None:
    """User name and password of a responder, told this once; None when nobody within reach is meant."""
    assert actor.caller is not None
    password = new_password()
    hashed = await asyncio.to_thread(hash_password, password)
    async with changes_by(connection, actor):
        row = await (await connection.execute(_ONE, actor.caller.parameters | {"id": account_id})).fetchone()
        if row is None:
            return None
        phone = "".join(one for one in row[1] if one.isdigit())
        made = await connection.execute(_SET, {"hash": hashed, "phone": phone, "id": account_id})
        named = await made.fetchone()
        assert named is not None  # locked above
        await connection.execute(_END_SESSIONS, (account_id,))
        await connection.execute(_TELL_ENDED)
    return str(named[0]), password
