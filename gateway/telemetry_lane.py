"""Readings, status and results: everything that may queue."""

import json
import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, assert_never

import psycopg

from gateway import quarantine, topics
from gateway.decoders.model import MEASURED, Flaw, Reading, Reason
from gateway.decoders.native import decode_readings, decode_result, decode_status
from gateway.lane import Connection, Lane
from gateway.mqtt import Message
from gateway.quarantine import Quarantined
from gateway.topics import Leaf, UpTopic

log = logging.getLogger(__name__)

#: A device's row in `device_states` is written at most so often for its readings.
SEEN_EVERY_SECONDS = 30.0
#: An unknown device is looked up again after so long: it may have been enrolled.
UNKNOWN_FOR_SECONDS = 5.0
PARTITION_DAYS_AHEAD = 3

_COLUMNS = ("device_key", "ts", "seq", "received_at", *MEASURED)
_TYPES = [
    *("int4", "timestamptz", "int8", "timestamptz"),
    *("float4", "float4", "float4", "float4", "float4", "float4", "int4", "bool", "bool", "float4", "float4"),
    *("float8", "float8", "float4"),
]
_LIST = ", ".join(_COLUMNS)
_COPY = f"COPY readings ({_LIST}) FROM STDIN (FORMAT BINARY)"
_COPY_IN = f"COPY readings_in (place, {_LIST}) FROM STDIN (FORMAT BINARY)"
_MAKE_IN = "CREATE TEMP TABLE readings_in (place int4, LIKE readings) ON COMMIT DROP"
_INSERT_NEW = f"""
INSERT INTO readings ({_LIST}) SELECT {_LIST} FROM readings_in ORDER BY place
ON CONFLICT (device_key, ts, seq) DO NOTHING
"""
_CONFLICTS = f"""
SELECT i.place FROM readings_in i JOIN readings r USING (device_key, ts, seq)
WHERE ({", ".join("i." + name for name in MEASURED)}) IS DISTINCT FROM ({", ".join("r." + name for name in MEASURED)})
"""
_KEYS = "SELECT device_id, key FROM devices WHERE device_id = ANY(%s)"
_SEEN = """
INSERT INTO device_states AS s (device_key, last_seen_at, battery)
SELECT * FROM unnest(%s::int[], %s::timestamptz[], %s::real[])
ON CONFLICT (device_key) DO UPDATE
    SET last_seen_at = greatest(s.last_seen_at, excluded.last_seen_at),
        battery = coalesce(excluded.battery, s.battery)
"""
_ONLINE = """
INSERT INTO device_states AS s (device_key, online, online_at) VALUES (%s, %s, %s)
ON CONFLICT (device_key) DO UPDATE SET online = excluded.online, online_at = excluded.online_at
"""
_RESULT = "INSERT INTO command_results (device_id, received_at, result) VALUES (%s, %s, %s)"
_BATTERY = MEASURED.index("battery")


class _Row:
    """A reading on its way into the table, with the message it came in."""

    __slots__ = ("device_id", "message", "values")

    def __init__(self, key: int, device_id: str, reading: Reading, message: Message) -> None:
        self.values = (key, reading.ts, reading.seq, message.received_at, *reading.values)
        self.device_id = device_id
        self.message = message


@dataclass(slots=True)
class _Sorted:
    """A batch of messages by what is to be done with each."""

    rows: list[_Row] = field(default_factory=list)
    states: dict[int, tuple[bool, datetime]] = field(default_factory=dict)
    results: list[tuple[str, datetime, str]] = field(default_factory=list)
    bad: list[Quarantined] = field(default_factory=list)

    def take(self, topic: UpTopic, key: int, message: Message) -> list[Flaw]:
        """Puts a known device's message where it belongs; returns what could not be understood."""
        match topic.leaf:
            case Leaf.READINGS:
                readings, flaws = decode_readings(message.payload, message.received_at)
                self.rows.extend(_Row(key, topic.device_id, reading, message) for reading in readings)
                return flaws
            case Leaf.STATUS:
                status = decode_status(message.payload)
                if isinstance(status, Flaw):
                    return [status]
                self.states[key] = (status.online, message.received_at)
            case Leaf.RESULTS:
                result = decode_result(message.payload)
                if isinstance(result, Flaw):
                    return [result]
                self.results.append((topic.device_id, message.received_at, json.dumps(result)))
            case Leaf.EVENTS:  # another lane's subscription
                return [Flaw(Reason.UNKNOWN_TOPIC, None, "an event came on the telemetry connection")]
            case _:
                assert_never(topic.leaf)
        return []


