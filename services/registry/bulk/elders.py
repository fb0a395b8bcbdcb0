"""Elders in bulk: new ones, and what is different of those who are there. An empty cell changes nothing."""

import json
from collections.abc import Sequence
from typing import Any

from uuid_utils.compat import uuid7

from services.registry import reach
from services.registry.bulk.staging import Import, count, drop_lines, staged
from services.registry.changing import changes_by
from services.registry.imports.elders import ElderRecord
from services.registry.imports.flaws import Flaw
from services.registry.imports.reading import Reading
from services.registry.pinyin import initials
from services.registry.telephones import marks, sealed, sealed_contact

_TABLE = "import_elders"
#: What a file says and a record keeps, under one name.
_FIELDS = {
    "name": "text",
    "name_initials": "text",
    "organization_id": "uuid",
    "gender": "text",
    "birth_date": "date",
    "phone": "text",
    "address": "text",
    "lat": "double precision",
    "lon": "double precision",
    "ability_level": "text",
    "long_term_care_grade": "smallint",
    "care_categories": "text[]",
    "living_situation": "text",
    "conditions": "text[]",
    "medicines": "text[]",
    "allergies": "text[]",
    "health_notes": "text",
    "entry_notes": "text",
    "doctor_name": "text",
    "doctor_phone": "text",
    "identity_sealed": "bytea",
    "identity_hash": "bytea",
    "phone_marks": "bytea[]",
}
_LISTS = ("care_categories", "conditions", "medicines", "allergies")
_MORE = {
    "id": "uuid",
    "line": "integer",
    "identity_hashes": "bytea[]",
    "contacts": "jsonb",
    "assessed_on": "date",
    "assessor": "text",
}
_COLUMNS = (*_FIELDS, *_MORE)
_CREATE = f"""
CREATE TEMP TABLE {_TABLE} ({", ".join(f"{name} {kind}" for name, kind in (_FIELDS | _MORE).items())}, existing uuid)
"""
_PREPARE = (f"CREATE INDEX ON {_TABLE} (line)", f"ANALYZE {_TABLE}")
#: One import of people at a time: of two that bring the same elder, the second finds the first's.
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('anhu import of people', 0))"
_BY_IDENTITY = f"""
UPDATE {_TABLE} s SET existing = m.id FROM (
    SELECT n.line, e.id FROM {_TABLE} n CROSS JOIN LATERAL unnest(n.identity_hashes) AS h (hash)
    JOIN elders e ON e.identity_hash = h.hash) m
WHERE m.line = s.line
"""
# Somebody whose identity number is known is nobody else; one without may be the one with.
_BY_NAME = f"""
UPDATE {_TABLE} s SET existing = e.id FROM elders e
WHERE s.existing IS NULL AND e.organization_id = s.organization_id AND e.name = s.name AND e.birth_date = s.birth_date
  AND (s.identity_hash IS NULL OR e.identity_hash IS NULL)
"""
_SEVERAL = f"""
SELECT s.line, s.name FROM {_TABLE} s WHERE s.identity_hash IS NULL AND 1 < (
    SELECT count(*) FROM elders e
    WHERE e.organization_id = s.organization_id AND e.name = s.name AND e.birth_date = s.birth_date)
"""
_RENAMED = f"""
SELECT s.line, s.name, e.name FROM {_TABLE} s JOIN elders e ON e.id = s.existing WHERE e.name <> s.name
"""
_TWICE = f"""
SELECT s.line, s.name, f.first FROM {_TABLE} s
JOIN (SELECT existing, min(line) AS first FROM {_TABLE} GROUP BY existing HAVING count(*) > 1) f USING (existing)
WHERE s.line > f.first
"""
_OUT_OF_REACH = f"""
SELECT s.line, s.name FROM {_TABLE} s JOIN elders p ON p.id = s.existing WHERE NOT {reach.ELDER_P}
"""
_NEW = f"SELECT count(*) FROM {_TABLE} WHERE existing IS NULL"
_INSERT = f"""
INSERT INTO elders (id, {", ".join(_FIELDS)})
SELECT id, {", ".join(f"coalesce({name}, '{{}}')" if name in _LISTS else name for name in _FIELDS)}
FROM {_TABLE} WHERE existing IS NULL ORDER BY line
"""
# The same number sealed again is no change: it is the hash that tells.
_COMPARED = [name for name in _FIELDS if name not in ("identity_sealed", "identity_hash", "phone_marks")]
_DIFFERENT = f"""
FROM elders e WHERE e.id = s.existing AND (
    ({", ".join(f"e.{name}" for name in _COMPARED)}) IS DISTINCT FROM
    ({", ".join(f"coalesce(s.{name}, e.{name})" for name in _COMPARED)})
    OR (s.identity_hash IS NOT NULL AND (e.identity_hash IS NULL OR NOT e.identity_hash = ANY(s.identity_hashes))))
"""
_MARK = f"ALTER TABLE {_TABLE} ADD COLUMN differs boolean NOT NULL DEFAULT false"
_FIND_DIFFERENT = f"UPDATE {_TABLE} s SET differs = true {_DIFFERENT}"
# A contact is the same by position; those that the file has no cells for stay.
_NAMED_CONTACTS = f"""
SELECT coalesce(s.existing, s.id) AS elder_id, c.position::smallint AS position, c.value ->> 'name' AS name,
       c.value ->> 'relation' AS relation, c.value ->> 'phone' AS phone,
       array(SELECT decode(m, 'hex') FROM jsonb_array_elements_text(c.value -> 'marks') AS m) AS marks, s.line
FROM {_TABLE} s CROSS JOIN LATERAL jsonb_array_elements(s.contacts) WITH ORDINALITY AS c (value, position)
WHERE s.contacts IS NOT NULL
"""
_FIND_CONTACTS = f"""
UPDATE {_TABLE} s SET differs = true
WHERE s.existing IS NOT NULL AND s.contacts IS NOT NULL
  AND (SELECT jsonb_agg(w.value - 'marks' ORDER BY w.place)
       FROM jsonb_array_elements(s.contacts) WITH ORDINALITY AS w (value, place)) IS DISTINCT FROM (
    SELECT jsonb_agg(jsonb_build_object('name', c.name, 'relation', c.relation, 'phone', c.phone) ORDER BY c.position)
    FROM elder_contacts c WHERE c.elder_id = s.existing AND c.position <= jsonb_array_length(s.contacts))
"""
_UPDATE = f"""
UPDATE elders e SET {", ".join(f"{name} = coalesce(s.{name}, e.{name})" for name in _FIELDS)}
FROM {_TABLE} s WHERE s.differs AND e.id = s.existing
"""
_CHANGE_CONTACTS = f"""
WITH named AS ({_NAMED_CONTACTS} AND s.differs)
UPDATE elder_contacts c SET name = n.name, relation = n.relation, phone = n.phone, phone_marks = n.marks FROM named n
WHERE c.elder_id = n.elder_id AND c.position = n.position
  AND (c.name, c.relation, c.phone) IS DISTINCT FROM (n.name, n.relation, n.phone)
"""
_ADD_CONTACTS = f"""
INSERT INTO elder_contacts (elder_id, position, name, relation, phone, phone_marks)
SELECT elder_id, position, name, relation, phone, marks
FROM ({_NAMED_CONTACTS} AND (s.differs OR s.existing IS NULL)) n
ON CONFLICT (elder_id, position) DO NOTHING
"""
_ASSESSED = f"""
INSERT INTO ability_assessments (elder_id, assessed_on, level, assessor)
SELECT coalesce(existing, id), assessed_on, ability_level, assessor FROM {_TABLE} WHERE assessed_on IS NOT NULL
ON CONFLICT DO NOTHING
"""
#: Their elders belong to another station now, and so do these devices: an alert goes where help is.
_MOVE_DEVICES = f"""
UPDATE devices d SET organization_id = e.organization_id FROM {_TABLE} s JOIN elders e ON e.id = s.existing
WHERE s.differs AND d.elder_id = e.id AND d.organization_id <> e.organization_id
"""


