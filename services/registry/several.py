"""One action on several elders, devices or accounts at once: on each as it is done alone, on all of them or on none.

Whatever refuses one refuses it here, and each change is kept as if it were the only one. Rows are locked in one order,
and by no lock that a press would wait for.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from services.registry import reach
from services.registry.bind_device import bind_device
from services.registry.bulk.staging import known_to
from services.registry.changing import changes_by
from services.registry.names import Actor, NotPossibleError, UnknownNameError
from services.registry.revoke import revoke
from services.registry.rotate import rotate
from services.registry.save_account import change_account, end_sessions
from services.registry.save_elder import NotThereError, RefusedError, save_elder
from services.registry.sealing import Keys
from services.storage.pool import Connection

T = TypeVar("T", UUID, str)
NOT_FOUND = "没有找到，或不在您的管辖范围内"
_CATEGORIES = "SELECT p.care_categories FROM elders p WHERE p.id = %(id)s"
_WORN = "SELECT d.elder_id IS NOT NULL FROM devices d WHERE d.device_id = %(id)s"


@dataclass(frozen=True, slots=True)
class Failure:
    id: str
    message: str  # in Chinese
    found: bool = True


class SeveralError(Exception):
    """Nothing was changed, because of these."""

    def __init__(self, failures: list[Failure]) -> None:
        super().__init__(f"{len(failures)} of them cannot be changed")
        self.failures = failures


async def _each(connection: Connection, actor: Actor, ids: Iterable[T], work: Callable[[T], Awaitable[None]]) -> int:
    """How many. Raises SeveralError."""
    failures: list[Failure] = []
    wanted = sorted(set(ids))
    async with changes_by(connection, actor):
        for one in wanted:
            try:
                async with connection.transaction():
                    await work(one)
            except (UnknownNameError, NotThereError):
                failures.append(Failure(str(one), NOT_FOUND, found=False))
            except NotPossibleError as error:
                failures.append(Failure(str(one), error.message))
            except RefusedError as error:
                failures.append(Failure(str(one), f"{error.flaws[0].message}。{error.flaws[0].mend}"))
        if failures:
            raise SeveralError(failures)
    return len(wanted)


async def move_elders(connection: Connection, actor: Actor, keys: Keys, ids: list[UUID], to: UUID) -> int:
    """Their devices go along."""
    known = await known_to(connection, actor)

    async def move(elder_id: UUID) -> None:
        await save_elder(connection, actor, keys, {"organization_id": to}, elder_id, known)

    return await _each(connection, actor, ids, move)


async def mark_elders(
    connection: Connection, actor: Actor, keys: Keys, ids: list[UUID], category: str, *, on: bool
) -> int:
    """Gives each a care category, or takes it away; who has it already, or has not, stays as they are."""
    known = await known_to(connection, actor)

    async def mark(elder_id: UUID) -> None:
        there = await _one(connection, actor, _CATEGORIES, reach.ELDER_P, elder_id, "FOR NO KEY UPDATE OF p")
        if there is None:
            raise NotThereError
        [kept] = there
        if (category in kept) != on:
            wanted = [*kept, category] if on else [one for one in kept if one != category]
            await save_elder(connection, actor, keys, {"care_categories": wanted}, elder_id, known)

    return await _each(connection, actor, ids, mark)


async def unbind_devices(connection: Connection, actor: Actor, ids: list[str]) -> int:
    return await _each(connection, actor, ids, lambda one: bind_device(connection, actor, one, None, None))


async def move_devices(connection: Connection, actor: Actor, ids: list[str], to: UUID) -> int:
    """Those that are nobody's: an elder's device is where the elder is."""

    async def move(device_id: str) -> None:
        worn = await _one(connection, actor, _WORN, reach.DEVICE_D, device_id, "FOR NO KEY UPDATE OF d")
        if worn is not None and worn[0]:
            raise NotPossibleError("it is an elder's", "设备已绑定老人，随老人归属机构；请先解除绑定，或转移老人")
        await bind_device(connection, actor, device_id, None, to)

    return await _each(connection, actor, ids, move)


async def rotate_devices(connection: Connection, actor: Actor, ids: list[str]) -> list[tuple[str, str]]:
    """(device_id, secret), told this once."""
    secrets: list[tuple[str, str]] = []

    async def renew(device_id: str) -> None:
        secrets.append((device_id, await rotate(connection, actor, device_id)))

    await _each(connection, actor, ids, renew)
    return secrets


async def revoke_devices(connection: Connection, actor: Actor, ids: list[str]) -> int:
    return await _each(connection, actor, ids, lambda one: revoke(connection, actor, one))


async def disable_accounts(connection: Connection, actor: Actor, ids: list[UUID], *, disabled: bool) -> int:
    said = {"disabled": disabled}
    return await _each(connection, actor, ids, lambda one: change_account(connection, actor, one, said))


async def end_sessions_of(connection: Connection, actor: Actor, ids: list[UUID]) -> int:
    return await _each(connection, actor, ids, lambda one: end_sessions(connection, actor, one))


async def _one(
    connection: Connection, actor: Actor, statement: str, within: str, value: UUID | str, lock: str
) -> tuple[Any, ...] | None:
    assert actor.caller is not None
    values = actor.caller.parameters | {"id": value}
    return await (await connection.execute(f"{statement} AND {within} {lock}", values)).fetchone()
