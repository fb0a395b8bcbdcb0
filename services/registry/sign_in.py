"""Sign-in, refresh, sign-out, and who a token speaks for.

An access token is short-lived and names a session; the session is a row, so that signing out ends it everywhere at
once. A refresh token is random, kept hashed, and changes at each use; an old one that comes back late was stolen,
and ends the session.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
from psycopg.rows import dict_row
from uuid_utils.compat import uuid7

from services.registry.passwords import verify_password
from services.registry.reach import PROBER, Caller
from services.registry.sealing import Keys
from services.registry.second_factor import take_code
from services.runtime.settings import Settings
from services.storage.pool import Connection

#: Two tabs, or an answer lost on its way, may use the same refresh token within this time.
REFRESH_GRACE_SECONDS = 30

_TRY = "INSERT INTO sign_in_failures (username, address) VALUES (%(username)s, %(address)s) RETURNING id"
_NOT_TRIED = "DELETE FROM sign_in_failures WHERE id = %s"
_TRIES = """
SELECT count(*), coalesce(extract(epoch FROM min(at) + make_interval(secs => %(window)s) - now()), 0)::float
FROM (SELECT at FROM sign_in_failures
      WHERE username = %(username)s AND address = %(address)s AND at > now() - make_interval(secs => %(window)s)
        AND id < %(own)s
      ORDER BY at DESC LIMIT %(most)s) AS last
"""
_FORGIVE = "DELETE FROM sign_in_failures WHERE username = %s AND address = ANY(%s)"
#: In the place of an address: codes of the second factor.
_CODES = "second factor"
_ACCOUNT = """
SELECT a.id, a.password_hash, f.on_since IS NOT NULL FROM accounts a LEFT JOIN second_factors f ON f.account_id = a.id
WHERE a.username = %s AND a.disabled_at IS NULL
"""
_NEW_SESSION = """
INSERT INTO sessions (id, account_id, refresh_hash, expires_at, address, agent, factor_elsewhere)
VALUES (%s, %s, %s, now() + make_interval(days => %s), %s, %s, %s)
"""
_PROBER = """
INSERT INTO accounts (id, username, password_hash, name, role) VALUES (%s, %s, '!', '系统自检', 'auditor')
ON CONFLICT (username) DO UPDATE SET password_hash = '!' RETURNING id
"""
_REACH_ROOTS = """
INSERT INTO account_organizations (account_id, organization_id)
SELECT %s, id FROM organizations WHERE parent_id IS NULL ON CONFLICT DO NOTHING
"""
_END_SESSIONS = "DELETE FROM sessions WHERE account_id = %s AND created_at < now() - interval '1 hour'"
_REFRESH = """
SELECT s.id, s.account_id, s.refresh_hash = %(hash)s AS current,
       s.refreshed_at > now() - make_interval(secs => %(grace)s) AS recent
FROM sessions s JOIN accounts a ON a.id = s.account_id
WHERE (s.refresh_hash = %(hash)s OR s.previous_refresh_hash = %(hash)s)
  AND s.revoked_at IS NULL AND s.expires_at > now() AND a.disabled_at IS NULL
FOR UPDATE OF s
"""
_ROTATE = """
UPDATE sessions SET previous_refresh_hash = refresh_hash, refresh_hash = %s, refreshed_at = now(),
                    expires_at = now() + make_interval(days => %s)
WHERE id = %s
"""
_REVOKE = "UPDATE sessions SET revoked_at = now() WHERE id = %s AND revoked_at IS NULL"
_CALLER = """
SELECT a.id, a.username, a.name, a.role, s.factor_elsewhere,
       array(SELECT organization_id FROM account_organizations WHERE account_id = a.id) AS organizations,
       array(SELECT elder_id FROM account_elders WHERE account_id = a.id) AS elders,
       EXISTS (SELECT FROM second_factors f WHERE f.account_id = a.id AND f.on_since IS NOT NULL) AS second_factor,
       (SELECT coalesce(jsonb_object_agg(c.purpose, c.elders), '{}')
        FROM (SELECT purpose, jsonb_agg(c.elder_id) AS elders FROM account_elders b JOIN consents c USING (elder_id)
              WHERE b.account_id = a.id AND c.withdrawn_at IS NULL GROUP BY purpose) c) AS consents
