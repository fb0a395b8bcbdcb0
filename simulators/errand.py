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
from simulators.play import Play
from simulators.press import Presses, press
from simulators.scenario import Placed
from simulators.storm import Raging, Storm, summary, write


@dataclass(frozen=True)
class Errand:
    devices: Sequence[FleetDevice]
    measures: bool = True
    """They report readings, and not only what is asked of them below."""
    stays: bool = True
    """They go on after it, until `duration` is over or the run is stopped."""
    duration: timedelta | None = None
    presses: Presses | None = None
    scenario: Sequence[Placed] = ()
    storm: Storm | None = None
    out: Path | None = None


async def run(errand: Errand, setting: Setting, stop: asyncio.Event, show: Callable[[str], None]) -> int:
    """Returns the exit code: 0 unless something that was waited for did not come."""
    fleet = Fleet(setting, errand.devices)
    raging = Raging(fleet, errand.storm) if errand.storm else None
    play = Play(fleet, errand.scenario, show) if errand.scenario else None
    failures: list[str] = []
    acted = asyncio.Event()

    async def act() -> None:
        if errand.presses is not None:
            failures.extend(await press(fleet, errand.presses, show))
        if play is not None:
            failures.extend(await play.run())
        if raging is not None:
            await raging.run()
        acted.set()

    async def live() -> None:
        until = None if errand.duration is None else setting.clock.start + errand.duration
        async with asyncio.TaskGroup() as tasks:
            measuring = tasks.create_task(fleet.measure(until)) if errand.measures else None
            await act()
            if measuring is not None and not errand.stays:
                measuring.cancel()

    async with fleet.running():
        await _unless_stopped(stop, live())
        unsettled = fleet.unsettled()
    if raging is not None and errand.storm is not None:
        if errand.out is not None:
            write(errand.out, raging.tracks)
        result = summary(raging.tracks, len(errand.storm.order), errand.out)
        show(json.dumps(result))
        return 0 if result["stored"] == result["wanted"] else 1
    if not acted.is_set():
        failures.append("stopped before everything that was asked for was done")
    elif unsettled and not failures:
        setting.report(f"{unsettled} events had no answer when the run ended")
    for failure in failures:
        setting.report(failure)
    return 1 if failures else 0


async def _unless_stopped(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
    """Until the work is done, or somebody says stop."""
    working = asyncio.ensure_future(work)
    stopped = asyncio.ensure_future(stop.wait())
    await asyncio.wait((working, stopped), return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if working.done():
        working.result()
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
