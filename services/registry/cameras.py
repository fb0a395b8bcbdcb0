"""Cameras bound to a room of a care home or of an elder's own home. The link to one is sealed, and opens for an
unresolved alert of an elder of that room alone, to whoever may answer it; each look is in `access_log`.

A drill opens none: nobody is in need.
"""

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from psycopg.rows import dict_row
from uuid_utils.compat import uuid7

from services.registry import reach
from services.registry.changing import changes_by
from services.registry.looks import record_look
from services.registry.names import Actor, UnknownNameError
from services.registry.reach import Caller
from services.registry.sealing import Keys
from services.storage.pool import Connection

_SCHEMES: Final = ("rtsp", "rtsps", "https")

_COLUMNS = "c.id, c.building, c.room, c.name, c.made_at"
_OF_HOME = f"SELECT {_COLUMNS} FROM cameras c WHERE c.organization_id = %s ORDER BY c.building, c.room, c.name, c.id"
_OF_ELDER = f"SELECT {_COLUMNS} FROM cameras c WHERE c.elder_id = %s ORDER BY c.room, c.name, c.id"
_ADD = """
INSERT INTO cameras (id, organization_id, building, room, elder_id, name, link_sealed)
VALUES (%s, %s, %s, %s, %s, %s, %s)
"""
_ROOM = "SELECT FROM beds WHERE organization_id = %s AND building = %s AND room = %s"
_REMOVE = "DELETE FROM cameras WHERE id = %s AND {} = %s RETURNING building, room, name"
_TOLD = """
INSERT INTO changes (subject, subject_id, what, account_id, actor, address, after) VALUES (%s, %s, %s, %s, %s, %s,
    jsonb_strip_nulls(jsonb_build_object('building', %s::text, 'room', %s::text, 'name', %s::text)))
"""
# The room is where the elder has their bed now, and not where they had it when the alert was raised.
_OPEN = f"""
SELECT {_COLUMNS}, c.link_sealed, a.elder_id FROM alerts a JOIN cameras c ON c.elder_id = a.elder_id OR EXISTS (
    SELECT FROM beds b JOIN elders p ON p.id = b.elder_id AND p.organization_id = b.organization_id
    WHERE b.elder_id = a.elder_id AND b.organization_id = c.organization_id
       AND b.building = c.building AND b.room = c.room)
WHERE a.id = %(alert)s AND a.state IN ('triggered', 'acknowledged', 'dispatched', 'arrived') AND NOT a.drill
  AND {reach.ALERT_A}
"""
_ORDERED = " ORDER BY c.building NULLS FIRST, c.room, c.name, c.id"
# A move that closes the alert waits until the look is written.
_ONE = " AND c.id = %(camera)s FOR SHARE OF a"


@dataclass(frozen=True, slots=True)
class Bound:
    """To what: a room of a care home, or of the home of an elder."""

    organization_id: UUID | None = None
    elder_id: UUID | None = None

    @property
    def told_of(self) -> tuple[str, str]:
        return ("elder", str(self.elder_id)) if self.elder_id else ("organization", str(self.organization_id))


def flaw_of_link(link: str) -> str | None:
    """In words, for whoever typed it. Pure."""
    try:
        parts = urlsplit(link)
        _ = parts.port
    except ValueError:
        return "摄像头地址不是一个网址"
    if parts.scheme not in _SCHEMES:
        return "摄像头地址要以 rtsp://、rtsps:// 或 https:// 开头"
    if not parts.hostname or any(not each.isprintable() or each.isspace() for each in link):
        return "摄像头地址里缺少主机名，或者有空格"
    return None


async def cameras_of(connection: Connection, bound: Bound) -> list[dict[str, Any]]:
    """Without their links."""
    statement, value = (_OF_ELDER, bound.elder_id) if bound.elder_id else (_OF_HOME, bound.organization_id)
    async with connection.cursor(row_factory=dict_row) as cursor:
        return await (await cursor.execute(statement, (value,))).fetchall()


async def bind_camera(
    connection: Connection,
    actor: Actor,
    keys: Keys,
    bound: Bound,
    building: str | None,
    room: str,
    name: str,
    link: str,
) -> None:
    """Raises KeysError without a key to seal it with, UnknownNameError for a room of a care home that has no beds."""
    sealed = keys.seal(link)
    async with changes_by(connection, actor):
        if bound.organization_id is not None:
            where = (bound.organization_id, building, room)
            if await (await connection.execute(_ROOM, where)).fetchone() is None:
                raise UnknownNameError(f"room {building} {room}")
        await connection.execute(_ADD, (uuid7(), bound.organization_id, building, room, bound.elder_id, name, sealed))
        await _tell(connection, actor, bound, "camera bound", (building, room, name))


async def remove_camera(connection: Connection, actor: Actor, bound: Bound, camera_id: UUID) -> bool:
    """False: there is none."""
    column, value = ("elder_id", bound.elder_id) if bound.elder_id else ("organization_id", bound.organization_id)
    async with changes_by(connection, actor):
        row = await (await connection.execute(_REMOVE.format(column), (camera_id, value))).fetchone()
        if row is not None:
            await _tell(connection, actor, bound, "camera removed", row)
    return row is not None


async def cameras_for(connection: Connection, caller: Caller, alert_id: UUID) -> list[dict[str, Any]]:
    """Which would open for the alert now, without their links; none when it is closed."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        return await (await cursor.execute(_OPEN + _ORDERED, caller.parameters | {"alert": alert_id})).fetchall()


async def open_camera(
    connection: Connection, caller: Caller, keys: Keys, alert_id: UUID, camera_id: UUID, address: str
) -> str | None:
    """The link, and the look is written with it; None: it does not open for this alert. Raises KeysError."""
    values = caller.parameters | {"alert": alert_id, "camera": camera_id}
    async with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        row = await (await cursor.execute(_OPEN + _ONE, values)).fetchone()
        if row is None:
            return None
        link = keys.open(row["link_sealed"])
        await record_look(connection, caller, "camera", row["elder_id"], alert_id=alert_id, address=address)
    return link


async def _tell(connection: Connection, actor: Actor, bound: Bound, what: str, camera: Any) -> None:
    await connection.execute(_TOLD, (*bound.told_of, what, actor.account_id, actor.name, actor.address, *camera))
