"""An elder's record made or changed by a person: the same checks as for a file, and only what is said is changed."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from uuid_utils.compat import uuid7

from services.registry import reach
from services.registry.ability import fits, level_of
from services.registry.bulk.elders import LOCK
from services.registry.bulk.staging import known_to
from services.registry.changing import changes_by
from services.registry.imports.cells import Cells
from services.registry.imports.elders import ElderRecord, elder_of
from services.registry.imports.flaws import Flaw
from services.registry.imports.reading import Known
from services.registry.imports.table import Value
from services.registry.imports.words import ABILITY_WORDS, GENDER_WORDS
from services.registry.names import Actor
from services.registry.pinyin import initials
from services.registry.sealing import Keys
from services.registry.telephones import FIELDS, kept_as_masked, marks, sealed, sealed_contact, shown
from services.storage.pool import Connection

_ELDER = "SELECT p.* FROM elders p WHERE p.id = %(id)s"
_CONTACTS = "SELECT name, relation, phone FROM elder_contacts WHERE elder_id = %s ORDER BY position"
_SAME_IDENTITY = "SELECT id, name FROM elders WHERE identity_hash = ANY(%s) AND id <> %s"
_FEWER = "DELETE FROM elder_contacts WHERE elder_id = %s AND position > %s"
_CONTACT = """
INSERT INTO elder_contacts (elder_id, position, name, relation, phone, phone_marks)
SELECT %(elder)s, c.position, c.value ->> 'name', c.value ->> 'relation', c.value ->> 'phone',
       array(SELECT decode(m, 'hex') FROM jsonb_array_elements_text(c.value -> 'marks') AS m)
FROM jsonb_array_elements(%(contacts)s) WITH ORDINALITY AS c (value, position)
ON CONFLICT (elder_id, position) DO UPDATE
SET name = excluded.name, relation = excluded.relation, phone = excluded.phone, phone_marks = excluded.phone_marks
WHERE (elder_contacts.name, elder_contacts.relation, elder_contacts.phone)
   IS DISTINCT FROM (excluded.name, excluded.relation, excluded.phone)
"""
_ASSESSED = """
INSERT INTO ability_assessments (elder_id, assessed_on, level, score, assessor) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (elder_id, assessed_on, level) DO UPDATE SET score = excluded.score, assessor = excluded.assessor
"""
_DEVICES = "UPDATE devices SET organization_id = %(to)s WHERE elder_id = %(elder)s AND organization_id <> %(to)s"
_BEIJING = timezone(timedelta(hours=8))
#: Kept as they are said, one column each.
_PLAIN = frozenset(
    (
        *("name", "gender", "birth_date", "phone", "address", "ability_level", "long_term_care_grade"),
        *("living_situation", "health_notes", "entry_notes", "doctor_name", "doctor_phone"),
    )
)
#: Said by the identity number too.
_FOLLOW = {"birth_date", "gender"}
_POSITION = {"lat", "lon"}
_STAND_INS = {"name": "某某", "birth_date": date(1950, 1, 1)}
_LISTS = frozenset(["care_categories", "conditions", "medicines", "allergies"])


class RefusedError(Exception):
    """What is wrong with what was said, field by field."""

    def __init__(self, flaws: list[Flaw]) -> None:
        super().__init__("; ".join(f"{flaw.column}: {flaw.message}" for flaw in flaws))
        self.flaws = flaws


class NotThereError(Exception):
    """No such elder, or not within the actor's reach."""


async def save_elder(
    connection: Connection,
    actor: Actor,
    keys: Keys,
    said: Mapping[str, Any],
    elder_id: UUID | None = None,
    known: Known | None = None,
) -> UUID:
    """`said`: of an elder's fields those that are to be so; None empties one. Position in WGS 84. `known`: from whoever
    saves several. Raises RefusedError, NotThereError, KeysError."""
    known = known or await known_to(connection, actor)
    today = datetime.now(_BEIJING).date()
    async with changes_by(connection, actor):
        await connection.execute(LOCK)
        there = shown(keys, await _there(connection, actor, elder_id), whole=True) if elder_id else {}
        said = _unmasked(said, there)
        record = _checked(there, said, lambda cells: elder_of(cells, known.places, known.categories, today))
        _score_fits(said, record)
        identity = record.identity if "identity" in said else None
        own = elder_id or uuid7()
        if identity:
            hashes = keys.hashes(identity.number)
            other = await (await connection.execute(_SAME_IDENTITY, (hashes, own))).fetchone()
            if other is not None:
                told = (
                    f"这个身份证号已登记为“{other[1]}”"
                    if await _reached(connection, actor, other[0])
                    else "这个身份证号已登记"
                )
                raise RefusedError([Flaw(0, "identity", "", told, "请核对号码，或打开那份档案修改")])
        columns = _columns(said, record, keys, new=elder_id is None)
        await _write(connection, own, columns, new=elder_id is None)
        await _beside(connection, own, said, record, keys, columns.get("organization_id"))
    return own


async def _there(connection: Connection, actor: Actor, elder_id: UUID) -> dict[str, Any]:
    statement, values = _ELDER, {"id": elder_id}
    if actor.caller is not None:
        statement, values = f"{_ELDER} AND {reach.ELDER_P}", values | actor.caller.parameters
    async with connection.cursor(row_factory=dict_row) as cursor:
        row = await (await cursor.execute(f"{statement} FOR NO KEY UPDATE", values)).fetchone()
        if row is None:
            raise NotThereError
        contacts = await (await cursor.execute(_CONTACTS, (elder_id,))).fetchall()
    return row | {"contacts": contacts}


