"""Beds of a care home: made, given, taken away. An elder has one bed; the words of it are kept beside their address by
a trigger (0023_work.sql), so that an alert says the bed without asking."""

from collections.abc import Sequence
from uuid import UUID

from psycopg.errors import UniqueViolation
from uuid_utils.compat import uuid7

from services.registry.changing import changes_by
from services.registry.names import Actor, NotPossibleError
from services.storage.pool import Connection

_ADD = """
INSERT INTO beds (id, organization_id, building, room, bed) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (organization_id, building, room, bed) DO NOTHING
"""
_LOCKED = "SELECT elder_id FROM beds WHERE id = %s AND organization_id = %s FOR UPDATE"
_LEAVES = "UPDATE beds SET elder_id = NULL, since = NULL WHERE elder_id = %s AND id <> %s"
_GIVE = "UPDATE beds SET elder_id = %s, since = CASE WHEN %s::uuid IS NULL THEN NULL ELSE now() END WHERE id = %s"
_HERE = "SELECT FROM elders WHERE id = %s AND organization_id = %s"
_REMOVE = "DELETE FROM beds WHERE id = %s AND organization_id = %s"


async def add_beds(connection: Connection, home: UUID, building: str, room: str, beds: Sequence[str]) -> None:
    """Those that are there stay as they are."""
    async with connection.transaction():
        for bed in beds:
            await connection.execute(_ADD, (uuid7(), home, building, room, bed))


async def give_bed(connection: Connection, actor: Actor, home: UUID, bed_id: UUID, elder_id: UUID | None) -> bool:
    """Whoever had another bed leaves it. False: there is no such bed. Raises NotPossibleError."""
    try:
        async with changes_by(connection, actor):
            row = await (await connection.execute(_LOCKED, (bed_id, home))).fetchone()
            if row is None:
                return False
            if row[0] == elder_id:
                return True
            if elder_id is not None:
                if row[0] is not None:
                    raise NotPossibleError("the bed is taken", "这张床位已有人，请先腾空")
                if await (await connection.execute(_HERE, (elder_id, home))).fetchone() is None:
                    raise NotPossibleError("the elder lives elsewhere", "这位老人不属于这家机构，请先修改所属机构")
                await connection.execute(_LEAVES, (elder_id, bed_id))
            await connection.execute(_GIVE, (elder_id, elder_id, bed_id))
    except UniqueViolation:
        raise NotPossibleError(
            "the elder has been given another bed meanwhile", "这位老人刚被安排了另一张床位"
        ) from None
    return True


async def remove_bed(connection: Connection, home: UUID, bed_id: UUID) -> bool:
    """False: there is none. Raises NotPossibleError while somebody has it."""
    async with connection.transaction():
        row = await (await connection.execute(_LOCKED, (bed_id, home))).fetchone()
        if row is None:
            return False
        if row[0] is not None:
            raise NotPossibleError("the bed is taken", "这张床位有人，不能删除")
        await connection.execute(_REMOVE, (bed_id, home))
    return True
