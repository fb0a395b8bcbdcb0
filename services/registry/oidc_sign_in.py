"""Signing in by an OpenID Connect provider: who went to it, who is back, and which account is theirs.

An account is found by the provider's subject that is bound to it: by an administrator, or by a first sign-in whose
claim is the user name, where `ANHU_OIDC_MATCH` says so. None is ever made. What follows is the session of sign_in.py.
"""

import base64
import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from psycopg.errors import UniqueViolation

from services.registry.changing import changes_by
from services.registry.names import Actor, NotPossibleError, UnknownNameError
from services.registry.oidc_provider import Person
from services.registry.reach import PROBER
from services.registry.save_account import ACCOUNT_A
from services.registry.sealing import Keys
from services.registry.second_factor import take_code
from services.registry.sign_in import (
    SecondFactorError,
    Tokens,
    WrongSignInError,
    count_code,
    forgive_codes,
    new_session,
)
from services.runtime.settings import Settings
from services.storage.pool import Connection

#: At the provider somebody looks for a telephone; the page that they come back to takes its tokens at once.
TRY_SECONDS: Final = 600
TICKET_SECONDS: Final = 120

_OVER = f"DELETE FROM oidc_tries WHERE begun_at < now() - interval '{TRY_SECONDS} s'"
_TICKETS_OVER = f"DELETE FROM oidc_tickets WHERE made_at < now() - interval '{TICKET_SECONDS} s'"
_BEGIN = """
INSERT INTO oidc_tries (state_hash, browser_hash, nonce, verifier, back) VALUES (%s, %s, %s, %s, %s)
"""
_TAKE_TRY = f"""
DELETE FROM oidc_tries WHERE state_hash = %s AND browser_hash = %s
RETURNING nonce, verifier, back, begun_at > now() - interval '{TRY_SECONDS} s'
"""
_BOUND = """
SELECT a.id, a.disabled_at IS NOT NULL FROM account_subjects s JOIN accounts a ON a.id = s.account_id
WHERE s.issuer = %s AND s.subject = %s AND a.username <> %s
"""
_MATCHING = """
SELECT a.id, a.disabled_at IS NOT NULL, EXISTS (
    SELECT FROM account_subjects s WHERE s.account_id = a.id AND s.issuer = %s)
FROM accounts a WHERE lower(a.username) = lower(%s) AND a.username <> %s
"""
_BIND = "INSERT INTO account_subjects (account_id, issuer, subject, bound_by_name) VALUES (%s, %s, %s, %s)"
_UNBIND = "DELETE FROM account_subjects WHERE account_id = %s AND issuer = %s RETURNING subject"
_NEW_TICKET = "INSERT INTO oidc_tickets (ticket_hash, browser_hash, account_id, factor) VALUES (%s, %s, %s, %s)"
_TICKET = f"""
SELECT t.account_id, a.username, t.factor, f.on_since IS NOT NULL
FROM oidc_tickets t JOIN accounts a ON a.id = t.account_id LEFT JOIN second_factors f ON f.account_id = a.id
WHERE t.ticket_hash = %s AND t.browser_hash = %s AND a.disabled_at IS NULL
  AND t.made_at > now() - interval '{TICKET_SECONDS} s'
"""
_TICKET_TAKEN = "DELETE FROM oidc_tickets WHERE ticket_hash = %s"
_REACHED = f"SELECT a.id FROM accounts a WHERE a.id = %(id)s AND {ACCOUNT_A} FOR UPDATE"
_TOLD = """
INSERT INTO changes (subject, subject_id, what, account_id, actor, address) VALUES ('account', %s, %s, %s, %s, %s)
"""
_END_SESSIONS = "UPDATE sessions SET revoked_at = now() WHERE account_id = %s AND revoked_at IS NULL"
_TELL_ENDED = "SELECT pg_notify('anhu_sessions', '')"


class NotBackError(Exception):
    """Nobody went with this state from this browser, or too long ago, or is back already."""


class NoAccountError(Exception):
    """The provider knows them, and nobody here is them."""


class DisabledError(Exception):
    """Whose account it is may not sign in."""


@dataclass(frozen=True, slots=True)
class Going:
    """What goes to the provider and, as a cookie, to the browser."""

    state: str
    nonce: str
    challenge: str
    browser: str


@dataclass(frozen=True, slots=True)
class Back:
    nonce: str
    verifier: str
    back: str


async def go(connection: Connection, back: str) -> Going:
    await connection.execute(_OVER)
    await connection.execute(_TICKETS_OVER)
    state, nonce, verifier, browser = (secrets.token_urlsafe(32) for _ in range(4))
    await connection.execute(_BEGIN, (_hash(state), _hash(browser), nonce, verifier, back))
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    return Going(state, nonce, challenge, browser)


async def come_back(connection: Connection, state: str, browser: str) -> Back:
    """Once: whoever comes with the same state again is refused. Raises NotBackError."""
    row = await (await connection.execute(_TAKE_TRY, (_hash(state), _hash(browser)))).fetchone()
    if row is None or not row[3]:
        raise NotBackError
    return Back(row[0], row[1], row[2])


