"""Fills a database with the invented people: what is there stays, what is missing is added."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from argon2 import PasswordHasher
from psycopg.types.json import Jsonb
from uuid_utils.compat import uuid7

from services.broker.passwords import hash_password
from services.demo import people
from services.demo.folder import Keys
from services.registry.pinyin import initials
from services.registry.responders import NO_PASSWORD

Connection = psycopg.Connection[tuple[Any, ...]]

# device_id prefixes, by kind.
PREFIXES = {
    "wristband": "watch",
    "fall_detector": "fall",
    "emergency_button": "button",
    "bed_sensor": "bed",
    "smoke_detector": "smoke",
    "gas_detector": "gas",
    "water_detector": "water",
    "door_sensor": "door",
}
FIRST_DEVICE = "watch-0001"


@dataclass(frozen=True)
class Seeded:
    """What demo.json tells of the database, in the contract's terms."""

    organization_id: str
    operator: dict[str, str]
    organizations: list[dict[str, str | None]]
    accounts: list[dict[str, str]]
    devices: list[dict[str, str | None]]


def seed(connection: Connection, keys: Keys, elders: int, hasher: PasswordHasher | None = None) -> Seeded:
    """Makes the organisations, accounts, at least `elders` elders and their devices, in one transaction.

    `keys` has the passwords; where the database has the hash of another one (of another folder's demo), it is
    replaced. The caller saves `keys`.
    """
    with connection.transaction():
        organizations = _organizations(connection)
        accounts = _accounts(connection, organizations, keys, hasher or PasswordHasher())
        _elders(connection, organizations, keys, elders)
        _bind_caregiver(connection, accounts["caregiver-1"])
        _responders(connection, organizations)
        devices = _devices(connection, keys)
    described = [
        {
            "username": account.username,
            "password": keys.password(account.username),
            "role": account.role,
            "organization_id": str(organizations[account.organization]),
        }
        for account in people.ACCOUNTS
    ]
    return Seeded(
        organization_id=str(organizations[people.FIRST_STATION]),
        operator={name: described[0][name] for name in ("username", "password")},
        organizations=[
            {
                "id": str(organizations[one.key]),
                "name": one.name,
                "tier": one.tier,
                "parent_id": str(organizations[one.parent]) if one.parent else None,
            }
            for one in people.ORGANIZATIONS
        ],
        accounts=described,
        devices=devices,
    )


def _organizations(connection: Connection) -> dict[str, UUID]:
    """Ids by the key in people.py; an organisation is known by its division code and name."""
    ids: dict[str, UUID] = {}
    for one in people.ORGANIZATIONS:
        found = connection.execute(
            "SELECT id FROM organizations WHERE division_code = %s AND name = %s",
            [one.division_code, one.name],
        ).fetchone()
        ids[one.key] = found[0] if found else uuid7()
        if found:  # of a demo of before organisations had a place
            connection.execute(
                "UPDATE organizations SET lat = %s, lon = %s WHERE id = %s AND lat IS NULL",
                [one.lat, one.lon, found[0]],
            )
        else:
            connection.execute(
                "INSERT INTO organizations (id, parent_id, tier, name, division_code, address, phone, lat, lon)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
                [
                    ids[one.key],
                    one.parent and ids[one.parent],
                    one.tier,
                    one.name,
                    one.division_code,
                    one.address,
                    people.station_phone(one.key),
                    one.lat,
                    one.lon,
                ],
            )
    return ids


def _accounts(
    connection: Connection, organizations: dict[str, UUID], keys: Keys, hasher: PasswordHasher
) -> dict[str, UUID]:
    """Ids by username."""
    ids: dict[str, UUID] = {}
    for account in people.ACCOUNTS:
        keys.password(account.username)
        stored = connection.execute(
            "INSERT INTO accounts (id, username, password_hash, name, role) VALUES (%s, %s, %s, %s, %s)"
            " ON CONFLICT (username) DO UPDATE SET password_hash = excluded.password_hash RETURNING id",
            [
                uuid7(),
                account.username,
                keys.hash_of(account.username, hasher.hash),
                account.name,
                account.role,
            ],
        ).fetchone()
        assert stored is not None
        ids[account.username] = stored[0]
        if account.role != "caregiver":
            connection.execute(
                "INSERT INTO account_organizations (account_id, organization_id) VALUES (%s, %s)"
                " ON CONFLICT DO NOTHING",
                [ids[account.username], organizations[account.organization]],
            )
    return ids


