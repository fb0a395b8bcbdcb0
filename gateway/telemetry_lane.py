"""Readings, status and results: everything that may queue."""

import json
import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, assert_never

import psycopg

from gateway import quarantine, topics
from gateway.decoders.model import MEASURED, Flaw, Reading, Reason
from gateway.decoders.native import decode_readings, decode_result, decode_status
from gateway.lane import Connection, Lane
from gateway.limits import Limits, beyond
from gateway.message import Message, Said, acknowledge
from gateway.metrics import LaneMetrics
from gateway.quarantine import Quarantined
from gateway.rate import RateLimit
from gateway.topics import Leaf, UpTopic
from services.storage.late import note_late

log = logging.getLogger(__name__)

#: A device's row in `device_states` is written at most so often for its readings.
SEEN_EVERY_SECONDS = 30.0
#: A device is looked up again after so long: it may have been revoked, or deleted and enrolled anew.
KNOWN_FOR_SECONDS = 300.0
#: An unknown one sooner: it may have been enrolled.
UNKNOWN_FOR_SECONDS = 5.0
PARTITION_DAYS_AHEAD = 3
#: Messages of one device. A wristband says some; one that was offline for a day says 1,440, if it says them singly.
MOST_A_MINUTE = 3000

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
_KEYS = "SELECT device_id, key FROM devices WHERE device_id = ANY(%s) AND revoked_at IS NULL"
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
# Readings that come late may fall into compressed days, a batch of rows a device: no limit of TimescaleDB's own
# must stand between a message and its acknowledgement. A server without it takes this as a word without meaning.
_DECOMPRESS_FREELY = "SET timescaledb.max_tuples_decompressed_per_dml_transaction = 0"


_Values = tuple[Any, ...]


