"""Webhooks for changes: other systems that are told, signed, that something of an organisation changed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from psycopg.rows import dict_row

from alerts.channels.targets import TargetError, read_target
from alerts.subscriptions import (
    WEBHOOK,
    Wanted,
    change,
    last_deliveries,
    register,
    remove,
    renew_secret,
    try_out,
)
from services.api.dependencies import Acting, AppSettings, DatabaseConnection, DataKeys, SignedIn, id_of
from services.api.problems import ProblemError, responses
from services.api.routes.records import told
from services.api.rows import one_of
from services.api.webhook_schemas import (
    ChangedWebhook,
    NewWebhook,
    Webhook,
    WebhookDetail,
    WebhookList,
    WebhookWithSecret,
)
from services.registry.reach import Caller
from services.registry.sealing import KeysError
from services.runtime.settings import Settings
from services.storage.pool import Connection

router = APIRouter(prefix="/webhooks", tags=["webhooks"])


@router.get("", responses=responses(401, 403))
async def webhooks(connection: DatabaseConnection, caller: SignedIn) -> WebhookList:
    """Of the organisations within reach, the oldest first."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        rows = await (await cursor.execute(f"{WEBHOOK} ORDER BY w.id LIMIT 1000", caller.parameters)).fetchall()
    return WebhookList.model_validate({"items": rows})


@router.post("", status_code=201, responses=responses(401, 403, 404, 409, 422))
async def new_webhook(
    connection: DatabaseConnection,
    caller: SignedIn,
    actor: Acting,
    settings: AppSettings,
    keys: DataKeys,
    new: NewWebhook,
) -> WebhookWithSecret:
    """It is told of what changes from now on. Its secret is in this answer, and never again."""
    url = _url(new.url, settings)
    with told(), _sealed():
        webhook_id, secret = await register(
            connection, actor, keys, new.organization_id, new.label, url, _once(new.subjects)
        )
    return WebhookWithSecret.model_validate(await _one(connection, caller, webhook_id) | {"secret": secret})


@router.get("/{webhook_id}", responses=responses(401, 403, 404))
async def webhook(connection: DatabaseConnection, caller: SignedIn, webhook_id: str) -> WebhookDetail:
    """With the last attempts, and what became of each."""
    return await _detail(connection, caller, id_of(webhook_id))


@router.patch("/{webhook_id}", responses=responses(401, 403, 404, 422))
async def changed_webhook(
    connection: DatabaseConnection,
    caller: SignedIn,
    actor: Acting,
    settings: AppSettings,
    webhook_id: str,
    wanted: ChangedWebhook,
) -> Webhook:
    """Subjects that are added are told of from where it is now."""
    url = None if wanted.url is None else _url(wanted.url, settings)
    subjects = None if wanted.subjects is None else _once(wanted.subjects)
    with told():
        await change(connection, actor, id_of(webhook_id), Wanted(wanted.label, url, subjects, wanted.paused))
    return Webhook.model_validate(await _one(connection, caller, id_of(webhook_id)))


@router.post("/{webhook_id}/secret", responses=responses(401, 403, 404, 409))
async def new_secret(
    connection: DatabaseConnection, caller: SignedIn, actor: Acting, keys: DataKeys, webhook_id: str
) -> WebhookWithSecret:
    """A new one, in the place of the old one from the next message on; told this once."""
    with told(), _sealed():
        secret = await renew_secret(connection, actor, keys, id_of(webhook_id))
    return WebhookWithSecret.model_validate(await _one(connection, caller, id_of(webhook_id)) | {"secret": secret})


@router.post("/{webhook_id}/test", status_code=202, responses=responses(401, 403, 404))
async def tried_webhook(
    connection: DatabaseConnection, caller: SignedIn, actor: Acting, webhook_id: str
) -> WebhookDetail:
    """Sends a message of no change, also to one that is paused. What came of it is the first of `deliveries` a moment
    later, with the action `test`."""
    with told():
        await try_out(connection, actor, id_of(webhook_id))
    return await _detail(connection, caller, id_of(webhook_id))


@router.delete("/{webhook_id}", status_code=204, responses=responses(401, 403, 404))
async def no_webhook(connection: DatabaseConnection, actor: Acting, webhook_id: str) -> None:
    with told():
        await remove(connection, actor, id_of(webhook_id))


def _url(given: str, settings: Settings) -> str:
    try:
        url: str = read_target("webhook", {"url": given}, local=settings.channels_may_be_local).value["url"]
    except TargetError as error:
        raise ProblemError(422, str(error)) from None
    return url


def _once(subjects: list[Any]) -> list[str]:
    return list(dict.fromkeys(subjects))


@contextmanager
def _sealed() -> Iterator[None]:
    try:
        yield
    except KeysError as error:
        words = "系统还没有设置加密密钥（ANHU_DATA_KEYS），无法保存签名密钥，请联系技术人员"
        raise ProblemError(409, words, title=str(error)) from None


async def _one(connection: Connection, caller: Caller, webhook_id: UUID) -> dict[str, Any]:
    return await one_of(connection, caller, WEBHOOK, "w.id", webhook_id)


async def _detail(connection: Connection, caller: Caller, webhook_id: UUID) -> WebhookDetail:
    row = await _one(connection, caller, webhook_id)
    return WebhookDetail.model_validate(row | {"deliveries": await last_deliveries(connection, webhook_id)})
