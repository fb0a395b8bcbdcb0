"""Events: one commit for the event, its place in the queue and the word to the alert workers; then the
acknowledgement; then the receipt."""

import json
import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from gateway import quarantine, topics
from gateway.decoders.model import EMERGENCIES, PROBE, PROBE_DEVICE, URGENT, Event, Flaw, Reason, Rejection
from gateway.decoders.native import decode_event, names_emergency
from gateway.lane import Connection, Lane
from gateway.message import Answerable, Message, acknowledge
from gateway.metrics import LaneMetrics
from gateway.rate import RateLimit

log = logging.getLogger(__name__)

#: A device repeats at least once a minute until it is told `stored`. Where the clock cannot tell a repeat from a
#: new press with the same name, one that comes later than this after the last is a new press.
REPEAT_WINDOW = timedelta(seconds=120)
#: Other makers' devices are not asked to repeat. The same words twice in so short a time are a network's repetition;
#: later they are a second press, unless the device counts its events: then it is one that it tells again (Shelly's
#: first generation does each 30 s), and as long as it does so it is a repeat.
SOURCE_REPEAT_WINDOW = timedelta(seconds=10)

#: Of one device, but for its emergencies and their cancels: doors and beds that flap.
MOST_A_MINUTE = 600

#: An index cannot hold a name without end; no enrolled device has one over 64.
MAX_NAME = 200

_DEVICES = """
SELECT device_id, elder_id, organization_id FROM devices WHERE device_id = ANY(%s) AND revoked_at IS NULL
"""
_LAST_WITHOUT_CLOCK = """
SELECT ts_key, last_received_at FROM events
WHERE device_id = %(device_id)s AND event_id = %(event_id)s AND type = %(type)s
  AND (ts_key = %(ts_key)s OR starts_with(ts_key, %(ts_key)s || ' again '))
ORDER BY id DESC LIMIT 1
"""
_INSERT = """
INSERT INTO events (device_id, event_id, type, ts_key, occurred_at, received_at, last_received_at, device_ts,
                    clock_suspect, event_id_reused, seq, cancels, lat, lon, accuracy, battery, detail, flaws, raw,
                    elder_id, organization_id)
VALUES (%(device_id)s, %(event_id)s, %(type)s, %(ts_key)s, %(occurred_at)s, %(received_at)s, %(received_at)s,
        %(device_ts)s, %(clock_suspect)s,
        EXISTS (SELECT FROM events WHERE device_id = %(device_id)s AND event_id = %(event_id)s),
        %(seq)s, %(cancels)s, %(lat)s, %(lon)s, %(accuracy)s, %(battery)s, %(detail)s, %(flaws)s, %(raw)s,
        %(elder_id)s, %(organization_id)s)
ON CONFLICT (device_id, event_id, type, ts_key) DO UPDATE
    SET repeats = events.repeats + 1, last_received_at = greatest(events.last_received_at, excluded.received_at)
RETURNING id, repeats
"""
_QUEUE = "INSERT INTO event_queue (event, device_id, urgent) VALUES (%s, %s, %s)"
_FURTHEST = "SELECT receipt FROM alert_events WHERE event = %s"
# Waits for nobody: a row that the telemetry lane holds is being brought up to date by it.
_SEEN = """
WITH seen AS (
    SELECT d.key, s.received_at, s.battery
    FROM unnest(%s::text[], %s::timestamptz[], %s::real[]) AS s (device_id, received_at, battery)
    JOIN devices d USING (device_id)
), free AS (
    SELECT device_key FROM device_states WHERE device_key IN (SELECT key FROM seen) FOR UPDATE SKIP LOCKED
), updated AS (
    UPDATE device_states s
    SET last_seen_at = greatest(s.last_seen_at, seen.received_at), battery = coalesce(seen.battery, s.battery)
    FROM seen JOIN free ON free.device_key = seen.key
    WHERE s.device_key = seen.key
)
INSERT INTO device_states (device_key, last_seen_at, battery)
SELECT key, received_at, battery FROM seen
WHERE NOT EXISTS (SELECT FROM device_states WHERE device_key = key)
ON CONFLICT DO NOTHING
"""
NOTIFY_EVENTS = "SELECT pg_notify('anhu_events', '')"


@dataclass(frozen=True, slots=True)
class _Answer:
    device_id: str
    receipts: tuple[dict[str, Any], ...]


