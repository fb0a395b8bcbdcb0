"""Messages of other makers' devices: decoded first, then laned, so that a press never stands behind readings that came
by the same topic."""

import logging
import queue
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import psycopg

from gateway.decoders.family import Decoded, Enrolment
from gateway.decoders.model import Flaw, Reason
from gateway.lane import RETRY_SECONDS, Connection
from gateway.message import Joint, Message, Said
from gateway.sources import Source

log = logging.getLogger(__name__)

#: A device is looked up again after so long; one that is not enrolled sooner.
KNOWN_FOR_SECONDS = 60.0
UNKNOWN_FOR_SECONDS = 2.0
BATCH = 200

Deliver = Callable[[list[Message]], None]

# A name in `device_hardware` goes before an id that the template gives.
_LOOK_UP = """
SELECT DISTINCT ON (w.hardware_id) w.hardware_id, d.device_id, d.key, d.kind, d.model
FROM unnest(%(hardware)s::text[], %(devices)s::text[]) AS w (hardware_id, device_id)
LEFT JOIN device_hardware h ON h.source = %(source)s AND h.hardware_id = w.hardware_id
JOIN devices d ON d.device_id IN (h.device_id, w.device_id) AND d.revoked_at IS NULL
ORDER BY w.hardware_id, (d.device_id = h.device_id) DESC NULLS LAST
"""


@dataclass(frozen=True, slots=True)
class _Device:
    device_id: str
    key: int | None
    enrolment: Enrolment
    until: float


class SourceLane(threading.Thread):
    """Between the connection of the sources and the lanes. Messages stay unacknowledged until every part is stored."""

    def __init__(self, database_url: str, sources: Sequence[Source], events: Deliver, telemetry: Deliver) -> None:
        super().__init__(name="source-lane", daemon=True)
        self._url, self._sources = database_url, sources
        self._events, self._telemetry = events, telemetry
        self._waiting: queue.SimpleQueue[list[Message] | None] = queue.SimpleQueue()
        self._devices: dict[tuple[str, str], _Device] = {}
        self._ended = threading.Event()
        self._connection: Connection | None = None
        self.received: dict[str, int] = defaultdict(int)
        self.database_ok = True

    def deliver(self, messages: list[Message]) -> None:
        """Called by a network thread: hands over, never waits."""
        self._waiting.put(messages)

    def waiting(self) -> int:
        return self._waiting.qsize()

    def stop(self) -> None:
        self._ended.set()
        self._waiting.put(None)
        self.join(timeout=5)

    def run(self) -> None:
        while (messages := self._waiting.get()) is not None:
            while len(messages) < BATCH and not self._waiting.empty():
                more = self._waiting.get()
                if more is None:
                    self._ended.set()
                    break
                messages = messages + more
            self.hand_on(messages)
            if self._ended.is_set():
                break
        self.close()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def hand_on(self, messages: list[Message]) -> None:
        """Decodes, and gives each part to its lane."""
        understood = [self._understand(message) for message in messages]
        wanted: dict[str, dict[str, str]] = defaultdict(dict)
        for _, _, missing in understood:
            for source, hardware_id, device_id in missing:
                wanted[source][hardware_id] = device_id
        if wanted:
            if not self._learn(wanted):
                return  # leaving: the broker keeps what was not acknowledged
            understood = [
                self._understand(message) if missing else (message, found, []) for message, found, missing in understood
            ]
        events: list[Message] = []
        telemetry: list[Message] = []
        for message, found, _ in understood:
            self.received[found[0].source if found else "ignored"] += 1
            if not found:
                message.link.acknowledge([message])
                continue
            for part in Joint(message, found).parts:
                assert part.said is not None
                (events if part.said.event is not None else telemetry).append(part)
        if events:
            self._events(events)
        if telemetry:
            self._telemetry(telemetry)

    def _understand(self, message: Message) -> tuple[Message, list[Said], list[tuple[str, str, str]]]:
        """(the message, its parts, (source, hardware id, device id by the template) of what must be looked up)"""
        for source in self._sources:
            levels = source.levels(message.topic)
            if levels is not None:
                return (message, *self._decode(source, levels, message))
        flaw = Flaw(Reason.UNKNOWN_TOPIC, None, "no source in the sources file has this topic")
        return message, [Said("", message.topic[:200], None, flaws=(flaw,))], []

    def _decode(
        self, source: Source, levels: dict[str, str], message: Message
    ) -> tuple[list[Said], list[tuple[str, str, str]]]:
        missing: list[tuple[str, str, str]] = []
        now = time.monotonic()

        def device(found: str) -> _Device:
            hardware_id, device_id = source.named(levels, found)
            known = self._devices.get((source.name, hardware_id))
            if known is None or known.until < now:
                missing.append((source.name, hardware_id, device_id))
                known = _Device(f"{source.name}:{hardware_id}"[:200], None, Enrolment(), 0.0)
            return known

        topic = source.as_its_makers_have_it(message.topic, levels)
        try:
            decoded = source.family.decode(
                topic, message.payload, message.received_at, lambda found: device(found).enrolment
            )
        except Exception as error:
            # Whatever a decoder stumbles over, the message is kept and the lane goes on.
            log.exception("the decoder of source %s failed on %s", source.name, message.topic)
            flaw = Flaw(Reason.DECODER, None, f"the decoder failed: {type(error).__name__}: {error}")
            decoded = (Decoded(levels.get("#") or None, flaws=(flaw,)),)
        parts: list[Said] = []
        for one in decoded:
            known = device(one.hardware_id) if one.hardware_id else _Device(source.name, None, Enrolment(), 0.0)
            parts += _parts(source.name, known, one)
        return parts, missing

    def _learn(self, wanted: dict[str, dict[str, str]]) -> bool:
        """Looks devices up; tries for ever while the database is away. False: told to stop meanwhile."""
        while not self._ended.is_set():
            try:
                if self._connection is None or self._connection.closed:
                    self._connection = psycopg.connect(self._url, autocommit=True, connect_timeout=5)
                for source, names in wanted.items():
                    self._learn_source(self._connection, source, names)
                self.database_ok = True
                return True
            except psycopg.Error as error:
                if self.database_ok:
                    log.error("source-lane: the database is away, holding messages: %s", str(error).strip())
                self.database_ok = False
                if self._connection is not None:
                    self._connection.close()
                self._ended.wait(RETRY_SECONDS)
        return False

    def _learn_source(self, connection: Connection, source: str, names: dict[str, str]) -> None:
        now = time.monotonic()
        if len(self._devices) > 300_000:  # a flood of invented names must not fill the memory
            self._devices.clear()
        asked = {"source": source, "hardware": list(names), "devices": list(names.values())}
        for name in names:
            unknown = _Device(f"{source}:{name}"[:200], None, Enrolment(), now + UNKNOWN_FOR_SECONDS)
            self._devices[source, name] = unknown
        for hardware_id, device_id, key, kind, model in connection.execute(_LOOK_UP, asked).fetchall():
            device = _Device(device_id, key, Enrolment(kind, model), now + KNOWN_FOR_SECONDS)
            self._devices[source, hardware_id] = device


def _parts(source: str, device: _Device, decoded: Decoded) -> list[Said]:
    """An event each, and one for the rest, where there is any."""
    parts = [Said(source, device.device_id, device.key, event=event) for event in decoded.events]
    if decoded.readings or decoded.status or decoded.flaws:
        rest = Said(*(source, device.device_id, device.key), None, decoded.readings, decoded.status, decoded.flaws)
        parts.append(rest)
    return parts
