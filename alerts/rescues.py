"""What follows once an alert is on the screens: who else is told, whose screens nobody watches, whoever is near. Tasks
of `anhu alerts` beside intake, which does without them."""

import asyncio
import logging
import math
import time
from typing import Any

import psycopg

from alerts import nearby, timers
from alerts.nearby import ask_above_there, ask_station_there, forget_positions, tell_that_it_is_over
from alerts.station_watch import forget_screens, watch_stations
from alerts.timers import make_next_plan
from alerts.worker import SWEEP_SECONDS, Connection, Wake, Work, Works
from services.storage.errors import is_conflict, is_outage

log = logging.getLogger(__name__)

#: A plan follows its alert to the screens, and goes before whatever else a person might do.
AFTER_SCREENS_SECONDS = 0.05
#: How often it is looked whose screens are watched, and each how many looks old screens are forgotten.
STATIONS_SECONDS = 2.0
FORGET_EVERY = 100
#: How often it is looked for elders who are away: they have been on the screens of their own station since the press.
NEARBY_SECONDS = 2.0
#: A failure nearby is told for so long: what failed is tried again each 30 s.
NEARBY_TOLD_SECONDS = 90
#: How often positions of responders that are a day old are deleted.
FORGET_SECONDS = 600


class Rescues:
    """`woken`: by NOTIFY anhu_plans. Counts `plans` and `failures` in its owner's counters."""

    def __init__(self, woken: Wake, counters: dict[str, int]) -> None:
        self._woken, self._counters = woken, counters
        self._stations_error: str | None = None
        self._nearby_error = ("", -math.inf)

    def status(self) -> dict[str, Any]:
        """Asked by the heart's thread."""
        error, failed_at = self._nearby_error
        return {
            "stations": self._stations_error or "looked after",
            "nearby": {"error": error} if time.monotonic() - failed_at < NEARBY_TOLD_SECONDS else {},
        }

    def tasks(self) -> dict[str, Work]:
        return {"plans": self._make_plans, "stations": self._watch_stations, "nearby": self._look_nearby}

    async def _make_plans(self, connection: Connection, works: Works) -> None:
        """Who is told at once, beside the screens: a moment after them, so as not to hold a press up."""
        while True:
            made = await make_next_plan(connection)
            works()
            if isinstance(made, timers.Failure):
                self._counters["failures"] += 1
                log.error("alert %s could not be planned, trying again", made.alert_id, exc_info=made.error)
            elif made:
                self._counters["plans"] += 1
            else:
                await self._woken.wait(SWEEP_SECONDS)
                await asyncio.sleep(AFTER_SCREENS_SECONDS)

    async def _watch_stations(self, connection: Connection, works: Works) -> None:
        """Whose screens nobody watches."""
        looks = 0
        while True:
            try:
                await watch_stations(connection)
                if looks % FORGET_EVERY == 0:
                    await forget_screens(connection)
                self._stations_error = None
            except psycopg.Error as error:
                if connection.closed or is_outage(error):
                    raise
                self._stations_failed(error)
            except LookupError as error:
                self._stations_failed(error)
            looks += 1
            works()
            await asyncio.sleep(STATIONS_SECONDS)

    def _stations_failed(self, error: Exception) -> None:
        if not is_conflict(error):
            self._counters["failures"] += 1
            self._stations_error = str(error)[:200]
            log.error("watched screens could not be looked at, trying again", exc_info=error)

    async def _look_nearby(self, connection: Connection, works: Works) -> None:
        """The station where an elder is who is away from home; and responders who are to hear that it is over."""
        forget_at = time.monotonic()
        while True:
            if time.monotonic() >= forget_at:
                await forget_positions(connection)
                forget_at += FORGET_SECONDS
            done = [
                await ask_station_there(connection),
                await ask_above_there(connection),
                await tell_that_it_is_over(connection),
            ]
            works()
            failed = [one for one in done if isinstance(one, nearby.Failure)]
            for one in failed:
                self._counters["failures"] += 1
                log.error("what follows alert %s nearby failed, trying again", one.alert_id, exc_info=one.error)
            if failed:
                self._nearby_error = (str(failed[-1].error), time.monotonic())
            if failed or not any(done):
                await asyncio.sleep(NEARBY_SECONDS)
