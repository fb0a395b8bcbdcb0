"""`anhu alerts`: takes events in, acts on timers, delivers receipts; beside it, each in a process of its own, the rules
on readings, trials of rules on stored history, and what tells people. Any number may run."""

import asyncio
import logging
import math
import time
from functools import partial
from typing import Any

import aiomqtt
import anyio
import psycopg

from alerts import nearby, rules_process, timers, trials_process
from alerts.deliver import deliver_receipts, mqtt_client
from alerts.nearby import ask_station_there, forget_positions, tell_that_it_is_over
from alerts.station_watch import forget_screens, watch_stations
from alerts.take_in import Failure, take_in_next
from alerts.timers import act_on_next_timer, make_next_plan
from alerts.worker import STUCK_SECONDS, SWEEP_SECONDS, Connection, Work, Worker, Works, run_worker
from services.runtime.beside import Beside
from services.runtime.settings import Settings
from services.storage.errors import is_conflict, is_outage
from services.storage.hung import END_HUNG, LET_GO_SLOWLY

log = logging.getLogger(__name__)

#: How many events are taken in at once; more would only wait for the same disk.
INTAKES = 3
#: A failure nearby is told for so long: what failed is tried again each 30 s.
NEARBY_TOLD_SECONDS = 90
#: How often positions of responders that are a day old are deleted.
FORGET_SECONDS = 600

#: A plan follows its alert to the screens, and goes before whatever else a person might do.
AFTER_SCREENS_SECONDS = 0.05
#: How often it is looked whose screens are watched, and each how many looks old screens are forgotten.
STATIONS_SECONDS = 2.0
FORGET_EVERY = 100

_BACKLOG = """
SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(queued_at)), 0)::float,
       count(*) FILTER (WHERE attempts > 0) FROM event_queue
"""

_OVERDUE = "SELECT count(*) FROM alert_timers WHERE due_at < clock_timestamp() - interval '10 seconds'"


