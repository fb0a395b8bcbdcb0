"""Hands each change of the feed to the sessions of its organisation.

One reader a process: it is woken by NOTIFY, looks each second anyway, and asks the database once for all
organisations that have a screen here. A session takes a frame into its own queue and never makes another wait.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import psycopg
from psycopg import AsyncConnection

from services.stations import feed
from services.storage.pool import Connection

log = logging.getLogger(__name__)

SWEEP_SECONDS = 1.0

#: Called in the event loop with (seq, alert); must not block.
Listener = Callable[[int, dict[str, Any]], None]
#: Called so with the last synthetic press of its organisation, at each look.
Prober = Callable[[str], None]


class Hub:
    def __init__(self, database_url: str) -> None:
        self._url = database_url
        self._listeners: dict[UUID, set[Listener]] = {}
        self._have: dict[UUID, int] = {}
        self._probers: dict[UUID, set[Prober]] = {}
        self._wake = asyncio.Event()
        self.sessions_ended = asyncio.Event()
        #: of "listen" and "read", what does not work now; both until they do
        self._failing = {"listen", "read"}
        self._told = False

    @property
    def connected(self) -> bool:
        """Whether changes reach this process."""
        return not self._failing

    def sessions(self) -> int:
        probers = sum(len(probers) for probers in self._probers.values())
        return sum(len(listeners) for listeners in self._listeners.values()) - probers

    def join(self, organization_id: UUID, listener: Listener, seq: int) -> None:
        """From now on the listener gets every change after `seq` (it may get older ones, and passes them over)."""
        self._listeners.setdefault(organization_id, set()).add(listener)
        self._have[organization_id] = min(seq, self._have.get(organization_id, seq))
        self._wake.set()

    def probe(self, organization_id: UUID, prober: Prober) -> None:
        """Beside `join`: from now on the prober gets what the reader finds of synthetic presses. It is no session."""
        self._probers.setdefault(organization_id, set()).add(prober)

    def end_probe(self, organization_id: UUID, prober: Prober) -> None:
        probers = self._probers.get(organization_id, set())
        probers.discard(prober)
        if not probers:
            self._probers.pop(organization_id, None)

    def wake(self) -> None:
        """A session can take frames from now on."""
        self._wake.set()

    def leave(self, organization_id: UUID, listener: Listener) -> None:
        listeners = self._listeners.get(organization_id, set())
        listeners.discard(listener)
        if not listeners:
            self._listeners.pop(organization_id, None)
            self._have.pop(organization_id, None)

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._with_database("listen", self._listen))
            tasks.create_task(self._with_database("read", self._read))

    async def _with_database(self, name: str, work: Callable[[Connection], Awaitable[None]]) -> None:
        """Begins again whatever happens: without this task the screens would stand still and look well."""
        while True:
            try:
                async with await AsyncConnection.connect(self._url, autocommit=True, connect_timeout=5) as connection:
                    await work(connection)
            except psycopg.Error as error:
                if self._fails(name):
                    log.error("live: the database is away, trying again: %s", str(error).strip())
            except Exception as error:
                if self._fails(name):
                    log.error("live: a change cannot be shown, trying again", exc_info=error)
            await asyncio.sleep(0.5)

    def _fails(self, name: str) -> bool:
        """Whether it is to be told: once, until all works again."""
        self._failing.add(name)
        told, self._told = self._told, True
        return not told

    def _works(self, name: str) -> None:
        """Said after the work, not after a connection: told once each way."""
        if self._failing:
            self._failing.discard(name)
            if not self._failing:
                log.info("live: changes come from the database")
                self._told = False

    async def _listen(self, connection: Connection) -> None:
        await connection.execute("LISTEN anhu_feed")
        await connection.execute("LISTEN anhu_sessions")
        self._works("listen")
        self.sessions_ended.set()  # whoever signed out meanwhile is looked for
        async for hint in connection.notifies():
            (self.sessions_ended if hint.channel == "anhu_sessions" else self._wake).set()

    async def _read(self, connection: Connection) -> None:
        while True:
            changes = await feed.news(connection, dict(self._have)) if self._have else []
            for organization_id, seq, alert in changes:
                if organization_id in self._have:
                    self._have[organization_id] = max(seq, self._have[organization_id])
                for listener in list(self._listeners.get(organization_id, ())):
                    listener(seq, alert)
            if self._probers:
                for organization_id, probe in await feed.probes(connection, list(self._probers)):
                    for prober in list(self._probers.get(organization_id, ())):
                        prober(probe)
            self._works("read")
            if changes:
                await asyncio.sleep(0)  # the sessions send while more is read
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), SWEEP_SECONDS)
            self._wake.clear()
