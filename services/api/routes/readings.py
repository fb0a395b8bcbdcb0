"""A device's readings, raw or in buckets."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from psycopg.rows import dict_row
from pydantic import AwareDatetime

from services.api import paging
from services.api.dependencies import Address, DatabaseConnection, SignedIn
from services.api.problems import ProblemError, not_found, responses
from services.api.schemas import Readings
from services.registry import reach
from services.registry.looks import record_look

router = APIRouter(tags=["readings"])

_FIELDS = (
    *("heart_rate", "spo2", "body_temperature", "respiratory_rate", "systolic", "diastolic", "steps"),
    *("worn", "in_bed", "battery", "rssi"),
)
_TRUTHS = ("worn", "in_bed")
_WIDTHS = {"1m": "1 minute", "1h": "1 hour", "1d": "1 day"}

_DEVICE = f"""
SELECT d.key, d.elder_id, EXISTS (SELECT FROM alerts n WHERE n.elder_id = d.elder_id
       AND n.state IN ('triggered', 'acknowledged', 'dispatched', 'arrived')) AS in_need
FROM devices d WHERE d.device_id = %(device_id)s AND {reach.DEVICE_D}
"""
_RAW = """
SELECT * FROM readings
WHERE device_key = %(key)s AND ts >= %(from)s AND ts < %(to)s AND (ts, seq) > (%(after_ts)s, %(after_seq)s)
ORDER BY ts, seq LIMIT %(limit)s
"""


def _aggregates() -> str:
    parts = []
    for name in _FIELDS:
        value = f"{name}::int" if name in _TRUTHS else name
        parts.append(
            f"min({value}) AS {name}_min, avg({value})::float AS {name}_avg,"
            f" max({value}) AS {name}_max, count({name}) AS {name}_count"
        )
    return ", ".join(parts)


# A day is a day of Beijing; minutes and hours fall together in every whole-hour zone.
_BUCKETS = f"""
SELECT date_bin(%(width)s::interval, ts, timestamptz '2020-01-01 00:00:00+08') AS bucket, {_aggregates()}
FROM readings WHERE device_key = %(key)s AND ts >= %(from)s AND ts < %(to)s
GROUP BY bucket HAVING date_bin(%(width)s::interval, min(ts), timestamptz '2020-01-01 00:00:00+08') > %(after)s
ORDER BY bucket LIMIT %(limit)s
"""
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@router.get("/devices/{device_id}/readings", responses=responses(401, 404, 422))
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
) -> Readings:
    """Oldest first. In a bucket `worn` and `in_bed` count as 0 and 1. Locations are there while an alert of the
    elder is unresolved, and that look is recorded."""
    async with connection.cursor(row_factory=dict_row) as rows:
        await rows.execute(_DEVICE, caller.parameters | {"device_id": device_id.replace("\x00", "�")})
        device = await rows.fetchone()
        if device is None:
            raise not_found()
        until = end or datetime.now(UTC) + timedelta(minutes=5)
        since = start or max(until, _LONG_AGO + timedelta(days=2)) - timedelta(days=1)
        if since >= until:
            raise ProblemError(422, "from 必须早于 to")
        values: dict[str, Any] = {"key": device["key"], "from": since, "to": until, "limit": limit + 1}
        if bucket == "raw":
            after = paging.decode(cursor, datetime.fromisoformat, int) or [_LONG_AGO, -1]
            await rows.execute(_RAW, values | {"after_ts": after[0], "after_seq": after[1]})
            found, following = paging.page(await rows.fetchall(), limit, "ts", "seq")
            shown = device["in_need"] or device["elder_id"] is None
            if device["in_need"] and any(row["lat"] is not None for row in found):
                await record_look(connection, caller, "readings", device["elder_id"], alert_id=None, address=address)
            return Readings(items=[_raw(row, shown=shown) for row in found], next=following, withheld=not shown)
        after = paging.decode(cursor, datetime.fromisoformat) or [_LONG_AGO]
        await rows.execute(_BUCKETS, values | {"width": _WIDTHS[bucket], "after": after[0]})
        found, following = paging.page(await rows.fetchall(), limit, "bucket")
        return Readings(items=[_bucket(row) for row in found], next=following, withheld=False)


def _raw(row: dict[str, Any], *, shown: bool) -> dict[str, Any]:
    item: dict[str, Any] = {"ts": row["ts"].isoformat(), "seq": row["seq"]}
    item |= {name: _plain(row[name]) for name in _FIELDS if row[name] is not None}
    if shown and row["lat"] is not None:
        item["location"] = {"lat": row["lat"], "lon": row["lon"]}
        if row["accuracy"] is not None:
            item["location"]["accuracy"] = _plain(row["accuracy"])
    return item


def _bucket(row: dict[str, Any]) -> dict[str, Any]:
    item: dict[str, Any] = {"ts": row["bucket"].isoformat()}
    for name in _FIELDS:
        if row[f"{name}_count"]:
            item[name] = {
                "min": _plain(row[f"{name}_min"]),
                "avg": round(row[f"{name}_avg"], 3),
                "max": _plain(row[f"{name}_max"]),
                "count": row[f"{name}_count"],
            }
    return item


def _plain(value: Any) -> Any:
    """A four-byte float as it was sent: 36.5 and not 36.5000000001; whole numbers without a point."""
    if isinstance(value, float):
        short = float(f"{value:.7g}")
        return int(short) if short.is_integer() else short
    return value
