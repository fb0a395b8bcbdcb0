"""What rules are asked about: elders, with what decides which rules hold for them."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from alerts.domain.alert import Person
from alerts.domain.rules.definition import DefinitionError
from alerts.domain.rules.fence import Fence
from alerts.domain.rules.fence_definition import fence_of
from alerts.domain.rules.marking import Quiet
from alerts.domain.rules.model import Baseline, Habit, Subject
from alerts.domain.rules.raising import Home
from services.registry.whereabouts import PLACE_P

log = logging.getLogger(__name__)

Connection = AsyncConnection[Any]

#: Of elders `p` with what belongs to them.
SUBJECT_COLUMNS = f"""
       p.id, p.name, p.organization_id, {PLACE_P}, o.path, p.ability_level, p.care_categories, p.spo2_scale_2,
       (SELECT jsonb_object_agg(b.field, jsonb_build_array(b.median, b.spread, b.hours))
        FROM elder_baselines b WHERE b.elder_id = p.id) AS baselines, coalesce(s.points, '{{}}') AS points,
       coalesce(s.together, '{{}}') AS together, s.quiet,
       (SELECT jsonb_agg(jsonb_build_array(f.id, f.version, v.definition) ORDER BY f.id)
        FROM elder_fences f JOIN elder_fence_versions v ON v.fence_id = f.id AND v.version = f.version
        WHERE f.elder_id = p.id AND f.ended_at IS NULL) AS fences,
       h.pauses, h.days, h.rises"""
SUBJECT_TABLES = """{join} elders p {on} LEFT JOIN organizations o ON o.id = p.organization_id
LEFT JOIN rule_subjects s ON s.elder_id = p.id LEFT JOIN elder_habits h ON h.elder_id = p.id"""
_SUBJECTS = f"SELECT {SUBJECT_COLUMNS} {SUBJECT_TABLES.format(join='FROM', on='')} WHERE p.id = ANY(%s)"


@dataclass(frozen=True, slots=True)
class Known:
    subject: Subject
    home: Home
    #: how the points of NEWS2 stood when limits were compiled by them
    seen: dict[str, int]
    #: and which of its parameters are always measured together
    together: frozenset[str]
    quiet: Quiet | None


async def load_subjects(connection: Connection, elder_ids: Iterable[UUID]) -> dict[UUID, Known]:
    """Those of them who are there."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_SUBJECTS, (list(elder_ids),))
        return {row["id"]: known_of(row) for row in await cursor.fetchall()}


def known_of(row: Mapping[str, Any]) -> Known:
    """By the names of SUBJECT_COLUMNS."""
    baselines = {field: Baseline(*parts) for field, parts in (row["baselines"] or {}).items()}
    subject = Subject(
        row["id"],
        tuple(row["path"]),
        row["ability_level"],
        frozenset(row["care_categories"]),
        baselines,
        row["spo2_scale_2"],
        _fences(row["fences"] or []),
        Habit(tuple(row["pauses"]), row["days"]) if row["pauses"] else None,
        rises=row["rises"],
    )
    home = Home(Person(row["id"], row["name"]), row["organization_id"], row["address"])
    return Known(subject, home, row["points"], frozenset(row["together"]), _quiet(row["quiet"]))


def quiet_json(quiet: Quiet | None) -> dict[str, Any] | None:
    if quiet is None:
        return None
    return {"until": quiet.until.isoformat(), "rules": [[str(rule_id), version] for rule_id, version in quiet.rules]}


def _quiet(stored: dict[str, Any] | None) -> Quiet | None:
    if stored is None:
        return None
    rules = frozenset((UUID(rule_id), version) for rule_id, version in stored["rules"])
    return Quiet(rules, datetime.fromisoformat(stored["until"]))


def _fences(rows: Iterable[tuple[str, int, dict[str, Any]]]) -> tuple[Fence, ...]:
    found = []
    for fence_id, version, definition in rows:
        try:
            found.append(fence_of(definition, UUID(fence_id), version))
        except DefinitionError as error:  # written by a newer release: the others hold all the same
            log.error("version %d of fence %s cannot be read: %s", version, fence_id, error)
    return tuple(found)
