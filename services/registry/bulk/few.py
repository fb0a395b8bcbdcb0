"""Organisations and accounts: some hundreds, one by one, because each may depend on the one before."""

import asyncio
import secrets
from typing import NoReturn
from uuid import UUID

from psycopg import AsyncTransaction, Rollback
from uuid_utils.compat import uuid7

from services.registry import reach
from services.registry.bulk.elders import LOCK
from services.registry.bulk.staging import Import, next_rows
from services.registry.changing import changes_by
from services.registry.imports.flaws import Flaw
from services.registry.imports.others import AccountRecord, OrganizationRecord
from services.registry.imports.places import NoPlaceError, Place, Places
from services.registry.imports.reading import Reading, Record
from services.registry.passwords import hash_password

#: Tells nobody the 1 from the l when it is read aloud.
ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
TIERS = ("city", "district", "street", "community", "point", "care_home")

_ORGANIZATION = """
SELECT id, tier, division_code, address, phone FROM organizations WHERE parent_id = %s AND name = %s
"""
_NEW_ORGANIZATION = """
INSERT INTO organizations (id, parent_id, tier, name, division_code, address, phone)
VALUES (%s, %s, %s, %s, %s, %s, %s)
"""
_CHANGE_ORGANIZATION = """
UPDATE organizations SET tier = %s, division_code = %s, address = %s, phone = %s WHERE id = %s
"""
_ACCOUNT = """
SELECT a.id, a.name, a.role,
       array(SELECT organization_id FROM account_organizations WHERE account_id = a.id),
       array(SELECT elder_id FROM account_elders WHERE account_id = a.id)
FROM accounts a WHERE username = %s
"""
_NEW_ACCOUNT = "INSERT INTO accounts (id, username, password_hash, name, role) VALUES (%s, %s, %s, %s, %s)"
_ELDER = "SELECT p.id FROM elders p WHERE p.identity_hash = ANY(%(hashes)s)"


def new_password() -> str:
    """For a person: 14 characters, none of them ambiguous."""
    return "".join(secrets.choice(ALPHABET) for _ in range(14))


async def records_of(work: Import, reading: Reading) -> list[Record]:
    """The whole file's, read in a thread."""
    found: list[Record] = []
    rows = iter(reading)
    while (chunk := await asyncio.to_thread(next_rows, rows, lambda one: [one], work.result)) is not None:
        found += [row[0] for row in chunk[0]]
        work.result.rows = reading.rows.read
        work.tell("read", work.result.rows)
        if chunk[1]:
            break
    return found


async def take_organizations(work: Import, reading: Reading) -> None:
    """Parents may stand further down: those whose parent is known go first, until none is left."""
    waiting = [one for one in await records_of(work, reading) if isinstance(one, OrganizationRecord)]
    async with changes_by(work.connection, work.actor), work.connection.transaction() as attempt:
        await work.connection.execute(LOCK)
        places = list(work.known.places.all)
        while waiting:
            known, later = Places(places), []
            for one in waiting:
                try:
                    parent = known.find(one.parent)
                except NoPlaceError as error:
                    later.append((one, error))
                    continue
                if flaw := _tier_flaw(one, parent):
                    work.result.note([flaw])
                    continue
                places.append(await _organization(work, one, parent))
            if len(later) == len(waiting):
                work.result.note(Flaw(one.line, "上级机构", one.parent, e.message, e.mend) for one, e in later)
                break
            waiting = [one for one, _ in later]
        work.result.applied = work.result.may_go_on(work.mode)
        if not work.result.applied:
            _undo(attempt)


def _tier_flaw(one: OrganizationRecord, parent: Place) -> Flaw | None:
    if parent.tier in ("point", "care_home") or (
        one.tier not in ("point", "care_home") and TIERS.index(one.tier) < TIERS.index(parent.tier)
    ):
        return Flaw(one.line, "上级机构", one.parent, "上级机构的层级比它低", "请核对机构类型和上级机构")
    return None


