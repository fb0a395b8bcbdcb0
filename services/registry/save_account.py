"""People who sign in: made, changed, given a new password, shut out, by an administrator above them."""

import asyncio
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from psycopg.errors import UniqueViolation
from uuid_utils.compat import uuid7

from services.registry import reach
from services.registry.bulk.few import new_password
from services.registry.changing import changes_by
from services.registry.names import Actor, NotPossibleError, UnknownNameError
from services.registry.passwords import hash_password
from services.storage.pool import Connection

#: An account is an administrator's whose organisations and elders are all within their reach.
ACCOUNT_A = (
    # That of `anhu watch` is nobody's.
    f"a.username <> '{reach.PROBER}'"
    " AND (EXISTS (SELECT FROM account_organizations m WHERE m.account_id = a.id)"
    " OR EXISTS (SELECT FROM account_elders m WHERE m.account_id = a.id))"
    " AND NOT EXISTS (SELECT FROM account_organizations m JOIN organizations r ON r.id = m.organization_id"
    " WHERE m.account_id = a.id AND NOT r.path && %(reach_organizations)s::uuid[])"
    " AND NOT EXISTS (SELECT FROM account_elders m JOIN elders p ON p.id = m.elder_id"
    f" WHERE m.account_id = a.id AND NOT {reach.BELONGS.format('p')})"
)
_ONE = f"SELECT a.id, a.role FROM accounts a WHERE a.id = %(id)s AND {ACCOUNT_A} FOR NO KEY UPDATE"
_REACHED = f"SELECT count(*) FROM organizations o WHERE o.id = ANY(%(ids)s) AND {reach.ORGANIZATION_O}"
_ELDERS_REACHED = f"SELECT count(*) FROM elders p WHERE p.id = ANY(%(ids)s) AND {reach.ELDER_P}"
_INSERT = "INSERT INTO accounts (id, username, password_hash, name, role) VALUES (%s, %s, %s, %s, %s)"
_END_SESSIONS = "UPDATE sessions SET revoked_at = now() WHERE account_id = %s AND revoked_at IS NULL"
_TELL_ENDED = "SELECT pg_notify('anhu_sessions', '')"


async def make_account(connection: Connection, actor: Actor, said: Mapping[str, Any]) -> tuple[UUID, str]:
    """The id and the password, told this once. Raises NotPossibleError."""
    password = new_password()
    hashed = await asyncio.to_thread(hash_password, password)
    account_id = uuid7()
    try:
        async with changes_by(connection, actor):
            await connection.execute(_INSERT, (account_id, said["username"], hashed, said["name"], said["role"]))
            await _belongs(connection, actor, account_id, said["role"], said)
    except UniqueViolation:
        raise NotPossibleError("the user name is taken", "登录名已被使用，请换一个") from None
    return account_id, password


_ONE_TAKES = "SELECT pg_advisory_xact_lock(hashtextextended('anhu rights are taken', 0))"
_STILL_MAY = "SELECT disabled_at IS NULL FROM accounts WHERE id = %s"
_SOMEBODY_LEFT = """
SELECT EXISTS (SELECT FROM accounts a JOIN account_organizations m ON m.account_id = a.id
               JOIN organizations o ON o.id = m.organization_id
               WHERE a.role = 'administrator' AND a.disabled_at IS NULL AND o.parent_id IS NULL)
"""


