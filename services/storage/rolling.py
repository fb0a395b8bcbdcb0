"""Closes days, rolls them up, and rolls up again what came late. One process at a time, elected by `upkeep`.

On TimescaleDB the roll-ups are continuous aggregates and "rolling up" is a refresh; elsewhere they are tables. What
is true of them at any moment is the same, see docs/adr/0010-roll-ups.md.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg import sql

from services.storage import telling
from services.storage.fields import FIELDS, TRUTHS
from services.storage.rollups import WIDTHS, bucket_of, utc_day_of

Connection = psycopg.Connection[Any]

#: A day is closed so long after its end: what was kept for want of a network has mostly come by then.
CLOSE_AFTER = timedelta(hours=2)
#: Late hours done in one transaction.
LATE_AT_ONCE = 2000
#: A refresh makes the hours anew for all devices, not for the late ones alone: so it waits for company. Nobody sees
#: it: until then the hours are answered from raw readings.
_REFRESH_LATE_EVERY = timedelta(minutes=15)

_DAY, _HOUR = WIDTHS["1d"], WIDTHS["1h"]
_STATE = "SELECT kept_as, closed_until, rolled_until, raw_from FROM readings_rollup"
_CLOSE = "UPDATE readings_rollup SET closed_until = %s, closed_in = NULL WHERE closed_until < %s"
# Whoever read the old closed_until did so with an older number than the next one to be given out now. A number that
# is not given out yet was brought here from another server.
_NOTE_CLOSED = """
UPDATE readings_rollup SET closed_in = pg_snapshot_xmax(pg_current_snapshot())
WHERE closed_in IS NULL OR closed_in > pg_snapshot_xmax(pg_current_snapshot())
"""
_ALL_KNOW = "SELECT closed_in <= pg_snapshot_xmin(pg_current_snapshot()) FROM readings_rollup"
_ROLLED = "UPDATE readings_rollup SET rolled_until = %s"

_NAMES = ", ".join(f"{field}_{part}" for field in FIELDS for part in ("min", "max", "sum", "count"))


def of_raw(count: str = "nullif(count({0}), 0)") -> str:
    """The aggregates of raw readings, as the columns of a roll-up."""
    columns = []
    for field in FIELDS:
        value = f"{field}::int" if field in TRUTHS else field
        columns.append(
            f"min({value}) AS {field}_min, max({value}) AS {field}_max, sum(({value})::float8) AS {field}_sum,"
            f" {count.format(field)} AS {field}_count"
        )
    return ", ".join(columns)


def of_rollup() -> str:
    """The aggregates of a finer roll-up, as the columns of a wider one."""
    return ", ".join(
        f"min({field}_min) AS {field}_min, max({field}_max) AS {field}_max, sum({field}_sum) AS {field}_sum,"
        f" sum({field}_count)::int AS {field}_count"
        for field in FIELDS
    )


def _bin(width: str, time: str) -> str:
    return f"date_bin('{width}', {time}, timestamptz '2020-01-01 00:00:00+08')"


def _roll(into: str, source: str, time: str, width: str, aggregates: str) -> str:
    """Everybody's rows of a stretch, those of a device together on the disk."""
    return (
        f"INSERT INTO {into} (device_key, bucket, {_NAMES}) SELECT device_key, {_bin(width, time)}, {aggregates}"
        f" FROM {source} WHERE {time} >= %(start)s AND {time} < %(end)s GROUP BY 1, 2 ORDER BY 1, 2"
    )


def _roll_again(into: str, source: str, time: str, width: str, stretch: str, aggregates: str) -> str:
    """Some devices' rows of a stretch each."""
    return (
        f"INSERT INTO {into} (device_key, bucket, {_NAMES}) SELECT late.device_key, made.* FROM late, LATERAL"
        f" (SELECT {_bin(width, time)}, {aggregates} FROM {source} s WHERE s.device_key = late.device_key"
        f" AND s.{time} >= late.start AND s.{time} < late.start + interval '{stretch}' GROUP BY 1) AS made"
    )


