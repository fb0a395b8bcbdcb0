"""A new secret for a device, in the place of the old one; for a revoked device, also its way back.

The old secret ends as soon as the broker has read its files again. There is no time in which both hold: Mosquitto's
password file has one hash a user, and a secret that leaked should end. So rotate with the device at hand: until it is
told the new secret, its presses do not arrive.
"""

from services.broker.passwords import hash_password, new_secret
from services.registry import reach
from services.registry.changing import changes_by
from services.registry.names import Actor, NotPossibleError, UnknownNameError, record
from services.storage.pool import Connection

_DEVICE = "SELECT revoked_at IS NOT NULL FROM devices d WHERE device_id = %(device_id)s"
_SET = "UPDATE devices SET credential_hash = %s, revoked_at = NULL WHERE device_id = %s"


async def rotate(connection: Connection, actor: Actor, device_id: str) -> str:
    """The new secret, told this once. Raises UnknownNameError, and NotPossibleError for a revoked device."""
    async with changes_by(connection, actor):
        if await is_revoked(connection, actor, device_id):
            raise NotPossibleError(
                f"{device_id} is revoked: restore it to give it a new secret",
                f"设备 {device_id} 已停用：如需重新启用，请使用“恢复”",
            )
        return await _renew(connection, actor, device_id, "rotated")


async def restore(connection: Connection, actor: Actor, device_id: str) -> str:
    """Takes a revocation back, with a new secret: the old one may be why it was revoked.

    Raises UnknownNameError, and NotPossibleError for a device that is not revoked.
    """
    async with changes_by(connection, actor):
        if not await is_revoked(connection, actor, device_id):
            raise NotPossibleError(f"{device_id} is not revoked", f"设备 {device_id} 没有停用，无需恢复")
        return await _renew(connection, actor, device_id, "restored")


async def is_revoked(connection: Connection, actor: Actor, device_id: str) -> bool:
    """Within a transaction, which keeps the device's row locked: not against what only refers to it, as a reading or a
    press does. Raises UnknownNameError."""
    statement, values = _DEVICE, {"device_id": device_id.replace("\x00", "�")}
    if actor.caller is not None:
        statement += f" AND {reach.DEVICE_D}"
        values |= actor.caller.parameters
    row = await (await connection.execute(f"{statement} FOR NO KEY UPDATE OF d", values)).fetchone()
    if row is None:
        raise UnknownNameError(device_id)
    return bool(row[0])


async def _renew(connection: Connection, actor: Actor, device_id: str, what: str) -> str:
    secret = new_secret()
    await connection.execute(_SET, (hash_password(secret), device_id))
    await record(connection, actor, "device", what, [device_id])
    return secret
