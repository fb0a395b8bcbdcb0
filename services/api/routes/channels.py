"""My channels: by which I am told of alerts, in my order; and the hours in which I want quiet."""

from typing import Any

from fastapi import APIRouter

from alerts.channels import vapid
from alerts.channels.gateways import WORDS
from alerts.channels.targets import TargetError, read_target
from alerts.own_channels import (
    MOST_CHANNELS,
    add_channel,
    list_channels,
    one_channel,
    order_channels,
    quiet_hours,
    remove_channel,
    set_quiet_hours,
    try_channel,
)
from services.api.channel_schemas import (
    AddedChannel,
    Channel,
    ChannelOrder,
    Channels,
    Hours,
    NewChannel,
)
from services.api.dependencies import AppSettings, DatabaseConnection, DataKeys, SignedIn, id_of
from services.api.problems import ProblemError, not_found, responses
from services.registry.reach import Caller
from services.registry.sealing import Keys
from services.runtime.settings import Settings
from services.storage.pool import Connection

router = APIRouter(prefix="/me", tags=["channels"])


@router.get("/channels", responses=responses(401))
async def channels(connection: DatabaseConnection, caller: SignedIn, settings: AppSettings, keys: DataKeys) -> Channels:
    """In the order in which they are tried. Nothing tells where one leads: who may read that may speak there."""
    return await _all(connection, caller, settings, keys)


@router.post("/channels", status_code=201, responses=responses(401, 409, 422))
async def add(
    connection: DatabaseConnection, caller: SignedIn, settings: AppSettings, keys: DataKeys, body: NewChannel
) -> AddedChannel:
    """Last in order. The same one again is the same channel."""
    given = (body.subscription or {}) if body.kind == "web_push" else {"url": body.url, "to": body.to}
    if body.kind in WORDS and body.kind not in settings.gateways:
        raise ProblemError(422, f"本系统还没有接入{WORDS[body.kind]}，请换一种通知方式")
    try:
        target = read_target(body.kind, given, local=settings.channels_may_be_local)
    except TargetError as error:
        raise ProblemError(422, str(error)) from None
    added = await add_channel(connection, keys, caller.account_id, target, body.label, body.least)
    if added is None:
        raise ProblemError(409, f"最多 {MOST_CHANNELS} 个通知方式，请先删除不用的")
    return AddedChannel.model_validate(added | {"secret": target.secret})


@router.put("/channels/order", responses=responses(401, 409, 422))
async def order(
    connection: DatabaseConnection, caller: SignedIn, settings: AppSettings, keys: DataKeys, body: ChannelOrder
) -> Channels:
    """All of them, the first to be tried first."""
    if not await order_channels(connection, caller.account_id, body.ids):
        raise ProblemError(409, "通知方式已有变化，请刷新后再排序")
    return await _all(connection, caller, settings, keys)


@router.post("/channels/{channel_id}/test", status_code=202, responses=responses(401, 404))
async def test(connection: DatabaseConnection, caller: SignedIn, keys: DataKeys, channel_id: str) -> Channel:
    """Sends a message by this channel alone, in quiet hours too. What came of it stands in `test` a moment later."""
    if not await try_channel(connection, caller.account_id, id_of(channel_id)):
        raise not_found()
    return Channel.model_validate(await one_channel(connection, keys, caller.account_id, id_of(channel_id)))


@router.delete("/channels/{channel_id}", status_code=204, responses=responses(401, 404))
async def remove(connection: DatabaseConnection, caller: SignedIn, channel_id: str) -> None:
    if not await remove_channel(connection, caller.account_id, id_of(channel_id)):
        raise not_found()


@router.put("/hours", responses=responses(401, 422))
async def hours(connection: DatabaseConnection, caller: SignedIn, body: Hours) -> Hours:
    """Null: none. What is not red waits until they are over; red does not."""
    wanted = (body.quiet.begins.replace(tzinfo=None), body.quiet.ends.replace(tzinfo=None)) if body.quiet else None
    if wanted and wanted[0] == wanted[1]:
        raise ProblemError(422, "开始和结束不能相同")
    await set_quiet_hours(connection, caller.account_id, wanted)
    return body


async def _all(connection: Connection, caller: Caller, settings: Settings, keys: Keys) -> Channels:
    quiet = await quiet_hours(connection, caller.account_id)
    try:
        key = vapid.public_key(await vapid.private_key(connection, settings.vapid_private_key.get_secret_value()))
    except ValueError:
        key = ""  # /readyz says why nothing goes by Web Push
    told: dict[str, Any] = {
        "items": await list_channels(connection, keys, caller.account_id),
        "quiet": {"begins": quiet[0], "ends": quiet[1]} if quiet else None,
        "web_push_key": key,
        "gateways": list(settings.gateways),
    }
    return Channels.model_validate(told)
