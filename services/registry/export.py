"""What there is of a kind, in the form in which it may go in again. Identity and telephone numbers are opened: whoever
exports has the keys, and that it was done is kept among the changes."""

from collections.abc import AsyncIterator
from typing import Any

from psycopg.rows import dict_row

from services.registry.changing import changes_by
from services.registry.imports.columns import CONTACTS, KINDS
from services.registry.imports.hours import hours_words
from services.registry.imports.words import (
    ABILITY_WORDS,
    DEVICE_KINDS,
    GENDER_WORDS,
    RESPONDER_WORDS,
    ROLE_WORDS,
    TIER_WORDS,
)
from services.registry.names import Actor
from services.registry.sealing import Keys
from services.registry.telephones import FIELDS, opened_or_raise
from services.storage.pool import Connection

_STREET = "(SELECT u.name FROM organizations u WHERE u.id = ANY(o.path) AND u.tier = 'street' AND u.id <> o.id LIMIT 1)"
# The code says which of two communities of one name it is; a point or a care home has no code of its own.
_PLACE = f"o.name AS organization, {_STREET} AS street"
_ELDER = """
e.identity_sealed AS elder_identity, e.name AS elder_name, e.birth_date::text AS elder_birth_date
"""
_ROWS = {
    "organizations": """
        SELECT o.name, o.tier, coalesce(u.name, '') AS parent, o.division_code, o.address, o.phone
        FROM organizations o JOIN organizations u ON u.id = o.parent_id ORDER BY cardinality(o.path), o.id""",
    "elders": f"""
        SELECT e.*, {_PLACE}, a.assessed_on::text AS assessed_on, a.assessor,
               array_to_string(e.care_categories, '、') AS care_categories, e.birth_date::text AS birth_date,
               array_to_string(e.conditions, '、') AS conditions, array_to_string(e.medicines, '、') AS medicines,
               array_to_string(e.allergies, '、') AS allergies,
               (SELECT jsonb_agg(jsonb_build_object('name', c.name, 'relation', c.relation, 'phone', c.phone)
                                 ORDER BY c.position) FROM elder_contacts c WHERE c.elder_id = e.id) AS contacts
        FROM elders e JOIN organizations o ON o.id = e.organization_id
        LEFT JOIN LATERAL (SELECT * FROM ability_assessments b WHERE b.elder_id = e.id AND b.level = e.ability_level
                           ORDER BY assessed_on DESC LIMIT 1) a ON true
        WHERE e.erased_at IS NULL ORDER BY e.id""",
    "contacts": f"""
        SELECT {_ELDER}, {_PLACE}, c.name, c.relation, c.phone, c.position::text AS position
        FROM elder_contacts c JOIN elders e ON e.id = c.elder_id JOIN organizations o ON o.id = e.organization_id
        ORDER BY e.id, c.position""",
    "devices": f"""
        SELECT d.device_id, d.kind, d.model, {_ELDER}, {_PLACE}, h.source, h.hardware_id
        FROM devices d JOIN organizations o ON o.id = d.organization_id LEFT JOIN elders e ON e.id = d.elder_id
        LEFT JOIN device_hardware h ON h.device_id = d.device_id WHERE d.revoked_at IS NULL ORDER BY d.device_id""",
    "accounts": f"""
        SELECT a.name, a.username, a.role, {_PLACE}, e.identity_sealed AS elder_identity
        FROM accounts a LEFT JOIN account_organizations m ON m.account_id = a.id
        LEFT JOIN organizations o ON o.id = m.organization_id
        LEFT JOIN account_elders c ON c.account_id = a.id LEFT JOIN elders e ON e.id = c.elder_id
        WHERE a.disabled_at IS NULL AND a.role IN ('administrator', 'operator', 'caregiver')
        ORDER BY a.username""",
    "responders": f"""
        SELECT c.name, w.kind, w.phone, {_PLACE}, array_to_string(w.skills, '、') AS skills, w.hours, w.lat, w.lon
        FROM responders w JOIN accounts c ON c.id = w.account_id JOIN organizations o ON o.id = w.organization_id
        WHERE w.ended_at IS NULL ORDER BY w.account_id""",
}
_TOLD = "INSERT INTO changes (subject, subject_id, what, actor) VALUES ('export', %s, 'exported', %s)"


def _device_words() -> dict[str, str]:
    words: dict[str, str] = {}
    for word, kind in DEVICE_KINDS.items():
        words.setdefault(kind, word)
    return words


_WORDS: dict[str, dict[str, str]] = {
    "gender": GENDER_WORDS,
    "ability_level": ABILITY_WORDS,
    "role": ROLE_WORDS,
    "tier": TIER_WORDS,
    "kind": _device_words() | RESPONDER_WORDS,
}


async def exported(connection: Connection, actor: Actor, keys: Keys, kind: str) -> AsyncIterator[list[str | None]]:
    """Rows in the order of the kind's columns. Raises KeysError where a number cannot be opened."""
    columns = [one.key for one in KINDS[kind].columns]
    async with changes_by(connection, actor):
        await connection.execute(_TOLD, (kind, actor.name))
        async with connection.cursor("export", row_factory=dict_row) as cursor:
            cursor.itersize = 5000
            await cursor.execute(_ROWS[kind])
            async for row in cursor:
                yield [_cell(key, row, keys) for key in columns]


def _cell(key: str, row: dict[str, Any], keys: Keys) -> str | None:
    if key.startswith("contact") and key[7].isdecimal():
        contacts, place = row["contacts"] or [], int(key[7]) - 1
        told = contacts[place][key[9:]] if place < min(len(contacts), CONTACTS) else None
        return opened_or_raise(keys, told) if key.endswith("_phone") else told
    if key in ("identity", "elder_identity"):
        sealed = row["identity_sealed" if key == "identity" else key]
        return keys.open(sealed) if sealed else None
    if key == "hours":
        return hours_words(row["hours"])
    value = opened_or_raise(keys, row.get(key)) if key in FIELDS else row.get(key)
    if value is None:
        return None
    return _WORDS.get(key, {}).get(str(value), str(value))
