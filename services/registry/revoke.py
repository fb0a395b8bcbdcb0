"""Shuts a device out: the broker cuts its connection and refuses it from then on."""

from services.registry.changing import changes_by
from services.registry.names import Actor, record
from services.registry.rotate import is_revoked
from services.storage.pool import Connection

_REVOKE = "UPDATE devices SET revoked_at = clock_timestamp() WHERE device_id = %s"


async def revoke(connection: Connection, actor: Actor, device_id: str) -> None:
    """Again is no error, and keeps the first time. Raises UnknownNameError."""
    async with changes_by(connection, actor):
        if not await is_revoked(connection, actor, device_id):
            await connection.execute(_REVOKE, (device_id,))
            await record(connection, actor, "device", "revoked", [device_id])