FROM sessions s JOIN accounts a ON a.id = s.account_id
WHERE s.id = %s AND s.account_id = %s AND s.revoked_at IS NULL AND s.expires_at > now() AND a.disabled_at IS NULL
"""
_ALIVE = """
SELECT s.id FROM sessions s JOIN accounts a ON a.id = s.account_id
WHERE s.id = ANY(%s) AND s.revoked_at IS NULL AND s.expires_at > now() AND a.disabled_at IS NULL
"""
#: Tells every api process that a session ended.
_NOTIFY_ENDED = "SELECT pg_notify('anhu_sessions', '')"


class WrongSignInError(Exception):
    """Unknown account, wrong password, or a refresh token that does not hold."""


class SecondFactorError(Exception):
    """The password is right; a code is needed, or the one that was `given` is not."""

    def __init__(self, *, given: bool) -> None:
        super().__init__("a wrong code" if given else "a code is needed")
        self.given = given


class TooManyFailuresError(Exception):
    def __init__(self, retry_after: int) -> None:
        super().__init__(f"too many failures, again in {retry_after} s")
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Tokens:
    access_token: str
    refresh_token: str
    expires_in: int


async def sign_in(
    connection: Connection,
    settings: Settings,
    keys: Keys,
    username: str,
    password: str,
    address: str,
    *,
    code: str | None = None,
    agent: str | None = None,
) -> Tokens:
    """Raises WrongSignInError, SecondFactorError or TooManyFailuresError. Each try counts before it is judged, so that
    many at once do not slip through; a success forgives. A wrong code counts as a wrong password does."""
    own = await _count_try(connection, settings, username, address)
    account = await (await connection.execute(_ACCOUNT, (username,))).fetchone()
    if not await verify_password(account[1] if account else None, password) or account is None:
        raise WrongSignInError
    if account[2]:
        if not code:
            await connection.execute(_NOT_TRIED, (own,))
            raise SecondFactorError(given=False)
        # Whoever tries codes has the password: they are counted wherever they come from.
        await count_code(connection, settings, username)
        if not await take_code(connection, keys, account[0], code, datetime.now(UTC)):
            raise SecondFactorError(given=True)
    await connection.execute(_FORGIVE, (username, [address, _CODES]))
    return await new_session(connection, settings, account[0], address, agent)


async def new_session(
    connection: Connection,
    settings: Settings,
    account_id: UUID,
    address: str,
    agent: str | None,
    *,
    factor_elsewhere: bool = False,
) -> Tokens:
    """For whoever has proven who they are. `factor_elsewhere`: by a second factor too, which is not ours."""
    session_id, refresh_token = uuid7(), secrets.token_urlsafe(32)
    values = (session_id, account_id, _hash(refresh_token), settings.session_days, address, agent, factor_elsewhere)
    await connection.execute(_NEW_SESSION, values)
    return _tokens(settings, account_id, session_id, refresh_token)


async def count_code(connection: Connection, settings: Settings, username: str) -> None:
    """A code that is tried. Raises TooManyFailuresError."""
    await _count_try(connection, settings, username, _CODES)


async def forgive_codes(connection: Connection, username: str) -> None:
    await connection.execute(_FORGIVE, (username, [_CODES]))


async def _count_try(connection: Connection, settings: Settings, username: str, address: str) -> int:
    """The try's id. Raises TooManyFailuresError."""
    tries: dict[str, Any] = {
        "username": username,
        "address": address,
        "window": settings.sign_in_window_seconds,
        "most": settings.sign_in_failures,
    }
    own = await (await connection.execute(_TRY, tries)).fetchone()
    assert own is not None
    count = await (await connection.execute(_TRIES, tries | {"own": own[0]})).fetchone()
    assert count is not None
    if count[0] >= settings.sign_in_failures:
        await connection.execute(_NOT_TRIED, own)
        raise TooManyFailuresError(max(1, int(count[1]) + 1))
    return int(own[0])


