"""`anhu gateway`: two lanes, a slot or more, and a heart; telemetry has a process of its own."""

import logging
import signal
import socket
import threading
from typing import Any

from gateway.bridge_notes import BridgeNotes
from gateway.event_lane import EventLane
from gateway.limits import Limits
from gateway.metrics import GatewayMetrics
from gateway.mqtt import Inlet, broker_address
from gateway.slots import Slots
from gateway.source_lane import SourceLane
from gateway.sources import filters, read_sources
from gateway.telemetry_lane import TelemetryLane
from gateway.telemetry_process import TelemetryProcess, settle_memory
from gateway.topics import Leaf, every_device
from services.runtime.beats import Heart
from services.runtime.metrics import Told, told
from services.runtime.settings import Settings

log = logging.getLogger(__name__)


class Gateway:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._sources = read_sources(settings.sources_file)
        self._telemetry = TelemetryProcess(settings)
        self._metrics = GatewayMetrics("event", *(["source_telemetry"] if self._sources else []))
        self._events = EventLane(settings.database_url, self._metrics)
        # What other makers' devices measured comes here with their presses, and is not worth a way to the process.
        self._limits = Limits(settings.database_url)
        self._source_telemetry = TelemetryLane(
            settings.database_url, self._metrics, self._limits, name="source_telemetry"
        )
        self._source_lane = SourceLane(
            settings.database_url, self._sources, self._events.deliver, self._source_telemetry.deliver
        )
        self._inlets: dict[int, tuple[Inlet, ...]] = {}
        self._slots = Slots(settings.database_url, self, self._open, self._close)
        self._bridges = BridgeNotes(settings)
        self._heart = Heart("gateway", settings.database_url, self.status)

    def start(self) -> None:
        for thread in self._threads():  # telemetry's first: its process is a fork, and a fork has one thread
            thread.start()
        self._bridges.start()  # not one of those: without it a gateway is whole

    def stop(self) -> None:
        self._bridges.stop()
        self._slots.stop()
        for number in list(self._inlets):
            self._close(number)
        self._telemetry.stop()
        for part in (*self._of_sources(), self._events, self._heart):
            part.stop()

    def _threads(self) -> tuple[threading.Thread, ...]:
        return (self._telemetry, self._events, *self._of_sources(), self._slots, self._heart)

    def _of_sources(self) -> tuple[SourceLane | TelemetryLane | Limits, ...]:
        return (self._source_lane, self._source_telemetry, self._limits) if self._sources else ()

    def _lanes(self) -> tuple[EventLane, TelemetryLane]:
        return (self._events, self._source_telemetry)

    def broken(self) -> str | None:
        """The name of a thread that has died: the process must end and be started again."""
        for thread in self._threads():
            if not thread.is_alive():
                return thread.name
        return None

    def status(self) -> dict[str, Any]:
        inlets = [inlet for group in list(self._inlets.values()) for inlet in group]
        slots = list(self._inlets)
        connected = bool(slots) and all(map(self.hears, slots))
        lanes, telemetry = self._lanes(), self._telemetry.report
        stuck = telemetry.stuck or any(lane.is_stuck() for lane in lanes)
        database_ok = telemetry.database_ok and all(lane.database_ok for lane in (*lanes, self._source_lane))
        of_sources = self._source_telemetry
        return {
            "ok": connected and not stuck and database_ok,
            "mqtt": "connected" if connected else "disconnected",
            "database": "connected" if database_ok else "disconnected",
            "slots": self._slots.held(),
            "stuck": stuck,
            "broker_dropped": telemetry.broker_dropped,
            # Not part of "ok": a gateway without limits stores and raises all the same.
            "limits": telemetry.limits,
            "bridges": self._bridges.status(),
            "counters": {
                "events_stored": self._events.stored,
                "event_repeats": self._events.repeats,
                "readings_stored": telemetry.stored - telemetry.repeats + of_sources.stored - of_sources.repeats,
                "reading_repeats": telemetry.repeats + of_sources.repeats,
                "quarantined": telemetry.quarantined + sum(lane.quarantined for lane in lanes),
                "messages_received": sum(inlet.received for inlet in inlets)
                + sum(received for _, received, _ in telemetry.streams.values()),
                "telemetry_batches": telemetry.batches,
            },
            "cpu_seconds": telemetry.cpu_seconds,
            "waiting": {
                "events": self._events.waiting(),
                "telemetry": telemetry.waiting + of_sources.waiting(),
                "sources": self._source_lane.waiting(),
            },
            "metrics": self._told_metrics(),
        }

    def _told_metrics(self) -> Told:
        metrics, telemetry = self._metrics, self._telemetry.report
        for lane, waiting in (
            *((lane.lane, lane.waiting()) for lane in self._lanes()),
            ("telemetry", telemetry.waiting),
            ("source", self._source_lane.waiting()),
        ):
            metrics.waiting.labels(lane).set(waiting)
        for number, group in list(self._inlets.items()):
            for inlet in group:
                metrics.connections.labels(str(number), inlet.name).set(inlet.connections)
        for number, (_, _, connections) in telemetry.streams.items():
            metrics.connections.labels(str(number), "telemetry").set(connections)
        for source, count in list(self._source_lane.received.items()):
            metrics.sources.labels(source).set(count)
        metrics.dropped.set(telemetry.broker_dropped)
        return [*told(metrics.registry), *telemetry.metrics]

    def hears(self, slot: int) -> bool:
        group = self._inlets.get(slot)
        return group is not None and all(inlet.connected for inlet in group) and self._telemetry.hears(slot)

    def is_reachable(self) -> bool:
        try:
            socket.create_connection(broker_address(self._settings), timeout=3).close()
        except OSError:
            return False
        return True

    def _open(self, number: int, client_id: str, group: str) -> None:
        shared = f"$share/{group}/"
        inlets = [
            Inlet(self._settings, f"{client_id}-events", [shared + every_device(Leaf.EVENTS)], self._events.deliver)
        ]
        if self._sources:
            of_sources = [shared + name for name in filters(self._sources)]
            inlets.append(Inlet(self._settings, f"{client_id}-sources", of_sources, self._source_lane.deliver))
        self._inlets[number] = tuple(inlets)
        for inlet in inlets:
            inlet.start()
        self._telemetry.open(number, client_id, group)

    def _close(self, number: int) -> None:
        self._telemetry.close(number)
        inlets = self._inlets.pop(number)
        for inlet in inlets:  # all first: while one is waited for, the others would take the session back
            inlet.leave()
        for inlet in inlets:
            inlet.stop()


def run(settings: Settings) -> None:
    """Runs until SIGTERM or SIGINT. A dead thread ends the process with an error, for its supervisor to see."""
    ended, died = threading.Event(), threading.Event()

    def tell_death(death: threading.ExceptHookArgs) -> None:
        name = death.thread.name if death.thread else "of no name"
        log.critical("the thread %s has died", name, exc_info=death.exc_value)
        died.set()

    # Any thread, paho's too: a gateway that lives on without it keeps its slot and hears nothing.
    threading.excepthook = tell_death
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    settle_memory()
    gateway = Gateway(settings)
    gateway.start()
    log.info("gateway started")
    while not ended.wait(0.5):
        broken = gateway.broken()
        if broken is not None:
            log.critical("the thread %s has ended", broken)
            died.set()
        if died.is_set():
            raise SystemExit(1)
    gateway.stop()
    log.info("gateway stopped")