def _unmasked(said: Mapping[str, Any], there: Mapping[str, Any]) -> dict[str, Any]:
    """What a form sends back masked stays as it is."""
    told = dict(said)
    for name in FIELDS:
        if told.get(name) and there.get(name):
            told[name] = kept_as_masked(told[name], [there[name]])
    if told.get("contacts"):
        numbers = [contact["phone"] for contact in there.get("contacts") or []]
        told["contacts"] = [
            # At its own place first: of two numbers that are masked the same it is that one.
            one | {"phone": kept_as_masked(one["phone"], [*numbers[place : place + 1], *numbers])}
            for place, one in enumerate(told["contacts"])
        ]
    return told


async def _reached(connection: Connection, actor: Actor, elder_id: UUID) -> bool:
    if actor.caller is None:
        return True
    values = actor.caller.parameters | {"id": elder_id}
    return await (await connection.execute(f"{_ELDER} AND {reach.ELDER_P}", values)).fetchone() is not None


def _checked(
    there: Mapping[str, Any], said: Mapping[str, Any], check: Callable[[Cells], ElderRecord | None]
) -> ElderRecord:
    """What is to be, with what is there. What was there before these checks and is not touched stands: something that
    passes stands in for it, and is not written. Raises RefusedError."""
    fields = {**there, **said}
    for _ in range(2):
        cells = _cells(fields)
        record = check(cells)
        if record is not None:
            return record
        wrong = {_field(flaw.column) for flaw in cells.flaws}
        touched = set(said) | (_FOLLOW if said.get("identity") else set())
        if touched & _POSITION:  # one half is wrong when the other goes
            touched |= _POSITION
        if not there or wrong & touched:
            break
        fields |= {name: _STAND_INS.get(name) for name in wrong | {"birth_date"}}
    raise RefusedError(cells.flaws)


def _cells(fields: Mapping[str, Any]) -> Cells:
    """Fields as a row of a file has them."""
    values: dict[str, Value] = {}
    for name, value in fields.items():
        if name == "contacts":
            for number, contact in enumerate(value or [], start=1):
                values |= {f"contact{number}_{part}": contact.get(part) for part in ("name", "relation", "phone")}
        elif name == "organization_id":
            values["organization"] = str(value) if value else None
        elif name in _LISTS:
            values[name] = "、".join(value or []) or None
        elif name in ("gender", "ability_level") and value:
            values[name] = (GENDER_WORDS | ABILITY_WORDS).get(value, str(value))
        elif name == "long_term_care_grade" and value is not None:
            values[name] = str(value)
        else:
            values[name] = value
    return Cells(0, values, {key: key for key in values})


def _score_fits(said: Mapping[str, Any], record: ElderRecord) -> None:
    """Raises RefusedError for a score of which the form gives no such level."""
    score, level = said.get("assessment_score"), record.ability_level
    if score is None or level is None or not said.get("assessed_on") or fits(level, score):
        return
    wanted = ABILITY_WORDS[level_of(score)]
    told = f"评分 {score} 对应“{wanted}”，与“{ABILITY_WORDS[level]}”不符"
    raise RefusedError(
        [
            Flaw(
                0,
                "assessment_score",
                "",
                told,
                "只有痴呆或精神障碍、30 天内两次以上照护风险事件可加重一级，昏迷为完全失能",
            )
        ]
    )


def _field(column: str) -> str:
    return "contacts" if column.startswith("contact") else "organization_id" if column == "organization" else column


def _columns(said: Mapping[str, Any], record: ElderRecord, keys: Keys, *, new: bool) -> dict[str, Any]:
    """What goes into the row."""
    columns: dict[str, Any] = {}
    for name, value in said.items():
        if name in _PLAIN:
            columns[name] = None if value is None else getattr(record, name)
            if name in FIELDS:
                columns[name] = sealed(keys, columns[name])
        elif name in _LISTS:
            columns[name] = getattr(record, name) or []
        elif name in ("lat", "lon"):
            columns[name] = value
    if "phone" in said:
        columns["phone_marks"] = marks(keys, record.phone)
    if "organization_id" in said:
        columns["organization_id"] = record.organization_id
    if "name" in said:
        columns["name_initials"] = initials(record.name)
    if "identity" in said:
        number = record.identity.number if record.identity else None
        columns["identity_sealed"] = keys.seal(number) if number else None
        columns["identity_hash"] = keys.hash(number) if number else None
    if record.identity or new:
        for name in _FOLLOW:
            columns[name] = columns.get(name) or getattr(record, name)
    return columns


async def _write(connection: Connection, elder_id: UUID, columns: Mapping[str, Any], *, new: bool) -> None:
    names = list(columns)
    if new:
        marks = ", ".join(f"%({name})s" for name in names)
        statement = f"INSERT INTO elders (id, {', '.join(names)}) VALUES (%(id)s, {marks})"
    elif names:
        statement = f"UPDATE elders SET {', '.join(f'{name} = %({name})s' for name in names)} WHERE id = %(id)s"
    else:
        return
    await connection.execute(statement, {**columns, "id": elder_id})


async def _beside(
    connection: Connection,
    elder_id: UUID,
    said: Mapping[str, Any],
    record: ElderRecord,
    keys: Keys,
    home: UUID | None,
) -> None:
    """What is kept in tables of its own."""
    if "contacts" in said:
        contacts = [sealed_contact(keys, contact) for contact in record.contacts or []]
        await connection.execute(_FEWER, (elder_id, len(contacts)))
        await connection.execute(_CONTACT, {"elder": elder_id, "contacts": Jsonb(contacts)})
    if said.get("assessed_on") and record.ability_level:
        values = (elder_id, record.assessed_on, record.ability_level, said.get("assessment_score"), record.assessor)
        await connection.execute(_ASSESSED, values)
    if home is not None:
        await connection.execute(_DEVICES, {"to": home, "elder": elder_id})
