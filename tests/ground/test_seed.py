"""Invented people in the real schema."""

from pathlib import Path
from typing import Any

import psycopg
import pytest
from argon2 import PasswordHasher

from services.broker.passwords import hash_password, verify_password
from services.demo import people
from services.demo.folder import Keys
from services.demo.seed import Seeded, credentials, seed

# The real one takes a tenth of a second for each account, by design.
QUICK = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path / "keys.json")


def seeded(database_url: str, keys: Keys, elders: int) -> Seeded:
    with psycopg.connect(database_url) as connection:
        return seed(connection, keys, elders, QUICK)


def one(database_url: str, query: str, *values: object) -> Any:
    """The only value, or the only row, of an answer."""
    with psycopg.connect(database_url) as connection:
        (row,) = connection.execute(query.encode(), values).fetchall()
    return row[0] if len(row) == 1 else row


def test_the_tree_has_its_official_codes(database_url: str, keys: Keys) -> None:
    station = seeded(database_url, keys, 1).organization_id
    with psycopg.connect(database_url) as connection:
        above = connection.execute(
            "SELECT o.tier, o.division_code FROM organizations s, organizations o"
            " WHERE s.id = %s AND o.id = ANY (s.path) ORDER BY cardinality(o.path)",
            [station],
        ).fetchall()
    assert above == [
        ("city", "500000"),
        ("district", "500111"),
        ("street", "500111001"),
        ("community", "500111001003"),
    ]


def test_the_first_device_is_a_wristband_of_an_elder_of_the_first_station(database_url: str, keys: Keys) -> None:
    told = seeded(database_url, keys, 30)
    first = told.devices[0]
    assert first["kind"] == "wristband"
    assert (
        str(one(database_url, "SELECT organization_id FROM elders WHERE id = %s", first["elder_id"]))
        == told.organization_id
    )


def test_accounts_have_their_passwords_and_places(database_url: str, keys: Keys) -> None:
    told = seeded(database_url, keys, 1)
    for account in told.accounts:
        stored, role = one(
            database_url, "SELECT password_hash, role FROM accounts WHERE username = %s", account["username"]
        )
        assert PasswordHasher().verify(stored, account["password"])
        assert role == account["role"]
    assert told.operator == {name: told.accounts[0][name] for name in ("username", "password")}
    assert one(database_url, "SELECT count(*) FROM account_organizations") == len(told.accounts) - 1
    assert (
        str(
            one(
                database_url,
                "SELECT elder_id FROM account_elders JOIN accounts ON accounts.id = account_id"
                " WHERE role = 'caregiver'",
            )
        )
        == told.devices[0]["elder_id"]
    )


def test_the_database_has_hashes_of_the_devices_passwords(database_url: str, keys: Keys) -> None:
    told = seeded(database_url, keys, 30)
    with psycopg.connect(database_url) as connection:
        stored = dict(credentials(connection))
    assert set(stored) == {device["device_id"] for device in told.devices}
    assert all(verify_password(str(device["password"]), stored[str(device["device_id"])]) for device in told.devices)


def test_who_is_near_has_no_password_and_every_organisation_a_place(database_url: str, keys: Keys) -> None:
    for _ in range(2):
        seeded(database_url, keys, 1)
    count, passwords = one(
        database_url,
        "SELECT count(*), array_agg(DISTINCT password_hash) FROM responders JOIN accounts ON id = account_id"
        " WHERE role = 'responder'",
    )
    assert (count, passwords) == (len(people.RESPONDERS), ["!"])
    assert one(database_url, "SELECT count(*) FROM organizations WHERE lat IS NULL") == 0


def test_again_changes_nothing_and_more_adds(database_url: str, keys: Keys) -> None:
    first = seeded(database_url, keys, 10)
    assert seeded(database_url, keys, 10) == first
    assert seeded(database_url, keys, 5) == first
    more = seeded(database_url, keys, 12)
    assert more.devices[: len(first.devices)] == first.devices
    assert len(more.devices) > len(first.devices)
    assert one(database_url, "SELECT count(*) FROM elders") == 12


def test_a_database_that_another_folder_filled_gets_this_folders_passwords(
    database_url: str, keys: Keys, tmp_path: Path
) -> None:
    other = seeded(database_url, Keys(tmp_path / "other.json"), 2)
    told = seeded(database_url, keys, 2)
    assert told.operator["username"] == other.operator["username"]
    stored = one(database_url, "SELECT password_hash FROM accounts WHERE username = %s", told.operator["username"])
    assert PasswordHasher().verify(str(stored), told.operator["password"])
    device = told.devices[0]
    stored = one(database_url, "SELECT credential_hash FROM devices WHERE device_id = %s", device["device_id"])
    assert verify_password(str(device["password"]), str(stored))


def test_a_revoked_device_stays_out(database_url: str, keys: Keys) -> None:
    seeded(database_url, keys, 2)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE devices SET revoked_at = now() WHERE device_id = 'watch-0002'")
    told = seeded(database_url, keys, 2)
    assert "watch-0002" not in {device["device_id"] for device in told.devices}
    with psycopg.connect(database_url) as connection:
        assert "watch-0002" not in dict(credentials(connection))


def test_devices_that_are_not_ours_may_sign_in_and_are_not_told(database_url: str, keys: Keys) -> None:
    told = seeded(database_url, keys, 1)
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO devices (device_id, kind, organization_id, credential_hash)"
            " VALUES ('mine', 'wristband', %s, %s)",
            [told.organization_id, hash_password("secret")],
        )
        assert "mine" in dict(credentials(connection))
    assert "mine" not in {device["device_id"] for device in seeded(database_url, keys, 1).devices}
