"""An empty database becomes a district: the tree of organisations, and the first administrator. Again adds only what
is missing."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from uuid_utils.compat import uuid7

from services.registry.bulk.few import new_password
from services.registry.changing import changes_by
from services.registry.divisions import Division, Node
from services.registry.names import Actor
from services.registry.passwords import hash_password
from services.storage.pool import Connection

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('anhu init', 0))"
_ROOT = (
    "SELECT id, name, tier, division_code FROM organizations WHERE parent_id IS NULL ORDER BY created_at, id LIMIT 1"
)
_THERE = "SELECT division_code, tier, id FROM organizations WHERE division_code IS NOT NULL ORDER BY id DESC"
_INSERT = "INSERT INTO organizations (id, parent_id, tier, name, division_code) VALUES (%s, %s, %s, %s, %s)"
_ADMINISTRATOR = """
SELECT a.username FROM accounts a JOIN account_organizations m ON m.account_id = a.id
WHERE a.role = 'administrator' AND a.disabled_at IS NULL AND m.organization_id = %s ORDER BY a.created_at LIMIT 1
"""
_TAKEN = "SELECT 1 FROM accounts WHERE username = %s"
_ACCOUNT = "INSERT INTO accounts (id, username, password_hash, name, role) VALUES (%s, %s, %s, %s, 'administrator')"
_WORKS_AT = "INSERT INTO account_organizations (account_id, organization_id) VALUES (%s, %s)"


class SetUpError(Exception):
    """It cannot be done so; the sentence says how it can."""


@dataclass(frozen=True, slots=True)
class SetUp:
    root: str
    root_is_new: bool
    added: int
    there: int
    #: Of the first administrator; the password is None when there was one already.
    username: str
    password: str | None


async def set_up(
    connection: Connection,
    actor: Actor,
    nodes: Sequence[Node],
    *,
    root_name: str | None,
    username: str,
    name: str,
) -> SetUp:
    """Raises SetUpError and changes nothing."""
    async with changes_by(connection, actor):
        await connection.execute(_LOCK)
        root, root_told, root_is_new = await _root(connection, nodes, root_name)
        added, there = await _tree(connection, nodes, root)
        administrator, password = await _administrator(connection, root, username, name)
    return SetUp(root_told, root_is_new, added + root_is_new, there - root_is_new, administrator, password)


async def _root(connection: Connection, nodes: Sequence[Node], root_name: str | None) -> tuple[UUID, str, bool]:
    row = await (await connection.execute(_ROOT)).fetchone()
    if row is not None:
        if root_name and root_name != row[1]:
            raise SetUpError(f"the root is there already, and is called {row[1]}: leave --root-name out")
        return row[0], row[1], False
    tops = [node.division for node in nodes if node.parent is None]
    if root_name:
        top: Division | None = None
    elif len(tops) == 1:
        top = tops[0]
    elif tops:
        some = ", ".join(one.name for one in tops[:5])
        raise SetUpError(f"{len(tops)} divisions have nothing above them ({some}): name the root with --root-name")
    else:
        raise SetUpError("there is no root yet: name it with --root-name, or name files of divisions")
    root = uuid7()
    tier, told, code = (top.tier, top.name, top.code) if top else ("city", root_name, None)
    await connection.execute(_INSERT, (root, None, tier, told, code))
    return root, str(told), True


async def _tree(connection: Connection, nodes: Sequence[Node], root: UUID) -> tuple[int, int]:
    """How many were added, and how many were there."""
    ids: dict[tuple[str, str], UUID] = {}
    for code, tier, organization_id in await (await connection.execute(_THERE)).fetchall():
        ids[code, tier] = organization_id
    new = []
    for node in nodes:
        key = (node.division.code, node.division.tier)
        if key in ids:
            continue
        parent = ids[node.parent.code, node.parent.tier] if node.parent else root
        ids[key] = uuid7()
        new.append((ids[key], parent, node.division.tier, node.division.name, node.division.code))
    async with connection.cursor() as cursor:
        await cursor.executemany(_INSERT, new)
    return len(new), len(nodes) - len(new)


async def _administrator(connection: Connection, root: UUID, username: str, name: str) -> tuple[str, str | None]:
    row = await (await connection.execute(_ADMINISTRATOR, (root,))).fetchone()
    if row is not None:
        return row[0], None
    if await (await connection.execute(_TAKEN, (username,))).fetchone():
        raise SetUpError(f"the account {username} is no administrator of the root: choose another with --admin")
    account_id, password = uuid7(), new_password()
    await connection.execute(_ACCOUNT, (account_id, username, hash_password(password), name))
    await connection.execute(_WORKS_AT, (account_id, root))
    return username, password
