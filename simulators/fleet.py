"""Many virtual devices at once: their connections, and one task that lets them measure at the right time."""

import asyncio
import contextlib
import heapq
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from simulators.clock import SimulatedClock, steady
from simulators.connection import Connection, Gate, Manners, Turns
from simulators.device import VirtualDevice
from simulators.fleet_file import Broker, FleetDevice
from simulators.payloads import Receipt
from simulators.resend import ResendDelays

REPORT_SECONDS = 5.0
GOODBYES_AT_ONCE = 100
# For the last device to leave: a goodbye takes some milliseconds of one core, more on a busy one.
CLOSING_SECONDS, CLOSING_SECONDS_EACH = 20.0, 0.02


@dataclass(frozen=True)
class Setting:
    """What all the devices of a run share."""

    broker: Broker
    seed: int
    clock: SimulatedClock
    report: Callable[[str], None]
    """Takes a line for the one who watches."""
    delays: ResendDelays = field(default_factory=ResendDelays)
    connect_rate: float = 100.0
    manners: Manners = field(default_factory=Manners)
    ordinary_events: bool = False


class Fleet:
    """Devices by id, with their connections. Does nothing until it is `running`."""

    def __init__(self, setting: Setting, entries: Sequence[FleetDevice]) -> None:
        self.setting = setting
        self.listeners: list[Callable[[VirtualDevice, Receipt], None]] = []
        self.send_listeners: list[Callable[[str, str], None]] = []
        self._troubles: Counter[str] = Counter()
        turns = Turns(Gate(setting.connect_rate), asyncio.Semaphore(GOODBYES_AT_ONCE))
        self.connections = {entry.device_id: self._connection(entry, turns) for entry in entries}

    def _connection(self, entry: FleetDevice, turns: Turns) -> Connection:
        setting = self.setting
        device = VirtualDevice(
            entry,
            setting.seed,
            setting.clock.start,
            delays=setting.delays,
            ordinary_events=setting.ordinary_events,
        )
        return Connection(
            device,
            entry.password,
            setting.broker,
            setting.clock,
            turns,
            manners=setting.manners,
            listener=self._heard,
            on_send=self._sending,
            complain=self._complain,
        )

    def tell(self, device_id: str, event_type: str, at: datetime, **extra: Any) -> str:
        """Let an event happen on a device and send it; returns its event_id."""
        connection = self.connections[device_id]
        event_id = connection.device.tell(event_type, at, steady(), **extra)
        connection.wake()
        return event_id

    def unsettled(self) -> int:
        """How many events nobody has confirmed yet."""
        return sum(len(connection.device.outbox) for connection in self.connections.values())

    def connected(self) -> int:
        return sum(connection.up.is_set() for connection in self.connections.values())

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Fleet"]:
        """The connections are open, or being opened, inside; each says goodbye at the end."""
        async with asyncio.TaskGroup() as tasks:
            lives = [tasks.create_task(connection.run()) for connection in self.connections.values()]
            reporter = tasks.create_task(self._report_connections())
            try:
                yield self
            finally:
                reporter.cancel()
                for connection in self.connections.values():
                    connection.close()
                limit = CLOSING_SECONDS + CLOSING_SECONDS_EACH * len(lives)
                _, late = await asyncio.wait(lives, timeout=limit)
                for life in late:
                    life.cancel()

    async def measure(self, until: datetime | None = None) -> None:
        """Let the devices measure, each in its time; returns when simulated time has come to `until`."""
        clock = self.setting.clock
        queue = [(connection.device.due, name) for name, connection in self.connections.items()]
        heapq.heapify(queue)
        while until is None or queue[0][0] < until:
            due, name = queue[0]
            await clock.sleep_until(due)
            connection = self.connections[name]
            heapq.heapreplace(queue, (connection.device.live_until_due(steady()), name))
            connection.wake()
        await clock.sleep_until(until)

    # What is seen from outside --------------------------------------------------------------------------

    def _heard(self, device: VirtualDevice, receipt: Receipt) -> None:
        for listener in self.listeners:
            listener(device, receipt)

    def _sending(self, device_id: str, event_id: str) -> None:
        for listener in self.send_listeners:
            listener(device_id, event_id)

    def _complain(self, device_id: str, trouble: str) -> None:
        # Told together every few seconds: a broker's restart must not print a line for each of 500 devices.
        self._troubles[trouble] += 1
        if len(self.connections) == 1:
            self._tell_troubles(device_id)

    def _tell_troubles(self, whose: str | None = None) -> None:
        for trouble, times in self._troubles.items():
            self.setting.report(f"{whose or f'{times} devices'}: {trouble}")
        self._troubles.clear()

    async def _report_connections(self) -> None:
        told = -1
        while True:
            self._tell_troubles()
            if (connected := self.connected()) != told:
                self.setting.report(f"connected {connected} of {len(self.connections)}")
            told = connected
            await asyncio.sleep(REPORT_SECONDS if connected == len(self.connections) else 1.0)
