"""Where in stored readings something lies outside of limits, by elder and bucket of time: trials preselect by it."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any

from psycopg import AsyncConnection

from alerts.domain.rules.limits import Band
from alerts.domain.rules.preselecting import Bucket, Span
from alerts.domain.rules.trying import Period
from alerts.samples import Worn
from services.storage.fields import FIELDS

Connection = AsyncConnection[Any]

_NOWHERE: Band = (None, None)
#: Buckets of time are counted from here.
_ORIGIN = datetime(2000, 1, 1, tzinfo=UTC)
#: Rows after which others have a turn.
_BREATH = 2000

# One pass over the readings of a day: no index leads to what is outside. What is inside for everybody the server drops
# before it does anything else with it. DISTINCT ON tells the planner that a device is there once, or it would put the
# readings into the hash.
_THEIRS = """
JOIN (SELECT DISTINCT ON (key) * FROM unnest(%(keys)s::int[], %(since)s::timestamptz[]{bands}) AS d (key, since{names})
      ORDER BY key) AS d ON d.key = r.device_key
"""
_OUTSIDE = """
SELECT r.device_key, date_bin(%(width)s, r.ts, '2000-01-01 00:00:00+00') AS bucket, min(r.ts), max(r.ts){extremes}
FROM readings r {theirs}
WHERE r.ts >= %(first)s AND r.ts < %(last)s AND ({loosest}){own}
GROUP BY 1, 2
"""
_COUNT = f"""
SELECT count(*) FROM readings r {_THEIRS.format(bands="", names="")}
WHERE r.ts >= %(first)s AND r.ts < %(last)s AND r.ts >= d.since
"""


@dataclass(frozen=True, slots=True)
class Watched:
    """An elder's devices, and what is inside for this elder."""

    devices: Sequence[Worn]
    bands: Mapping[str, Band]


@dataclass(frozen=True, slots=True)
class _Device:
    place: int
    key: int
    since: datetime
    #: of each field that is asked for
    bands: tuple[Band, ...]


async def readings_in(connection: Connection, watched: Sequence[Watched], day: Span, period: Period) -> int:
    """How many readings of these there are on a day, within the period."""
    asked: dict[str, Any] = {"first": max(day[0], period.start), "last": min(day[1], period.end)}
    if asked["first"] >= asked["last"]:
        return 0
    devices = _devices(watched, ())
    asked |= {"keys": [one.key for one in devices], "since": [one.since for one in devices]}
    row = await (await connection.execute(_COUNT, asked)).fetchone()
    return row[0] if row else 0


async def outside(
    connection: Connection, watched: Sequence[Watched], fields: Sequence[str], width: timedelta, day: Span
) -> dict[int, list[Bucket]]:
    """What is outside, by an elder's place in `watched` and in the order of time, of readings from the first instant of
    `day` on and before its last. `fields`: all that anybody's bands have."""
    assert set(fields) <= set(FIELDS)  # they become a part of the statement
    found: dict[int, list[Bucket]] = {}
    devices = _devices(watched, fields)
    place_of = {device.key: device.place for device in devices}
    own = len({device.bands for device in devices}) > 1 or any(device.since > day[0] for device in devices)
    statement, asked = _statement(devices, fields, own=own)
    if statement is None:
        return found
    asked |= {"first": day[0], "last": day[1], "width": width}
    async with connection.cursor() as cursor:
        await cursor.execute(statement, asked)
        async for key, _, first, last, *values in cursor:
            if cursor.rownumber and cursor.rownumber % _BREATH == 0:
                await asyncio.sleep(0)
            found.setdefault(place_of[key], []).append(Bucket(first, last, _extremes(fields, values)))
    for place, buckets in found.items():
        buckets.sort(key=attrgetter("first"))
        if len(watched[place].devices) > 1:
            found[place] = _of_one_person(buckets, width)
    return found


def _devices(watched: Sequence[Watched], fields: Sequence[str]) -> list[_Device]:
    return [
        _Device(place, device.key, device.since, tuple(one.bands.get(field, _NOWHERE) for field in fields))
        for place, one in enumerate(watched)
        for device in one.devices
    ]


def _statement(devices: Sequence[_Device], fields: Sequence[str], *, own: bool) -> tuple[str | None, dict[str, Any]]:
    """What asks for all that is outside for these; `own`: not for all of them alike. None: nothing is."""
    asked: dict[str, Any] = {"keys": [device.key for device in devices], "since": [one.since for one in devices]}
    loosest: list[str] = []
    marked, bands, names = [], [], []
    for number, field in enumerate(fields):
        lows = [low for low, _ in (device.bands[number] for device in devices) if low is not None]
        highs = [high for _, high in (device.bands[number] for device in devices) if high is not None]
        for sign, limits, choose in (("<", lows, max), (">", highs, min)):
            if limits:
                name = f"loosest{len(loosest)}"
                loosest.append(f"r.{field} {sign} %({name})s::float8")
                asked[name] = float(choose(limits))
        marked.append(f"r.{field} < d.low{number} OR r.{field} > d.high{number}")
        bands.append(f", %(low{number})s::float8[], %(high{number})s::float8[]")
        names.append(f", low{number}, high{number}")
    if not loosest:
        return None, asked
    if own:
        for number in range(len(fields)):
            for side, name in enumerate(("low", "high")):
                of_each = [device.bands[number][side] for device in devices]
                asked[f"{name}{number}"] = [None if limit is None else float(limit) for limit in of_each]
    statement = _OUTSIDE.format(
        extremes="".join(f", min(r.{field}), max(r.{field})" for field in fields),
        theirs=_THEIRS.format(bands="".join(bands) if own else "", names="".join(names) if own else ""),
        loosest=" OR ".join(loosest),
        own=f" AND r.ts >= d.since AND ({' OR '.join(marked)})" if own else "",
    )
    return statement, asked


def _of_one_person(buckets: Iterable[Bucket], width: timedelta) -> list[Bucket]:
    """In the order of time: one for each time, whatever device measured it."""
    by_time: dict[int, Bucket] = {}
    for bucket in buckets:
        number = (bucket.first - _ORIGIN) // width
        there = by_time.get(number)
        by_time[number] = bucket if there is None else _both(there, bucket)
    return sorted(by_time.values(), key=attrgetter("first"))


def _both(one: Bucket, other: Bucket) -> Bucket:
    extremes = dict(one.extremes)
    for field, (low, high) in other.extremes.items():
        lowest, highest = extremes.get(field, (low, high))
        extremes[field] = (min(low, lowest), max(high, highest))
    return Bucket(min(one.first, other.first), max(one.last, other.last), extremes)


def _extremes(fields: Sequence[str], values: Sequence[float | None]) -> dict[str, tuple[float, float]]:
    found = {}
    for number, field in enumerate(fields):
        low, high = values[2 * number], values[2 * number + 1]
        if low is not None and high is not None:
            found[field] = (low, high)
    return found
