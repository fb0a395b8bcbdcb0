"""The broker's accounts that are not devices: gateways, bridges, other platforms. Secrets as with devices."""

from dataclasses import dataclass
from datetime import datetime

from services.broker.accounts import DEVICE_ID
from services.broker.passwords import hash_password, new_secret
from services.broker.rights import check_rights
from services.registry.names import Actor, NotPossibleError, UnknownNameError, lock_names, record
from services.storage.pool import Connection

_TAKEN = (
    "SELECT FROM service_accounts WHERE username = %(name)s UNION ALL SELECT FROM devices WHERE device_id = %(name)s"
)
_ADD = "INSERT INTO service_accounts (username, credential_hash, rights) VALUES (%s, %s, %s)"
_LIST = "SELECT username, rights, created_at, revoked_at FROM service_accounts ORDER BY username"


@dataclass(frozen=True, slots=True)
class Account:
    username: str
    rights: list[str]
    created_at: datetime
    revoked_at: datetime | None


async def add_account(
    connection: Connection, actor: Actor, username: str, rights: tuple[str, ...], *, all_devices: bool = False
) -> str:
    """The secret, told this once. Raises RightsError, and NotPossibleError for a name that cannot be had."""
    check_rights(rights, all_devices=all_devices)
    if not DEVICE_ID.fullmatch(username):
        raise NotPossibleError(
            f"{username!r}: want 1 to 64 of A-Z a-z 0-9 . _ -", "账号名应为 1–64 个字母、数字或 . _ -"
        )
    secret = new_secret()
    async with connection.transaction():
        await lock_names(connection)
        if await (await connection.execute(_TAKEN, {"name": username})).fetchone() is not None:
            raise NotPossibleError(f"{username} is taken, by a device or a service account", f"{username} 已被使用")
        await connection.execute(_ADD, (username, hash_password(secret), list(rights)))
        await record(connection, actor, "service_account", "enrolled", [username])
    return secret


async def rotate_account(connection: Connection, actor: Actor, username: str) -> str:
    """A new secret, also for one that was revoked, which it brings back. Raises UnknownNameError."""
    secret = new_secret()
    await _change(
        connection, actor, username, "rotated", "credential_hash = %s, revoked_at = NULL", hash_password(secret)
    )
    return secret


async def set_rights(
    connection: Connection, actor: Actor, username: str, rights: tuple[str, ...], *, all_devices: bool = False
) -> None:
    """Other rights in the place of all it had. Raises RightsError, UnknownNameError."""
    check_rights(rights, all_devices=all_devices)
    await _change(connection, actor, username, "rights", "rights = %s", list(rights))


async def revoke_account(connection: Connection, actor: Actor, username: str) -> None:
    """Raises UnknownNameError."""
    await _change(connection, actor, username, "revoked", "revoked_at = coalesce(revoked_at, clock_timestamp())")


async def list_accounts(connection: Connection) -> list[Account]:
    return [Account(*row) for row in await (await connection.execute(_LIST)).fetchall()]


async def _change(
    connection: Connection, actor: Actor, username: str, what: str, assignment: str, *values: object
) -> None:
    async with connection.transaction():
        done = await connection.execute(
            f"UPDATE service_accounts SET {assignment} WHERE username = %s", (*values, username)
        )
        if done.rowcount != 1:
            raise UnknownNameError(username)
        await record(connection, actor, "service_account", what, [username])
