"""A device is given to an elder or taken back, or goes to another organisation."""

from uuid import UUID

from services.registry import reach
from services.registry.changing import changes_by
from services.registry.names import Actor, NotPossibleError
from services.registry.rotate import is_revoked
from services.storage.pool import Connection

_ELDER = "SELECT p.organization_id FROM elders p WHERE p.id = %(id)s"
_ORGANIZATION = "SELECT o.id FROM organizations o WHERE o.id = %(id)s"
_BIND = "UPDATE devices SET elder_id = %s, organization_id = coalesce(%s, organization_id) WHERE device_id = %s"


async def bind_device(
    connection: Connection, actor: Actor, device_id: str, elder_id: UUID | None, organization_id: UUID | None
) -> None:
    """An elder's device belongs to the elder's organisation: an alert goes where help is. Raises UnknownNameError, and
    NotPossibleError for an elder or organisation that is not reached, or two that do not fit."""
    async with changes_by(connection, actor):
        if await is_revoked(connection, actor, device_id):
            raise NotPossibleError(f"{device_id} is revoked", f"设备 {device_id} 已停用，请先恢复")
        home = await _one(connection, actor, _ELDER, reach.ELDER_P, elder_id)
        if elder_id is not None and home is None:
            raise NotPossibleError("no such elder within reach", "没有这位老人，或不在您的管辖范围内")
        if organization_id is not None:
            if await _one(connection, actor, _ORGANIZATION, reach.ORGANIZATION_O, organization_id) is None:
                raise NotPossibleError("no such organisation within reach", "没有这个机构，或不在您的管辖范围内")
            if home is not None and home != organization_id:
                raise NotPossibleError("the elder is of another organisation", "老人属于另一个机构，设备须归同一机构")
        await connection.execute(_BIND, (elder_id, home or organization_id, device_id))


async def _one(connection: Connection, actor: Actor, statement: str, within: str, value: UUID | None) -> UUID | None:
    if value is None:
        return None
    values = {"id": value}
    if actor.caller is not None:
        statement, values = f"{statement} AND {within}", values | actor.caller.parameters
    row = await (await connection.execute(statement, values)).fetchone()
    return row[0] if row else None
