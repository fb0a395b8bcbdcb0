"""Commands to devices: ring, locate, measure, configure, remind; with what came of each."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter

from alerts.commands import TooManyError, ask_device
from alerts.domain.alert import Actor
from alerts.domain.commands import Command, shown
from services.api import paging
from services.api.care_schemas import CommandPage, DeviceCommand, NewCommand
from services.api.dependencies import Address, DatabaseConnection, SignedIn
from services.api.problems import ProblemError, responses
from services.api.rows import one_of, page_of
from services.registry import reach
from services.registry.looks import record_look
from services.registry.reach import Caller
from services.storage.pool import Connection

router = APIRouter(prefix="/devices/{device_id}/commands", tags=["commands"])

_DEVICE = f"""
SELECT d.device_id, d.elder_id, d.revoked_at, d.elder_id IS NULL OR EXISTS (
    SELECT FROM elders p WHERE p.id = d.elder_id AND {reach.ELDER_P_IN_NEED}) AS open
FROM devices d WHERE {reach.DEVICE_D}
"""
_COMMAND = """
SELECT c.*,
       CASE WHEN c.asked_by IS NOT NULL THEN jsonb_build_object('id', c.asked_by, 'name', c.asked_by_name) END AS by
FROM device_commands c WHERE c.device_id = %(device_id)s
"""


@router.get("", responses=responses(401, 403, 404, 422))
async def list_commands(
    connection: DatabaseConnection,
    caller: SignedIn,
    address: Address,
    device_id: str,
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> CommandPage:
    """The newest first. Where somebody is and what was measured is there while an alert is unresolved, and the look is
    recorded then."""
    device = await _device(connection, caller, device_id)
    after = paging.decode(cursor, UUID)
    values = {"device_id": device["device_id"]}
    rows = await page_of(connection, caller, _COMMAND, "c.id", after and after[0], limit, newest=True, values=values)
    items, following = paging.page(rows, limit, "id")
    if device["open"] and device["elder_id"] and any(row["result"] for row in items):
        await record_look(connection, caller, "commands", device["elder_id"], alert_id=None, address=address)
    return CommandPage.model_validate({"items": [_shown(row, device) for row in items], "next": following})


@router.post("", status_code=201, responses=responses(401, 403, 404, 409, 422, 429))
async def new_command(
    connection: DatabaseConnection, caller: SignedIn, address: Address, device_id: str, new: NewCommand
) -> DeviceCommand:
    """Sent at once; what comes of it is in the list. `locate` is for an elder in need, `configure` for
    administrators."""
    device = await _device(connection, caller, device_id)
    if device["revoked_at"] is not None:
        raise ProblemError(409, "这台设备已停用，不能发命令")
    command = Command(new.command)
    if command is Command.CONFIGURE and caller.role != "administrator":
        raise ProblemError(403, "只有管理员可以修改设备设置")
    if command is Command.LOCATE and not device["open"]:
        raise ProblemError(403, "只有老人有未处置的告警时才能定位")
    body: dict[str, Any] = {}
    if command is Command.CONFIGURE:
        if not new.settings:
            raise ProblemError(422, "请填写要修改的设置")
        body = {"settings": new.settings}
    elif command is Command.REMIND:
        if not new.words:
            raise ProblemError(422, "请填写提醒的内容")
        body = {"words": new.words}
    who = Actor(caller.account_id, caller.name, address)
    try:
        command_id = await ask_device(connection, device["device_id"], command, body, who)
    except TooManyError:
        raise ProblemError(429, "一分钟内发给这台设备的命令太多，请稍等", headers={"Retry-After": "60"}) from None
    values = {"device_id": device["device_id"], "id": command_id}
    rows = await page_of(connection, caller, f"{_COMMAND} AND c.id = %(id)s", "c.id", None, 1, values=values)
    return DeviceCommand.model_validate(_shown(rows[0], device))


async def _device(connection: Connection, caller: Caller, device_id: str) -> dict[str, Any]:
    return await one_of(connection, caller, _DEVICE, "d.device_id", device_id.replace("\x00", "�"))


def _shown(row: dict[str, Any], device: dict[str, Any]) -> dict[str, Any]:
    answered = row["answered_at"]
    return row | {
        "asked_by": row["by"],
        "late": answered is not None and answered > row["expires_at"],
        "result": shown(row["result"], private=device["open"]),
    }
