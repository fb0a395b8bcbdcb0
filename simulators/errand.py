"""One run of `anhu simulate`: devices that measure, devices that press, and when it is over."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from simulators.fleet import Fleet, Setting
from simulators.fleet_file import FleetDevice
from simulators.press import Presses, press
from simulators.storm import Raging, Storm, pressers, summary, write


@dataclass(frozen=True)
class Errand:
    measuring: Sequence[FleetDevice] = ()
    """These report readings until `duration` is over, or until the run is stopped."""
    acting: Sequence[FleetDevice] = ()
    presses: Presses | None = None
    storming: Sequence[FleetDevice] = ()
    storm: Storm | None = None
    out: Path | None = None
    duration: timedelta | None = None


async def run(errand: Errand, setting: Setting, stop: asyncio.Event, show: Callable[[str], None]) -> int:
    """Returns the exit code: 0 unless something that was waited for did not come."""
    order: list[str] = []
    if errand.storm is not None:
        ids = [entry.device_id for entry in errand.storming]
        order = pressers(ids, errand.storm.presses, setting.seed)
    taking_part = {entry.device_id: entry for entry in (*errand.measuring, *errand.acting)}
    taking_part |= {entry.device_id: entry for entry in errand.storming if entry.device_id in set(order)}
    fleet = Fleet(setting, list(taking_part.values()))
    raging = Raging(fleet, errand.storm, order) if errand.storm is not None else None
    failures: list[str] = []

    async def act() -> None:
        if errand.presses is not None:
            failures.extend(await press(fleet, errand.presses, show))
        if raging is not None:
            await raging.run()

    async def measure() -> None:
        if errand.measuring:
            until = None if errand.duration is None else setting.clock.start + errand.duration
            await fleet.measure(until)

    async with fleet.running():
        done = await _unless_stopped(stop, act(), measure())
        unsettled = fleet.unsettled()
    if raging is not None:
        if errand.out is not None:
            write(errand.out, raging.tracks)
        result = summary(raging.tracks, len(order), errand.out)
        show(json.dumps(result))
        return 0 if result["stored"] == len(order) else 1
    if errand.presses is not None and not done:
        failures.append("ended before every event had its answer")
    elif unsettled:
        setting.report(f"{unsettled} events had no answer when the run ended")
    for failure in failures:
        setting.report(failure)
    return 1 if failures else 0


async def _unless_stopped(stop: asyncio.Event, *works: Coroutine[Any, Any, None]) -> bool:
    """Run them together; true if they came to their end before anybody said stop."""
    together = asyncio.ensure_future(asyncio.gather(*works))
    stopped = asyncio.ensure_future(stop.wait())
    await asyncio.wait((together, stopped), return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if together.done():
        together.result()
        return True
    together.cancel()
    await asyncio.gather(together, return_exceptions=True)
    return False