async def change_account(connection: Connection, actor: Actor, account_id: UUID, said: Mapping[str, Any]) -> None:
    """`said`: name, organization_ids, elder_ids, disabled. Raises UnknownNameError, NotPossibleError."""
    async with changes_by(connection, actor):
        takes = bool(said.get("disabled")) or said.get("organization_ids") is not None
        if takes:
            await _alone(connection, actor)
        role = await _role(connection, actor, account_id)
        if said.get("disabled") and account_id == actor.account_id:
            raise NotPossibleError("one cannot shut oneself out", "不能停用自己的账号")
        if "name" in said:
            await connection.execute("UPDATE accounts SET name = %s WHERE id = %s", (said["name"], account_id))
        if "disabled" in said:
            now = "coalesce(disabled_at, now())" if said["disabled"] else "NULL"
            await connection.execute(f"UPDATE accounts SET disabled_at = {now} WHERE id = %s", (account_id,))
            if said["disabled"]:
                await connection.execute(_END_SESSIONS, (account_id,))
                await connection.execute(_TELL_ENDED)
        await _belongs(connection, actor, account_id, role, said)
        if takes and role == "administrator" and not await _is(connection, _SOMEBODY_LEFT):
            raise NotPossibleError("nobody would administer the root", "至少要保留一位最上级机构的管理员")


async def _alone(connection: Connection, actor: Actor) -> None:
    """Of two who take rights from each other at once the second finds what the first has done."""
    await connection.execute(_ONE_TAKES)
    if actor.account_id is not None and not await _is(connection, _STILL_MAY, actor.account_id):
        raise NotPossibleError("the actor is shut out meanwhile", "您的账号刚被停用，这次修改没有进行")


async def _is(connection: Connection, statement: str, *values: Any) -> bool:
    row = await (await connection.execute(statement, values)).fetchone()
    return row is not None and bool(row[0])


async def new_password_of(connection: Connection, actor: Actor, account_id: UUID) -> str:
    """Told this once; who was signed in with the old one is signed out. Raises UnknownNameError."""
    password = new_password()
    hashed = await asyncio.to_thread(hash_password, password)
    async with changes_by(connection, actor):
        await _role(connection, actor, account_id)
        await connection.execute("UPDATE accounts SET password_hash = %s WHERE id = %s", (hashed, account_id))
        await connection.execute(_END_SESSIONS, (account_id,))
        await connection.execute(_TELL_ENDED)
    return password


async def end_sessions(connection: Connection, actor: Actor, account_id: UUID) -> None:
    """Signs somebody out wherever they are. Raises UnknownNameError, NotPossibleError."""
    async with changes_by(connection, actor):
        await _role(connection, actor, account_id)
        if account_id == actor.account_id:
            raise NotPossibleError("one's own are ended one by one", "自己的登录请在“我的账号”里结束")
        await connection.execute(_END_SESSIONS, (account_id,))
        await connection.execute(_TELL_ENDED)


async def _role(connection: Connection, actor: Actor, account_id: UUID) -> str:
    assert actor.caller is not None
    values = actor.caller.parameters | {"id": account_id}
    row = await (await connection.execute(_ONE, values)).fetchone()
    if row is None:
        raise UnknownNameError(str(account_id))
    return str(row[1])


async def _belongs(connection: Connection, actor: Actor, account_id: UUID, role: str, said: Mapping[str, Any]) -> None:
    """Sets where somebody works, or whom they care for. Nobody is left without either: they would be nobody's."""
    assert actor.caller is not None
    for field, table, column, reached, whom in (
        ("organization_ids", "account_organizations", "organization_id", _REACHED, role != "caregiver"),
        ("elder_ids", "account_elders", "elder_id", _ELDERS_REACHED, role == "caregiver"),
    ):
        if said.get(field) is None:
            continue
        ids = list(dict.fromkeys(said[field])) if whom else []
        if whom and not ids:
            told = "照护者至少要有一位老人" if role == "caregiver" else "至少要属于一个机构"
            raise NotPossibleError(f"{field} is empty", told)
        row = await (await connection.execute(reached, actor.caller.parameters | {"ids": ids})).fetchone()
        if row is None or row[0] != len(ids):
            raise NotPossibleError(f"{field}: not within reach", "机构或老人不在您的管辖范围内")
        values = (account_id, ids)
        await connection.execute(f"DELETE FROM {table} WHERE account_id = %s AND NOT {column} = ANY(%s)", values)
        await connection.execute(
            f"INSERT INTO {table} (account_id, {column}) SELECT %s, unnest(%s::uuid[]) ON CONFLICT DO NOTHING", values
        )