class TelemetryLane(Lane):
    batch = 500

    def __init__(self, database_url: str) -> None:
        super().__init__("telemetry-lane", database_url)
        self.repeats = 0
        self._keys: dict[str, int] = {}
        self._unknown_until: dict[str, float] = {}
        self._seen_at: dict[int, float] = {}
        self._partitions_until: datetime | None = None

    def prepare(self, connection: Connection) -> None:
        self._partitions_until = None

    def store(self, connection: Connection, messages: list[Message]) -> None:
        self._make_partitions(connection)
        sorted_ = self._sort(connection, messages)
        rows, bad = sorted_.rows, sorted_.bad
        try:
            with connection.transaction(), connection.cursor() as cursor:
                _copy(cursor, _COPY, _TYPES, (row.values for row in rows))
                self._store_the_rest(cursor, sorted_)
        except psycopg.errors.UniqueViolation:
            # Rare: somebody repeats. One slower transaction for this batch alone.
            with connection.transaction(), connection.cursor() as cursor:
                bad.extend(self._store_repeats(cursor, rows))
                self._store_the_rest(cursor, sorted_)
        for message in messages:
            message.source.acknowledge(message)
        self.stored += len(rows)
        self.quarantined += len(bad)

    def _sort(self, connection: Connection, messages: list[Message]) -> _Sorted:
        parsed = [topics.parse_up(message.topic) for message in messages]
        self._learn(connection, {topic.device_id for topic in parsed if topic})
        found = _Sorted()
        for message, topic in zip(messages, parsed, strict=True):
            if topic is None:
                flaw = Flaw(Reason.UNKNOWN_TOPIC, None, "not a topic of the contract, or not a valid device id")
                found.bad.append(Quarantined(message, None, flaw))
                continue
            key = self._keys.get(topic.device_id)
            if key is None:
                flaw = Flaw(Reason.UNKNOWN_DEVICE, None, f"no device {topic.device_id!r} is enrolled")
                found.bad.append(Quarantined(message, topic.device_id, flaw))
                continue
            flaws = found.take(topic, key, message)
            found.bad.extend(Quarantined(message, topic.device_id, flaw) for flaw in flaws)
        return found

    def _store_the_rest(self, cursor: psycopg.Cursor[Any], found: _Sorted) -> None:
        if found.states:
            cursor.executemany(_ONLINE, [(key, online, at) for key, (online, at) in sorted(found.states.items())])
        if found.results:
            cursor.executemany(_RESULT, found.results)
        self._touch(cursor, found.rows)
        quarantine.keep(cursor, found.bad)

    def _store_repeats(self, cursor: psycopg.Cursor[Any], rows: list[_Row]) -> list[Quarantined]:
        """Stores what is new; the first stays; a repeat that differs is told as a conflict."""
        cursor.execute(_MAKE_IN)
        _copy(cursor, _COPY_IN, ["int4", *_TYPES], ((place, *row.values) for place, row in enumerate(rows)))
        cursor.execute(_INSERT_NEW)
        self.repeats += len(rows) - max(cursor.rowcount, 0)
        conflicts = []
        for (place,) in cursor.execute(_CONFLICTS).fetchall():
            row = rows[place]
            _, ts, seq = row.values[:3]
            detail = f"another reading with ts {ts.isoformat()} and seq {seq} is stored: give each its own ts or seq"
            part = json.dumps(dict(zip(_COLUMNS, row.values, strict=True)), default=str).encode()
            conflicts.append(Quarantined(row.message, row.device_id, Flaw(Reason.CONFLICT, None, detail, part)))
        return conflicts

    def set_aside(self, connection: Connection, message: Message, why: str) -> None:
        topic = topics.parse_up(message.topic)
        flaw = Flaw(Reason.UNSTORABLE, None, f"the database refused it: {why}")
        with connection.transaction(), connection.cursor() as cursor:
            quarantine.keep(cursor, [Quarantined(message, topic.device_id if topic else None, flaw)])
        message.source.acknowledge(message)
        self.quarantined += 1

    def _learn(self, connection: Connection, names: Iterable[str]) -> None:
        now = time.monotonic()
        missing = [name for name in names if name not in self._keys and self._unknown_until.get(name, 0.0) <= now]
        if not missing:
            return
        self._keys.update(connection.execute(_KEYS, (missing,)).fetchall())
        if len(self._unknown_until) > 10_000:  # a flood of invented names must not fill the memory
            self._unknown_until.clear()
        for name in missing:
            if name not in self._keys:
                self._unknown_until[name] = now + UNKNOWN_FOR_SECONDS

    def _touch(self, cursor: psycopg.Cursor[Any], rows: list[_Row]) -> None:
        now = time.monotonic()
        due: dict[int, tuple[datetime, float | None]] = {}
        for row in rows:
            key = row.values[0]
            if now - self._seen_at.get(key, -SEEN_EVERY_SECONDS) >= SEEN_EVERY_SECONDS:
                due[key] = (row.message.received_at, row.values[4 + _BATTERY])
        if due:
            keys = sorted(due)  # the same order everywhere, so that two gateways do not wait for each other
            cursor.execute(_SEEN, (keys, [due[key][0] for key in keys], [due[key][1] for key in keys]))
            for key in keys:
                self._seen_at[key] = now

    def _make_partitions(self, connection: Connection) -> None:
        """On plain PostgreSQL: a day's table before the day begins."""
        now = datetime.now(UTC)
        if self._partitions_until is not None and now < self._partitions_until:
            return
        plain = connection.execute("SELECT to_regproc('readings_make_partitions') IS NOT NULL").fetchone()
        if plain and plain[0]:
            first, last = now.date() - timedelta(days=1), now.date() + timedelta(days=PARTITION_DAYS_AHEAD)
            connection.execute("SELECT readings_make_partitions(%s, %s)", (first, last))
        self._partitions_until = now + timedelta(hours=1)


def _copy(cursor: psycopg.Cursor[Any], statement: str, types: list[str], rows: Iterable[tuple[Any, ...]]) -> None:
    iterator = iter(rows)
    first = next(iterator, None)
    if first is None:
        return
    with cursor.copy(statement) as copy:
        copy.set_types(types)
        copy.write_row(first)
        for row in iterator:
            copy.write_row(row)
