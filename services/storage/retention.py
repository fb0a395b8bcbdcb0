"""Makes partitions ahead, drops them behind, and deletes what has been kept long enough."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
from psycopg import sql

from services.storage.rolling import month_after, state
from services.storage.rollups import utc_day_of

Connection = psycopg.Connection[Any]

#: Days for which a table is there before they begin: a week in which `anhu upkeep` may be away.
DAYS_AHEAD = 7
#: The newest days stay whatever is set: the day that runs, the one that may not be rolled up yet, and one more.
LEAST_RAW = timedelta(days=3)
#: A wider roll-up is made from the finer one: what a late reading may still change must be there.
_MARGIN = timedelta(days=2)
#: Small enough that nobody waits long for a row lock, and the log of changes stays level.
ROWS_AT_ONCE = 5000
#: Batches for one table in one turn: the next turn goes on.
BATCHES = 20
#: A reading that is older than its retention when it comes is still there for so long, for whoever looks what came.
_GRACE = timedelta(days=1)

#: table of rows that are deleted: the column that says from when they are
AGED = {
    "station_feed": "at",
    "quarantine": "received_at",
    "command_results": "received_at",
    "sign_in_failures": "at",
    "sessions": "expires_at",
    "rule_episodes": "cleared_at",  # one that is on stays
    "covers": "over_at",
    "held_alerts": "last_at",
    "device_conditions": "ended_at",  # so does this
    "rule_trials": "asked_at",
    "handover_links": "expires_at",
    "audit_findings": "ended_at",  # and this
    "notices": "ended_at",  # with their attempts
    "device_told": "at",
    "openings": "ends_at",
    "service_requests": "closed_at",  # with their log; an open one stays
    "visit_photos": "stored_at",
    "medication_doses": "due_at",
    "device_commands": "asked_at",
}
#: Deleted a seal at a time, by services/registry/trails.py.
SEALED = ("access_log", "changes")
_DAY_TABLE = re.compile(r"readings_(\d{8})")
_MONTH_TABLE = re.compile(r"readings_1[mh]_(\d{6})")
_PARTITIONS = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = to_regclass(%s) ORDER BY 1"
_IS_HYPERTABLE = "SELECT to_regproc('readings_make_partitions') IS NULL"
_OLDEST_CUT = """
UPDATE readings_rollup SET raw_from = %(cut)s WHERE raw_from < %(cut)s AND rolled_until >= %(cut)s
  AND NOT EXISTS (SELECT FROM readings_late WHERE hour >= raw_from AND hour < %(cut)s)
"""
_CHUNKS = """
SELECT range_start, range_end FROM timescaledb_information.chunks
WHERE format('%%I.%%I', chunk_schema, chunk_name)::regclass
      IN (SELECT show_chunks(%(name)s::text::regclass, older_than => %(cut)s::timestamptz))
  AND chunk_creation_time < coalesce(%(created_before)s::timestamptz, 'infinity') ORDER BY range_start
