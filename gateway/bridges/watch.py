"""`anhu bridge watch`: 4G watches over TCP in, native v1 to the broker out, and what they wait to hear back.

A watch repeats an alarm until it is answered, so it is answered when the event is in the database: after its receipt,
not at the broker's acknowledgement. What keeps a connection alive is answered at once, whatever the broker does: while
the broker is away watches stay, alarms wait unanswered, and readings queue up to a limit.

The protocol knows no password: whoever reaches the port and names an id speaks for that watch. The port belongs in the
operator's private network (APN), not on the open internet.
"""

import asyncio
import contextlib
import logging
import signal
import socket
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

from gateway.bridges.presence import presence_of
from gateway.bridges.uplink import Uplink, UplinkFullError
from gateway.bridges.watch_connection import Connection, Limits
from gateway.decoders.model import Event
from gateway.decoders.watch_frames import Habits
from services.runtime.settings import Settings

log = logging.getLogger(__name__)

#: Alarms that one connection may have under way. What was not taken is not answered, and a watch repeats it.
MOST_ALARMS = 32
GOODBYE_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Options:
    host: str = "127.0.0.1"
    port: int = 8900
    device_id: str = "watch-{id}"
    habits: Habits = field(default_factory=Habits)
    limits: Limits = field(default_factory=Limits)


@dataclass(slots=True)
class _Alarm:
    """Events on their way, and who is to be answered: the connection on which they came last."""

    connection: Connection
    reply: bytes | None


class Bridge:
    """Takes watches in. `uplink` is made by the caller with `on_command=bridge.command`."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.uplink: Uplink | None = None
        #: the connection that a watch told its id on last: the one that it is spoken to over
        self._connections: dict[str, Connection] = {}
        self._from: Counter[str] = Counter()
        self._refused: set[str] = set()
        self._online: dict[str, bool] = {}
        self._changed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._alarms: dict[tuple[str, ...], _Alarm] = {}
        self._raising: set[asyncio.Task[None]] = set()

    async def serve(self, uplink: Uplink) -> None:
        """Until cancelled; then says of each watch that it is gone."""
        self.uplink = uplink
        options = self.options
        server = await asyncio.start_server(self._meet, options.host, options.port)
        log.info("watches are awaited on %s:%d", *server.sockets[0].getsockname()[:2])
        telling = asyncio.ensure_future(self._tell_status())
        try:
            await telling
        finally:
            server.close()
            for task in [telling, *self._tasks, *self._raising]:
                task.cancel()
            await asyncio.gather(telling, *self._tasks, *self._raising, return_exceptions=True)
            if uplink.connected:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(GOODBYE_SECONDS):
                        await self._tell_changes()

    def command(self, device_id: str, payload: bytes) -> None:
        """A native command, of any device: what is not connected here is somebody else's."""
        connection = self._connections.get(device_id)
        if connection is not None:
            connection.command(payload)

    def enter(self, device_id: str, connection: Connection) -> None:
        """The newest connection of a watch is the one it is spoken to over."""
        self._connections[device_id] = connection
        self._note(device_id, online=True)

    def heard(self, device_id: str, connection: Connection) -> None:
        """An older connection of a watch goes on when the newest has ended."""
        if device_id not in self._connections:
            self.enter(device_id, connection)

    def leave(self, connection: Connection) -> None:
        for device_id in connection.device_ids:
            if self._connections.get(device_id) is connection:
                del self._connections[device_id]
                self._note(device_id, online=False)

    def _note(self, device_id: str, *, online: bool) -> None:
        # Only how it stands now is told: a watch that came and went while the broker was away is gone.
        self._online.pop(device_id, None)
        self._online[device_id] = online
        self._changed.set()

    def alarm(self, connection: Connection, device_id: str, events: tuple[Event, ...], reply: bytes | None) -> None:
        """Takes events on; they go on also when their connection ends. An alarm that comes again while the first one
        waits is answered with it."""
        key = (device_id, *(event.event_id for event in events))
        if (known := self._alarms.get(key)) is not None:
            known.connection, known.reply = connection, reply
            return
        if connection.alarms >= MOST_ALARMS:
            log.warning(
                "%s: %d alarms wait for their receipts, one more is left to be repeated", device_id, MOST_ALARMS
            )
            return
        connection.alarms += 1
        self._alarms[key] = _Alarm(connection, reply)
        task = asyncio.get_running_loop().create_task(self._see_through(key, device_id, events))
        self._raising.add(task)
        task.add_done_callback(self._raising.discard)

    async def _see_through(self, key: tuple[str, ...], device_id: str, events: tuple[Event, ...]) -> None:
        assert self.uplink is not None
        taken_by = self._alarms[key].connection
        try:
            await asyncio.gather(*(self.uplink.event(device_id, event) for event in events))
        except UplinkFullError as error:
            log.error("%s: an alarm is left to be repeated: %s", device_id, error)
        else:
            alarm = self._alarms[key]
            if alarm.reply is not None:
                alarm.connection.send(alarm.reply)
        finally:
            taken_by.alarms -= 1
            del self._alarms[key]

    async def _tell_status(self) -> None:
        while True:
            await self._changed.wait()
            await self._tell_changes()
            self._changed.clear()

    async def _tell_changes(self) -> None:
        assert self.uplink is not None
        while self._online:
            device_id, online = next(iter(self._online.items()))
            await self.uplink.status(device_id, online, datetime.now(UTC))
            if self._online.get(device_id) is online:
                del self._online[device_id]

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        address = str((writer.get_extra_info("peername") or ("?",))[0])
        limits = self.options.limits
        task = asyncio.current_task()
        assert self.uplink is not None
        if task is None or self._from[address] >= limits.per_address or len(self._tasks) >= limits.connections:
            if address not in self._refused:  # once: whoever tries on and on does not fill the log
                log.warning("connections from %s are refused: there are %d already", address, len(self._tasks))
            self._refused.add(address)
            writer.transport.abort()
            return
        self._tasks.add(task)
        self._from[address] += 1
        try:
            await Connection(self, self.uplink, self.options, reader, writer, address).run()
        except OSError as error:
            log.debug("%s: %s", address, error)
        except asyncio.CancelledError:
            pass  # the bridge ends; asyncio.streams would log it
        finally:
            self._tasks.discard(task)
            self._from[address] -= 1
            self._refused.clear()
            if not self._from[address]:
                del self._from[address]


def run(settings: Settings, options: Options) -> None:
    """Runs until SIGTERM or SIGINT."""

    async def main() -> None:
        bridge = Bridge(options)
        presence = presence_of("watch", socket.gethostname(), options.port, settings.bridge_name)
        uplink = Uplink(settings, "watch", on_command=bridge.command, presence=presence)
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, ended.set)
        linking = asyncio.ensure_future(uplink.run())
        serving = asyncio.ensure_future(bridge.serve(uplink))
        waiting = asyncio.ensure_future(ended.wait())
        done, _ = await asyncio.wait({linking, serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        serving.cancel()  # first: it has goodbyes to say
        await asyncio.gather(serving, return_exceptions=True)
        await uplink.leave()
        linking.cancel()
        await asyncio.gather(linking, return_exceptions=True)
        for task in done - {waiting}:
            task.result()

    try:
        asyncio.run(main())
    except OSError as error:
        raise SystemExit(f"anhu bridge watch: cannot listen on {options.host}:{options.port}: {error}") from None
    log.info("bridge stopped")
