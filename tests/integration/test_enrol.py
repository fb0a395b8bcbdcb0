"""Enrolment on a real database: who reaches what, all or nothing, two at once, the file of secrets."""

import asyncio
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import Result
from psycopg import AsyncConnection
from typer.testing import CliRunner

from services.broker.passwords import verify_password
from services.cli import app
from services.registry.enrol import Enrolled, enrol
from services.registry.enrolment import Enrolment
from services.registry.names import Actor, UnknownNameError
from services.registry.reach import Caller
from services.registry.revoke import revoke
from services.registry.rotate import rotate
from services.registry.service_accounts import add_account
from tests.parts.postgres import PostgresServer, fresh_database

CITY, STREET, NORTH, SOUTH = (uuid.UUID(int=number) for number in range(1, 5))
ELDER = uuid.UUID(int=9)


class Registry:
    def __init__(self, url: str) -> None:
        self.url = url

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def organization(self, *values: Any) -> None:
        self.sql("INSERT INTO organizations (id, parent_id, tier, name) VALUES (%s, %s, %s, %s)", *values)

    def devices(self) -> set[str]:
        return {row[0] for row in self.sql("SELECT device_id FROM devices")}

    async def connect(self) -> "AsyncConnection[Any]":
        return await AsyncConnection.connect(self.url, autocommit=True)

    async def enrol(self, *wanted: Enrolment, actor: Actor | None = None, partial: bool = False) -> Enrolled:
        async with await self.connect() as connection:
            return await enrol(connection, actor or Actor("test"), wanted, partial=partial)

    def anhu(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, arguments, env={"ANHU_DATABASE_URL": self.url})


@pytest.fixture(scope="module")
def _database(postgres: PostgresServer) -> Iterator[str]:
    with fresh_database(postgres.url()) as url:
        yield url


@pytest.fixture
def registry(_database: str) -> Registry:
    one = Registry(_database)
    one.sql("TRUNCATE organizations, elders, devices, service_accounts, identity_log, accounts CASCADE")
    for identity, parent, tier, name in (
        (CITY, None, "city", "一座城市"),
        (STREET, CITY, "street", "一条街道"),
        (NORTH, STREET, "community", "北禅社区"),
        (SOUTH, CITY, "community", "南山社区"),
    ):
        one.sql(
            "INSERT INTO organizations (id, parent_id, tier, name) VALUES (%s, %s, %s, %s)",
            identity,
            parent,
            tier,
            name,
        )
    one.sql("UPDATE organizations SET division_code = '500111001' WHERE id = %s", STREET)
    one.sql("INSERT INTO elders (id, organization_id, name) VALUES (%s, %s, '某某（虚构）')", ELDER, NORTH)
    return one


def street_administrator(registry: Registry) -> Actor:
    identity = uuid.uuid4()
    registry.sql(
        "INSERT INTO accounts (id, username, password_hash, name, role) VALUES (%s, %s, '', '张三', 'administrator')",
        identity,
        str(identity),
    )
    caller = Caller(identity, uuid.uuid4(), str(identity), "张三", "administrator", (STREET,), ())
    return Actor("张三", "192.0.2.7", caller)


async def test_a_device_has_a_secret_that_is_kept_as_its_hash(registry: Registry) -> None:
    done = await registry.enrol(
        Enrolment("watch-1", "wristband", "X1", elder_id=ELDER, source="chirpstack", hardware_id="24e124")
    )
    [(device_id, secret)] = done.secrets
    [(organization, elder, stored)] = registry.sql(
        "SELECT organization_id, elder_id, credential_hash FROM devices WHERE device_id = 'watch-1'"
    )
    assert (device_id, organization, elder) == ("watch-1", NORTH, ELDER)
    assert verify_password(secret, stored)
    assert registry.sql("SELECT * FROM device_hardware") == [("chirpstack", "24e124", "watch-1")]
    for row in registry.sql(
        "SELECT to_jsonb(d)::text FROM devices d UNION ALL SELECT to_jsonb(l)::text FROM identity_log l"
    ):
        assert secret not in row[0]


async def test_an_administrator_places_devices_within_reach_only_and_it_is_recorded(registry: Registry) -> None:
    actor = street_administrator(registry)
    for word in ("北禅社区", str(NORTH), "500111001"):
        done = await registry.enrol(
            Enrolment(f"in-{word[:3].encode().hex()}", "wristband", organization=word), actor=actor
        )
        assert done.flaws == []
    for word in ("南山社区", str(SOUTH), str(CITY), "nowhere"):
        done = await registry.enrol(Enrolment("out", "wristband", organization=word), actor=actor)
        assert [flaw.column for flaw in done.flaws] == ["organization"]
    assert len(registry.devices()) == 3
    log = registry.sql("SELECT DISTINCT kind, what, account_id, actor, address FROM identity_log")
    assert log == [("device", "enrolled", actor.account_id, "张三", "192.0.2.7")]

    await registry.enrol(Enrolment("south-1", "wristband", organization="南山社区"))
    async with await registry.connect() as connection:
        for change in (rotate, revoke):
            with pytest.raises(UnknownNameError):
                await change(connection, actor, "south-1")


