"""An organisation made or changed by an administrator of one above it."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from psycopg.rows import dict_row
from uuid_utils.compat import uuid7

from services.registry import reach
from services.registry.bulk.few import TIERS
from services.registry.changing import changes_by
from services.registry.names import Actor, NotPossibleError, UnknownNameError
from services.storage.pool import Connection

_ONE = f"SELECT o.* FROM organizations o WHERE o.id = %(id)s AND {reach.ORGANIZATION_O}"
_SAME = "SELECT 1 FROM organizations WHERE parent_id = %s AND name = %s AND id <> %s"
_LOWEST = ("point", "care_home")


async def save_organization(
    connection: Connection, actor: Actor, said: Mapping[str, Any], organization_id: UUID | None = None
) -> UUID:
    """`said`: of parent_id, tier, name, division_code, address and phone those that are to be so. Raises
    UnknownNameError, and NotPossibleError with what does not fit."""
    assert actor.caller is not None
    async with changes_by(connection, actor):
        there = await _one(connection, actor, organization_id) if organization_id else {}
        wanted = there | dict(said)
        parent_id = wanted.get("parent_id")
        if organization_id and there["parent_id"] is None:
            if said.get("parent_id"):
                raise NotPossibleError("the root has no parent", "最上级机构不能移到别的机构下面")
        else:
            await _fits(connection, actor, wanted, parent_id, organization_id)
        own = organization_id or uuid7()
        same = await (await connection.execute(_SAME, (parent_id, wanted["name"], own))).fetchone()
        if same:
            raise NotPossibleError("the parent has one of that name", "上级机构下面已有同名的机构")
        if organization_id:
            sets = ", ".join(f"{name} = %({name})s" for name in said)
            if sets:
                await connection.execute(f"UPDATE organizations SET {sets} WHERE id = %(id)s", {**said, "id": own})
        else:
            names = ", ".join(said)
            marks = ", ".join(f"%({name})s" for name in said)
            await connection.execute(
                f"INSERT INTO organizations (id, {names}) VALUES (%(id)s, {marks})", {**said, "id": own}
            )
    return own


async def _one(connection: Connection, actor: Actor, organization_id: UUID | None) -> dict[str, Any]:
    assert actor.caller is not None
    async with connection.cursor(row_factory=dict_row) as cursor:
        row = await (await cursor.execute(_ONE, actor.caller.parameters | {"id": organization_id})).fetchone()
    if row is None:
        raise UnknownNameError(str(organization_id))
    return row


async def _fits(
    connection: Connection, actor: Actor, wanted: Mapping[str, Any], parent_id: UUID | None, own: UUID | None
) -> None:
    assert actor.caller is not None
    if own in actor.caller.organizations and parent_id not in actor.caller.organizations:
        # Moving one's own organisation would be done above it.
        row = await (await connection.execute("SELECT parent_id FROM organizations WHERE id = %s", (own,))).fetchone()
        if row and row[0] == parent_id:
            return
    try:
        parent = await _one(connection, actor, parent_id)
    except UnknownNameError:
        raise NotPossibleError("no such parent within reach", "没有这个上级机构，或不在您的管辖范围内") from None
    if own is not None and own in parent["path"]:
        raise NotPossibleError("an organisation cannot be below itself", "机构不能移到自己的下级")
    tier = wanted["tier"]
    if parent["tier"] in _LOWEST or (tier not in _LOWEST and TIERS.index(tier) < TIERS.index(parent["tier"])):
        raise NotPossibleError("the parent is of a lower tier", "上级机构的层级比它低，请核对类型")
