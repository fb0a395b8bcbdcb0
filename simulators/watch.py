"""Following events from the press to the receipt that somebody waits for."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from simulators.clock import real_time, steady
from simulators.device import VirtualDevice
from simulators.fleet import Fleet
from simulators.payloads import Receipt
from simulators.stages import out_of_reach, reached


@dataclass
class Track:
    """One event. `…_at` are real wall times; `stages` has seconds since the press, first of each."""

    device_id: str
    event_id: str
    type: str
    until: str
    pressed_at: datetime
    pressed: float
    sent_at: datetime | None = None
    sends: int = 0
    stages: dict[str, float] = field(default_factory=dict)
    stage_times: dict[str, datetime] = field(default_factory=dict)
    reason: str | None = None
    """Why it was rejected."""

    def seconds_until(self, wanted: str) -> float | None:
        """From the press to the first receipt that says or implies the wanted stage."""
        return min((after for stage, after in self.stages.items() if reached(wanted, [stage])), default=None)

    def time_of(self, wanted: str) -> datetime | None:
        return min((at for stage, at in self.stage_times.items() if reached(wanted, [stage])), default=None)

    @property
    def reached(self) -> bool:
        return reached(self.until, self.stages)

    @property
    def hopeless(self) -> str | None:
        return out_of_reach(self.until, self.stages)


class Watch:
    """Follows events of a fleet. `on_receipt` gets each receipt of one, `on_end` each track that ended."""

    def __init__(
        self,
        fleet: Fleet,
        *,
        on_receipt: Callable[[Track, Receipt], None] = lambda track, receipt: None,
        on_end: Callable[[Track], None] = lambda track: None,
    ) -> None:
        self.tracks: list[Track] = []
        self._by_event: dict[tuple[str, str], Track] = {}
        self._open: set[tuple[str, str]] = set()
        self._nothing_open = asyncio.Event()
        self._nothing_open.set()
        self._fleet = fleet
        self._on_receipt = on_receipt
        self._on_end = on_end
        fleet.listeners.append(self._heard)
        fleet.send_listeners.append(self._sending)

    def tell(self, device_id: str, event_type: str, at: datetime, *, until: str = "stored", **extra: object) -> Track:
        """Let an event happen and follow it until that stage."""
        event_id = self._fleet.tell(device_id, event_type, at, **extra)
        track = Track(device_id, event_id, event_type, until, real_time(), steady())
        self.tracks.append(track)
        self._by_event[device_id, event_id] = track
        self._open.add((device_id, event_id))
        self._nothing_open.clear()
        return track

    async def settled(self, seconds: float) -> bool:
        """Wait until every followed event got its stage, or can't any more; false when the time is over."""
        try:
            async with asyncio.timeout(seconds):
                await self._nothing_open.wait()
        except TimeoutError:
            return False
        return True

    def _sending(self, device_id: str, event_id: str) -> None:
        if track := self._by_event.get((device_id, event_id)):
            track.sends += 1
            track.sent_at = track.sent_at or real_time()

    def _heard(self, device: VirtualDevice, receipt: Receipt) -> None:
        key = (device.device_id, receipt.event_id)
        if (track := self._by_event.get(key)) is None:
            return
        track.stages.setdefault(receipt.stage, steady() - track.pressed)
        track.stage_times.setdefault(receipt.stage, real_time())
        track.reason = track.reason or receipt.reason
        self._on_receipt(track, receipt)
        if key in self._open and (track.reached or track.hopeless):
            self._open.discard(key)
            self._on_end(track)
            if not self._open:
                self._nothing_open.set()
