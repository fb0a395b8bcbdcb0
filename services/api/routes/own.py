"""One's own sessions and second factor; and those of others, for administrators."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from psycopg.rows import dict_row

from services.api.dependencies import Acting, AppSettings, DatabaseConnection, DataKeys, SignedIn, id_of
from services.api.privacy_schemas import GivenCode, NewSecondFactor, RecoveryCodes, SecondFactor, SessionList
from services.api.problems import ProblemError, not_found, responses
from services.api.rate import Rate
from services.api.routes.records import told
from services.registry.reach import Caller
from services.registry.save_account import ACCOUNT_A
from services.registry.second_factor import begin, confirm, switch_off, take_code, uri_of, written
from services.registry.sign_in import sign_out
from services.storage.pool import Connection

router = APIRouter(tags=["own account"])

#: Of six digits nobody tries them all.
_TRIES = Rate(10, 300)
_SESSIONS = """
SELECT id, created_at, refreshed_at, address, agent, id = %s AS own FROM sessions
WHERE account_id = %s AND revoked_at IS NULL AND expires_at > now() ORDER BY refreshed_at DESC
"""
_IS_THEIRS = "SELECT FROM sessions WHERE id = %s AND account_id = %s AND revoked_at IS NULL"
_FACTOR = "SELECT on_since, cardinality(recovery) AS recovery_left FROM second_factors WHERE account_id = %s"
_REACHED = f"SELECT a.id FROM accounts a WHERE a.id = %(id)s AND {ACCOUNT_A}"


@router.get("/me/sessions", responses=responses(401))
async def own_sessions(connection: DatabaseConnection, caller: SignedIn) -> SessionList:
    """Where one is signed in."""
    return await _sessions(connection, caller, caller.account_id)


@router.delete("/me/sessions/{session_id}", status_code=204, responses=responses(401, 404))
async def end_own_session(connection: DatabaseConnection, caller: SignedIn, session_id: str) -> None:
    """Its tokens at once, its live streams within a second."""
    await _end(connection, caller.account_id, id_of(session_id))


@router.get("/me/second-factor", responses=responses(401))
async def second_factor(connection: DatabaseConnection, caller: SignedIn) -> SecondFactor:
    async with connection.cursor(row_factory=dict_row) as cursor:
        row = await (await cursor.execute(_FACTOR, (caller.account_id,))).fetchone()
    there = row if row and row["on_since"] else {"on_since": None, "recovery_left": 0}
    return SecondFactor(**there, required=caller.needs_second_factor)


@router.post("/me/second-factor", responses=responses(401, 409))
async def new_second_factor(connection: DatabaseConnection, caller: SignedIn, keys: DataKeys) -> NewSecondFactor:
    """A secret for the telephone's app. It counts once a code of it is confirmed."""
    with told():
        secret = await begin(connection, keys, caller.account_id)
    return NewSecondFactor(secret=written(secret), uri=uri_of(secret, caller.username))


@router.post("/me/second-factor/confirm", responses=responses(401, 409, 422, 429))
async def confirmed(
    connection: DatabaseConnection, caller: SignedIn, actor: Acting, keys: DataKeys, given: GivenCode
) -> RecoveryCodes:
    """Switches it on, by a first code. The recovery codes are in this answer, and never again."""
    _only_so_often(caller)
    with told():
        codes = await confirm(connection, keys, actor, given.code, datetime.now(UTC))
    if codes is None:
        raise _wrong()
    return RecoveryCodes(recovery_codes=codes)


@router.post("/me/second-factor/off", status_code=204, responses=responses(401, 403, 409, 422, 429))
async def no_second_factor(
    connection: DatabaseConnection,
    settings: AppSettings,
    caller: SignedIn,
    actor: Acting,
    keys: DataKeys,
    given: GivenCode,
) -> None:
    """With a code, or a recovery code. Where it is required, it can only be replaced by an administrator."""
    _only_so_often(caller)
    if settings.second_factor_required and caller.role == "administrator":
        raise ProblemError(403, "系统要求管理员使用动态验证码，不能关闭；更换手机请其他管理员重置")
    with told():
        right = await take_code(connection, keys, caller.account_id, given.code, datetime.now(UTC))
    if not right:
        raise _wrong()
    await switch_off(connection, actor, caller.account_id)


@router.get("/accounts/{account_id}/sessions", responses=responses(401, 403, 404))
async def sessions_of(connection: DatabaseConnection, caller: SignedIn, account_id: str) -> SessionList:
    """Where somebody is signed in."""
    return await _sessions(connection, caller, await _reached(connection, caller, account_id))


@router.delete("/accounts/{account_id}/sessions/{session_id}", status_code=204, responses=responses(401, 403, 404))
async def end_session_of(connection: DatabaseConnection, caller: SignedIn, account_id: str, session_id: str) -> None:
    await _end(connection, await _reached(connection, caller, account_id), id_of(session_id))


@router.delete("/accounts/{account_id}/second-factor", status_code=204, responses=responses(401, 403, 404))
async def reset_second_factor(connection: DatabaseConnection, caller: SignedIn, actor: Acting, account_id: str) -> None:
    """For somebody who has lost telephone and recovery codes. Kept among the changes."""
    if not await switch_off(connection, actor, await _reached(connection, caller, account_id)):
        raise not_found()


async def _sessions(connection: Connection, caller: Caller, account_id: UUID) -> SessionList:
    async with connection.cursor(row_factory=dict_row) as cursor:
        items: list[Any] = await (await cursor.execute(_SESSIONS, (caller.session_id, account_id))).fetchall()
    return SessionList(items=items)


async def _end(connection: Connection, account_id: UUID, session_id: UUID) -> None:
    if await (await connection.execute(_IS_THEIRS, (session_id, account_id))).fetchone() is None:
        raise not_found()
    await sign_out(connection, session_id)


async def _reached(connection: Connection, caller: Caller, account_id: str) -> UUID:
    values = caller.parameters | {"id": id_of(account_id)}
    row = await (await connection.execute(_REACHED, values)).fetchone()
    if row is None:
        raise not_found()
    found: UUID = row[0]
    return found


def _only_so_often(caller: Caller) -> None:
    if (again := _TRIES.refuses(caller.account_id)) is not None:
        raise ProblemError(429, f"验证码错误次数过多，请 {again} 秒后再试", headers={"Retry-After": str(again)})


def _wrong() -> ProblemError:
    return ProblemError(422, "验证码不正确，请等下一组数字再试", title="A wrong code")
