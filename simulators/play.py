"""Playing a scenario: each step in its time, each expectation against the receipts that come."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, assert_never

from simulators.clock import steady
from simulators.device import VirtualDevice
from simulators.fleet import Fleet
from simulators.mqtt import wait_any
from simulators.payloads import Receipt
from simulators.scenario import (
    Act,
    Cancel,
    Expect,
    Hold,
    Offline,
    Online,
    Placed,
    Raw,
    ServiceRequest,
    TakeReading,
    Tell,
)
from simulators.stages import reached

CONNECT_SECONDS = 5.0  # then, or when it fails, the scenario begins all the same


@dataclass
class Told:
    """What a device was told of one event, in order."""

    stages: list[str] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)


class Play:
    """`show` takes a line for the tester."""

    def __init__(self, fleet: Fleet, steps: Sequence[Placed], show: Callable[[str], None]) -> None:
        self._fleet = fleet
        self._steps = steps
        self._show = show
        self._begun = fleet.setting.clock.start
        self._event_ids: dict[str, str] = {}
        self._told: dict[tuple[str, str], Told] = defaultdict(Told)
        fleet.listeners.append(self._heard)

    async def run(self) -> list[str]:
        """Returns a sentence for each expectation that was not met."""
        clock, connections = self._fleet.setting.clock, self._fleet.connections
        names = {placed.device_id for placed in self._steps}
        await asyncio.gather(*(wait_any(connections[name].tried, seconds=CONNECT_SECONDS) for name in names))
        self._begun = clock.now()
        async with asyncio.TaskGroup() as tasks:
            expectations = []
            for placed in self._steps:
                await clock.sleep_until(self._moment(placed.at))
                if isinstance(placed.step, Expect):
                    expectations.append(tasks.create_task(self._expect(placed.device_id, placed.step)))
                else:
                    self._do(placed, placed.step)
            await clock.sleep_until(self._moment(max(_end(placed) for placed in self._steps)))
        return [failure for expectation in expectations if (failure := expectation.result())]

    def _do(self, placed: Placed, step: Act) -> None:
        connection = self._fleet.connections[placed.device_id]
        device, at = connection.device, self._moment(placed.at)
        event_id = ""
        match step:
            case Tell():
                detail = {} if step.detail is None else {"detail": step.detail}
                event_id = self._tell(placed, step.type, step.as_, **detail)
            case Cancel():
                event_id = self._tell(placed, "cancel", step.as_, cancels=self._event_ids[step.cancels])
            case ServiceRequest():
                event_id = self._tell(placed, step.do, step.as_, detail={"service": step.service})
            case Offline():
                connection.go_offline(cut=step.cut)
            case Online():
                connection.go_online()
            case TakeReading():
                device.read(at, step.values)
            case Hold():
                device.hold(step.values, at + timedelta(seconds=step.for_))
            case Raw():
                device.say(step.leaf, step.payload)
            case _:
                assert_never(step)
        connection.wake()
        self._show(f"{placed.at:6.1f}s  {placed.device_id}  {step.do}  {event_id}".rstrip())

    def _tell(self, placed: Placed, event_type: str, alias: str | None, **extra: Any) -> str:
        event_id = self._fleet.tell(placed.device_id, event_type, self._moment(placed.at), **extra)
        if alias is not None:
            self._event_ids[alias] = event_id
        return event_id

    async def _expect(self, device_id: str, step: Expect) -> str | None:
        wanted = step.expect
        told = self._told[device_id, self._event_ids.get(wanted.event, wanted.event)]
        begun = steady()
        what = f"{device_id}  {wanted.event} {wanted.stage} within {wanted.within:g} s"
        try:
            async with asyncio.timeout(wanted.within):
                while not reached(wanted.stage, told.stages):
                    told.news.clear()
                    await told.news.wait()
        except TimeoutError:
            self._show(f"FAILED   {what}")
            return f"expected {what}, but it was told {', '.join(told.stages) or 'nothing'}"
        self._show(f"     ok  {what}: after {(steady() - begun) * 1000:.0f} ms")
        return None

    def _heard(self, device: VirtualDevice, receipt: Receipt) -> None:
        told = self._told[device.device_id, receipt.event_id]
        told.stages.append(receipt.stage)
        told.news.set()
        reason = f" ({receipt.reason})" if receipt.reason else ""
        self._show(f"         {device.device_id}  {receipt.event_id} is {receipt.stage}{reason}")

    def _moment(self, at: float) -> datetime:
        return self._begun + timedelta(seconds=at)


def _end(placed: Placed) -> float:
    return placed.at + (placed.step.for_ if isinstance(placed.step, Hold) else 0.0)
