"""The queries for a device's readings, raw and in buckets. Their answers are JSON already: a year of hours is too much
to be taken apart and put together again in Python within its 50 ms, and as numbers too much for SQL: its days are
there as text (`telling.py`)."""

from collections.abc import Sequence
from datetime import datetime
from itertools import takewhile
from typing import Any, Final

import psycopg
from psycopg.rows import tuple_row

from services.storage.fields import FIELDS, bucket_as_json
from services.storage.rolling import of_raw, of_rollup
from services.storage.rollups import WIDTHS, Extent, Segment, Source, Width, segments

_TABLES: Final[dict[Source, tuple[str, str]]] = {
    "raw": ("readings", "ts"),
    "1m": ("readings_1m", "bucket"),
    "1h": ("readings_1h", "bucket"),
    "1d": ("readings_1d", "bucket"),
}
_BINS: Final[dict[Width, str]] = {"1m": "1 minute", "1h": "1 hour", "1d": "1 day"}
_EXTENT = """
SELECT rolled_until, raw_from, ARRAY(SELECT DISTINCT hour FROM readings_late
    WHERE device_key = %(key)s AND hour >= %(since)s::timestamptz - interval '1 day' AND hour < %(until)s),
    told_from, told_until
FROM readings_rollup
"""
# Whole days while they leave room, and the beginning of the one that does not.
_TOLD = """
SELECT day, hours, CASE WHEN before + hours < %(left)s THEN told END FROM (
    SELECT day, hours, told, sum(hours) OVER (ORDER BY day ROWS UNBOUNDED PRECEDING) - hours AS before
    FROM readings_1h_told WHERE device_key = %(key)s AND day >= %(start)s AND day < %(end)s) AS days
WHERE before <= %(left)s ORDER BY day
"""
_COLUMNS = ", ".join(f"{field}_{part}" for field in FIELDS for part in ("min", "max", "sum", "count"))


def _raw_as_json() -> str:
    """A reading as the contract has it: what was not measured is left out, as is a location that is not shown."""
    parts = [
        *(f"""',"{field}":' || {field}::text""" for field in FIELDS),
        """CASE WHEN %(shown)s THEN ',"location":{"lat":' || lat || ',"lon":' || lon"""
        """ || coalesce(',"accuracy":' || accuracy, '') || '}' END""",
    ]
    return f"""concat('{{"ts":', to_json(ts), ',"seq":', seq, {", ".join(parts)}, '}}')"""


_AS_JSON = bucket_as_json()
_RAW = f"""
SELECT ts, seq, lat IS NOT NULL, {_raw_as_json()} FROM readings
WHERE device_key = %(key)s AND ts >= %(since)s AND ts < %(until)s AND (ts, seq) > (%(after_ts)s, %(after_seq)s)
ORDER BY ts, seq LIMIT %(limit)s
"""


async def read_raw(
    connection: psycopg.AsyncConnection[Any],
    key: int,
    since: datetime,
    until: datetime,
    after: tuple[datetime, int],
    limit: int,
    *,
    shown: bool,
) -> list[tuple[datetime, int, bool, str]]:
    """The first `limit` readings of since <= ts < until after (ts, seq): (ts, seq, whether it has a location, JSON).

    `shown`: whether locations are in it. Raises what psycopg raises.
    """
    values = {"key": key, "since": since, "until": until, "limit": limit, "shown": shown}
    async with connection.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(_RAW, values | {"after_ts": after[0], "after_seq": after[1]}, prepare=False, binary=True)
        return await cursor.fetchall()