@dataclass(slots=True)
class _Sorted:
    """A batch of messages by what is to be done with each."""

    #: as _COLUMNS, and the message that each row came in
    rows: list[_Values] = field(default_factory=list)
    origins: list[Message] = field(default_factory=list)
    #: (device key, when it was heard, battery) of each message with readings
    heard: list[tuple[int, datetime, float | None]] = field(default_factory=list)
    states: dict[int, tuple[bool, datetime]] = field(default_factory=dict)
    results: list[tuple[str, datetime, str]] = field(default_factory=list)
    bad: list[Quarantined] = field(default_factory=list)
    #: devices with readings that may matter to a rule, and the oldest such `ts` of each
    marks: dict[int, datetime] = field(default_factory=dict)

    def take_readings(self, key: int, message: Message, readings: Sequence[Reading]) -> None:
        received_at = message.received_at
        values: _Values = ()
        for ts, seq, values in readings:
            self.rows.append((key, ts, seq, received_at, *values))
            self.origins.append(message)
        if readings:
            self.heard.append((key, received_at, values[_BATTERY]))

    def take_said(self, message: Message, said: Said) -> None:
        """What a source's decoder has made of a message already."""
        self.bad.extend(Quarantined(message, said.device_id, flaw) for flaw in said.flaws)
        if said.device_key is None:
            if said.readings or said.status:
                told = f"no device is enrolled for it: enrol one, with {said.device_id!r} as its id or its hardware id"
                self.bad.append(Quarantined(message, said.device_id, Flaw(Reason.UNKNOWN_DEVICE, None, told)))
            return
        self.take_readings(said.device_key, message, said.readings)
        if said.status is not None:
            self.states[said.device_key] = (said.status.online, message.received_at)

    def take(self, topic: UpTopic, key: int, message: Message) -> Sequence[Flaw]:
        """Puts a known device's message where it belongs; returns what could not be understood."""
        match topic.leaf:
            case Leaf.READINGS:
                readings, flaws = decode_readings(message.payload, message.received_at)
                self.take_readings(key, message, readings)
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
    batch = 1000

    def __init__(
        self,
        database_url: str,
        metrics: LaneMetrics | None = None,
        limits: Limits | None = None,
        name: str = "telemetry",
    ) -> None:
        super().__init__(name, database_url, metrics)
        self._limits = limits or Limits(database_url)
        self.repeats = 0
        self.decode_seconds = 0.0
        self.write_seconds = 0.0
        self._known: dict[str, tuple[UpTopic, int]] = {}
        self._known_until = 0.0
        self._unknown_until: dict[str, float] = {}
        self._seen_at: dict[int, float] = {}
        self._partitions_until: datetime | None = None
        self._rate: RateLimit[int] = RateLimit(MOST_A_MINUTE)

    def prepare(self, connection: Connection) -> None:
        self._partitions_until = None
        connection.execute(_DECOMPRESS_FREELY)

    def store(self, connection: Connection, messages: list[Message]) -> None:
        self._make_partitions(connection)
        self._learn(connection, messages)
        begun = time.thread_time()
        found = self._sort(messages)
        found.marks = beyond(found.rows, self._limits.of)
        sorted_at = time.thread_time()
        repeats = 0
        try:
            with connection.transaction(), connection.cursor() as cursor:
                _copy(cursor, _COPY, _TYPES, found.rows)
                note_late(cursor, found.rows)
                self._store_the_rest(cursor, found)
        except psycopg.errors.UniqueViolation:
            # Rare: somebody repeats. One slower transaction for this batch alone.
            with connection.transaction(), connection.cursor() as cursor:
                conflicts, repeats = self._store_repeats(cursor, found)
                found.bad.extend(conflicts)
                note_late(cursor, found.rows)
                self._store_the_rest(cursor, found)
        acknowledge(messages)
        self.decode_seconds += sorted_at - begun
        self.write_seconds += time.thread_time() - sorted_at
        self.stored += len(found.rows)
        self.repeats += repeats
        self.metrics.stored.labels(self.lane).inc(len(found.rows) - repeats)
        self.metrics.repeats.labels(self.lane).inc(repeats)
        self.refused(found.bad)
        self.committed(messages, found.rows[0][1] if found.rows else None)

    def _sort(self, messages: list[Message]) -> _Sorted:
        found = _Sorted()
        found.bad += self._rate.minute_over(time.monotonic())
        for message in messages:
            if message.said is not None:
                key = message.said.device_key
                if key is None or not self._rate.refuses(key, message, message.said.device_id, found.bad):
                    found.take_said(message, message.said)
                continue
            topic, key = self._known.get(message.topic) or (topics.parse_up(message.topic), None)
            if topic is None:
                flaw = Flaw(Reason.UNKNOWN_TOPIC, None, "not a topic of the contract, or not a valid device id")
                found.bad.append(Quarantined(message, None, flaw))
            elif key is None:
                flaw = Flaw(Reason.UNKNOWN_DEVICE, None, f"no device {topic.device_id!r} is enrolled")
                found.bad.append(Quarantined(message, topic.device_id, flaw))
            elif not self._rate.refuses(key, message, topic.device_id, found.bad):
                for flaw in found.take(topic, key, message):
                    found.bad.append(Quarantined(message, topic.device_id, flaw))
        return found

    def _store_the_rest(self, cursor: psycopg.Cursor[Any], found: _Sorted) -> None:
        if found.states:
            cursor.executemany(_ONLINE, [(key, online, at) for key, (online, at) in sorted(found.states.items())])
        if found.results:
            cursor.executemany(_RESULT, found.results)
        self._touch(cursor, found.heard)
        quarantine.keep(cursor, found.bad)
        if found.marks:
            self._limits.mark(cursor, found.marks)

    def _store_repeats(self, cursor: psycopg.Cursor[Any], found: _Sorted) -> tuple[list[Quarantined], int]:
        """Stores what is new; the first stays; a repeat that differs is told as a conflict. (conflicts, repeats)"""
        cursor.execute(_MAKE_IN)
        _copy(cursor, _COPY_IN, ["int4", *_TYPES], ((place, *row) for place, row in enumerate(found.rows)))
        cursor.execute(_INSERT_NEW)
        repeats = len(found.rows) - max(cursor.rowcount, 0)
        conflicts = []
        for (place,) in cursor.execute(_CONFLICTS).fetchall():
            row, message = found.rows[place], found.origins[place]
            _, ts, seq = row[:3]
            detail = f"another reading with ts {ts.isoformat()} and seq {seq} is stored: give each its own ts or seq"
            part = json.dumps(_as_sent(row)).encode()
            conflicts.append(Quarantined(message, _device_of(message), Flaw(Reason.CONFLICT, None, detail, part)))
        return conflicts, repeats

    def set_aside(self, connection: Connection, message: Message, why: str) -> None:
        flaw = Flaw(Reason.UNSTORABLE, None, f"the database refused it: {why}")
        with connection.transaction(), connection.cursor() as cursor:
            bad = [Quarantined(message, _device_of(message), flaw)]
            quarantine.keep(cursor, bad)
        acknowledge([message])
        self.refused(bad)

    def _learn(self, connection: Connection, messages: list[Message]) -> None:
        """Looks up the devices of topics that are not known yet."""
        now = time.monotonic()
        if now >= self._known_until:
            self._known.clear()
            self._known_until = now + KNOWN_FOR_SECONDS
        missing: dict[str, UpTopic] = {}
        for message in messages:
            name = message.topic
            if message.said is None and name not in self._known and self._unknown_until.get(name, 0.0) <= now:
                topic = topics.parse_up(name)
                if topic is not None:
                    missing[name] = topic
        if not missing:
            return
        keys = dict(connection.execute(_KEYS, (list({topic.device_id for topic in missing.values()}),)).fetchall())
        if len(self._unknown_until) > 10_000:  # a flood of invented names must not fill the memory
            self._unknown_until.clear()
        for name, topic in missing.items():
            if topic.device_id in keys:
                self._known[name] = (topic, keys[topic.device_id])
            else:
                self._unknown_until[name] = now + UNKNOWN_FOR_SECONDS

    def _touch(self, cursor: psycopg.Cursor[Any], heard: list[tuple[int, datetime, float | None]]) -> None:
        now = time.monotonic()
        due: dict[int, tuple[datetime, float | None]] = {}
        for key, at, battery in heard:
            if now - self._seen_at.get(key, -SEEN_EVERY_SECONDS) >= SEEN_EVERY_SECONDS:
                due[key] = (at, battery)
        if due:
            keys = sorted(due)  # the same order everywhere, so that two gateways do not wait for each other
            cursor.execute(_SEEN, (keys, [due[key][0] for key in keys], [due[key][1] for key in keys]))
            for key in keys:
                self._seen_at[key] = now

    def _make_partitions(self, connection: Connection) -> None:
        """On plain PostgreSQL: a day's table before the day begins. Upkeep does that too, further ahead; this is for
        the time that it does not run."""
        now = datetime.now(UTC)
        if self._partitions_until is not None and now < self._partitions_until:
            return
        plain = connection.execute("SELECT to_regproc('readings_make_partitions') IS NOT NULL").fetchone()
        if plain and plain[0]:
            first, last = now.date() - timedelta(days=1), now.date() + timedelta(days=PARTITION_DAYS_AHEAD)
            connection.execute("SELECT readings_make_partitions(%s, %s)", (first, last))
        self._partitions_until = now + timedelta(hours=1)


def _as_sent(row: _Values) -> dict[str, Any]:
    """A row in the contract's words."""
    fields = dict(zip(_COLUMNS, row, strict=True))
    place = {name: fields.pop(name) for name in ("lat", "lon", "accuracy")}
    del fields["device_key"], fields["received_at"]
    if place["lat"] is not None:
        fields["location"] = {name: value for name, value in place.items() if value is not None}
    return {name: value for name, value in (fields | {"ts": fields["ts"].isoformat()}).items() if value is not None}


def _device_of(message: Message) -> str | None:
    if message.said is not None:
        return message.said.device_id
    topic = topics.parse_up(message.topic)
    return topic.device_id if topic else None


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