class EventLane(Lane):
    batch = 64

    def __init__(self, database_url: str, metrics: LaneMetrics | None = None) -> None:
        super().__init__("event", database_url, metrics)
        self.repeats = 0
        self._rate: RateLimit[str] = RateLimit(MOST_A_MINUTE)

    def sort(self, messages: list[Message]) -> tuple[list[Message], list[Message]]:
        """An emergency goes before doors and beds."""
        urgent: list[Message] = []
        ordinary: list[Message] = []
        for message in messages:
            event = message.said and message.said.event
            is_urgent = event.type in URGENT if event else names_emergency(message.payload) or _is_probe(message)
            (urgent if is_urgent else ordinary).append(message)
        return urgent, ordinary

    def store(self, connection: Connection, messages: list[Message]) -> None:
        answers: list[_Answer | None] = []
        stored = repeats = 0
        bad = self._rate.minute_over(time.monotonic())
        device_time: datetime | None = None
        seen: dict[str, tuple[datetime, float | None]] = {}
        with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
            names = [_device_of(message) for message in messages]
            known = self._devices(cursor, names)
            for message, device_id in zip(messages, names, strict=True):
                decoded = _decode(message)
                device = known.get(device_id)
                kind = decoded.type if isinstance(decoded, Event) else None
                if kind == PROBE and device_id != PROBE_DEVICE:
                    decoded = Rejection(decoded.event_id, (_NO_PROBE,))
                elif device is None and kind not in EMERGENCIES and kind != PROBE:
                    decoded = Rejection(decoded.event_id, (_unknown(device_id),))
                over = None
                if not (isinstance(decoded, Event) and decoded.type in URGENT):
                    over = self._rate.refuses(device_id, message, device_id, bad)
                    decoded = Rejection(decoded.event_id, (over,)) if over else decoded
                if isinstance(decoded, Rejection):
                    if not over:
                        bad += [quarantine.Quarantined(message, device_id, flaw) for flaw in decoded.flaws]
                    answers.append(_Answer(device_id, (_rejected(decoded),)))
                    continue
                receipts, repeat = self._keep(cursor, device_id, device or {}, decoded, message)
                _, battery = seen.get(device_id, (None, None))
                seen[device_id] = (message.received_at, decoded.battery if decoded.battery is not None else battery)
                device_time = decoded.occurred_at
                repeats += repeat
                stored += not repeat
                answers.append(_Answer(device_id, receipts))
            quarantine.keep(cursor, bad)
            if stored:
                cursor.execute(NOTIFY_EVENTS)
        self._answer(messages, answers)
        self.stored += stored
        self.repeats += repeats
        self.metrics.stored.labels(self.lane).inc(stored)
        self.metrics.repeats.labels(self.lane).inc(repeats)
        self.refused(bad)
        self.committed(messages, device_time)
        self._touch(connection, seen)

    def set_aside(self, connection: Connection, message: Message, why: str) -> None:
        """The bytes alone are kept. An emergency still raises, by its type and its hash."""
        device_id = _device_of(message)
        flaw = Flaw(Reason.UNSTORABLE, None, f"the database refused it: {why}")
        decoded = _decode(message)
        with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
            if isinstance(decoded, Event) and decoded.type in EMERGENCIES:
                bare = Event(
                    event_id=decoded.event_id,
                    type=decoded.type,
                    ts_key=decoded.ts_key,
                    occurred_at=message.received_at,
                    received_at=message.received_at,
                    clock_suspect=True,
                    flaws=(flaw,),
                )
                device = self._devices(cursor, [device_id]).get(device_id, {})
                receipts, _ = self._keep(cursor, device_id, device, bare, message)
                cursor.execute(NOTIFY_EVENTS)
            else:
                bad = [quarantine.Quarantined(message, device_id, flaw)]
                quarantine.keep(cursor, bad)
                self.refused(bad)
                receipts = (_rejected(Rejection(decoded.event_id, (flaw,))),)
        self._answer([message], [_Answer(device_id, receipts)])

    def _devices(self, cursor: psycopg.Cursor[dict[str, Any]], names: list[str]) -> dict[str, dict[str, Any]]:
        return {row["device_id"]: row for row in cursor.execute(_DEVICES, (names,))}

    def _keep(
        self,
        cursor: psycopg.Cursor[dict[str, Any]],
        device_id: str,
        device: dict[str, Any],
        event: Event,
        message: Message,
    ) -> tuple[tuple[dict[str, Any], ...], bool]:
        """The receipts to send, and whether it was a repeat."""
        location = event.location
        row: dict[str, Any] = {
            "device_id": device_id,
            "event_id": event.event_id,
            "type": event.type,
            "ts_key": event.ts_key,
            "occurred_at": event.occurred_at,
            "received_at": event.received_at,
            "device_ts": event.device_ts,
            "clock_suspect": event.clock_suspect,
            "seq": event.seq,
            "cancels": event.cancels,
            "lat": location and location.lat,
            "lon": location and location.lon,
            "accuracy": location and location.accuracy,
            "battery": event.battery,
            "detail": Jsonb(event.detail) if event.detail is not None else None,
            "flaws": Jsonb([{"field": f.field, "reason": f.reason, "detail": f.detail} for f in event.flaws]),
            "raw": message.payload[: quarantine.KEPT_BYTES],
            "elder_id": device.get("elder_id"),
            "organization_id": device.get("organization_id"),
        }
        if event.clock_suspect or event.ts_key == "none":
            window = SOURCE_REPEAT_WINDOW if message.said and event.seq is None else REPEAT_WINDOW
            # One device, one transaction at a time: the look and the insert belong together.
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('clock ' || %s, 0))", (device_id,))
            last = cursor.execute(_LAST_WITHOUT_CLOCK, row).fetchone()
            if last is not None:
                if event.received_at - last["last_received_at"] <= window:
                    row["ts_key"] = last["ts_key"]
                else:
                    row["ts_key"] += f" again {event.received_at.isoformat()}"
        kept = cursor.execute(_INSERT, row).fetchone()
        assert kept is not None
        now = _told(datetime.now(UTC))
        receipts = [{"event_id": event.event_id, "stage": "stored", "at": now, "message": "已收到"}]
        if kept["repeats"]:
            furthest = cursor.execute(_FURTHEST, (kept["id"],)).fetchone()
            if furthest is not None:
                receipts.append(furthest["receipt"])
            return tuple(receipts), True
        # A synthetic press goes as presses go, or it would prove another way; the rate limits it, unlike them.
        cursor.execute(_QUEUE, (kept["id"], device_id, event.type in URGENT or event.type == PROBE))
        return tuple(receipts), False

    def _touch(self, connection: Connection, seen: dict[str, tuple[datetime, float | None]]) -> None:
        """When each device was seen last: after the acknowledgement, apart from it, and not worth a second try."""
        if not seen:
            return
        names = list(seen)
        try:
            connection.execute(_SEEN, (names, [seen[name][0] for name in names], [seen[name][1] for name in names]))
        except psycopg.Error as error:  # the next batch meets it too, if it lasts
            log.debug("last seen could not be noted: %s", error)

    def _answer(self, messages: list[Message], answers: list[_Answer | None]) -> None:
        acknowledge(messages)
        for message, answer in zip(messages, answers, strict=True):
            link = message.link
            if answer is None or not isinstance(link, Answerable):
                continue
            for receipt in answer.receipts:
                link.publish(topics.receipts(answer.device_id), json.dumps(receipt, ensure_ascii=False).encode())


