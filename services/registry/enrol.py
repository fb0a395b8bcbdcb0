"""Makes devices known, each with a secret of its own that is told once and kept as its hash."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from services.broker.accounts import RESERVED
from services.broker.passwords import hash_password, new_secret
from services.registry import reach
from services.registry.changing import changes_by
from services.registry.enrolment import Enrolment, Flaw, flaws_of
from services.registry.names import Actor, lock_names, record
from services.storage.pool import Connection

_ORGANIZATIONS = "SELECT o.id, o.name, o.division_code FROM organizations o"
_ELDERS = "SELECT p.id, p.organization_id FROM elders p WHERE p.id = ANY(%(elders)s)"
_TAKEN = """
SELECT device_id FROM devices WHERE device_id = ANY(%(names)s)
UNION ALL SELECT username FROM service_accounts WHERE username = ANY(%(names)s)
"""
_HARDWARE_TAKEN = """
SELECT source, hardware_id FROM device_hardware
JOIN unnest(%(sources)s::text[], %(hardware)s::text[]) AS w (source, hardware_id) USING (source, hardware_id)
"""
_INSERT = """
INSERT INTO devices (device_id, kind, model, organization_id, elder_id, credential_hash)
SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::uuid[], %s::uuid[], %s::text[])
"""
_INSERT_HARDWARE = """
INSERT INTO device_hardware (device_id, source, hardware_id) SELECT * FROM unnest(%s::text[], %s::text[], %s::text[])
"""


@dataclass(frozen=True, slots=True)
class Enrolled:
    """(device_id, secret) of those that were enrolled, in the order in which they were asked for, and what was wrong
    with the others."""

    secrets: list[tuple[str, str]]
    flaws: list[Flaw]


async def enrol(
    connection: Connection,
    actor: Actor,
    wanted: Sequence[Enrolment],
    *,
    partial: bool = False,
    flaws: Sequence[Flaw] = (),
) -> Enrolled:
    """Enrols all, or where anything is wrong (`flaws`: what was found before) none; `partial`: those that can be.

    A name that two want at once goes to one of them, and the other is told.
    """
    found = [*flaws, *(flaw for one in wanted for flaw in flaws_of(one))]
    bad = {one for one in wanted if flaws_of(one)}
    async with changes_by(connection, actor):
        await lock_names(connection)
        known = await _look_up(connection, actor, [one for one in wanted if one not in bad])
        placed: list[tuple[Enrolment, UUID]] = []
        for one in wanted:
            if one in bad:
                continue
            organization_id, wrong = known.place(one)
            wrong += known.clashes(one)
            found += wrong
            if organization_id and not wrong:
                placed.append((one, organization_id))
        found.sort(key=lambda flaw: flaw.line)
        if found and not partial:
            return Enrolled([], found)
        secrets = [(one.device_id, new_secret()) for one, _ in placed]
        await _insert(connection, placed, [secret for _, secret in secrets])
        await record(connection, actor, "device", "enrolled", [device_id for device_id, _ in secrets])
    return Enrolled(secrets, found)


async def _insert(connection: Connection, placed: list[tuple[Enrolment, UUID]], secrets: list[str]) -> None:
    ones = [one for one, _ in placed]
    # Off the event loop: ten thousand take a tenth of a second, in which no screen would hear of a press.
    hashes = await asyncio.to_thread(lambda: [hash_password(secret) for secret in secrets])
    columns: list[list[Any]] = [
        [one.device_id for one in ones],
        [one.kind for one in ones],
        [one.model for one in ones],
        [organization_id for _, organization_id in placed],
        [one.elder_id for one in ones],
        hashes,
    ]
    await connection.execute(_INSERT, columns)
    known_elsewhere = [one for one in ones if one.source]
    hardware = [
        [one.device_id for one in known_elsewhere],
        [one.source for one in known_elsewhere],
        [one.hardware_id for one in known_elsewhere],
    ]
    await connection.execute(_INSERT_HARDWARE, hardware)


@dataclass(frozen=True, slots=True)
class _Known:
    """What the database has, as far as the actor reaches."""

    organizations: dict[str, list[UUID]]  # by id, name and division code
    elders: dict[UUID, UUID]  # to their organisations
    names: set[str]
    hardware: set[tuple[str, str]]
    wanted_names: Counter[str]
    wanted_hardware: Counter[tuple[str, str]]

    def place(self, one: Enrolment) -> tuple[UUID | None, list[Flaw]]:
        """The organisation that the device belongs to."""
        flaws = []
        home = self.elders.get(one.elder_id) if one.elder_id else None
        if one.elder_id and home is None:
            what = "no such elder within your reach"
            flaws.append(one.flaw("elder_id", one.elder_id, what, "没有这位老人，或不在您的管辖范围内"))
        if not one.organization:
            return home, flaws
        there = self.organizations.get(one.organization.lower(), [])
        if not there:
            what = "no such organisation within your reach: give its id, its name or its division code"
            message = "没有这个机构，或不在您的管辖范围内：请填机构编号、名称或区划代码"
            flaws.append(one.flaw("organization", one.organization, what, message))
        elif len(there) > 1:
            what = f"{len(there)} organisations have it: give the id"
            flaws.append(
                one.flaw("organization", one.organization, what, f"有 {len(there)} 个机构与此相符，请填机构编号")
            )
        elif home is not None and home != there[0]:
            # An alert goes to the elder's organisation: help would be sent from where nobody expects it.
            what = "the elder is of another organisation: leave the organisation out, or mend the elder's id"
            flaws.append(one.flaw("elder_id", one.elder_id, what, "老人属于另一个机构：请不填机构，或更正老人编号"))
        return there[0] if len(there) == 1 else None, flaws

    def clashes(self, one: Enrolment) -> list[Flaw]:
        flaws = []
        if one.device_id in self.names or one.device_id in RESERVED:
            what = "the name is taken: choose another, or rotate the secret of the device that has it"
            flaws.append(
                one.flaw("device_id", one.device_id, what, "编号已被使用：请换一个，或为原设备更换密钥", taken=True)
            )
        elif self.wanted_names[one.device_id] > 1:
            what = "the same name in more than one line"
            flaws.append(one.flaw("device_id", one.device_id, what, "编号在文件中重复"))
        if one.source and one.hardware_id:
            hardware = (one.source, one.hardware_id)
            if hardware in self.hardware:
                what = "this hardware is a device already"
                flaws.append(one.flaw("hardware_id", one.hardware_id, what, "该硬件已登记为另一设备", taken=True))
            elif self.wanted_hardware[hardware] > 1:
                what = "the same hardware in more than one line"
                flaws.append(one.flaw("hardware_id", one.hardware_id, what, "硬件编号在文件中重复"))
        return flaws


async def _look_up(connection: Connection, actor: Actor, wanted: list[Enrolment]) -> _Known:
    values: dict[str, Any] = {
        "elders": [one.elder_id for one in wanted if one.elder_id],
        "names": [one.device_id for one in wanted],
        "sources": [one.source for one in wanted if one.source],
        "hardware": [one.hardware_id for one in wanted if one.source],
    }
    organizations, elders = _ORGANIZATIONS, _ELDERS
    if actor.caller is not None:
        values |= actor.caller.parameters
        organizations += f" WHERE {reach.ORGANIZATION_O}"
        elders += f" AND {reach.ELDER_P}"

    async def rows(statement: str) -> list[Any]:
        return await (await connection.execute(statement, values)).fetchall()

    by_word: dict[str, list[UUID]] = {}
    for identity, name, division_code in await rows(organizations):
        for word in {str(identity), name.lower(), division_code} - {None}:
            by_word.setdefault(word, []).append(identity)
    return _Known(
        organizations=by_word,
        elders=dict(await rows(elders)),
        names={name for (name,) in await rows(_TAKEN)},
        hardware=set(await rows(_HARDWARE_TAKEN)),
        wanted_names=Counter(one.device_id for one in wanted),
        wanted_hardware=Counter((one.source, one.hardware_id) for one in wanted if one.source and one.hardware_id),
    )
