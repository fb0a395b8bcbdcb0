"""What the processes of alerts have in common: tasks with a database connection each, a pulse, a heart, an end."""

import asyncio
import contextlib
import logging
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import anyio
import psycopg
from psycopg import AsyncConnection

from services.runtime.beats import Pulse
from services.runtime.settings import Settings
from services.runtime.stopping import until_stopped
from services.storage.hung import GIVE_UP, LET_GO

log = logging.getLogger(__name__)

Connection = AsyncConnection[Any]
#: Called after each thing that the database did for a task.
Works = Callable[[], None]
Work = Callable[[Connection, Works], Awaitable[None]]

#: NOTIFY is a hint. Everything is also looked for this often.
SWEEP_SECONDS = 1.0
STUCK_SECONDS = 10.0
# A queue is empty nearly always, and so a plan is made for one that is, and kept through a burst: five hundred presses
# at once were read five hundred times, and sorted. Each statement of ours has its index, whatever statistics say.
_BY_INDEX = "SET enable_seqscan = off"


class Wake:
    """Wakes one of those who wait; whoever finds more to do wakes the next. All at once, for one press, they would hold
    each other up."""

    def __init__(self) -> None:
        self._calls: asyncio.Queue[None] = asyncio.Queue(maxsize=1)

    def set(self) -> None:
        with contextlib.suppress(asyncio.QueueFull):
            self._calls.put_nowait(None)

    async def wait(self, seconds: float) -> None:
        """Until woken, or for so long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._calls.get()


class Worker(ABC):
    """Runs `tasks` at once, each on a connection of its own, and wakes them by the channels of `wakes`."""

    #: what its heart and its log call it
    kind: str
    #: whether all that it does is one row's work at a time, from queues
    takes_from_queues = False

    def __init__(self, settings: Settings, channels: tuple[str, ...], counted: tuple[str, ...]) -> None:
        self.settings = settings
        self.wakes = {channel: Wake() for channel in channels}
        self.counters = dict.fromkeys(counted, 0)
        self._pulse = Pulse()
        #: which of our tasks the database refused, and has done nothing for since; "connection" until the first works
        self._refused: set[str] = {"connection"}

    @property
    def turning(self) -> bool:
        """Whether the event loop turned a moment ago. May be asked by any thread."""
        return self._pulse.age() < STUCK_SECONDS

    @property
    def database_ok(self) -> bool:
        return not self._refused

    @abstractmethod
    def status(self) -> dict[str, Any]:
        """Asked by the heart's thread."""

    @abstractmethod
    def tasks(self) -> dict[str, Work]:
        """What is done, by name. None ever ends."""

    async def run(self) -> None:
        """Until cancelled. A task that ends is a fault of ours, and ends the process."""
        # anyio cancels until it is done: asyncio.wait_for of Python 3.11, by which aiomqtt waits for answers, swallows
        # a cancellation that comes with its result, and asyncio's own group cancels once.
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._beat)
            for name, work in {"listen": self._listen, **self.tasks()}.items():
                tasks.start_soon(self.with_database, name, work)
            await self.beside()

    async def beside(self) -> None:
        """What else is done, without a connection of its own."""
        await anyio.sleep_forever()

    async def with_database(self, name: str, work: Work) -> None:
        """Runs `work` on a connection of its own; begins again, without end, when the database refuses something.

        Whatever it refuses: away, read-only, full or not migrated yet, it is worth another try, and no reason to take
        the other tasks down.
        """
        try:
            while True:
                try:
                    async with await AsyncConnection.connect(
                        self.settings.database_url, autocommit=True, connect_timeout=5
                    ) as connection:
                        await connection.execute(LET_GO)
                        await connection.execute(GIVE_UP)
                        if self.takes_from_queues:
                            await connection.execute(_BY_INDEX)
                        await work(connection, partial(self._works, name))
                except psycopg.Error as error:
                    self._lost(name, error)
                    await asyncio.sleep(0.5)
        finally:
            self._refused.discard(name)

    async def _beat(self) -> None:
        while True:
            self._pulse.beat()
            await asyncio.sleep(0.5)

    async def _listen(self, connection: Connection, works: Works) -> None:
        for channel in self.wakes:
            await connection.execute(f"LISTEN {channel}")
        works()
        async for hint in connection.notifies():
            self.wakes[hint.channel].set()

    def _works(self, name: str) -> None:
        """The database did what the task wanted: said after that, not after a connection, which a database that is
        read-only or full gives as well."""
        if self._refused:
            self._refused -= {name, "connection"}
            if not self._refused:
                log.info("%s: the database does what we ask", self.kind)

    def _lost(self, name: str, error: psycopg.Error) -> None:
        if self._refused <= {"connection"}:
            log.error("%s: the database refuses us, trying again (%s): %s", self.kind, name, str(error).strip())
        self._refused.add(name)


def run_worker(worker: Worker) -> None:
    """Runs until SIGTERM, or SIGINT where that is not ignored."""
    asyncio.run(until_stopped(worker.kind, worker.settings.database_url, worker.status, worker.run))