"""


def raw_cut(now: datetime, keep: timedelta | None) -> datetime | None:
    """The day of UTC before whose beginning raw readings go."""
    return None if keep is None else utc_day_of(now - max(keep, LEAST_RAW))


def rollup_cut(now: datetime, keep: timedelta | None, raw_from: datetime) -> datetime | None:
    """The instant before which a roll-up goes: never while readings that make it are there."""
    return None if keep is None else min(now - keep, raw_from - _MARGIN)


def told_cut(cut: datetime) -> datetime:
    """The day of UTC from whose beginning on hours that go before `cut` are all there."""
    return utc_day_of(cut) + timedelta(days=1)


def ended_days(partitions: Iterable[str], cut: datetime) -> list[str]:
    """Those tables of a day that end at `cut` or before."""
    found = []
    for name in partitions:
        if match := _DAY_TABLE.fullmatch(name):
            begin = datetime.strptime(match[1], "%Y%m%d").replace(tzinfo=UTC)
            if begin + timedelta(days=1) <= cut:
                found.append(name)
    return found


def ended_months(partitions: Iterable[str], cut: datetime) -> list[str]:
    """Those tables of a month that end at `cut` or before."""
    found = []
    for name in partitions:
        if match := _MONTH_TABLE.fullmatch(name):
            begin = datetime.strptime(match[1], "%Y%m").replace(tzinfo=UTC)
            if month_after(begin) <= cut:
                found.append(name)
    return found


def kept(connection: Connection) -> dict[str, timedelta | None]:
    """How long each thing is kept. An interval that is no number of days, as "3 months", is one of 30-day months."""
    rows = connection.execute("SELECT name, extract(epoch FROM keep)::float8 FROM retention").fetchall()
    return {name: None if seconds is None else timedelta(seconds=seconds) for name, seconds in rows}


def make_partitions(connection: Connection, today: date) -> int:
    """A table for each day from yesterday to a week ahead; how many were made. A hypertable needs none."""
    if _one(connection, _IS_HYPERTABLE):
        return 0
    first, last = today - timedelta(days=1), today + timedelta(days=DAYS_AHEAD)
    return int(_one(connection, "SELECT readings_make_partitions(%s, %s)", first, last))


def drop_raw(connection: Connection, now: datetime, keep: timedelta | None) -> int:
    """Drops the days of raw readings that are over their time, once all of them is rolled up; how many went."""
    cut = raw_cut(now, keep)
    if cut is None:
        return 0
    # First it is said, then it is done: a reader who still looks there finds less, never a half-made bucket.
    connection.execute(_OLDEST_CUT, {"cut": cut})
    _, _, _, raw_from = state(connection)
    cut = min(cut, raw_from)
    if _one(connection, _IS_HYPERTABLE):
        return _drop_chunks(connection, "readings", cut, created_before=now - _GRACE)
    dropped = _drop(connection, ended_days(_partitions(connection, "readings"), cut))
    _delete(
        connection,
        sql.SQL("SELECT ctid FROM readings_default WHERE ts < {} AND received_at < {} LIMIT {}").format(
            cut, now - _GRACE, ROWS_AT_ONCE
        ),
        "readings_default",
    )
    return dropped


def drop_rollups(connection: Connection, now: datetime, keep: Mapping[str, timedelta | None]) -> int:
    """Drops the stretches of roll-ups that are over their time; how many went."""
    kept_as, _, _, raw_from = state(connection)
    dropped = 0
    for name in ("readings_1m", "readings_1h", "readings_1d"):
        cut = rollup_cut(now, keep.get(name), raw_from)
        if cut is None:
            continue
        if name == "readings_1h":
            _forget_told(connection, told_cut(cut))
        if kept_as == "aggregates":
            dropped += _drop_chunks(connection, name, cut)
        elif name == "readings_1d":
            rows = sql.SQL("SELECT ctid FROM readings_1d WHERE bucket < {} LIMIT {}").format(cut, ROWS_AT_ONCE)
            _delete(connection, rows, name)
        else:
            dropped += _drop(connection, ended_months(_partitions(connection, name), cut))
    return dropped


def _forget_told(connection: Connection, cut: datetime) -> None:
    """Before the hours go, nobody is told them any more."""
    connection.execute("UPDATE readings_rollup SET told_from = %(cut)s WHERE told_from < %(cut)s", {"cut": cut})
    rows = sql.SQL("SELECT ctid FROM readings_1h_told WHERE day < {} LIMIT {}").format(cut, ROWS_AT_ONCE)
    _delete(connection, rows, "readings_1h_told")


def delete_aged(connection: Connection, now: datetime, keep: Mapping[str, timedelta | None]) -> dict[str, int]:
    """Deletes rows that were kept long enough; how many, by table."""
    deleted = {}
    for table, column in AGED.items():
        period = keep.get(table)
        if period is not None:
            old = sql.SQL("SELECT ctid FROM {} WHERE {} < {} LIMIT {}").format(
                sql.Identifier(table), sql.Identifier(column), now - period, ROWS_AT_ONCE
            )
            deleted[table] = _delete(connection, old, table)
    return deleted


def _delete(connection: Connection, rows: sql.Composed, table: str) -> int:
    """In batches, each a transaction of its own."""
    statement = sql.SQL("DELETE FROM {} WHERE ctid = ANY (ARRAY({}))").format(sql.Identifier(table), rows)
    total = 0
    for _ in range(BATCHES):
        deleted = connection.execute(statement).rowcount
        total += deleted
        if deleted < ROWS_AT_ONCE:
            break
    return total


def _drop(connection: Connection, tables: Iterable[str]) -> int:
    dropped = 0
    for name in tables:
        connection.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(name)))
        dropped += 1
    return dropped


def _drop_chunks(connection: Connection, name: str, cut: datetime, created_before: datetime | None = None) -> int:
    """One chunk at a time, as a day's table elsewhere."""
    limits = connection.execute(_CHUNKS, {"name": name, "cut": cut, "created_before": created_before}).fetchall()
    for start, end in limits:
        connection.execute("SELECT drop_chunks(%s, older_than => %s, newer_than => %s)", (name, end, start))
    return len(limits)


def _partitions(connection: Connection, table: str) -> list[str]:
    return [name for (name,) in connection.execute(_PARTITIONS, (table,)).fetchall()]


def _one(connection: Connection, query: str, *values: Any) -> Any:
    row = connection.execute(query, values).fetchone()
    return row[0] if row else None