def _elders(connection: Connection, organizations: dict[str, UUID], keys: Keys, count: int) -> None:
    """Elder number n is known by its wristband, watch-000n."""
    there = {row[0] for row in connection.execute("SELECT device_id FROM devices WHERE kind = 'wristband'")}
    elders, contacts, devices = [], [], []
    for number, elder in enumerate(people.elders(count), start=1):
        if _device_id("wristband", number) in there:
            continue
        elder_id, home = uuid7(), organizations[elder.organization]
        elders.append(
            (
                elder_id,
                home,
                elder.name,
                initials(elder.name),
                elder.gender,
                elder.birth_date,
                elder.phone,
                elder.address,
                elder.lat,
                elder.lon,
                elder.ability_level,
                elder.living_situation,
                list(elder.care_categories),
                elder.health_notes,
                elder.entry_notes,
            )
        )
        contacts += [
            (elder_id, position, contact.name, contact.relation, contact.phone)
            for position, contact in enumerate(elder.contacts, start=1)
        ]
        for kind in elder.device_kinds:
            device_id = _device_id(kind, number)
            keys.secret(device_id)
            devices.append((device_id, kind, home, elder_id, keys.hash_of(device_id, hash_password)))
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO elders (id, organization_id, name, name_initials, gender, birth_date, phone, address, lat,"
            " lon, ability_level, living_situation, care_categories, health_notes, entry_notes)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            elders,
        )
        cursor.executemany(
            "INSERT INTO elder_contacts (elder_id, position, name, relation, phone) VALUES (%s, %s, %s, %s, %s)",
            contacts,
        )
        cursor.executemany(
            "INSERT INTO devices (device_id, kind, model, organization_id, elder_id, credential_hash)"
            " VALUES (%s, %s, '演示', %s, %s, %s)",
            devices,
        )


def _bind_caregiver(connection: Connection, account_id: UUID) -> None:
    connection.execute(
        "INSERT INTO account_elders (account_id, elder_id) SELECT %s, elder_id FROM devices"
        " WHERE device_id = %s AND elder_id IS NOT NULL ON CONFLICT DO NOTHING",
        [account_id, FIRST_DEVICE],
    )
    connection.execute(
        "INSERT INTO consents (elder_id, purpose, text, given_by, recorded_by)"
        " SELECT b.elder_id, p.purpose, %s, '本人', '演示' FROM account_elders b,"
        " unnest(ARRAY['family_alerts', 'family_location', 'family_vitals']) AS p (purpose)"
        " WHERE b.account_id = %s AND NOT EXISTS (SELECT FROM consents c WHERE c.elder_id = b.elder_id)",
        [f"同意家属查看告警、求助时的位置和体征。（{people.FICTION}）", account_id],
    )


def _responders(connection: Connection, organizations: dict[str, UUID]) -> None:
    """Accounts without a password: nobody signs in as one."""
    for one in people.RESPONDERS:
        account = connection.execute(
            "INSERT INTO accounts (id, username, password_hash, name, role) VALUES (%s, %s, %s, %s, 'responder')"
            " ON CONFLICT (username) DO NOTHING RETURNING id",
            [uuid7(), one.username, NO_PASSWORD, f"{one.name}（虚构）"],
        ).fetchone()
        if account is not None:
            hours = [{"weekdays": list(days), "from": start, "to": end} for days, start, end in one.hours]
            connection.execute(
                "INSERT INTO responders (account_id, organization_id, kind, skills, hours, phone, lat, lon)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
                [
                    account[0],
                    organizations[one.organization],
                    one.kind,
                    list(one.skills),
                    Jsonb(hours),
                    people.responder_phone(one.username),
                    one.lat,
                    one.lon,
                ],
            )


def _devices(connection: Connection, keys: Keys) -> list[dict[str, str | None]]:
    """Our devices that are not revoked, each elder's together; the first is FIRST_DEVICE."""
    ours: list[tuple[int, int, dict[str, str | None]]] = []
    order = list(PREFIXES)
    for device_id, kind, elder_id, stored in connection.execute(
        "SELECT device_id, kind, elder_id, credential_hash FROM devices WHERE model = '演示' AND revoked_at IS NULL"
    ).fetchall():
        password = keys.secret(device_id)
        if stored != (ours_is := keys.hash_of(device_id, hash_password)):
            connection.execute("UPDATE devices SET credential_hash = %s WHERE device_id = %s", [ours_is, device_id])
        described = {
            "device_id": device_id,
            "password": password,
            "kind": kind,
            "elder_id": str(elder_id) if elder_id else None,
        }
        ours.append((int(device_id.rpartition("-")[2]), order.index(kind), described))
    return [described for _, _, described in sorted(ours, key=lambda one: one[:2])]


def _device_id(kind: str, number: int) -> str:
    return f"{PREFIXES[kind]}-{number:04d}"


def credentials(connection: Connection) -> list[tuple[str, str]]:
    """(device_id, credential_hash) of every device that may sign in to the broker."""
    return connection.execute(
        "SELECT device_id, credential_hash FROM devices"
        " WHERE credential_hash IS NOT NULL AND revoked_at IS NULL ORDER BY device_id"
    ).fetchall()
