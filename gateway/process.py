"""`anhu gateway`: two lanes, a slot or more, and a heart."""

import logging
import signal
import socket
import threading
import time
from typing import Any

from gateway.event_lane import EventLane
from gateway.mqtt import Inlet, Message, broker_address
from gateway.slots import Slots
from gateway.telemetry_lane import TelemetryLane
from gateway.topics import Leaf, every_device
from services.runtime.beats import Heart
from services.runtime.settings import Settings

log = logging.getLogger(__name__)

#: A batch that takes longer than this is a stuck lane.
STUCK_SECONDS = 10.0
#: The broker's own count of messages it threw away because a queue was full: must stay still.
_DROPPED = "$SYS/broker/publish/messages/dropped"


class Gateway:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._events = EventLane(settings.database_url)
        self._telemetry = TelemetryLane(settings.database_url)
        self._inlets: dict[int, tuple[Inlet, Inlet]] = {}
        self._slots = Slots(settings.database_url, self, self._open, self._close)
        self._dropped: int | None = None
        self._heart = Heart("gateway", settings.database_url, self.status)

    def start(self) -> None:
        for thread in (self._events, self._telemetry, self._slots, self._heart):
            thread.start()

    def stop(self) -> None:
        self._slots.stop()
        for number in list(self._inlets):
            self._close(number)
        self._events.stop()
        self._telemetry.stop()
        self._heart.stop()

    def broken(self) -> str | None:
        """The name of a thread that has died: the process must end and be started again."""
        for thread in (self._events, self._telemetry, self._slots, self._heart):
            if not thread.is_alive():
                return thread.name
        return None

    def status(self) -> dict[str, Any]:
        inlets = [inlet for pair in list(self._inlets.values()) for inlet in pair]
        connected = bool(inlets) and all(inlet.connected for inlet in inlets)
        lanes = (self._events, self._telemetry)
        now = time.monotonic()
        stuck = any(lane.oldest_started is not None and now - lane.oldest_started > STUCK_SECONDS for lane in lanes)
        return {
            "ok": connected and not stuck and all(lane.database_ok for lane in lanes),
            "mqtt": "connected" if connected else "disconnected",
            "database": "connected" if all(lane.database_ok for lane in lanes) else "disconnected",
            "slots": self._slots.held(),
            "stuck": stuck,
            "broker_dropped": self._dropped or 0,
            "counters": {
                "events_stored": self._events.stored,
                "event_repeats": self._events.repeats,
                "readings_stored": self._telemetry.stored - self._telemetry.repeats,
                "reading_repeats": self._telemetry.repeats,
                "quarantined": self._events.quarantined + self._telemetry.quarantined,
            },
            "waiting": {"events": self._events.waiting(), "telemetry": self._telemetry.waiting()},
        }

    def hears(self, slot: int) -> bool:
        pair = self._inlets.get(slot)
        return pair is not None and all(inlet.connected for inlet in pair)

    def is_reachable(self) -> bool:
        try:
            socket.create_connection(broker_address(self._settings), timeout=3).close()
        except OSError:
            return False
        return True

    def _open(self, number: int, client_id: str, group: str) -> None:
        shared = f"$share/{group}/"
        pair = (
            Inlet(self._settings, f"{client_id}-events", [shared + every_device(Leaf.EVENTS)], self._events.deliver),
            Inlet(
                self._settings,
                f"{client_id}-telemetry",
                [
                    *(shared + every_device(leaf) for leaf in (Leaf.READINGS, Leaf.STATUS, Leaf.RESULTS)),
                    _DROPPED,
                ],
                self._deliver_telemetry,
            ),
        )
        self._inlets[number] = pair
        for inlet in pair:
            inlet.start()

    def _close(self, number: int) -> None:
        pair = self._inlets.pop(number)
        for inlet in pair:  # both first: while one is waited for, the other would take the session back
            inlet.leave()
        for inlet in pair:
            inlet.stop()

    def _deliver_telemetry(self, message: Message) -> None:
        if message.topic != _DROPPED:
            self._telemetry.deliver(message)
            return
        message.source.acknowledge(message)
        if message.payload.isdigit():
            dropped = int(message.payload)
            if self._dropped is not None and dropped > self._dropped:
                log.error(
                    "the broker threw %d messages away: a queue is full; see max_queued_messages in mosquitto.conf",
                    dropped - self._dropped,
                )
            self._dropped = dropped


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
