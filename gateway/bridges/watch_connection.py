"""One TCP connection of a watch: bytes in and out, what waits for the broker, and what ends it."""

import asyncio
import contextlib
import logging
import socket
import time
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol, assert_never

from gateway.bridges.native_json import device_id as named
from gateway.bridges.uplink import Uplink
from gateway.bridges.watch_session import Act, Asked, Close, NotUnderstood, Outcome, Said, Session, SignedIn
from gateway.decoders.model import Event
from gateway.decoders.watch_frames import MAX_FRAME_BYTES, Answer, Habits
from gateway.topics import Leaf

log = logging.getLogger(__name__)

#: Readings and results of one connection that wait for the broker. What was not taken is not answered.
MOST_WAITING = 64
#: Bytes that a watch does not take off our hands.
MOST_UNSENT = 64 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    max_frame: int = MAX_FRAME_BYTES
    #: LK comes every five to eight minutes
    idle_seconds: float = 1200.0
    #: whoever has not said by then who it is, is no watch
    sign_in_seconds: float = 120.0
    #: a frame that takes longer is read as far as it came
    slow_seconds: float = 30.0
    #: silence that ends a frame whose brackets do not balance
    quiet_seconds: float = 2.0
    #: a carrier may put thousands of watches behind one address
    per_address: int = 5000
    connections: int = 20_000
    #: how long a watch has to confirm a command
    command_seconds: float = 60.0


class Settings(Protocol):
    """What a connection is told of the bridge's options."""

    @property
    def device_id(self) -> str: ...
    @property
    def habits(self) -> Habits: ...
    @property
    def limits(self) -> Limits: ...


class Bridge(Protocol):
    """What the bridge does for its connections."""

    def enter(self, device_id: str, connection: "Connection") -> None: ...
    def heard(self, device_id: str, connection: "Connection") -> None: ...
    def leave(self, connection: "Connection") -> None: ...
    def alarm(
        self, connection: "Connection", device_id: str, events: tuple[Event, ...], reply: bytes | None
    ) -> None: ...


class Connection:
    def __init__(
        self,
        bridge: Bridge,
        uplink: Uplink,
        settings: Settings,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        address: str,
    ) -> None:
        #: every watch that spoke here
        self.device_ids: set[str] = set()
        self._bridge, self._uplink, self._template = bridge, uplink, settings.device_id
        self._reader, self._writer, self._address = reader, writer, address
        self._limits = settings.limits
        self._session = Session(settings.habits, self._limits.max_frame)
        #: how many of its alarms wait for a receipt
        self.alarms = 0
        self._queue: asyncio.Queue[Coroutine[Any, Any, None]] = asyncio.Queue(MOST_WAITING)
        self._told_full = False
        self._why: str | None = None

    async def run(self) -> None:
        """Until the watch leaves, is silent too long, or does what no watch does."""
        with contextlib.suppress(OSError):
            self._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        working, listening = asyncio.ensure_future(self._work()), asyncio.ensure_future(self._listen())
        try:
            await asyncio.wait({working, listening}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                working.result()  # raises: it has no end of its own
            with contextlib.suppress(OSError):  # however it ended
                listening.result()
            # What was cut off with the connection may have been an alarm.
            self._act(self._session.end_frame(datetime.now(UTC)))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._limits.slow_seconds):
                    await self._queue.join()
        finally:
            if self._why is not None:
                log.warning("the connection of %s is closed: %s", self._address, self._why)
            self._bridge.leave(self)
            for task in (working, listening):
                task.cancel()
            await asyncio.gather(working, listening, return_exceptions=True)
            while not self._queue.empty():
                self._queue.get_nowait().close()
            self._writer.close()
            with contextlib.suppress(OSError):
                await self._writer.wait_closed()

    def command(self, payload: bytes) -> None:
        frames, asked = self._session.command(payload)
        for frame in frames:
            self.send(frame)
        if isinstance(asked, Asked):
            asyncio.get_running_loop().call_later(self._limits.command_seconds, self._give_up, asked)
        elif asked is not None:
            self._act([asked])

    def _give_up(self, asked: Asked) -> None:
        outcome = self._session.give_up(asked)
        if outcome is not None and not self._writer.is_closing():
            self._act([outcome])

    async def _listen(self) -> None:
        limits, session = self._limits, self._session
        entered = begun = time.monotonic()
        frames = -1  # how many there were when the half one began
        while self._why is None:
            now = time.monotonic()
            if not session.half or session.frames != frames:
                begun, frames = now, session.frames
            due = now + limits.idle_seconds
            if session.half:
                due = min(due, begun + limits.slow_seconds)
                due = min(due, now + limits.quiet_seconds) if session.looks_whole else due
            if session.hardware_id is None:
                due = min(due, entered + limits.sign_in_seconds)
            try:
                data = await asyncio.wait_for(self._reader.read(4096), max(0.0, due - now))
            except TimeoutError:
                if session.half:
                    self._act(session.end_frame(datetime.now(UTC)))
                else:
                    self._why = "it is silent" if session.hardware_id else "it does not say who it is"
                continue
            if not data:
                return
            self._act(session.receive(data, datetime.now(UTC)))

    def _act(self, acts: Iterable[Act]) -> None:
        for act in acts:
            match act:
                case SignedIn():
                    device_id = self._named(act.hardware_id)
                    self.device_ids.add(device_id)
                    self._bridge.enter(device_id, self)
                case Said():
                    self._take(act)
                case NotUnderstood():
                    self._put(self._uplink.raw(self._named(act.hardware_id), Leaf.READINGS, act.data))
                case Outcome():
                    device_id = self._named(act.hardware_id)
                    self._put(self._uplink.result(device_id, act.command, act.status, datetime.now(UTC)))
                case Close():
                    self._why = act.why
                case _:
                    assert_never(act)

    def _take(self, said: Said) -> None:
        device_id = self._named(said.hardware_id)
        events, readings = said.decoded.events, said.decoded.readings
        if device_id in self.device_ids:
            self._bridge.heard(device_id, self)
        at_once = said.answer is Answer.AT_ONCE
        if at_once and said.reply is not None:
            self.send(said.reply)
        reply = None if at_once else said.reply
        if events:
            self._bridge.alarm(self, device_id, events, reply)
        if readings:
            self._put(self._report(device_id, said, None if events else reply))
        elif reply is not None and not events:
            self.send(reply)

    async def _report(self, device_id: str, said: Said, reply: bytes | None) -> None:
        await self._uplink.readings(device_id, said.decoded.readings)
        if reply is not None:
            self.send(reply)

    def _put(self, work: Coroutine[Any, Any, None]) -> None:
        """Queues what waits for the broker. Beyond the limit it is not taken, and so not answered."""
        try:
            self._queue.put_nowait(work)
            self._told_full = False
        except asyncio.QueueFull:
            work.close()
            if not self._told_full:
                log.warning("%s: the broker is too slow or away, readings of a watch are not taken", self._address)
            self._told_full = True

    async def _work(self) -> None:
        while True:
            work = await self._queue.get()
            try:
                await work
            finally:
                self._queue.task_done()

    def send(self, data: bytes) -> None:
        if self._writer.is_closing():
            return
        self._writer.write(data)
        if self._writer.transport.get_write_buffer_size() > MOST_UNSENT:
            self._why = "it takes no answers"
            self._writer.transport.abort()

    def _named(self, hardware_id: str) -> str:
        return named(self._template, hardware_id)
