"""The register of responders: added, changed, taken off. A responder is an account without a usable password."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb
from uuid_utils.compat import uuid7

from services.registry import reach
from services.registry.sealing import Keys
from services.registry.telephones import marks, sealed
from services.storage.pool import Connection

#: No argon2 hash, so no password is right.
NO_PASSWORD = "!"  # noqa: S105 - that there is none

_ACCOUNT = "INSERT INTO accounts (id, username, password_hash, name, role) VALUES (%s, %s, %s, %s, 'responder')"
_ADD = """
INSERT INTO responders (account_id, organization_id, kind, skills, hours, phone, phone_marks, lat, lon, changed_by)
VALUES (%(id)s, %(organization_id)s, %(kind)s, %(skills)s, %(hours)s, %(phone)s, %(phone_marks)s, %(lat)s, %(lon)s,
        %(by)s)
"""
_CHANGE = """
UPDATE responders SET organization_id = %(organization_id)s, kind = %(kind)s, skills = %(skills)s, hours = %(hours)s,
       phone = %(phone)s, phone_marks = %(phone_marks)s, lat = %(lat)s, lon = %(lon)s, version = version + 1,
       changed_at = now(), changed_by = %(by)s
WHERE account_id = %(id)s AND version = %(version)s AND ended_at IS NULL
"""
_NAME = "UPDATE accounts SET name = %s WHERE id = %s"
_END = """
UPDATE responders SET ended_at = now(), version = version + 1, changed_at = now(), changed_by = %s
WHERE account_id = %s AND ended_at IS NULL
"""
# What they may do is in links that go dead with the register's row; the account is kept for the timelines.
_DISABLE = "UPDATE accounts SET disabled_at = now() WHERE id = %s AND disabled_at IS NULL"


_CALLED = f"""
SELECT c.name FROM responders w JOIN accounts c ON c.id = w.account_id
WHERE w.account_id = %(id)s AND {reach.RESPONDER_W}
"""


@dataclass(frozen=True, slots=True)
class Entered:
    """A responder as somebody enters them; hours as the column has them, WGS 84."""

    name: str
    organization_id: UUID
    kind: str
    phone: str
    skills: tuple[str, ...]
    hours: tuple[Mapping[str, Any], ...]
    lat: float | None
    lon: float | None


async def name_of(connection: Connection, caller: reach.Caller, responder: str) -> str:
    """The name of a responder within the caller's reach whose id it is; what is no such id is a name already."""
    try:
        responder_id = UUID(responder)
    except ValueError:
        return responder
    row = await (await connection.execute(_CALLED, {"id": responder_id, **caller.parameters})).fetchone()
    return str(row[0]) if row else responder


async def add_responder(connection: Connection, keys: Keys, entered: Entered, by: UUID) -> UUID:
    """The new account's id, which is the responder's."""
    responder_id: UUID = uuid7()
    async with connection.transaction():
        account = (responder_id, f"responder-{responder_id}", NO_PASSWORD, entered.name)
        await connection.execute(_ACCOUNT, account)
        await connection.execute(_ADD, _values(responder_id, keys, entered, by))
    return responder_id


async def change_responder(
    connection: Connection, keys: Keys, responder_id: UUID, entered: Entered, version: int, by: UUID
) -> bool:
    """False: there is a newer version, or they were taken off."""
    async with connection.transaction():
        values = _values(responder_id, keys, entered, by) | {"version": version}
        if (await connection.execute(_CHANGE, values)).rowcount == 0:
            return False
        await connection.execute(_NAME, (entered.name, responder_id))
    return True


async def end_responder(connection: Connection, responder_id: UUID, by: UUID) -> None:
    """Nobody asks them any more, and their links are dead; again it changes nothing."""
    async with connection.transaction():
        await connection.execute(_END, (by, responder_id))
        await connection.execute(_DISABLE, (responder_id,))


def _values(responder_id: UUID, keys: Keys, entered: Entered, by: UUID) -> dict[str, Any]:
    return {
        "id": responder_id,
        "organization_id": entered.organization_id,
        "kind": entered.kind,
        "skills": list(entered.skills),
        "hours": Jsonb([dict(one) for one in entered.hours]),
        "phone": sealed(keys, entered.phone),
        "phone_marks": marks(keys, entered.phone),
        "lat": entered.lat,
        "lon": entered.lon,
        "by": by,
    }