_MINUTES = _roll("readings_1m", "readings", "ts", "1 minute", of_raw())
_HOURS = _roll("readings_1h", "readings_1m", "bucket", "1 hour", of_rollup())
_DAYS = _roll("readings_1d", "readings_1h", "bucket", "1 day", of_rollup())
_LATE_OF = """
WITH late AS (SELECT * FROM unnest(%(keys)s::int[], %(starts)s::timestamptz[]) AS late (device_key, start))
"""
_FORGET_LATE = (
    _LATE_OF + "DELETE FROM {table} r USING late WHERE r.device_key = late.device_key AND r.bucket >= late.start"
    " AND r.bucket < late.start + interval '{stretch}'"
)
_MINUTES_AGAIN = _LATE_OF + _roll_again("readings_1m", "readings", "ts", "1 minute", "1 hour", of_raw())
_HOURS_AGAIN = _LATE_OF + _roll_again("readings_1h", "readings_1m", "bucket", "1 hour", "1 hour", of_rollup())
_DAYS_AGAIN = _LATE_OF + _roll_again("readings_1d", "readings_1h", "bucket", "1 day", "1 day", of_rollup())

_TAKE_LATE = "SELECT number, device_key, hour FROM readings_late WHERE hour < %s ORDER BY hour, number LIMIT %s"
_LATE_WAITS = "SELECT min(noted_at) < clock_timestamp() - %s::interval FROM readings_late WHERE hour < %s"
_LATE_DONE = "DELETE FROM readings_late WHERE number = ANY(%s)"


def close_days(connection: Connection, now: datetime) -> None:
    """From now on, what comes from before the last day that is over is late."""
    _, closed_until, _, _ = state(connection)
    over = utc_day_of(now - CLOSE_AFTER)
    if over > closed_until:
        connection.execute(_CLOSE, (over, over))
    # A transaction of its own: what it looks at must be later than the commit of the line above.
    connection.execute(_NOTE_CLOSED)


def roll_next_day(connection: Connection) -> bool:
    """Rolls up the oldest closed day that is not yet; False when there is none, or somebody may still be writing
    to it without knowing that it is closed."""
    kept_as, closed_until, rolled_until, _ = state(connection)
    if rolled_until >= closed_until or not _one(connection, _ALL_KNOW):
        return False
    end = rolled_until + _DAY
    # The days of Beijing that are whole with this one.
    days = {"start": bucket_of(rolled_until, "1d"), "end": bucket_of(end, "1d")}
    stretch = {"start": rolled_until, "end": end}
    if kept_as == "aggregates":
        _refresh(connection, "readings_1m", stretch)
        _refresh(connection, "readings_1h", stretch)
        _refresh(connection, "readings_1d", days)
        connection.execute(_ROLLED, (end,))
        return True
    _make_months(connection, [rolled_until])
    with connection.transaction():
        connection.execute(_MINUTES, stretch)
        connection.execute(_HOURS, stretch)
        connection.execute(_DAYS, days)
        connection.execute(_ROLLED, (end,))
    return True


