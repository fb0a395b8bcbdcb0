"""Contacts in bulk: one of an elder's is the same by telephone number; a new one comes after the others."""

from collections.abc import Sequence
from typing import Any

from services.registry.bulk import whose
from services.registry.bulk.elders import LOCK
from services.registry.bulk.staging import Import, count, staged
from services.registry.changing import changes_by
from services.registry.imports.others import ContactRecord
from services.registry.imports.reading import Reading
from services.registry.telephones import marks, sealed, sealed_each

_TABLE = "import_contacts"
_COLUMNS = ("line", "name", "relation", "phone", "phones", "marks", "wanted", *whose.COLUMNS)
_CREATE = f"""
CREATE TEMP TABLE {_TABLE} (line integer, name text, relation text, phone text, phones text[], marks bytea[],
                            wanted smallint, {whose.DEFINITIONS}, position smallint,
                            differs boolean NOT NULL DEFAULT false)
"""
_PREPARE = (f"CREATE INDEX ON {_TABLE} (line)", f"ANALYZE {_TABLE}")
_EXISTING = f"""
UPDATE {_TABLE} s SET position = c.position,
    differs = (c.name, c.relation) IS DISTINCT FROM (s.name, coalesce(s.relation, c.relation))
FROM elder_contacts c WHERE c.elder_id = s.elder_id AND c.phone = ANY(s.phones)
"""
_UPDATE = f"""
UPDATE elder_contacts c SET name = s.name, relation = coalesce(s.relation, c.relation) FROM {_TABLE} s
WHERE s.differs AND c.elder_id = s.elder_id AND c.position = s.position
"""
_INSERT = f"""
INSERT INTO elder_contacts (elder_id, position, name, relation, phone, phone_marks)
SELECT s.elder_id,
       coalesce((SELECT max(c.position) FROM elder_contacts c WHERE c.elder_id = s.elder_id), 0)
       + row_number() OVER (PARTITION BY s.elder_id ORDER BY s.wanted NULLS LAST, s.line),
       s.name, s.relation, s.phone, s.marks
FROM {_TABLE} s WHERE s.position IS NULL
"""


async def take_contacts(work: Import, reading: Reading) -> None:
    run = work.connection.execute
    await run(f"DROP TABLE IF EXISTS {_TABLE}")
    await run(_CREATE)
    await staged(work, reading, _TABLE, _COLUMNS, lambda one: _row(one, work))
    for statement in _PREPARE:
        await run(statement)
    work.tell("match", work.result.rows)
    async with changes_by(work.connection, work.actor):
        await run(LOCK)
        await whose.find_elders(work, _TABLE)
        await run(_EXISTING)
        work.result.new = await count(work.connection, f"SELECT count(*) FROM {_TABLE} WHERE position IS NULL")
        work.result.changed = await count(work.connection, f"SELECT count(*) FROM {_TABLE} WHERE differs")
        rows = await count(work.connection, f"SELECT count(*) FROM {_TABLE}")
        work.result.unchanged = rows - work.result.new - work.result.changed
        if work.result.may_go_on(work.mode):
            work.tell("write", work.result.rows)
            await run(_UPDATE)
            await run(_INSERT)
            work.result.applied = True
    await run(f"DROP TABLE {_TABLE}")


def _row(one: ContactRecord, work: Import) -> Sequence[Any]:
    phones = [one.phone, *(sealed_each(work.keys, one.phone) if work.keys else ())]
    own = sealed(work.keys, one.phone)
    found_by = marks(work.keys, one.phone)
    return (one.line, one.name, one.relation, own, phones, found_by, one.position, *whose.cells_of(one.whose, work))
