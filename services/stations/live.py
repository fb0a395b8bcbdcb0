"""The live WebSocket: carries a Session's frames over a real socket."""

import asyncio
import contextlib
import json
import logging
import time
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import psycopg_pool
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from alerts.domain.alert import Actor
from alerts.see import see_alert
from services.registry.reach import Caller
from services.registry.sign_in import caller_of, still_alive
from services.runtime.settings import Settings
from services.stations import feed
from services.stations.hub import Hub
from services.stations.presence import Presence
from services.stations.problems import Problem
from services.stations.session import Action, Close, Judge, MarkSeen, Phase, Session
from services.storage.pool import Pool

log = logging.getLogger(__name__)

TICK_SECONDS = 1.0
#: A close frame waits behind what a slow screen has not read yet, so that it learns of its 4408 when it reads again.
#: The screen has left the hub by then and costs its buffers; the kernel cuts it off after 45 s (services.api.process).
CLOSE_SECONDS = 45.0


class LiveStations:
    """All live screens of this process."""

    def __init__(self, settings: Settings, pool: Pool, hub: Hub) -> None:
        self._settings, self._pool, self._hub = settings, pool, hub
        self._screens: set[_Screen] = set()
        self.presence = Presence(pool)
        self.problems: list[Problem] = []

    async def serve(self, socket: WebSocket, organization_id: str) -> None:
        """From accept to close. A socket is accepted first, then judged."""
        await socket.accept()
        screen = _Screen(self._settings, self._pool, self._hub, self.presence, socket, organization_id)
        self._screens.add(screen)
        try:
            await screen.run(self)
        finally:
            self._screens.discard(screen)

    async def watch_sessions(self) -> None:
        """Closes the streams of sessions that ended. Until cancelled."""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._hub.sessions_ended.wait(), 5.0)
            self._hub.sessions_ended.clear()
            screens = [screen for screen in self._screens if screen.caller is not None]
            if not screens:
                continue
            try:
                async with self._pool.connection() as connection:
                    ids = list({screen.caller.session_id for screen in screens if screen.caller})
                    alive = await still_alive(connection, ids)
            except (psycopg.Error, psycopg_pool.PoolTimeout):
                continue  # unknown is not ended
            for screen in screens:
                if screen.caller and screen.caller.session_id not in alive:
                    await screen.sign_out()


class _Screen:
    def __init__(
        self,
        settings: Settings,
        pool: Pool,
        hub: Hub,
        presence: Presence,
        socket: WebSocket,
        organization_id: str,
    ) -> None:
        self._settings, self._pool, self._hub, self._socket = settings, pool, hub, socket
        self._presence = presence
        self._present: UUID | None = None
        self._organization_id = _uuid(organization_id)
        self._session = Session(time.monotonic())
        self._changed = asyncio.Event()
        self._closing: Close | None = None
        self.caller: Caller | None = None

    async def run(self, stations: LiveStations) -> None:
        reader = asyncio.create_task(self._read())
        writer = asyncio.create_task(self._write())
        ticker = asyncio.create_task(self._tick(stations))
        tasks = {reader, writer, ticker}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                error = task.exception()
                if error is not None and not isinstance(error, WebSocketDisconnect):
                    log.error("a live screen failed", exc_info=error)
        finally:
            if self._organization_id is not None:
                self._hub.leave(self._organization_id, self._on_change)
                self._hub.end_probe(self._organization_id, self._on_probe)
            if self._present is not None:
                self._presence.closed(self._present)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._close()

    async def sign_out(self) -> None:
        await self._do(self._session.signed_out())

    async def _read(self) -> None:
        while self._closing is None:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            text = message.get("text")
            if text is None:
                text = (message.get("bytes") or b"").decode("utf-8", "replace")
            await self._do(self._session.receive(text, time.monotonic()))

    async def _write(self) -> None:
        while self._closing is None:
            frame = self._session.next_frame(time.monotonic())
            if frame is None:
                self._changed.clear()
                await self._changed.wait()
                continue
            await self._socket.send_text(json.dumps(frame, ensure_ascii=False))
            self._session.sent()

    async def _tick(self, stations: LiveStations) -> None:
        while self._closing is None:
            await asyncio.sleep(TICK_SECONDS)
            now = time.monotonic()
            await self._do(self._session.tick(now))
            if self._organization_id is not None and not self._session.probing:
                self._session.check_presence(self._presence.check_of(self._organization_id), now)
            if self._session.heartbeat_due(now):
                problems = [
                    {"code": one.code, "message": one.message}
                    for one in stations.problems
                    if one.organization_id in (None, self._organization_id)
                ]
                self._session.heartbeat(datetime.now(UTC).isoformat(timespec="milliseconds"), problems)
            self._changed.set()

    def _on_change(self, seq: int, alert: dict[str, Any]) -> None:
        for action in self._session.changed(seq, alert):
            if isinstance(action, Close):
                self._closing = action
        self._changed.set()

    def _on_probe(self, probe: str) -> None:
        self._session.probed(probe)
        self._changed.set()

    async def _do(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case Judge(token, after, probing):
                    await self._judge(token, after, probing)
                case MarkSeen(alert_id):
                    await self._seen(alert_id)
                case Close():
                    self._closing = action
        self._changed.set()

    async def _judge(self, token: str, after: int, probing: bool) -> None:
        while True:
            try:
                async with self._pool.connection() as connection:
                    caller = await caller_of(connection, self._settings, token)
                    organization_id = self._organization_id
                    staff = caller is not None and (caller.is_prober if probing else caller.may_watch)
                    if caller is None or not staff or organization_id is None:
                        await self._do(self._session.refused(known=caller is not None))
                        return
                    if not await feed.reaches(connection, caller.organizations, organization_id):
                        await self._do(self._session.refused(known=True))
                        return
                    self.caller = caller
                    # Joined before the look: what changes in between comes twice and is passed over once.
                    self._hub.join(organization_id, self._on_change, await feed.heads(connection, organization_id))
                    if probing:
                        self._hub.probe(organization_id, self._on_probe)
                    start = await feed.start(connection, organization_id, after)
                break
            except (psycopg.OperationalError, psycopg_pool.PoolTimeout):
                await asyncio.sleep(0.5)  # the tick closes a session that waits too long
        self._session.admitted(seq=start.seq, open_alerts=start.open_alerts, missed=start.missed, now=time.monotonic())
        if self._session.phase is Phase.LIVE and not probing:
            self._present = self._presence.opened(organization_id, caller.account_id, self._session)
            self._hub.wake()

    async def _seen(self, alert_id: UUID) -> None:
        caller, organization_id = self.caller, self._organization_id
        if caller is None or organization_id is None:
            return
        try:
            async with self._pool.connection() as connection:
                if await feed.is_routed(connection, alert_id, organization_id):
                    address = self._socket.client.host if self._socket.client else None
                    await see_alert(connection, alert_id, Actor(caller.account_id, caller.name, address))
        except (psycopg.Error, psycopg_pool.PoolTimeout):
            log.warning("seen could not be saved: the database is away; the screen says it again when it returns")

    async def _close(self) -> None:
        closing = self._closing
        if closing is None or self._socket.application_state is not WebSocketState.CONNECTED:
            return
        with contextlib.suppress(RuntimeError, TimeoutError, WebSocketDisconnect):
            await asyncio.wait_for(self._socket.close(closing.code, closing.reason), CLOSE_SECONDS)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