async def take_elders(work: Import, reading: Reading) -> None:
    await work.connection.execute(f"DROP TABLE IF EXISTS {_TABLE}")
    await work.connection.execute(_CREATE)
    await staged(work, reading, _TABLE, _COLUMNS, lambda record: _row(record, work))
    for statement in _PREPARE:
        await work.connection.execute(statement)
    work.tell("match", work.result.rows)
    async with changes_by(work.connection, work.actor):
        await work.connection.execute(LOCK)
        await _match(work)
        if work.result.may_go_on(work.mode):
            work.tell("write", work.result.rows)
            for statement in (
                _INSERT,
                _UPDATE,
                _CHANGE_CONTACTS,
                _ADD_CONTACTS,
                _ASSESSED,
                _MOVE_DEVICES,
            ):
                await work.connection.execute(statement)
            work.result.applied = True
    await work.connection.execute(f"DROP TABLE {_TABLE}")


async def _match(work: Import) -> None:
    """Who of the file is there already, and what of that cannot be."""
    await work.connection.execute(_BY_IDENTITY)
    await work.connection.execute(_BY_NAME)
    await drop_lines(work, _TABLE, _SEVERAL, _several)
    await drop_lines(work, _TABLE, _RENAMED, _renamed)
    await drop_lines(work, _TABLE, _TWICE, _twice)
    if work.actor.caller is not None:
        await drop_lines(work, _TABLE, _OUT_OF_REACH, _out_of_reach, **work.actor.caller.parameters)
    for statement in (_MARK, _FIND_DIFFERENT, _FIND_CONTACTS):
        await work.connection.execute(statement)
    work.result.new = await count(work.connection, _NEW)
    work.result.changed = await count(work.connection, f"SELECT count(*) FROM {_TABLE} WHERE differs")
    rows = await count(work.connection, f"SELECT count(*) FROM {_TABLE}")
    work.result.unchanged = rows - work.result.new - work.result.changed


