"""Who may be given visits: the people of the register of responders, and the operators; a password for the first."""

import asyncio
import secrets
from typing import Any
from uuid import UUID

from psycopg.rows import dict_row

from services.registry import reach
from services.registry.bulk.few import new_password
from services.registry.changing import changes_by
from services.registry.names import Actor
from services.registry.passwords import hash_password
from services.registry.pinyin import initials
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
SELECT c.username, c.name, c.password_hash = '{NO_PASSWORD}' FROM responders w JOIN accounts c ON c.id = w.account_id
WHERE c.id = %(id)s AND w.ended_at IS NULL AND c.disabled_at IS NULL AND {reach.RESPONDER_W} FOR UPDATE OF c
"""
_FREE = "SELECT n FROM unnest(%s::text[]) AS n WHERE NOT EXISTS (SELECT FROM accounts WHERE username = n) LIMIT 1"
_SET = "UPDATE accounts SET password_hash = %s, username = %s WHERE id = %s"
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
        username, name, new = row
        if new:
            free = await (await connection.execute(_FREE, (_usernames(name),))).fetchone()
            username = free[0] if free else username
        await connection.execute(_SET, (hashed, username, account_id))
        await connection.execute(_END_SESSIONS, (account_id,))
        await connection.execute(_TELL_ENDED)
    return str(username), password


def _usernames(name: str) -> list[str]:
    """The initials of a name and four digits: short enough to remember, and not a telephone number, which is sealed."""
    letters = "".join(one for one in initials(name).lower() if "a" <= one <= "z")[:6] or "xf"
    return [f"{letters}{secrets.randbelow(9000) + 1000}" for _ in range(20)]