async def sign_in_prober(connection: Connection, settings: Settings) -> Tokens:
    """Tokens of `anhu watch`, which holds the signing key and needs no password: its account has none, and reaches the
    live streams of all organisations for synthetic presses alone."""
    async with connection.transaction():
        row = await (await connection.execute(_PROBER, (uuid7(), PROBER))).fetchone()
        assert row is not None
        await connection.execute(_REACH_ROOTS, row)
        await connection.execute(_END_SESSIONS, row)
        session_id, refresh_token = uuid7(), secrets.token_urlsafe(32)
        await connection.execute(_NEW_SESSION, (session_id, row[0], _hash(refresh_token), 1, None, None, False))
    return _tokens(settings, row[0], session_id, refresh_token)


async def refresh(connection: Connection, settings: Settings, refresh_token: str) -> Tokens:
    """New tokens for the session of a refresh token. Raises WrongSignInError."""
    theft: UUID | None = None
    async with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        session = await (
            await cursor.execute(_REFRESH, {"hash": _hash(refresh_token), "grace": REFRESH_GRACE_SECONDS})
        ).fetchone()
        if session is None:
            raise WrongSignInError
        if session["current"] or session["recent"]:
            renewed = secrets.token_urlsafe(32)
            await cursor.execute(_ROTATE, (_hash(renewed), settings.session_days, session["id"]))
            return _tokens(settings, session["account_id"], session["id"], renewed)
        theft = session["id"]
    await sign_out(connection, theft)
    raise WrongSignInError


async def sign_out(connection: Connection, session_id: UUID) -> None:
    """Ends the session: its tokens at once, its streams within a second."""
    await connection.execute(_REVOKE, (session_id,))
    await connection.execute(_NOTIFY_ENDED)


async def caller_of(connection: Connection, settings: Settings, access_token: str) -> Caller | None:
    """Who the token speaks for; None when it is false, too old, or its session has ended."""
    try:
        claims: dict[str, Any] = jwt.decode(
            access_token,
            settings.secret_key.get_secret_value(),
            algorithms=["HS256"],
            options={"require": ["exp", "sub", "sid"]},
        )
        account_id, session_id = UUID(claims["sub"]), UUID(claims["sid"])
    except (jwt.InvalidTokenError, ValueError, TypeError, AttributeError):
        return None
    async with connection.cursor(row_factory=dict_row) as cursor:
        row = await (await cursor.execute(_CALLER, (session_id, account_id))).fetchone()
    if row is None:
        return None
    wanted = {purpose: frozenset(map(UUID, elders)) for purpose, elders in row["consents"].items()}
    none: frozenset[UUID] = frozenset()
    reached = wanted.get("family_alerts", none)
    return Caller(
        account_id=row["id"],
        session_id=session_id,
        username=row["username"],
        name=row["name"],
        role=row["role"],
        organizations=tuple(row["organizations"]),
        elders=tuple(one for one in row["elders"] if one in reached),
        located=wanted.get("family_location", none),
        measured=wanted.get("family_vitals", none),
        needs_second_factor=settings.second_factor_required
        and row["role"] == "administrator"
        and not row["second_factor"]
        and not row["factor_elsewhere"],
    )


async def still_alive(connection: Connection, session_ids: list[UUID]) -> set[UUID]:
    """Of these sessions, those that have not ended."""
    rows = await (await connection.execute(_ALIVE, (session_ids,))).fetchall()
    return {row[0] for row in rows}


def _hash(refresh_token: str) -> bytes:
    return hashlib.sha256(refresh_token.encode("utf-8", "replace")).digest()


def _tokens(settings: Settings, account_id: UUID, session_id: UUID, refresh_token: str) -> Tokens:
    now = datetime.now(UTC)
    access_token = jwt.encode(
        {
            "sub": str(account_id),
            "sid": str(session_id),
            "iat": now,
            "exp": now + timedelta(seconds=settings.access_token_seconds),
        },
        settings.secret_key.get_secret_value(),
        algorithm="HS256",
    )
    return Tokens(access_token, refresh_token, settings.access_token_seconds)
