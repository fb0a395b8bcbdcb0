"""Responders in bulk: one of an organisation's is the same by telephone number. Some thousands at most: what is there
is read at once, and what differs is written row by row, in one transaction."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from uuid_utils.compat import uuid7

from services.registry.bulk.elders import LOCK
from services.registry.bulk.few import records_of
from services.registry.bulk.staging import Import
from services.registry.changing import changes_by
from services.registry.imports.flaws import Flaw
from services.registry.imports.reading import Reading
from services.registry.imports.responders import ResponderRecord
from services.registry.responders import NO_PASSWORD
from services.registry.telephones import marks, sealed, sealed_each

# Those in force first: somebody who was taken off and registered again is there.
_THERE = """
SELECT w.account_id AS id, w.organization_id, w.phone, c.name, w.kind, w.skills, w.hours, w.lat, w.lon, w.ended_at
FROM responders w JOIN accounts c ON c.id = w.account_id
WHERE w.organization_id = ANY(%s) ORDER BY w.ended_at NULLS FIRST, w.account_id
"""
_ACCOUNT = """
INSERT INTO accounts (id, username, password_hash, name, role)
VALUES (%(id)s, 'responder-' || %(id)s, %(no_password)s, %(name)s, 'responder')
"""
_ADD = """
INSERT INTO responders (account_id, organization_id, kind, skills, hours, phone, phone_marks, lat, lon, changed_by)
VALUES (%(id)s, %(organization_id)s, %(kind)s, coalesce(%(skills)s::text[], '{}'), coalesce(%(hours)s::jsonb, '[]'),
        %(phone)s, %(marks)s, %(lat)s, %(lon)s, %(by)s)
"""
_CHANGE = """
UPDATE responders SET kind = %(kind)s, skills = coalesce(%(skills)s::text[], skills),
       hours = coalesce(%(hours)s::jsonb, hours), lat = coalesce(%(lat)s, lat), lon = coalesce(%(lon)s, lon),
       version = version + 1, changed_at = now(), changed_by = %(by)s
WHERE account_id = %(id)s AND ended_at IS NULL
"""
_NAME = "UPDATE accounts SET name = %(name)s WHERE id = %(id)s AND name <> %(name)s"


async def take_responders(work: Import, reading: Reading) -> None:
    records = [one for one in await records_of(work, reading) if isinstance(one, ResponderRecord)]
    work.tell("match", work.result.rows)
    async with changes_by(work.connection, work.actor):
        await work.connection.execute(LOCK)
        there = await _there(work, {one.organization_id for one in records})
        new, changed = [], []
        for one in records:
            own = next((row for row in there.get(one.organization_id, []) if row["phone"] in _phones(work, one)), None)
            if own is None:
                new.append(_values(work, one, uuid7()))
            elif own["ended_at"] is not None:
                work.result.note([_taken_off(one)])
            elif _differs(said := _values(work, one, own["id"]), own):
                changed.append(said)
            else:
                work.result.unchanged += 1
        work.result.new, work.result.changed = len(new), len(changed)
        if work.result.may_go_on(work.mode):
            work.tell("write", work.result.rows)
            await _write(work, new, _ACCOUNT, _ADD)
            await _write(work, changed, _CHANGE, _NAME)
            work.result.applied = True


async def _there(work: Import, organizations: set[UUID]) -> dict[UUID, list[dict[str, Any]]]:
    found: dict[UUID, list[dict[str, Any]]] = {}
    async with work.connection.cursor(row_factory=dict_row) as cursor:
        for row in await (await cursor.execute(_THERE, (list(organizations),))).fetchall():
            found.setdefault(row["organization_id"], []).append(row)
    return found


def _phones(work: Import, one: ResponderRecord) -> set[str]:
    """As the number may stand in the register: by any of the keys, or plain."""
    return {*sealed_each(work.keys, one.phone), one.phone} if work.keys else {one.phone}


def _values(work: Import, one: ResponderRecord, responder_id: UUID) -> dict[str, Any]:
    lat, lon = one.lat, one.lon
    if lat is not None and lon is not None and one.datum == "gcj02":
        lat, lon = work.from_map(lat, lon)
    return {
        "id": responder_id,
        "no_password": NO_PASSWORD,
        "name": one.name,
        "organization_id": one.organization_id,
        "kind": one.kind,
        "skills": one.skills,
        "hours": None if one.hours is None else Jsonb(one.hours),
        "phone": sealed(work.keys, one.phone),
        "marks": marks(work.keys, one.phone),
        "lat": lat,
        "lon": lon,
        "by": work.actor.account_id,
    }


def _differs(said: dict[str, Any], own: dict[str, Any]) -> bool:
    wanted = {key: said[key] for key in ("name", "kind", "skills", "lat", "lon") if said[key] is not None}
    if said["hours"] is not None:
        wanted["hours"] = said["hours"].obj
    return any(own[key] != value for key, value in wanted.items())


def _taken_off(one: ResponderRecord) -> Flaw:
    """A file of last year brings nobody back whom somebody took off."""
    mend = "如要恢复，请在响应者名册里重新登记；否则请删除这一行"
    return Flaw(one.line, "姓名", one.name, "这位响应者已从名册移除", mend)


async def _write(work: Import, rows: Sequence[dict[str, Any]], *statements: str) -> None:
    async with work.connection.cursor() as cursor:
        for statement in statements:
            if rows:
                await cursor.executemany(statement, rows)
