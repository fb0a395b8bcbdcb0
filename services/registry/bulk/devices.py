"""Devices in bulk: new ones each with a secret of its own, told once; those that are there are bound anew."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from services.broker.passwords import hash_password, new_secret
from services.registry import reach
from services.registry.bulk import whose
from services.registry.bulk.elders import LOCK
from services.registry.bulk.staging import Import, count, drop_lines, staged
from services.registry.changing import changes_by
from services.registry.imports.flaws import Flaw
from services.registry.imports.others import DeviceRecord
from services.registry.imports.reading import Reading
from services.registry.names import lock_names, record
from services.storage.pool import Connection

_TABLE = "import_devices"
_COLUMNS = (
    *("line", "device_id", "kind", "model", "organization_id", "source", "hardware_id"),
    *whose.COLUMNS,
)
_CREATE = f"""
CREATE TEMP TABLE {_TABLE} (
    line integer, device_id text, kind text, model text, organization_id uuid, source text, hardware_id text,
    {whose.DEFINITIONS}, existing boolean NOT NULL DEFAULT false, differs boolean NOT NULL DEFAULT false)
"""
_PREPARE = (f"CREATE INDEX ON {_TABLE} (line)", f"CREATE INDEX ON {_TABLE} (device_id)", f"ANALYZE {_TABLE}")
_HOME = f"""
UPDATE {_TABLE} s SET organization_id = p.organization_id FROM elders p
WHERE p.id = s.elder_id AND s.organization_id IS NULL
"""
# A file names the street where the elder's station is below it: the device goes to the station.
_NARROWED = f"""
UPDATE {_TABLE} s SET organization_id = p.organization_id FROM elders p, organizations o
WHERE p.id = s.elder_id AND o.id = p.organization_id AND s.organization_id <> o.id AND s.organization_id = ANY(o.path)
"""
_ELSEWHERE = f"""
SELECT s.line, s.device_id, o.name FROM {_TABLE} s JOIN elders p ON p.id = s.elder_id
JOIN organizations o ON o.id = p.organization_id WHERE s.organization_id <> p.organization_id
"""
_EXISTING = f"UPDATE {_TABLE} s SET existing = true FROM devices d WHERE d.device_id = s.device_id"
_REVOKED = f"""
SELECT s.line, s.device_id FROM {_TABLE} s JOIN devices d USING (device_id) WHERE d.revoked_at IS NOT NULL
"""
_OUT_OF_REACH = (
    f"SELECT s.line, s.device_id FROM {_TABLE} s JOIN devices d USING (device_id) WHERE NOT {reach.DEVICE_D}"
)
_SERVICE = f"SELECT s.line, s.device_id FROM {_TABLE} s JOIN service_accounts a ON a.username = s.device_id"
_HARDWARE = f"""
SELECT s.line, s.hardware_id, h.device_id FROM {_TABLE} s JOIN device_hardware h USING (source, hardware_id)
WHERE h.device_id <> s.device_id
"""
_NOBODYS = f"SELECT line, device_id FROM {_TABLE} WHERE organization_id IS NULL"
_DIFFERENT = f"""
UPDATE {_TABLE} s SET differs = true FROM devices d
WHERE d.device_id = s.device_id AND (
    (d.kind, d.model, d.organization_id, d.elder_id) IS DISTINCT FROM
    (s.kind, coalesce(s.model, d.model), s.organization_id, coalesce(s.elder_id, d.elder_id))
    OR (s.source IS NOT NULL AND NOT EXISTS (SELECT FROM device_hardware h
        WHERE h.device_id = s.device_id AND h.source = s.source AND h.hardware_id = s.hardware_id)))
"""
_UPDATE = f"""
UPDATE devices d SET kind = s.kind, model = coalesce(s.model, d.model), organization_id = s.organization_id,
    elder_id = coalesce(s.elder_id, d.elder_id)
