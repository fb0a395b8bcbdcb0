"""`anhu alerts`: takes events in, acts on timers, delivers receipts, keeps house. Any number may run."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import aiomqtt
import psycopg
from psycopg import AsyncConnection

from alerts import timers
from alerts.deliver import deliver_receipts, mqtt_client
from alerts.take_in import Failure, take_in_next
from alerts.timers import act_on_next_timer
from services.runtime.beats import Heart, Pulse
from services.runtime.settings import Settings
from services.storage.hung import END_HUNG, GIVE_UP, LET_GO, LET_GO_SLOWLY

log = logging.getLogger(__name__)

Connection = AsyncConnection[Any]
#: Called after each thing that the database did for a task.
Works = Callable[[], None]
Work = Callable[[Connection, Works], Awaitable[None]]

#: NOTIFY is a hint. Everything is also looked for this often.
SWEEP_SECONDS = 1.0
#: How many events are taken in at once; more would only wait for the same disk.
INTAKES = 3
STUCK_SECONDS = 10.0

_KEEP_HOUSE = (
    "DELETE FROM station_feed WHERE at < clock_timestamp() - interval '25 hours'",  # contract: 24 h are kept
    "DELETE FROM quarantine WHERE received_at < clock_timestamp() - interval '30 days'",
    "DELETE FROM sign_in_failures WHERE at < clock_timestamp() - interval '1 day'",
    "DELETE FROM sessions WHERE expires_at < clock_timestamp() - interval '1 day'",
)
_BACKLOG = """
SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(queued_at)), 0)::float,
       count(*) FILTER (WHERE attempts > 0) FROM event_queue