def roll_late(connection: Connection, *, at_once: int = LATE_AT_ONCE, wait: timedelta = _REFRESH_LATE_EVERY) -> int:
    """Rolls up again the hours in which something came late; returns how many rows of readings_late that was.

    What is from before `raw_from` changes nothing: the readings that were there are gone, so nothing could be made
    anew. `wait`: for how long a refresh collects such hours.
    """
    kept_as, _, rolled_until, raw_from = state(connection)
    if kept_as == "aggregates":
        if not _one(connection, _LATE_WAITS, wait, rolled_until):
            return 0
        taken = connection.execute(_TAKE_LATE, (rolled_until, 100 * at_once)).fetchall()
        for start, end in _stretches({hour for _, _, hour in taken if hour >= raw_from}):
            _refresh(connection, "readings_1m", {"start": start, "end": end})
            _refresh(connection, "readings_1h", {"start": start, "end": end})
            days = {"start": bucket_of(start, "1d"), "end": bucket_of(end - timedelta(microseconds=1), "1d") + _DAY}
            _refresh(connection, "readings_1d", days | {"end": min(days["end"], bucket_of(rolled_until, "1d"))})
        with connection.transaction():
            telling.tell_again(connection, ((key, hour) for _, key, hour in taken if hour >= raw_from))
            connection.execute(_LATE_DONE, ([number for number, _, _ in taken],))
        return len(taken)
    taken = connection.execute(_TAKE_LATE, (rolled_until, at_once)).fetchall()
    if not taken:
        return 0
    hours = sorted({(key, hour) for _, key, hour in taken if hour >= raw_from})
    days_of = sorted({(key, bucket_of(hour, "1d")) for key, hour in hours})
    _make_months(connection, {hour for _, hour in hours})
    with connection.transaction():
        connection.execute(_LATE_DONE, ([number for number, _, _ in taken],))
        late = _late(hours)
        for table, again in (("readings_1m", _MINUTES_AGAIN), ("readings_1h", _HOURS_AGAIN)):
            connection.execute(_FORGET_LATE.format(table=table, stretch="1 hour"), late)
            connection.execute(again, late)
        late = _late([(key, day) for key, day in days_of if day + _DAY <= rolled_until])
        connection.execute(_FORGET_LATE.format(table="readings_1d", stretch="1 day"), late)
        connection.execute(_DAYS_AGAIN, late)
        telling.tell_again(connection, hours)
    return len(taken)


def state(connection: Connection) -> tuple[str, datetime, datetime, datetime]:
    """(kept_as, closed_until, rolled_until, raw_from)"""
    row = connection.execute(_STATE).fetchone()
    assert row is not None, "the migration made this row"
    kept_as, closed_until, rolled_until, raw_from = row
    return kept_as, closed_until, rolled_until, raw_from


def month_of(instant: datetime) -> datetime:
    """The beginning of the month by which minutes and hours are partitioned."""
    return utc_day_of(instant).replace(day=1)


def month_after(month: datetime) -> datetime:
    return month_of(month + timedelta(days=31))


def _late(hours: Iterable[tuple[int, datetime]]) -> dict[str, list[Any]]:
    pairs = list(hours)
    return {"keys": [key for key, _ in pairs], "starts": [start for _, start in pairs]}


def _stretches(hours: Iterable[datetime]) -> list[tuple[datetime, datetime]]:
    """Hours that follow each other, as one stretch each."""
    found: list[tuple[datetime, datetime]] = []
    for hour in sorted(hours):
        if found and found[-1][1] == hour:
            found[-1] = (found[-1][0], hour + _HOUR)
        else:
            found.append((hour, hour + _HOUR))
    return found


def _refresh(connection: Connection, name: str, stretch: dict[str, datetime]) -> None:
    """Needs a connection without a transaction."""
    if stretch["start"] < stretch["end"]:
        connection.execute(f"CALL refresh_continuous_aggregate('{name}', %(start)s, %(end)s)", stretch)


def _make_months(connection: Connection, hours: Iterable[datetime]) -> None:
    """Before the transaction that fills them: making one locks the whole table."""
    for month in {month_of(hour) for hour in hours}:
        for table in ("readings_1m", "readings_1h"):
            name = f"{table}_{month.astimezone(UTC):%Y%m}"
            if not _one(connection, "SELECT to_regclass(%s) IS NOT NULL", name):
                make = sql.SQL("CREATE TABLE {} PARTITION OF {} FOR VALUES FROM ({}) TO ({})")
                limits = (sql.Literal(month.isoformat()), sql.Literal(month_after(month).isoformat()))
                connection.execute(make.format(sql.Identifier(name), sql.Identifier(table), *limits))


def _one(connection: Connection, query: str, *values: Any) -> Any:
    row = connection.execute(query, values).fetchone()
    return row[0] if row else None
