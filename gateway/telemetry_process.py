"""Telemetry in a process of its own: readings by the ten thousand must not hold the interpreter when a press comes.

In one interpreter each step of a press waits for the readings' threads to let go of it, up to 5 ms each time; a core is
shared more fairly by the system than an interpreter by its threads (ADR 12).

`TelemetryProcess` is the gateway's side, `_Child` the other. Twice a second the gateway says which slots it holds; the
child connects under those and no others, and answers with what it has done. A child that hears nothing for
LEASE_SECONDS lets go of everything: its gateway has hung, and by the time somebody else has the slots it must not come
back under their client ids. When the gateway ends, however it ends, so does the child: the pipe between them does.
"""

import gc
import logging
import multiprocessing
import os
import signal
import threading
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

from gateway.limits import Limits
from gateway.message import Message
from gateway.metrics import LaneMetrics
from gateway.stream import Stream
from gateway.telemetry_lane import TelemetryLane
from gateway.topics import Leaf, every_device
from services.runtime.metrics import Told, told
from services.runtime.settings import Settings

log = logging.getLogger(__name__)

SAY_SECONDS = 0.5
#: Less than a slot is taken over after.
LEASE_SECONDS = 3.0
#: A child that does not answer for so long has hung.
STUCK_SECONDS = 10.0
_GOODBYE_SECONDS = 5.0
#: Presses go first, and what brings them to a screen: readings may queue.
NICENESS = 5
#: The broker's own count of messages it threw away because a queue was full: must stay still.
_DROPPED = "$SYS/broker/publish/messages/dropped"

#: slot → (client id, group)
Slots = dict[int, tuple[str, str]]


def settle_memory() -> None:
    """Every message makes some containers that live for a moment. At the default a collection comes with every 700 of
    them, and the longest ones go through all known devices: a pause for everybody."""
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)


@dataclass(frozen=True, slots=True)
class Report:
    """What the child has done, as it tells it."""

    #: slot → (connected, messages received, connections made)
    streams: dict[int, tuple[bool, int, int]] = field(default_factory=dict)
    database_ok: bool = True
    stuck: bool = False
    waiting: int = 0
    stored: int = 0
    repeats: int = 0
    quarantined: int = 0
    batches: int = 0
    broker_dropped: int = 0
    limits: dict[str, Any] = field(default_factory=dict)
    cpu_seconds: dict[str, float] = field(default_factory=dict)
    metrics: Told = field(default_factory=list)


