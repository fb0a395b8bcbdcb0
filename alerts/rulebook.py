"""The rules of the database in memory, read again when one has changed."""

import logging
from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

from psycopg import AsyncConnection

from alerts.domain.rules.definition import DefinitionError, rule_of
from alerts.domain.rules.model import Rule, Subject
from alerts.domain.rules.scope import in_force
from alerts.subjects import Known

log = logging.getLogger(__name__)

Connection = AsyncConnection[Any]

_MOST_KNOWN: Final = 20_000

_GENERATION = "SELECT generation FROM rules_generation"
_NEWEST = "SELECT v.rule_id, v.version, v.definition FROM rules r JOIN rule_versions v ON v.rule_id = r.id"
_CURRENT = _NEWEST + " AND v.version = r.version"
_VERSION = _NEWEST + " WHERE v.rule_id = %s AND v.version = %s"


class RuleBook:
    def __init__(self) -> None:
        self._generation: int | None = None
        self._for_all: list[Rule] = []
        self._for_one: dict[UUID, list[Rule]] = {}
        #: by what decides about it
        self._in_force: dict[tuple[Any, ...], list[Rule]] = {}
        #: of elders, with the rows that they were made of
        self._known: dict[UUID, tuple[list[Any], Known]] = {}
        #: a version never changes
        self._versions: dict[tuple[UUID, int], Rule] = {}
        #: rules whose newest version is none that we understand: not in force until it is mended
        self.unreadable: list[str] = []

    async def refresh(self, connection: Connection, generation: int | None = None) -> None:
        """Makes it what the database has now; `generation`: that of now, where it is known."""
        if generation is None:
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
        self._in_force.clear()
        self._generation = generation

    def of(self, elder_id: UUID) -> list[Rule]:
        """The newest versions of those that may hold for an elder: `in_force` says which do."""
        return self._for_all + self._for_one.get(elder_id, [])

    def in_force(self, subject: Subject) -> list[Rule]:
        """Which rules hold for somebody: the same for most people."""
        own = subject.elder_id if subject.elder_id in self._for_one else None
        decides = (own, subject.organization_path, subject.ability_level, subject.care_categories)
        found = self._in_force.get(decides)
        if found is None:
            found = self._in_force[decides] = in_force(self.of(subject.elder_id), subject)
        return found

    def known(self, elder_id: UUID, row: list[Any], make: Callable[[], Known]) -> Known:
        """What `make` makes of a row; kept until the row is another."""
        there = self._known.get(elder_id)
        if there is None or there[0] != row:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            there = self._known[elder_id] = (row, make())
        return there[1]

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
