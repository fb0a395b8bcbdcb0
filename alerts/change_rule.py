"""Makes a rule, and changes one: a new version, with who did it and why. What was is never edited."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb
from uuid_utils.compat import uuid7

from alerts.domain.alert import Actor
from alerts.domain.rules.check import Flaw
from alerts.domain.rules.definition import DefinitionError, json_of, rule_of
from alerts.domain.rules.model import Rule

Connection = AsyncConnection[Any]

_LOCK = "SELECT key, version FROM rules WHERE id = %s FOR UPDATE"
_MAKE = "INSERT INTO rules (id, key, version, organization_id, elder_id) VALUES (%s, %s, %s, %s, %s)"
_CHANGE = "UPDATE rules SET version = %s, organization_id = %s, elder_id = %s WHERE id = %s"
_VERSION = """
INSERT INTO rule_versions (rule_id, version, definition, changed_by, changed_by_name, reason)
VALUES (%s, %s, %s, %s, %s, %s)
"""


@dataclass(frozen=True, slots=True)
class Outdated:
    """Somebody else has changed it since: nothing was done."""

    version: int


def read_rule(definition: Mapping[str, Any], rule_id: UUID, version: int) -> Rule:
    """A definition as people write it, which may have an `id` and a `version` that do not count. Raises
    DefinitionError."""
    try:
        return rule_of({**definition, "id": str(rule_id), "version": version})
    except RecursionError:
        raise DefinitionError([Flaw("rule", "层次过深，不是一条规则")]) from None


async def make_rule(connection: Connection, definition: Mapping[str, Any], actor: Actor, reason: str) -> Rule:
    """The new rule, in its first version. Raises DefinitionError."""
    rule = read_rule(definition, uuid7(), 1)
    async with connection.transaction():
        scope = rule.scope
        await connection.execute(_MAKE, (rule.id, rule.key, rule.version, scope.organization_id, scope.elder_id))
        await _keep_version(connection, rule, actor, reason)
    return rule


async def change_rule(
    connection: Connection, rule_id: UUID, based_on: int, definition: Mapping[str, Any], actor: Actor, reason: str
) -> Rule | Outdated | None:
    """The new version; Outdated when the newest one is not the one that the change was made on; None when there is no
    such rule. Raises DefinitionError."""
    async with connection.transaction():
        found = await (await connection.execute(_LOCK, (rule_id,))).fetchone()
        if found is None:
            return None
        key, version = found
        if version != based_on:
            return Outdated(version)
        rule = read_rule(definition, rule_id, version + 1)
        if rule.key != key:
            what = f"规则的 key 不能修改，应为 {key}；要监测别的项目，请新建一条规则"
            raise DefinitionError([Flaw("key", what)])
        scope = rule.scope
        await connection.execute(_CHANGE, (rule.version, scope.organization_id, scope.elder_id, rule_id))
        await _keep_version(connection, rule, actor, reason)
    return rule


async def _keep_version(connection: Connection, rule: Rule, actor: Actor, reason: str) -> None:
    row = (rule.id, rule.version, Jsonb(json_of(rule)), actor.id, actor.name, reason)
    await connection.execute(_VERSION, row)
