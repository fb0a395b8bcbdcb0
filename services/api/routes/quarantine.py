"""Bad input with its reason; and to try it again."""

import asyncio
import base64
from typing import Annotated, Any

from fastapi import APIRouter, Query

from gateway.replay import replay
from gateway.sources import read_sources
from services.api import paging
from services.api.dependencies import AppSettings, DatabaseConnection, SignedIn
from services.api.problems import not_found, responses
from services.api.rows import one_of, page_of
from services.api.schemas import Quarantined, QuarantinePage
from services.registry import reach

router = APIRouter(tags=["quarantine"])

_QUARANTINE = f"SELECT q.* FROM quarantine q WHERE {reach.QUARANTINE_Q}"
_FILTERS = ("device_id", "reason", "source")


@router.get("/quarantine", responses=responses(401, 422))
async def quarantine(
    connection: DatabaseConnection,
    caller: SignedIn,
    device_id: Annotated[str | None, Query(max_length=200)] = None,
    reason: Annotated[str | None, Query(max_length=40)] = None,
    source: Annotated[str | None, Query(max_length=200)] = None,
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> QuarantinePage:
    """Newest first."""
    after = paging.decode(cursor, int)
    asked = {"device_id": device_id, "reason": reason, "source": source}
    wanted = {name: value.replace("\x00", "�") for name, value in asked.items() if value is not None}
    statement = _QUARANTINE + "".join(f" AND q.{name} = %({name})s" for name in _FILTERS if name in wanted)
    rows = await page_of(connection, caller, statement, "q.id", after and after[0], limit, newest=True, values=wanted)
    items, following = paging.page(rows, limit, "id")
    return QuarantinePage.model_validate({"items": [_shown(row) for row in items], "next": following})


@router.get("/quarantine/{quarantine_id}", responses=responses(401, 404))
async def quarantined(connection: DatabaseConnection, caller: SignedIn, quarantine_id: str) -> Quarantined:
    row = await one_of(connection, caller, _QUARANTINE, "q.id", _number(quarantine_id))
    return Quarantined.model_validate(_shown(row))


@router.post("/quarantine/{quarantine_id}/replay", responses=responses(401, 403, 404))
async def replay_one(
    connection: DatabaseConnection, caller: SignedIn, settings: AppSettings, quarantine_id: str
) -> Quarantined:
    """Tries it again, as of when it came: after a device was enrolled, a decoder mended or a source added. `replay`
    says what came of it. For administrators."""
    number = _number(quarantine_id)
    await one_of(connection, caller, _QUARANTINE, "q.id", number)
    await asyncio.to_thread(lambda: replay(settings.database_url, read_sources(settings.sources_file), [number]))
    row = await one_of(connection, caller, _QUARANTINE, "q.id", number)
    return Quarantined.model_validate(_shown(row))


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise not_found()
    return int(text)


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    payload: bytes = row["payload"]
    return row | {
        "payload": payload.decode("utf-8", "replace"),
        "payload_base64": base64.b64encode(payload).decode(),
    }