async def read_buckets(
    connection: psycopg.AsyncConnection[Any], key: int, since: datetime, until: datetime, width: Width, limit: int
) -> tuple[str, datetime | None]:
    """The first `limit` buckets of a device that hold something of since <= ts < until: JSON, with commas between
    them, and the beginning of the last of them when there are more.

    Each counts every reading that was stored before the call, once. Raises what psycopg raises.
    """
    async with connection.transaction(), connection.cursor(row_factory=tuple_row) as cursor:
        # What is rolled up and what is late must be of the same moment as the rows.
        await cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        await cursor.execute(_EXTENT, {"key": key, "since": since, "until": until})
        row = await cursor.fetchone()
        assert row is not None, "the migration made this row"
        rolled_until, raw_from, late, told_from, told_until = row
        parts = segments(since, until, width, Extent(rolled_until, raw_from, tuple(late), told_from, told_until))
        return await _page(cursor, key, parts, width, limit)


async def _page(
    cursor: psycopg.AsyncCursor[tuple[Any, ...]], key: int, parts: list[Segment], width: Width, limit: int
) -> tuple[str, datetime | None]:
    """What `read_buckets` answers, from the parts in their order."""
    texts: list[str] = []
    last: datetime | None = None
    left = limit
    while parts:
        if parts[0].source == "told":
            days, parts = parts[0], parts[1:]
            values = {"key": key, "left": left, "start": days.start, "end": days.end}
            await cursor.execute(_TOLD, values, binary=True)
            for day, hours, told in await cursor.fetchall():
                if told is None:  # the page ends in this day, or with it: its hours say where
                    after = day + WIDTHS["1d"]
                    rest = [Segment("told", after, days.end)] if after < days.end else []
                    parts = [Segment("1h", day, after), *rest, *parts]
                    break
                texts.append(told)
                left -= hours
            continue
        others = list(takewhile(lambda part: part.source != "told", parts))
        parts = parts[len(others) :]
        query, values = bucket_query(others, width)
        # Never prepared: a plan made for these very times looks into these days' tables only.
        await cursor.execute(query, values | {"key": key, "limit": left}, prepare=False, binary=True)
        found = await cursor.fetchone()
        assert found is not None, "an aggregate"
        items, newest, number = found
        if items:
            texts.append(items)
        last = newest or last
        if number > left:
            return ",".join(texts), last
        left -= number
    return ",".join(texts), None


def bucket_query(parts: Sequence[Segment], width: Width) -> tuple[str, dict[str, Any]]:
    """SQL that wants `key` and `limit` besides the values returned here. Its one row is (JSON of `limit` buckets, the
    beginning of the last of them, how many there are up to one more): thousands of rows would take asyncio longer to
    fetch than the server to make."""
    values: dict[str, Any] = {}
    whole, pieces = [], []
    for number, part in enumerate(parts):
        table, time = _TABLES[part.source]
        values |= {f"start{number}": part.start, f"end{number}": part.end}
        where = f"device_key = %(key)s AND {time} >= %(start{number})s AND {time} < %(end{number})s"
        if part.source == width:
            whole.append(f"SELECT bucket, {_COLUMNS} FROM {table} WHERE {where}")
            continue
        bucket = f"date_bin('{_BINS[width]}', {time}, timestamptz '2020-01-01 00:00:00+08') AS bucket"
        aggregates = of_raw() if part.source == "raw" else of_rollup()
        pieces.append(f"SELECT {bucket}, {aggregates} FROM {table} WHERE {where} GROUP BY 1")
    if len(pieces) == 1:
        whole.append(pieces[0])
    elif pieces:
        # A bucket may lie in several of them: half of a day in hours, the other half in readings.
        whole.append(f"SELECT bucket, {of_rollup()} FROM ({_union(pieces)}) AS pieces GROUP BY 1")
    within = "FILTER (WHERE number <= %(limit)s)"
    query = (
        f"SELECT string_agg({_AS_JSON}, ',') {within}, max(bucket) {within}, count(*)"
        " FROM (SELECT *, row_number() OVER (ORDER BY bucket) AS number"
        f" FROM ({_union(whole)}) AS unordered ORDER BY bucket LIMIT %(limit)s + 1) AS buckets"
    )
    return query, values


def _union(selects: Sequence[str]) -> str:
    return " UNION ALL ".join(f"({select})" for select in selects)
