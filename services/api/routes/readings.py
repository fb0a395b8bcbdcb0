"""A device's readings, raw or in buckets."""

import json
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from psycopg.rows import dict_row
from pydantic import AwareDatetime

from services.api import paging
from services.api.dependencies import Address, DatabaseConnection, SignedIn
from services.api.problems import ProblemError, not_found, responses
from services.api.schemas import Readings
from services.registry import reach
from services.registry.looks import record_look
from services.storage.buckets import read_buckets, read_raw
from services.storage.rollups import WIDTHS, Width

router = APIRouter(tags=["readings"])

_DEVICE = f"""
SELECT d.key, d.elder_id, EXISTS (SELECT FROM elders p WHERE p.id = d.elder_id AND {reach.ELDER_P_SHOWN}) AS in_need
FROM devices d WHERE d.device_id = %(device_id)s AND {reach.DEVICE_D}
"""
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
#: By the contract no reading is from before 2020, or from more than five minutes ahead.
_FIRST = datetime(2019, 12, 31, tzinfo=UTC)
_AHEAD = timedelta(days=1)


@router.get("/devices/{device_id}/readings", response_model=Readings, responses=responses(401, 403, 404, 422))
async def readings(
    connection: DatabaseConnection,
    caller: SignedIn,
    address: Address,
    device_id: str,
    start: Annotated[AwareDatetime | None, Query(alias="from", description="inclusive; a day ago by default")] = None,
    end: Annotated[AwareDatetime | None, Query(alias="to", description="exclusive; now by default")] = None,
    bucket: Literal["raw", "1m", "1h", "1d"] = "raw",
    limit: Annotated[int, Query(ge=1, le=10_000)] = 2000,
    cursor: paging.Cursor = None,
) -> Response:
    """Oldest first. In a bucket `worn` and `in_bed` count as 0 and 1. Locations are there while an alert of the
    elder is unresolved, and that look is recorded."""
    async with connection.cursor(row_factory=dict_row) as rows:
        await rows.execute(_DEVICE, caller.parameters | {"device_id": device_id.replace("\x00", "�")})
        device = await rows.fetchone()
        if device is None:
            raise not_found()
        if not caller.may_measure(device["elder_id"]):
            raise ProblemError(403, "老人没有同意家属查看体征数据")
        until = end or datetime.now(UTC) + timedelta(minutes=5)
        since = start or max(until, _LONG_AGO + timedelta(days=2)) - timedelta(days=1)
        if since >= until:
            raise ProblemError(422, "from 必须早于 to")
        if bucket == "raw":
            position = paging.decode(cursor, _instant, int)
            after = (position[0], position[1]) if position else (_LONG_AGO, -1)
            shown = (device["in_need"] or device["elder_id"] is None) and caller.may_locate(device["elder_id"])
            found = await read_raw(connection, device["key"], since, until, after, limit + 1, shown=shown)
            following = paging.encode(found[limit - 1][0], found[limit - 1][1]) if len(found) > limit else None
            found = found[:limit]
            if device["in_need"] and shown and any(located for _, _, located, _ in found):
                await record_look(connection, caller, "readings", device["elder_id"], alert_id=None, address=address)
            return _answer(",".join(item for *_, item in found), following, withheld=not shown)
    position = paging.decode(cursor, _instant)
    return await _buckets(connection, device["key"], since, until, bucket, limit, position[0] if position else None)


async def _buckets(
    connection: DatabaseConnection,
    key: int,
    since: datetime,
    until: datetime,
    width: Width,
    limit: int,
    after: datetime | None,
) -> Response:
    since, until = max(since, _FIRST), min(until, datetime.now(UTC) + _AHEAD)
    if after is not None:
        since = max(since, after + WIDTHS[width])
    items, last = await read_buckets(connection, key, since, until, width, limit) if since < until else ("", None)
    return _answer(items, paging.encode(last) if last else None, withheld=False)


def _answer(items: str, following: str | None, *, withheld: bool) -> Response:
    """`Readings`, of items that are JSON already."""
    rest = f'"next":{json.dumps(following)},"withheld":{json.dumps(withheld)}'
    return Response(f'{{"items":[{items}],{rest}}}', media_type="application/json")


def _instant(text: str) -> datetime:
    """Raises ValueError for what no cursor of ours has."""
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None or not 1970 < instant.year < 9999:
        raise ValueError
    return instant