async def ticket_for(connection: Connection, settings: Settings, person: Person, browser: str, address: str) -> str:
    """For whom the provider vouches for. Raises NoAccountError, DisabledError."""
    row = await (await connection.execute(_BOUND, (settings.oidc_issuer, person.subject, PROBER))).fetchone()
    if row is None:
        row = await _matching(connection, settings, person, address)
    if row[1]:
        raise DisabledError
    ticket = secrets.token_urlsafe(32)
    await connection.execute(_NEW_TICKET, (_hash(ticket), _hash(browser), row[0], person.factor))
    return ticket


async def _matching(connection: Connection, settings: Settings, person: Person, address: str) -> tuple[UUID, bool]:
    """The account whose user name the claim is, bound from now on. Raises NoAccountError, DisabledError."""
    claims = {"email": person.email, "preferred_username": person.preferred_username}
    claim = claims.get(settings.oidc_match)
    if not claim or "\x00" in claim:
        raise NoAccountError
    rows = await (await connection.execute(_MATCHING, (settings.oidc_issuer, claim, PROBER))).fetchall()
    # Somebody else of the provider may have had the name before: theirs is bound already.
    if len(rows) != 1 or rows[0][2]:
        raise NoAccountError
    account_id, disabled, _ = rows[0]
    if disabled:
        raise DisabledError
    try:
        async with changes_by(connection, Actor(f"{settings.oidc_name} {claim}", address, None)):
            who = f"{settings.oidc_match} {claim}"
            await connection.execute(_BIND, (account_id, settings.oidc_issuer, person.subject, who))
            await connection.execute(_TOLD, (str(account_id), "subject bound", account_id, who, address))
    except UniqueViolation:
        raise NoAccountError from None  # two at once, of which one was first
    return account_id, disabled


async def take_ticket(
    connection: Connection,
    settings: Settings,
    keys: Keys,
    ticket: str,
    browser: str,
    address: str,
    *,
    code: str | None = None,
    agent: str | None = None,
) -> tuple[str, Tokens]:
    """User name and tokens. Our second factor is asked for where the account has one and the provider asked for none.
    Raises WrongSignInError, SecondFactorError, TooManyFailuresError, KeysError."""
    row = await (await connection.execute(_TICKET, (_hash(ticket), _hash(browser)))).fetchone()
    if row is None:
        raise WrongSignInError
    account_id, username, factor, ours = row
    if ours and not factor:
        if not code:
            raise SecondFactorError(given=False)
        await count_code(connection, settings, username)
        if not await take_code(connection, keys, account_id, code, datetime.now(UTC)):
            raise SecondFactorError(given=True)
        await forgive_codes(connection, username)
    async with connection.transaction():
        taken = await connection.execute(_TICKET_TAKEN, (_hash(ticket),))
        if taken.rowcount != 1:
            raise WrongSignInError
        tokens = await new_session(connection, settings, account_id, address, agent, factor_elsewhere=factor)
    return username, tokens


async def bind(connection: Connection, settings: Settings, actor: Actor, account_id: UUID, subject: str) -> None:
    """By an administrator. Whoever was signed in is signed out: it may have been somebody else. Raises
    UnknownNameError, NotPossibleError."""
    try:
        async with changes_by(connection, actor):
            await _reached(connection, actor, account_id)
            await connection.execute(_UNBIND, (account_id, settings.oidc_issuer))
            await connection.execute(_BIND, (account_id, settings.oidc_issuer, subject, actor.name))
            await _changed(connection, actor, account_id, "subject bound")
    except UniqueViolation:
        raise NotPossibleError("the subject is bound to another account", "这个身份已绑定到别的账号") from None


async def unbind(connection: Connection, settings: Settings, actor: Actor, account_id: UUID) -> bool:
    """False: none was bound. Raises UnknownNameError."""
    async with changes_by(connection, actor):
        await _reached(connection, actor, account_id)
        row = await (await connection.execute(_UNBIND, (account_id, settings.oidc_issuer))).fetchone()
        if row is None:
            return False
        await _changed(connection, actor, account_id, "subject unbound")
    return True


async def _reached(connection: Connection, actor: Actor, account_id: UUID) -> None:
    assert actor.caller is not None
    values = actor.caller.parameters | {"id": account_id}
    if await (await connection.execute(_REACHED, values)).fetchone() is None:
        raise UnknownNameError(str(account_id))


async def _changed(connection: Connection, actor: Actor, account_id: UUID, what: str) -> None:
    await connection.execute(_TOLD, (str(account_id), what, actor.account_id, actor.name, actor.address))
    await connection.execute("DELETE FROM oidc_tickets WHERE account_id = %s", (account_id,))
    await connection.execute(_END_SESSIONS, (account_id,))
    await connection.execute(_TELL_ENDED)


def _hash(text: str) -> bytes:
    """Of what is random: 256 bits need no slow one."""
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()