"""


class Worker:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pulse = Pulse()
        self._wakes = {"anhu_events": asyncio.Event(), "anhu_outbox": asyncio.Event()}
        #: which of our tasks the database refused, and has done nothing for since; "connection" until the first works
        self._refused: set[str] = {"connection"}
        self._mqtt_ok = False
        #: set before the process is cancelled
        self.stopping = False
        self._backlog: tuple[int, float, int] = (0, 0.0, 0)
        self._counters = {"events_taken_in": 0, "failures": 0, "timers": 0, "receipts": 0}

    def status(self) -> dict[str, Any]:
        """Asked by the heart's thread."""
        turning = self._pulse.age() < STUCK_SECONDS
        waiting, oldest, failing = self._backlog
        return {
            "ok": turning and not self._refused and self._mqtt_ok and oldest < STUCK_SECONDS,
            "mqtt": "connected" if self._mqtt_ok else "disconnected",
            "database": "disconnected" if self._refused else "connected",
            "stuck": not turning or oldest >= STUCK_SECONDS,
            "queue": {"waiting": waiting, "oldest_seconds": round(oldest, 1), "failing": failing},
            "counters": dict(self._counters),
        }

    async def run(self) -> None:
        """Until cancelled. A task that ends is a fault of ours, and ends the process."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._beat())
            tasks.create_task(self._with_database("listen", self._listen))
            for number in range(1, INTAKES + 1):
                tasks.create_task(self._with_database(f"intake {number}", self._take_in))
            tasks.create_task(self._with_database("timers", self._watch_timers))
            tasks.create_task(self._with_database("house", self._keep_house))
            tasks.create_task(self._deliver())

    async def _beat(self) -> None:
        while True:
            self._pulse.beat()
            await asyncio.sleep(0.5)

    async def _with_database(self, name: str, work: Work) -> None:
        """Runs `work` on a connection of its own; begins again, without end, when the database refuses something.

        Whatever it refuses: away, read-only, full or not migrated yet, it is worth another try, and no reason to take
        the other tasks down.
        """
        try:
            while True:
                try:
                    async with await AsyncConnection.connect(
                        self._settings.database_url, autocommit=True, connect_timeout=5
                    ) as connection:
                        await connection.execute(LET_GO)
                        await connection.execute(GIVE_UP)
                        await work(connection, partial(self._works, name))
                except psycopg.Error as error:
                    self._lost(name, error)
                    await asyncio.sleep(0.5)
        finally:
            self._refused.discard(name)

    def _works(self, name: str) -> None:
        """The database did what the task wanted: said after that, not after a connection, which a database that is
        read-only or full gives as well."""
        if self._refused:
            self._refused -= {name, "connection"}
            if not self._refused:
                log.info("the database does what we ask")

    def _lost(self, name: str, error: psycopg.Error) -> None:
        if self._refused <= {"connection"}:
            log.error("the database refuses us, trying again (%s): %s", name, str(error).strip())
        self._refused.add(name)

    async def _listen(self, connection: Connection, works: Works) -> None:
        await connection.execute("LISTEN anhu_events")
        await connection.execute("LISTEN anhu_outbox")
        works()
        async for hint in connection.notifies():
            self._wakes[hint.channel].set()

    async def _wait(self, wake: asyncio.Event) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(wake.wait(), SWEEP_SECONDS)
        wake.clear()

    async def _take_in(self, connection: Connection, works: Works) -> None:
        wake = self._wakes["anhu_events"]
        while True:
            taken = await take_in_next(connection)
            works()
            if isinstance(taken, Failure):
                self._counters["failures"] += 1
                log.error("event %d could not be taken in, trying again", taken.event, exc_info=taken.error)
            elif taken:
                self._counters["events_taken_in"] += 1
                # Where there was one there may be more: the others help.
                wake.set()
            else:
                await self._wait(wake)

    async def _watch_timers(self, connection: Connection, works: Works) -> None:
        while True:
            acted = await act_on_next_timer(connection)
            works()
            if isinstance(acted, timers.Failure):
                self._counters["failures"] += 1
                log.error("timer %s of alert %s failed, trying again", acted.kind, acted.alert_id, exc_info=acted.error)
            elif acted:
                self._counters["timers"] += 1
            else:
                await asyncio.sleep(SWEEP_SECONDS / 2)

    async def _keep_house(self, connection: Connection, works: Works) -> None:
        since = 0
        while True:
            row = await (await connection.execute(_BACKLOG)).fetchone()
            assert row is not None
            self._backlog = (row[0], row[1], row[2])
            for pid, name, _ in await (await connection.execute(END_HUNG)).fetchall():
                log.warning(
                    "a session of %s (server process %d) hung in the middle of its work and was ended", name, pid
                )
            if since % 600 == 0:
                for statement in _KEEP_HOUSE:
                    await connection.execute(statement)
            works()
            since += 1
            await asyncio.sleep(1)

    async def _deliver(self) -> None:
        """Holds the connection to the broker, and opens it again while it is away."""
        told = False
        while not self.stopping:  # a cancellation that comes with the broker's end is lost in the group's errors
            try:
                async with mqtt_client(self._settings) as client, asyncio.TaskGroup() as tasks:
                    log.info("connected to the broker")
                    told, self._mqtt_ok = False, True
                    tasks.create_task(_until_disconnected(client))
                    tasks.create_task(self._with_database("receipts", partial(self._deliver_over, client)))
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
            self._counters["receipts"] += sent
            if not sent:
                await self._wait(self._wakes["anhu_outbox"])


async def _until_disconnected(client: aiomqtt.Client) -> None:
    """Nothing is subscribed to: this ends, with an error, when the connection does."""
    async for message in client.messages:
        log.warning("an unexpected message on %s", message.topic)


async def _run(settings: Settings) -> None:
    worker = Worker(settings)
    heart = Heart("alerts", settings.database_url, worker.status)
    heart.start()
    main = asyncio.ensure_future(worker.run())
    loop = asyncio.get_running_loop()

    def stop() -> None:
        worker.stopping = True
        # Until it is done: asyncio.wait_for of Python 3.11 may swallow a cancellation that comes with its result.
        if main.cancel():
            loop.call_later(1.0, stop)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    log.info("alerts started")
    try:
        with contextlib.suppress(asyncio.CancelledError):
            await main
    finally:
        heart.stop()
        log.info("alerts stopped")


def run(settings: Settings) -> None:
    """Runs until SIGTERM or SIGINT."""
    asyncio.run(_run(settings))