class TelemetryProcess(threading.Thread):
    """Starts the process and speaks with it. Make one before any other thread: the process is a fork."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(name="telemetry-process", daemon=True)
        # A fork has all that is imported already: it is there in some milliseconds, and shares the memory.
        context = multiprocessing.get_context("fork")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(settings, theirs, self._pipe), name="telemetry")
        self._theirs = theirs
        self._slots: Slots = {}
        self._changed = threading.Event()
        self._ended = threading.Event()
        self._answered_at = 0.0
        self.report = Report()

    def start(self) -> None:
        self._process.start()
        self._theirs.close()
        self._answered_at = time.monotonic()
        super().start()

    def open(self, slot: int, client_id: str, group: str) -> None:
        self._slots = {**self._slots, slot: (client_id, group)}
        self._changed.set()

    def close(self, slot: int) -> None:
        self._slots = {number: names for number, names in self._slots.items() if number != slot}
        self._changed.set()

    def hears(self, slot: int) -> bool:
        """Whether telemetry came in by this slot a moment ago, as far as we were told."""
        fresh = time.monotonic() - self._answered_at < LEASE_SECONDS
        return fresh and self.report.streams.get(slot, (False, 0, 0))[0]

    def stop(self) -> None:
        self._ended.set()
        self._changed.set()
        self.join(timeout=STUCK_SECONDS)
        self._process.join(timeout=_GOODBYE_SECONDS)
        self._process.kill()

    def run(self) -> None:
        """Ends, and the gateway with it, when the process has died or hung."""
        try:
            while not self._ended.is_set():
                self._pipe.send(self._slots)
                if not self._pipe.poll(STUCK_SECONDS):
                    log.critical("the telemetry process has not answered for %d s and is ended", STUCK_SECONDS)
                    self._process.kill()
                    return
                self.report = self._pipe.recv()
                self._answered_at = time.monotonic()
                self._changed.wait(SAY_SECONDS)
                self._changed.clear()
            self._pipe.send(None)
        except (EOFError, OSError):
            log.critical("the telemetry process has ended")


def _serve(settings: Settings, pipe: Connection, theirs: Connection) -> None:
    """The child, from its first moment to its last."""
    theirs.close()  # or the pipe would never end: its other end would live here too
    for number in (signal.SIGINT, signal.SIGTERM):  # are for the gateway, which then says goodbye
        signal.signal(number, signal.SIG_IGN)
    os.nice(NICENESS)
    settle_memory()
    threading.excepthook = _end_with_thread
    child = _Child(settings)
    child.serve(pipe)
    child.stop()


def _end_with_thread(death: threading.ExceptHookArgs) -> None:
    """A telemetry process without its network thread hears nothing: it ends, and is started again with its gateway."""
    name = death.thread.name if death.thread else "of no name"
    log.critical("the thread %s has died", name, exc_info=death.exc_value)
    os._exit(1)


class _Child:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._metrics = LaneMetrics("telemetry")
        self._limits = Limits(settings.database_url)
        self._limits.start()
        self._lane = TelemetryLane(settings.database_url, self._metrics, self._limits)
        self._lane.start()
        self._streams: dict[int, Stream] = {}
        self._dropped: int | None = None

    def serve(self, pipe: Connection) -> None:
        """Until the gateway says goodbye. When it died instead the process ends where it stands, as it did."""
        slots: Slots | None = {}
        while slots is not None:
            try:
                if pipe.poll(LEASE_SECONDS):
                    while pipe.poll():  # the last word counts: what was said while we hung is over
                        slots = pipe.recv()
                    self._hold(slots or {})
                    pipe.send(self._report())
                elif self._streams:
                    log.warning("the gateway is silent: its slots are let go")
                    self._hold({})
            except (EOFError, OSError):
                os._exit(1)

    def stop(self) -> None:
        for stream in self._streams.values():
            stream.stop()
        self._lane.stop()
        self._limits.stop()

    def _hold(self, slots: Slots) -> None:
        for number in self._streams.keys() - slots.keys():
            self._streams.pop(number).leave()
        for number in slots.keys() - self._streams.keys():
            self._streams[number] = self._stream(*slots[number])
            self._streams[number].start()

    def _stream(self, client_id: str, group: str) -> Stream:
        shared = f"$share/{group}/"
        filters = [shared + every_device(leaf) for leaf in (Leaf.READINGS, Leaf.STATUS, Leaf.RESULTS)]
        return Stream(self._settings, f"{client_id}-telemetry", [*filters, _DROPPED], self._deliver)

    def _deliver(self, messages: list[Message]) -> None:
        ours = [message for message in messages if message.topic != _DROPPED]
        if len(ours) < len(messages):
            for message in messages:
                if message.topic == _DROPPED:
                    self._note_dropped(message)
        if ours:
            self._lane.deliver(ours)

    def _note_dropped(self, message: Message) -> None:
        message.link.acknowledge([message])
        if message.payload.isdigit():
            dropped = int(message.payload)
            if self._dropped is not None and dropped > self._dropped:
                log.error(
                    "the broker threw %d messages away: a queue is full; see max_queued_messages in mosquitto.conf",
                    dropped - self._dropped,
                )
            self._dropped = dropped

    def _report(self) -> Report:
        lane, streams = self._lane, self._streams
        return Report(
            streams={
                number: (stream.connected, stream.received, stream.connections) for number, stream in streams.items()
            },
            database_ok=lane.database_ok,
            stuck=lane.is_stuck(),
            waiting=lane.waiting(),
            stored=lane.stored,
            repeats=lane.repeats,
            quarantined=lane.quarantined,
            batches=lane.batches,
            broker_dropped=self._dropped or 0,
            limits=self._limits.status(),
            # Of each stage: `make bench BENCH=ingest` reports it.
            cpu_seconds={
                "client": round(sum(stream.cpu_seconds for stream in streams.values()), 3),
                "decode": round(lane.decode_seconds, 3),
                "write": round(lane.write_seconds, 3),
            },
            metrics=told(self._metrics.registry),
        )