async def test_all_or_nothing_and_every_flaw_is_told(registry: Registry) -> None:
    await registry.enrol(Enrolment("taken", "wristband", organization="北禅社区", source="z2m", hardware_id="0x1"))
    async with await registry.connect() as connection:
        await add_account(connection, Actor("test"), "bridge", ("write zigbee2mqtt/#",))
    registry.sql(
        "INSERT INTO organizations (id, parent_id, tier, name) VALUES (%s, %s, 'point', '北禅社区')", ELDER, NORTH
    )
    good = Enrolment("good", "wristband", organization=str(NORTH), line=2)
    bad = [
        Enrolment("taken", "wristband", organization=str(NORTH), line=3),
        Enrolment("bridge", "wristband", organization=str(NORTH), line=4),
        Enrolment("anhu-gateway", "wristband", organization=str(NORTH), line=5),
        Enrolment("twice", "wristband", organization=str(NORTH), line=6),
        Enrolment("twice", "wristband", organization=str(NORTH), line=7),
        Enrolment("a-1", "wristband", organization="北禅社区", line=8),  # two have that name
        Enrolment("a-2", "wristband", organization=str(SOUTH), elder_id=ELDER, line=9),
        Enrolment("a-3", "wristband", elder_id=uuid.uuid4(), line=10),
        Enrolment("a-4", "wristband", organization=str(NORTH), source="z2m", hardware_id="0x1", line=11),
        Enrolment("a/5", "wristband", organization=str(NORTH), line=12),
    ]
    done = await registry.enrol(good, *bad)
    assert done.secrets == []
    assert [flaw.line for flaw in done.flaws] == list(range(3, 13))
    assert registry.devices() == {"taken"}
    done = await registry.enrol(good, *bad, partial=True)
    assert [device_id for device_id, _ in done.secrets] == ["good"]
    assert len(done.flaws) == len(bad)
    assert registry.devices() == {"taken", "good"}


async def test_of_two_who_want_one_name_one_wins_and_the_other_is_told(registry: Registry) -> None:
    async def as_account(name: str) -> str | None:
        async with await registry.connect() as connection:
            return await add_account(connection, Actor("test"), name, ("read zigbee2mqtt/#",))

    for number in range(5):
        name = f"race-{number}"
        one = Enrolment(name, "wristband", organization="北禅社区")
        done = await asyncio.gather(registry.enrol(one), registry.enrol(one), as_account(name), return_exceptions=True)
        won = [d for d in done if isinstance(d, str) or (isinstance(d, Enrolled) and d.secrets)]
        assert len(won) == 1, done
        assert all(isinstance(d, Enrolled | str) or "taken" in str(d) for d in done)


def test_a_csv_from_the_command_line(registry: Registry, tmp_path: Path) -> None:
    csv, secrets = tmp_path / "devices.csv", tmp_path / "secrets.csv"
    csv.write_text(
        "device_id,kind,organization\n" + "".join(f"d-{n},wristband,北禅社区\n" for n in range(2000)) + "x!,w,y\n"
    )
    done = registry.anhu("device", "import", str(csv), "--secrets", str(secrets))
    assert done.exit_code == 1
    assert "line 2002, device_id: want 1 to 64" in done.output
    assert not secrets.exists()
    assert registry.devices() == set()

    done = registry.anhu("device", "import", str(csv), "--secrets", str(secrets), "--partial")
    assert done.exit_code == 0, done.output
    assert secrets.stat().st_mode & 0o777 == 0o600
    lines = secrets.read_text().splitlines()
    assert len(lines) == 2001
    name, _, secret = lines[1].partition(",")
    assert secret not in done.output
    [(stored,)] = registry.sql("SELECT credential_hash FROM devices WHERE device_id = %s", name)
    assert verify_password(secret, stored)

    again = registry.anhu("device", "import", str(csv), "--secrets", str(secrets))
    assert again.exit_code == 1
    assert "name a new file" in again.output
    assert secrets.read_text().splitlines() == lines


def test_one_by_one_from_the_command_line(registry: Registry) -> None:
    secret = registry.anhu("device", "enrol", "d-1", "--kind", "wristband", "--organization", "北禅社区").output.strip()
    assert len(secret) == 24
    again = registry.anhu("device", "enrol", "d-1", "--kind", "wristband", "--organization", "北禅社区")
    assert (again.exit_code, "the name is taken" in again.output) == (1, True)
    assert registry.anhu("device", "revoke", "d-1").exit_code == 0
    assert registry.anhu("device", "revoke", "d-1").exit_code == 0
    assert "d-1 is revoked" in registry.anhu("device", "rotate", "d-1").output
    restored = registry.anhu("device", "restore", "d-1").output.strip()
    rotated = registry.anhu("device", "rotate", "d-1").output.strip()
    assert len({secret, restored, rotated}) == 3
    assert "there is no nobody" in registry.anhu("device", "rotate", "nobody").output
    assert "d-1\twristband\t北禅社区\tenrolled" in registry.anhu("device", "list").output
    what = [row[0] for row in registry.sql("SELECT what FROM identity_log ORDER BY id")]
    assert what == ["enrolled", "revoked", "restored", "rotated"]
