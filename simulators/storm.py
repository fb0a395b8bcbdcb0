"""`--presses`: many presses from many devices, and what became of each, while testers kill things."""

import asyncio
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulators.clock import steady
from simulators.devices.seeded import draw
from simulators.fleet import Fleet
from simulators.payloads import timestamp
from simulators.watch import Track, Watch

CONNECT_SECONDS = 15.0  # beyond what the connect rate takes; then the presses begin all the same


@dataclass(frozen=True)
class Storm:
    order: Sequence[str]
    """The device of each press."""
    rate: float = 50.0
    """Presses a second."""
    concurrency: int | None = None
    """How many presses may wait for `stored` at the same time; None is any number."""
    timeout: float = 60.0
    """Seconds from the last press to the end."""


def pressers(device_ids: Sequence[str], presses: int, seed: int) -> list[str]:
    """Which device makes each press: in a seeded order, each as often as any other."""
    shuffled = list(device_ids)
    draw(seed, "storm").shuffle(shuffled)
    return [shuffled[index % len(shuffled)] for index in range(presses)]


class Raging:
    """A storm under way; `tracks` holds every press made so far, whatever became of it."""

    def __init__(self, fleet: Fleet, storm: Storm) -> None:
        self._fleet = fleet
        self._storm = storm
        self._slots = asyncio.Semaphore(storm.concurrency or len(storm.order))
        self._watch = Watch(fleet, on_end=lambda track: self._slots.release())

    @property
    def tracks(self) -> Sequence[Track]:
        return self._watch.tracks

    async def run(self) -> None:
        """Until every press was told stored or rejected, or the time is over."""
        setting = self._fleet.setting
        devices = set(self._storm.order)
        await _connected(self._fleet, devices, CONNECT_SECONDS + len(devices) / setting.connect_rate)
        start = steady()
        for index, device_id in enumerate(self._storm.order):
            await self._slots.acquire()
            await asyncio.sleep(max(0.0, start + index / self._storm.rate - steady()))
            self._watch.tell(device_id, "sos", setting.clock.now())
        await self._watch.settled(self._storm.timeout)


async def _connected(fleet: Fleet, device_ids: set[str], seconds: float) -> None:
    waits = [fleet.connections[device_id].up.wait() for device_id in device_ids]
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    _, absent = await asyncio.wait(tasks, timeout=seconds)
    for task in absent:
        task.cancel()
    if absent:
        fleet.setting.report(f"{len(absent)} devices are not connected; pressing all the same")


def summary(tracks: Sequence[Track], wanted: int, out: Path | None = None) -> dict[str, Any]:
    """Latencies are from the press to the receipt, in milliseconds, of the presses that were told stored."""
    seconds = sorted(after for track in tracks if (after := track.seconds_until("stored")) is not None)
    rejected = sum("rejected" in track.stages for track in tracks)
    found: dict[str, Any] = {
        "presses": len(tracks),
        "wanted": wanted,
        "stored": len(seconds),
        "lost": len(tracks) - len(seconds),
        "rejected": rejected,
        "sends": sum(track.sends for track in tracks),
    }
    found |= {f"p{percent}_ms": percentile(seconds, percent) for percent in (50, 95, 99)}
    if out is not None:
        found["event_ids_file"] = str(out)
    return found


def percentile(ordered: Sequence[float], percent: int) -> float | None:
    """The nearest rank, in milliseconds."""
    if not ordered:
        return None
    return round(ordered[math.ceil(len(ordered) * percent / 100) - 1] * 1000, 1)


def write(out: Path, tracks: Sequence[Track]) -> None:
    """One JSON line a press, times real: what a fault test compares with the database."""
    with out.open("w", encoding="utf-8") as file:
        for track in tracks:
            stored_at = track.time_of("stored")
            line = {
                "device_id": track.device_id,
                "event_id": track.event_id,
                "pressed_at": timestamp(track.pressed_at),
                "sent_at": timestamp(track.sent_at) if track.sent_at else None,
                "stored_at": timestamp(stored_at) if stored_at else None,
                "sends": track.sends,
                "stages": list(track.stages),
            }
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