_PROBE_TOPIC = topics.up(PROBE_DEVICE, topics.Leaf.EVENTS)
_NO_PROBE = Flaw(Reason.UNKNOWN_TYPE, "type", "type 'probe' is not in the contract")


def _is_probe(message: Message) -> bool:
    return message.topic == _PROBE_TOPIC


def _rejected(rejection: Rejection) -> dict[str, Any]:
    first = rejection.flaws[0]
    return {
        "event_id": rejection.event_id,
        "stage": "rejected",
        "at": _told(datetime.now(UTC)),
        "reason": first.reason,
        "field": first.field,
        "message": "; ".join(flaw.detail for flaw in rejection.flaws),
    }


def _unknown(device_id: str) -> Flaw:
    return Flaw(Reason.UNKNOWN_DEVICE, None, f"no device {device_id!r} is enrolled: enrol it, or correct its id")


def _decode(message: Message) -> Event | Rejection:
    if message.said is not None:
        assert message.said.event is not None
        return message.said.event
    return decode_event(message.payload, message.received_at)


def _device_of(message: Message) -> str:
    """The device part of any topic that our filter matched, even one that the contract does not allow."""
    if message.said is not None:
        return message.said.device_id
    parts = message.topic.split("/")
    return (parts[2] if len(parts) > 2 else message.topic)[:MAX_NAME]


def _told(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")
