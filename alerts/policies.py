"""Reads the escalation policy that holds for an organisation, and makes, changes and withdraws policies."""

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb
from uuid_utils.compat import uuid7

from alerts.domain.alert import Actor
from alerts.domain.policy import BUILT_IN, Policy
from alerts.domain.policy_definition import policy_json, policy_of
from alerts.domain.rules.check import Flaw
from alerts.domain.rules.definition import DefinitionError

log = logging.getLogger(__name__)

Connection = AsyncConnection[Any]

#: A version never changes: each is read once a process.
_read: dict[tuple[UUID, int], Policy | None] = {}

_OF_MANY = """
SELECT p.organization_id, p.id, p.version
FROM escalation_policies p JOIN escalation_policy_versions v ON v.policy_id = p.id AND v.version = p.version
WHERE v.definition IS NOT NULL AND (%(organizations)s::uuid[] IS NULL OR p.organization_id = ANY(%(organizations)s))
"""
_DEFINITION = "SELECT definition FROM escalation_policy_versions WHERE policy_id = %s AND version = %s"
_ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
_NEWEST = "SELECT id, version FROM escalation_policies WHERE organization_id = %s"
_KEEP = """
INSERT INTO escalation_policies (id, organization_id, version) VALUES (%s, %s, %s)
ON CONFLICT (organization_id) DO UPDATE SET version = excluded.version
"""
_VERSION = """
INSERT INTO escalation_policy_versions (policy_id, version, definition, changed_by, changed_by_name, reason)
VALUES (%s, %s, %s, %s, %s, %s)
"""
_PEOPLE = "SELECT id FROM accounts WHERE id = ANY(%s) AND disabled_at IS NULL"


@dataclass(frozen=True, slots=True)
class Held:
    """A policy that holds. `organization_id` None: the built-in one."""

    policy: Policy
    organization_id: UUID | None = None
    policy_id: UUID | None = None
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Outdated:
    """Somebody else has changed it since: nothing was done. 0: there is none yet."""

    version: int


async def load_policies(connection: Connection, organizations: Collection[UUID] | None = None) -> Mapping[UUID, Held]:
    """The policies that these organisations have of their own; of all when None. One that cannot be read holds
    nothing up: it is as if it were not there, and the log says so."""
    asked = {"organizations": None if organizations is None else list(organizations)}
    found: dict[UUID, Held] = {}
    for organization_id, policy_id, version in await (await connection.execute(_OF_MANY, asked)).fetchall():
        if (policy_id, version) not in _read:
            _read[policy_id, version] = await _read_one(connection, policy_id, version)
        policy = _read[policy_id, version]
        if policy is not None:
            found[organization_id] = Held(policy, organization_id, policy_id, version)
    return found


async def _read_one(connection: Connection, policy_id: UUID, version: int) -> Policy | None:
    row = await (await connection.execute(_DEFINITION, (policy_id, version))).fetchone()
    try:
        return policy_of(row[0]) if row and isinstance(row[0], dict) else None
    except (DefinitionError, RecursionError) as error:
        log.error("version %d of escalation policy %s cannot be read: %s", version, policy_id, error)
        return None


async def policy_for(connection: Connection, path: Collection[UUID]) -> Held:
    """The one that holds for an organisation. `path`: from the root to it."""
    found = await load_policies(connection, path)
    return nearest(list(path), found)


def nearest(path: Collection[UUID], found: Mapping[UUID, Held]) -> Held:
    return next((found[one] for one in reversed(list(path)) if one in found), Held(BUILT_IN))


async def change_policy(
    connection: Connection,
    organization_id: UUID,
    based_on: int,
    definition: Mapping[str, Any] | None,
    actor: Actor,
    reason: str,
) -> int | Outdated:
    """The new version; `definition` None withdraws it. Outdated when the newest one is not the one that the change was
    made on (0: none). Raises DefinitionError."""
    policy = None if definition is None else policy_of(definition)
    async with connection.transaction():
        if policy is not None:
            await _only_people(connection, policy)
        # Nobody else changes this organisation's meanwhile, the first one included.
        await connection.execute(_ONE_AT_A_TIME, (f"escalation policy {organization_id}",))
        found = await (await connection.execute(_NEWEST, (organization_id,))).fetchone()
        policy_id, version = found if found else (uuid7(), 0)
        if version != based_on:
            return Outdated(version)
        if version == 0 and policy is None:
            return 0
        await connection.execute(_KEEP, (policy_id, organization_id, version + 1))
        kept = Jsonb(policy_json(policy)) if policy is not None else None
        await connection.execute(_VERSION, (policy_id, version + 1, kept, actor.id, actor.name, reason))
    return int(version) + 1


async def _only_people(connection: Connection, policy: Policy) -> None:
    """Raises DefinitionError at each step that names somebody who has no account."""
    named = [
        (f"plans.{number}.{stage.value}.{place}.people", one)
        for number, plan in enumerate(policy.plans)
        for stage, steps in plan.stages.items()
        for place, step in enumerate(steps)
        for one in step.people
    ]
    ids = list({one for _, one in named})
    rows = await (await connection.execute(_PEOPLE, (ids,))).fetchall() if ids else []
    known = {row[0] for row in rows}
    flaws = [Flaw(where, f"没有 id 为 {one} 的账号，或已停用") for where, one in named if one not in known]
    if flaws:
        raise DefinitionError(flaws)
