"""The second factor: a code of six digits each half a minute (RFC 6238), as telephones' apps show it. The secret is
sealed; each code is taken once; recovery codes are told once, and kept as hashes."""

import base64
import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from cryptography.hazmat.primitives import constant_time
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from services.registry.changing import changes_by
from services.registry.names import Actor, NotPossibleError
from services.registry.sealing import Keys
from services.storage.pool import Connection

#: RFC 6238, and what every app on a telephone assumes.
STEP: Final = 30
DIGITS: Final = 6
#: Clocks of telephones may be a step away.
AWAY: Final = 1
RECOVERY_CODES: Final = 10
ISSUER: Final = "Anhu"

_BEGIN = """
INSERT INTO second_factors (account_id, secret) VALUES (%s, %s)
ON CONFLICT (account_id) DO UPDATE SET secret = excluded.secret, begun_at = now(), last_step = 0
WHERE second_factors.on_since IS NULL RETURNING account_id
"""
_ONE = "SELECT secret, on_since, last_step, recovery FROM second_factors WHERE account_id = %s FOR UPDATE"
_ON = """
UPDATE second_factors SET on_since = now(), last_step = %(step)s, recovery = %(recovery)s WHERE account_id = %(id)s
"""
_TAKEN = "UPDATE second_factors SET last_step = %s WHERE account_id = %s"
_RECOVERED = "UPDATE second_factors SET recovery = array_remove(recovery, %s) WHERE account_id = %s"
_OFF = "DELETE FROM second_factors WHERE account_id = %s RETURNING on_since"
_TOLD = """
INSERT INTO changes (subject, subject_id, what, account_id, actor, address) VALUES ('account', %s, %s, %s, %s, %s)
"""


def new_secret() -> bytes:
    return secrets.token_bytes(20)


def step_of(secret: bytes, code: str, now: datetime, after: int) -> int | None:
    """The step whose code it is, of those that are not over and were not taken (`after`); None: it is none of them."""
    totp, given = _totp(secret), code.encode("utf-8", "replace")
    current = int(now.timestamp()) // STEP
    for step in range(current - AWAY, current + AWAY + 1):
        if constant_time.bytes_eq(totp.generate(step * STEP), given) and step > after:
            return step
    return None


def _totp(secret: bytes) -> TOTP:
    return TOTP(secret, DIGITS, SHA1(), STEP)  # noqa: S303 - HMAC-SHA-1 is what the apps do; RFC 6238 has it so


def uri_of(secret: bytes, username: str) -> str:
    """What a telephone's camera reads."""
    return _totp(secret).get_provisioning_uri(username, ISSUER)


def written(secret: bytes) -> str:
    """As it is typed into an app that has no camera."""
    return base64.b32encode(secret).decode().rstrip("=")


def new_recovery_codes() -> list[str]:
    codes = [base64.b32encode(secrets.token_bytes(10)).decode().lower() for _ in range(RECOVERY_CODES)]
    return [f"{code[:8]}-{code[8:]}" for code in codes]


def recovery_hash(code: str) -> bytes:
    """80 bits need no slow hash."""
    return hashlib.sha256(code.replace("-", "").replace(" ", "").lower().encode("utf-8", "replace")).digest()


async def begin(connection: Connection, keys: Keys, account_id: UUID) -> bytes:
    """A new secret, which counts once a code of it has come. Raises NotPossibleError, KeysError."""
    secret = new_secret()
    row = await (await connection.execute(_BEGIN, (account_id, keys.seal(secret.hex())))).fetchone()
    if row is None:
        raise NotPossibleError("the second factor is on", "动态验证码已经开启，如要更换请先关闭")
    return secret


async def confirm(connection: Connection, keys: Keys, actor: Actor, code: str, now: datetime) -> list[str] | None:
    """Switches it on: the recovery codes, told this once. None: the code is wrong. Raises NotPossibleError,
    KeysError."""
    account_id = actor.account_id
    assert account_id is not None
    async with changes_by(connection, actor):
        row = await (await connection.execute(_ONE, (account_id,))).fetchone()
        if row is None or row[1] is not None:
            raise NotPossibleError("nothing was begun", "请先生成密钥，再填写验证码")
        step = step_of(bytes.fromhex(keys.open(row[0])), code, now, row[2])
        if step is None:
            return None
        codes = new_recovery_codes()
        values = {"id": account_id, "step": step, "recovery": [recovery_hash(one) for one in codes]}
        await connection.execute(_ON, values)
        await _tell(connection, actor, account_id, "second factor on")
    return codes


async def take_code(connection: Connection, keys: Keys, account_id: UUID, code: str, now: datetime) -> bool:
    """Whether it lets in: a code of this half minute, or a recovery code, each once. Raises KeysError."""
    async with connection.transaction():
        row = await (await connection.execute(_ONE, (account_id,))).fetchone()
        if row is None or row[1] is None:
            return False
        hashed = recovery_hash(code)
        if _is_among(hashed, row[3]):
            await connection.execute(_RECOVERED, (hashed, account_id))
            return True
        step = step_of(bytes.fromhex(keys.open(row[0])), code, now, row[2])
        if step is None:
            return False
        await connection.execute(_TAKEN, (step, account_id))
    return True


async def switch_off(connection: Connection, actor: Actor, account_id: UUID) -> bool:
    """By its owner with a code, or by an administrator for somebody who has lost theirs. False: it was not on."""
    async with changes_by(connection, actor):
        row = await (await connection.execute(_OFF, (account_id,))).fetchone()
        if row is None or row[0] is None:
            return False
        await _tell(connection, actor, account_id, "second factor off")
    return True


async def _tell(connection: Connection, actor: Actor, account_id: UUID, what: str) -> None:
    await connection.execute(_TOLD, (str(account_id), what, actor.account_id, actor.name, actor.address))


def _is_among(hashed: bytes, kept: Sequence[Any]) -> bool:
    return any(constant_time.bytes_eq(hashed, bytes(one)) for one in kept)