class Alerts(Worker):
    kind = "alerts"

    def __init__(self, settings: Settings, rules: Beside) -> None:
        counted = ("events_taken_in", "failures", "timers", "plans", "receipts")
        super().__init__(settings, ("anhu_events", "anhu_outbox", "anhu_plans"), counted)
        self._rules = rules
        self._mqtt_ok = False
        self._stations_error: str | None = None
        self._overdue = 0
        self._backlog: tuple[int, float, int] = (0, 0.0, 0)
        self._nearby_error = ("", -math.inf)

    def status(self) -> dict[str, Any]:
        """Asked by the heart's thread."""
        waiting, oldest, failing = self._backlog
        error, failed_at = self._nearby_error
        return {
            "ok": self.turning and self.database_ok and self._mqtt_ok and oldest < STUCK_SECONDS,
            "mqtt": "connected" if self._mqtt_ok else "disconnected",
            "database": "connected" if self.database_ok else "disconnected",
            "stuck": not self.turning or oldest >= STUCK_SECONDS,
            "queue": {"waiting": waiting, "oldest_seconds": round(oldest, 1), "failing": failing},
            "stations": self._stations_error or "looked after",
            "nearby": {"error": error} if time.monotonic() - failed_at < NEARBY_TOLD_SECONDS else {},
            "timers": {"overdue": self._overdue},
            "counters": dict(self.counters),
        }

    def tasks(self) -> dict[str, Work]:
        intakes: dict[str, Work] = {f"intake {number}": self._take_in for number in range(1, INTAKES + 1)}
        rescues: dict[str, Work] = {
            "timers": self._watch_timers,
            "plans": self._make_plans,
            "stations": self._watch_stations,
        }
        return intakes | rescues | {"nearby": self._look_nearby, "watch": self._watch_over}

    async def _take_in(self, connection: Connection, works: Works) -> None:
        wake = self.wakes["anhu_events"]
        while True:
            taken = await take_in_next(connection)
            works()
            if isinstance(taken, Failure):
                self.counters["failures"] += 1
                log.error("event %d could not be taken in, trying again", taken.event, exc_info=taken.error)
            elif taken:
                self.counters["events_taken_in"] += 1
                # Where there was one there may be more: another one helps.
                wake.set()
            else:
                await wake.wait(SWEEP_SECONDS)

    async def _watch_timers(self, connection: Connection, works: Works) -> None:
        while True:
            acted = await act_on_next_timer(connection)
            works()
            if isinstance(acted, timers.Failure):
                self.counters["failures"] += 1
                log.error("timer %s of alert %s failed, trying again", acted.kind, acted.alert_id, exc_info=acted.error)
            elif acted:
                self.counters["timers"] += 1
            else:
                await asyncio.sleep(SWEEP_SECONDS / 2)

    async def _make_plans(self, connection: Connection, works: Works) -> None:
        """Who is told at once, beside the screens: a moment after them, so as not to hold a press up."""
        while True:
            made = await make_next_plan(connection)
            works()
            if isinstance(made, timers.Failure):
                self.counters["failures"] += 1
                log.error("alert %s could not be planned, trying again", made.alert_id, exc_info=made.error)
            elif made:
                self.counters["plans"] += 1
            else:
                await self.wakes["anhu_plans"].wait(SWEEP_SECONDS)
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
            self.counters["failures"] += 1
            self._stations_error = str(error)[:200]
            log.error("watched screens could not be looked at, trying again", exc_info=error)
    async def _look_nearby(self, connection: Connection, works: Works) -> None:
        forget_at = time.monotonic()
        while True:
            if time.monotonic() >= forget_at:
                await forget_positions(connection)
                forget_at += FORGET_SECONDS
            done = [await ask_station_there(connection), await tell_that_it_is_over(connection)]
            works()
            failed = [one for one in done if isinstance(one, nearby.Failure)]
            for one in failed:
                self.counters["failures"] += 1
                log.error("what follows alert %s nearby failed, trying again", one.alert_id, exc_info=one.error)
            if failed:
                self._nearby_error = (str(failed[-1].error), time.monotonic())
            if failed or not any(done):
                await asyncio.sleep(SWEEP_SECONDS / 2)

    async def _watch_over(self, connection: Connection, works: Works) -> None:
        while True:
            row = await (await connection.execute(_BACKLOG)).fetchone()
            assert row is not None
            self._backlog = (row[0], row[1], row[2])
            overdue = await (await connection.execute(_OVERDUE)).fetchone()
            assert overdue is not None
            self._overdue = overdue[0]
            for pid, name, _ in await (await connection.execute(END_HUNG)).fetchall():
                log.warning(
                    "a session of %s (server process %d) hung in the middle of its work and was ended", name, pid
                )
            works()
            if not self._rules.is_alive():
                raise RuntimeError("nobody begins the rules' process again: this one ends, to be started anew")
            await asyncio.sleep(1)

    async def beside(self) -> None:
        """Holds the connection to the broker, and opens it again while it is away."""
        told = False
        while True:
            try:
                async with mqtt_client(self.settings) as client, anyio.create_task_group() as tasks:
                    log.info("connected to the broker")
                    told, self._mqtt_ok = False, True
                    tasks.start_soon(_until_disconnected, client)
                    tasks.start_soon(self.with_database, "receipts", partial(self._deliver_over, client))
            except* aiomqtt.MqttError as errors:
                if not told:
                    log.error("the broker is away, receipts wait: %s", errors.exceptions[0])
                told, self._mqtt_ok = True, False
            await asyncio.sleep(1)

    async def _deliver_over(self, client: aiomqtt.Client, connection: Connection, works: Works) -> None:
        await connection.execute(LET_GO_SLOWLY)
        while True:
            sent = await deliver_receipts(connection, client)
            works()
            self.counters["receipts"] += sent
            if not sent:
                await self.wakes["anhu_outbox"].wait(SWEEP_SECONDS)


async def _until_disconnected(client: aiomqtt.Client) -> None:
    """Nothing is subscribed to: this ends, with an error, when the connection does."""
    async for message in client.messages:
        log.warning("an unexpected message on %s", message.topic)


def _deliver(settings: Settings) -> None:
    # What speaks HTTP is loaded there alone: whoever takes presses in is back sooner.
    from alerts import delivery_process

    delivery_process.run(settings)


def run(settings: Settings) -> None:
    """Runs until SIGTERM or SIGINT."""
    rules = Beside("rules", partial(rules_process.run, settings))
    trials = Beside("trials", partial(trials_process.run, settings))
    delivery = Beside("delivery", partial(_deliver, settings))
    rules.start()  # forks: before the first thread
    trials.start()
    delivery.start()
    try:
        run_worker(Alerts(settings, rules))
    finally:
        delivery.stop()
        trials.stop()
        rules.stop()