def _several(line: int, name: str) -> Flaw:
    return Flaw(line, "姓名", name, "档案里有几位同名、同生日的老人", "请填身份证号，以便分清")


def _renamed(line: int, name: str, kept: str) -> Flaw:
    return Flaw(line, "姓名", name, f"这个身份证号在档案里是“{kept}”", "请核对身份证号和姓名；确实改名的，先在档案里改")


def _twice(line: int, name: str, first: int) -> Flaw:
    return Flaw(line, "姓名", name, f"与第 {first} 行是同一位老人", "请删除其中一行，或合并成一行")


def _out_of_reach(line: int, name: str) -> Flaw:
    return Flaw(line, "姓名", name, "这位老人登记在您管辖范围以外的机构", "请联系上级机构办理转移")


def _row(record: ElderRecord, work: Import) -> Sequence[Any]:
    number = record.identity.number if record.identity else None
    lat, lon = record.lat, record.lon
    if lat is not None and lon is not None and record.datum == "gcj02":
        lat, lon = work.from_map(lat, lon)
    return (
        record.name,
        initials(record.name),
        record.organization_id,
        record.gender,
        record.birth_date,
        sealed(work.keys, record.phone),
        record.address,
        lat,
        lon,
        record.ability_level,
        record.long_term_care_grade,
        record.care_categories,
        record.living_situation,
        record.conditions,
        record.medicines,
        record.allergies,
        record.health_notes,
        record.entry_notes,
        record.doctor_name,
        sealed(work.keys, record.doctor_phone),
        work.keys.seal(number) if number else None,
        work.keys.hash(number) if number else None,
        marks(work.keys, record.phone) if record.phone else None,
        uuid7(),
        record.line,
        work.keys.hashes(number) if number else None,
        json.dumps([sealed_contact(work.keys, one) for one in record.contacts], ensure_ascii=False)
        if record.contacts
        else None,
        record.assessed_on,
        record.assessor,
    )