FROM {_TABLE} s WHERE s.differs AND d.device_id = s.device_id
"""
_HASHES = "CREATE TEMP TABLE import_hashes (device_id text PRIMARY KEY, hash text)"
_INSERT = f"""
INSERT INTO devices (device_id, kind, model, organization_id, elder_id, credential_hash)
SELECT s.device_id, s.kind, s.model, s.organization_id, s.elder_id, h.hash
FROM {_TABLE} s JOIN import_hashes h USING (device_id) WHERE NOT s.existing ORDER BY s.line
"""
_HARDWARE_KNOWN = f"""
INSERT INTO device_hardware (device_id, source, hardware_id)
SELECT device_id, source, hardware_id FROM {_TABLE} WHERE source IS NOT NULL ON CONFLICT DO NOTHING
"""
_NEW = f"SELECT device_id FROM {_TABLE} WHERE NOT existing ORDER BY line"


async def take_devices(work: Import, reading: Reading) -> None:
    run = work.connection.execute
    for table in (_TABLE, "import_hashes"):
        await run(f"DROP TABLE IF EXISTS {table}")
    await run(_CREATE)
    await staged(work, reading, _TABLE, _COLUMNS, lambda one: _row(one, work))
    for statement in _PREPARE:
        await run(statement)
    work.tell("match", work.result.rows)
    # Hashed before the transaction that holds the lock of names: enrolments wait for that one.
    secrets = await _secrets(work)
    async with changes_by(work.connection, work.actor):
        await run(LOCK)
        await lock_names(work.connection)
        await _match(work)
        if work.result.may_go_on(work.mode):
            work.tell("write", work.result.rows)
            new = [name for (name,) in await (await run(_NEW)).fetchall()]
            for statement in (_UPDATE, _INSERT, _HARDWARE_KNOWN):
                await run(statement)
            await record(work.connection, work.actor, "device", "enrolled", new)
            work.result.secrets = [(name, secrets[name]) for name in new]
            work.keep(work.result.secrets)
            work.result.applied = True
    await run(f"DROP TABLE {_TABLE}, import_hashes")


async def _secrets(work: Import) -> dict[str, str]:
    """A secret for each device that is not there yet; their hashes into a table of their own."""
    await work.connection.execute(_HASHES)
    if work.mode == "check":
        return {}
    await work.connection.execute(_EXISTING)
    names = [name for (name,) in await (await work.connection.execute(_NEW)).fetchall()]
    secrets = {name: new_secret() for name in names}
    for begin in range(0, len(names), 5000):
        some = names[begin : begin + 5000]
        await _copy(work.connection, await asyncio.to_thread(_hashed, some, secrets))
    return secrets


def _hashed(names: Sequence[str], secrets: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(name, hash_password(secrets[name])) for name in names]


async def _copy(connection: Connection, hashes: Sequence[tuple[str, str]]) -> None:
    async with connection.cursor() as cursor, cursor.copy("COPY import_hashes (device_id, hash) FROM STDIN") as copy:
        for row in hashes:
            await copy.write_row(row)


async def _match(work: Import) -> None:
    run = work.connection.execute
    await whose.find_elders(work, _TABLE)
    await run(_NARROWED)
    await drop_lines(work, _TABLE, _ELSEWHERE, _elsewhere)
    await run(_HOME)
    await drop_lines(work, _TABLE, _NOBODYS, _nobodys)
    await run(_EXISTING)
    await drop_lines(work, _TABLE, _REVOKED, _revoked)
    await drop_lines(work, _TABLE, _SERVICE, _taken)
    if work.actor.caller is not None:
        await drop_lines(work, _TABLE, _OUT_OF_REACH, _taken, **work.actor.caller.parameters)
    await drop_lines(work, _TABLE, _HARDWARE, _hardware)
    await run(_DIFFERENT)
    work.result.new = await count(work.connection, f"SELECT count(*) FROM {_TABLE} WHERE NOT existing")
    work.result.changed = await count(work.connection, f"SELECT count(*) FROM {_TABLE} WHERE differs")
    rows = await count(work.connection, f"SELECT count(*) FROM {_TABLE}")
    work.result.unchanged = rows - work.result.new - work.result.changed


def _elsewhere(line: int, device_id: str, name: str) -> Flaw:
    return Flaw(line, "所属社区", device_id, f"老人属于“{name}”，与所属社区不一致", "请改成老人所属的社区，或留空")


def _nobodys(line: int, device_id: str) -> Flaw:
    return Flaw(line, "所属社区", device_id, "没有机构也没有老人，无法确定设备归属", "请填所属社区，或老人的身份证号")


def _revoked(line: int, device_id: str) -> Flaw:
    return Flaw(line, "设备编号", device_id, "这台设备已停用", "请先在设备页“恢复”，或换一个编号")


def _taken(line: int, device_id: str) -> Flaw:
    return Flaw(line, "设备编号", device_id, "编号已被使用", "请换一个编号")


def _hardware(line: int, hardware_id: str, device_id: str) -> Flaw:
    return Flaw(line, "硬件编号", hardware_id, f"该硬件已登记为设备 {device_id}", "请核对设备标签")


def _row(one: DeviceRecord, work: Import) -> Sequence[Any]:
    return (
        *(one.line, one.device_id, one.kind, one.model, one.organization_id, one.source, one.hardware_id),
        *whose.cells_of(one.whose, work),
    )
