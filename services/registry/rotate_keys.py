"""Seals every identity number with the key in use. Before it every reader has both keys; after it one is enough."""

from collections.abc import Callable

from services.registry.changing import changes_by
from services.registry.names import Actor
from services.registry.sealing import Keys, sealed_by
from services.storage.pool import Connection

_CHUNK = 1000
_SOME = """
SELECT id, identity_sealed FROM elders WHERE identity_sealed IS NOT NULL AND id > %s ORDER BY id LIMIT %s FOR UPDATE
"""
_SEAL = "UPDATE elders SET identity_sealed = %s, identity_hash = %s WHERE id = %s"


async def rotate_keys(connection: Connection, actor: Actor, keys: Keys, tell: Callable[[int], None]) -> int:
    """How many were sealed anew. May be stopped and started again. Raises KeysError for a value without its key."""
    done, after = 0, "00000000-0000-0000-0000-000000000000"
    while True:
        async with changes_by(connection, actor):
            rows = await (await connection.execute(_SOME, (after, _CHUNK))).fetchall()
            old = [(row[0], keys.open(row[1])) for row in rows if sealed_by(row[1]) != keys.in_use]
            async with connection.cursor() as cursor:
                await cursor.executemany(_SEAL, [(keys.seal(text), keys.hash(text), one) for one, text in old])
        done += len(old)
        tell(done)
        if len(rows) < _CHUNK:
            return done
        after = str(rows[-1][0])
