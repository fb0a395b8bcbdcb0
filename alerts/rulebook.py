"""The rules of the database in memory, read again when one has changed."""

import logging
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from alerts.domain.rules.definition import DefinitionError, rule_of
from alerts.domain.rules.model import Rule

log = logging.getLogger(__name__)

Connection = AsyncConnection[Any]

_GENERATION = "SELECT generation FROM rules_generation"
_NEWEST = "SELECT v.rule_id, v.version, v.definition FROM rules r JOIN rule_versions v ON v.rule_id = r.id"
_CURRENT = _NEWEST + " AND v.version = r.version"
_VERSION = _NEWEST + " WHERE v.rule_id = %s AND v.version = %s"


class RuleBook:
    def __init__(self) -> None:
        self._generation: int | None = None
        self._for_all: list[Rule] = []
        self._for_one: dict[UUID, list[Rule]] = {}
        #: a version never changes
        self._versions: dict[tuple[UUID, int], Rule] = {}
        #: rules whose newest version is none that we understand: not in force until it is mended
        self.unreadable: list[str] = []

    async def refresh(self, connection: Connection) -> None:
        """Makes it what the database has now."""
        row = await (await connection.execute(_GENERATION)).fetchone()
        generation = row[0] if row else None
        if generation == self._generation:
            return
        for_all: list[Rule] = []
        for_one: dict[UUID, list[Rule]] = {}
        unreadable = []
        for rule_id, version, definition in await (await connection.execute(_CURRENT)).fetchall():
            try:
                rule = self._read(rule_id, version, definition)
            except DefinitionError as error:
                log.error("version %d of rule %s cannot be read: %s", version, rule_id, error)
                unreadable.append(str(rule_id))
                continue
            if rule.scope.elder_id is None:
                for_all.append(rule)
            else:
                for_one.setdefault(rule.scope.elder_id, []).append(rule)
        self._for_all, self._for_one, self.unreadable = for_all, for_one, unreadable
        self._generation = generation

    def of(self, elder_id: UUID) -> list[Rule]:
        """The newest versions of those that may hold for an elder: `in_force` says which do."""
        return self._for_all + self._for_one.get(elder_id, [])

    async def version(self, connection: Connection, rule_id: UUID, version: int) -> Rule:
        """Any version that there is. Raises LookupError, and DefinitionError for one that we do not understand."""
        known = self._versions.get((rule_id, version))
        if known is not None:
            return known
        row = await (await connection.execute(_VERSION, (rule_id, version))).fetchone()
        if row is None:
            raise LookupError(f"rule {rule_id} has no version {version}")
        return self._read(*row)

    def _read(self, rule_id: UUID, version: int, definition: dict[str, Any]) -> Rule:
        known = self._versions.get((rule_id, version))
        if known is None:
            known = self._versions[rule_id, version] = rule_of(definition | {"id": str(rule_id), "version": version})
        return known