async def _organization(work: Import, one: OrganizationRecord, parent: Place) -> Place:
    code = one.division_code or (parent.division_code if one.tier in ("point", "care_home") else None)
    row = await (await work.connection.execute(_ORGANIZATION, (parent.id, one.name))).fetchone()
    if row is None:
        organization_id = uuid7()
        values = (organization_id, parent.id, one.tier, one.name, code, one.address, one.phone)
        await work.connection.execute(_NEW_ORGANIZATION, values)
        work.result.new += 1
    else:
        organization_id = row[0]
        wanted = (one.tier, one.division_code or row[2], one.address or row[3], one.phone or row[4])
        if wanted == tuple(row[1:]):
            work.result.unchanged += 1
        else:
            await work.connection.execute(_CHANGE_ORGANIZATION, (*wanted, organization_id))
            work.result.changed += 1
    return Place(organization_id, parent.id, one.tier, one.name, code)


async def take_accounts(work: Import, reading: Reading) -> None:
    """Who is there keeps their password. A caregiver of several elders has a row for each."""
    records = [one for one in await records_of(work, reading) if isinstance(one, AccountRecord)]
    hashes: dict[str, tuple[str, str]] = {}
    if work.mode != "check":
        # A hash takes a twentieth of a second, on purpose: before the transaction.
        for one in records:
            row = await (await work.connection.execute(_ACCOUNT, (one.username,))).fetchone()
            if row is None and one.username not in hashes:
                password = one.password or new_password()
                hashes[one.username] = (password, await asyncio.to_thread(hash_password, password))
    async with changes_by(work.connection, work.actor), work.connection.transaction() as attempt:
        await work.connection.execute(LOCK)
        for one in records:
            await _account(work, one, hashes)
        work.result.applied = work.result.may_go_on(work.mode)
        if not work.result.applied:
            work.result.secrets.clear()
            _undo(attempt)
        work.keep(work.result.secrets)


async def _account(work: Import, one: AccountRecord, hashes: dict[str, tuple[str, str]]) -> None:
    run = work.connection.execute
    elders: list[UUID] = []
    for identity in one.elders:
        statement, values = _ELDER, {"hashes": work.keys.hashes(identity.number)}
        if work.actor.caller is not None:
            statement, values = f"{_ELDER} AND {reach.ELDER_P}", values | work.actor.caller.parameters
        row = await (await run(statement, values)).fetchone()
        if row is None:
            mend = "请核对号码；新老人先导入老人档案"
            work.result.note([Flaw(one.line, "照护老人身份证号", "", "档案里没有这位老人，或不在您的管辖范围内", mend)])
            return
        elders.append(row[0])
    there = await (await run(_ACCOUNT, (one.username,))).fetchone()
    if there is None:
        account_id = uuid7()
        password, hashed = hashes.get(one.username, ("", "-"))
        await run(_NEW_ACCOUNT, (account_id, one.username, hashed, one.name, one.role))
        work.result.new += 1
        if password and not one.password:
            work.result.secrets.append((one.username, password))
    else:
        account_id, name, role, organizations, cared_for = there
        if flaw := _account_flaw(work, one, role, organizations):
            work.result.note([flaw])
            return
        same = name == one.name and (one.organization_id in (None, *organizations)) and set(elders) <= set(cared_for)
        work.result.unchanged += same
        work.result.changed += not same
        if name != one.name:
            await run("UPDATE accounts SET name = %s WHERE id = %s", (one.name, account_id))
        if one.organization_id and organizations != [one.organization_id]:
            await run(
                "DELETE FROM account_organizations WHERE account_id = %s AND organization_id <> %s",
                (account_id, one.organization_id),
            )
    if one.organization_id:
        await run(
            "INSERT INTO account_organizations (account_id, organization_id) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            (account_id, one.organization_id),
        )
    for elder_id in elders:
        await run(
            "INSERT INTO account_elders (account_id, elder_id) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            (account_id, elder_id),
        )


def _account_flaw(work: Import, one: AccountRecord, role: str, organizations: list[UUID]) -> Flaw | None:
    if role != one.role:
        mend = "请换一个登录名，或先在人员页修改角色"
        return Flaw(one.line, "角色", one.username, "这个登录名已有别的角色", mend)
    if work.actor.caller is not None and not all(place in work.known.places for place in organizations):
        return Flaw(one.line, "登录名", one.username, "这个登录名已被其他机构使用", "请换一个登录名")
    return None


def _undo(attempt: AsyncTransaction) -> NoReturn:
    """Nothing of it stays: what was counted is what would have been."""
    raise Rollback(attempt)
