"""Erases stretches of a device's readings: of who wore it then, nothing stays, not even a mean.

Roll-ups are deleted where they are kept, which on TimescaleDB is the table behind each aggregate: a refresh would make
a year anew for everybody, and could make nothing anew of what raw readings are dropped from. So all of it is one
transaction, and the same on every database. Whoever refreshes at that moment has seen the readings still, and brings
the means back: `readings_erased` keeps the stretch, and `anhu upkeep`, which alone refreshes, erases it once more.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import psycopg

from services.storage import telling
from services.storage.rollups import WIDTHS, Width, bucket_of, utc_day_of

Connection = psycopg.Connection[Any]
Statement = tuple[str, Mapping[str, Any]]

#: Whoever had a device before that is not known to have had it after anybody.
BEGINNING: Final = datetime(2000, 1, 1, tzinfo=UTC)
_AT_ONCE = 100

#: Where roll-ups are kept, as (name, table): the names themselves, or the tables behind the aggregates.
STATE: Final = "SELECT kept_as, raw_from, closed_until, clock_timestamp() FROM readings_rollup"
AGGREGATES: Final = """
SELECT view_name, format('%I.%I', materialization_hypertable_schema, materialization_hypertable_name)
FROM timescaledb_information.continuous_aggregates
WHERE view_schema = current_schema() AND view_name IN ('readings_1m', 'readings_1h', 'readings_1d')
"""
# A year of minutes is more than TimescaleDB unpacks unasked.
UNPACK: Final = "SELECT set_config('timescaledb.max_tuples_decompressed_per_dml_transaction', '0', true)"
_READINGS = "DELETE FROM readings WHERE device_key = %(key)s AND ts >= %(since)s AND ts < %(until)s"
_ROLLED = "DELETE FROM {} WHERE device_key = %(key)s AND bucket >= %(since)s AND bucket < %(until)s"
_TOLD = "DELETE FROM readings_1h_told WHERE device_key = %(key)s AND day >= %(since)s AND day < %(until)s"
_LATE = "DELETE FROM readings_late WHERE device_key = %(key)s AND hour >= %(since)s AND hour < %(until)s"
_NOTE_LATE = "INSERT INTO readings_late (device_key, hour) VALUES (%(key)s, %(hour)s)"
_NOTE = "INSERT INTO readings_erased (device_key, since, until) VALUES (%(key)s, %(since)s, %(until)s)"

_WAITING = "SELECT id, device_key, since, until FROM readings_erased ORDER BY id LIMIT %s"
_DONE = "DELETE FROM readings_erased WHERE id = %s"


@dataclass(frozen=True, slots=True)
class Stretch:
    """Readings of a device with since <= ts < until."""

    key: int
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Kept:
    """How roll-ups are kept, and how far they can be made anew."""

    tables: Mapping[Width, str]
    raw_from: datetime
    closed_until: datetime
    now: datetime


def kept(state: tuple[str, datetime, datetime, datetime], aggregates: Mapping[str, str]) -> Kept:
    """From the rows of STATE and, where it says so, AGGREGATES."""
    kept_as, raw_from, closed_until, now = state
    tables = {width: aggregates[name] if kept_as == "aggregates" else name for width, name in _NAMES.items()}
    return Kept(tables, raw_from, closed_until, now)


_NAMES: Mapping[Width, str] = {"1m": "readings_1m", "1h": "readings_1h", "1d": "readings_1d"}


def erasing(stretch: Stretch, how: Kept) -> Iterator[Statement]:
    """What is to be done in one transaction. Pure.

    A bucket at either end is also of who had the device before or after: it is made anew from the readings that stay
    (`readings_late`) or, where these are dropped, is gone for them too.
    """
    whole = {"key": stretch.key, "since": stretch.since, "until": stretch.until}
    yield UNPACK, {}
    yield _READINGS, whole
    for width, table in how.tables.items():
        yield _ROLLED.format(table), whole | _buckets(stretch, width, how.raw_from)
    yield _TOLD, whole | {"since": utc_day_of(stretch.since)}
    yield _LATE, whole | _buckets(stretch, "1h", BEGINNING)
    for hour in sorted({bucket_of(end, "1h") for end in _ends(stretch, how)}):
        if how.raw_from <= hour < how.closed_until:
            yield _NOTE_LATE, {"key": stretch.key, "hour": hour}


def noting(stretch: Stretch, how: Kept) -> Statement:
    """That upkeep is to look once more: at nothing later than this moment, which may be the next wearer's by then."""
    return _NOTE, {"key": stretch.key, "since": stretch.since, "until": min(stretch.until, how.now)}


def erase_again(connection: Connection) -> int:
    """For upkeep, when nothing is being rolled up; how many stretches that was."""
    waiting = connection.execute(_WAITING, (_AT_ONCE,)).fetchall()
    for number, key, since, until in waiting:
        stretch = Stretch(key, since, until)
        with connection.transaction():
            state = connection.execute(STATE).fetchone()
            assert state is not None, "the migration made this row"
            aggregates = connection.execute(AGGREGATES).fetchall() if state[0] == "aggregates" else []
            how = kept(state, dict(aggregates))
            for statement, values in erasing(stretch, how):
                connection.execute(statement, values)
            # The days at the ends have hours of others, and were forgotten whole.
            telling.tell_again(connection, ((key, end) for end in _ends(stretch, how)))
            connection.execute(_DONE, (number,))
    return len(waiting)


def _ends(stretch: Stretch, how: Kept) -> list[datetime]:
    """Where somebody else's readings may be next to theirs, and are rolled up."""
    return [end for end in (stretch.since, stretch.until) if BEGINNING < end < how.closed_until]


def _buckets(stretch: Stretch, width: Width, raw_from: datetime) -> dict[str, datetime]:
    """The whole buckets of the stretch, with those that it cuts where nothing could make them anew."""
    first, last = bucket_of(stretch.since, width), bucket_of(stretch.until, width)
    if first < stretch.since and first >= raw_from:
        first += WIDTHS[width]
    if last < stretch.until and last < raw_from:
        last += WIDTHS[width]
    return {"since": first, "until": last}
