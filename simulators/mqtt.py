"""aiomqtt's client, with some loose ends tied for a device that connects again and again for days."""

import asyncio
import contextlib
import socket
from collections.abc import Collection, Coroutine
from types import TracebackType
from typing import Any, Self

import aiomqtt
import paho.mqtt.client as paho
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

# How often a connection looks after its keepalive, of a minute. aiomqtt does it each second: 1,000 idle
# devices then take 5.6 % of a core, and 3.4 % like this.
UPKEEP_SECONDS = 5.0


class Client(aiomqtt.Client):
    """One connection, to be used once.

    aiomqtt 2.5 leaves the socket of an attempt that was never answered open until its keepalive ends, and an
    unasked-for disconnection as a "Future exception was never retrieved" in the log. When a connection breaks
    it still waits out the answer to CONNECT, SUBSCRIBE or PUBLISH: for a press that is ten seconds lost.
    """

    _attempting = False

    async def __aenter__(self) -> Self:
        self._attempting = True
        try:
            return await super().__aenter__()
        except BaseException:
            self.cut()
            raise
        finally:
            self._attempting = False

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        try:
            await super().__aexit__(exc_type, exc, tb)
        finally:
            if self._disconnected.done() and not self._disconnected.cancelled():
                self._disconnected.exception()

    async def _misc_loop(self) -> None:
        while self._client.loop_misc() == paho.MQTT_ERR_SUCCESS:  # noqa: ASYNC110
            await asyncio.sleep(UPKEEP_SECONDS)

    def _on_socket_register_write(self, client: paho.Client, userdata: Any, sock: Any) -> None:
        # aiomqtt lets the loop watch the socket a moment later, whatever became of it by then: one that was
        # closed meanwhile is an error in the loop, or is already another device's.
        self._loop.call_soon_threadsafe(self._watch_for_writing, client, sock)

    def _watch_for_writing(self, client: paho.Client, sock: Any) -> None:
        if client.socket() == sock:
            self._loop.add_writer(sock.fileno(), self._write, client)

    def _write(self, client: paho.Client) -> None:
        try:
            client.loop_write()
        except OSError as error:
            if not self._disconnected.done():
                self._disconnected.set_exception(error)

    def _on_disconnect(
        self,
        client: paho.Client,
        userdata: Any,
        flags: paho.DisconnectFlags,
        reason_code: ReasonCode,
        properties: Properties | None = None,
    ) -> None:
        if self._attempting and not self._connected.done():
            broken = aiomqtt.MqttError(f"the broker broke off before it answered: {reason_code}")
            self._connected.set_exception(broken)
        super()._on_disconnect(client, userdata, flags, reason_code, properties)

    async def unless_broken(
        self, *works: Coroutine[Any, Any, None], beside: Coroutine[Any, Any, None] | None = None
    ) -> None:
        """Do all the works together; what is `beside` them goes on as long.

        Raises what the first of any of them raised, or MqttError when disconnected, and ends the others.
        """
        unfinished = {asyncio.ensure_future(work) for work in works}
        tasks = {*unfinished, *([] if beside is None else [asyncio.ensure_future(beside)])}
        waiting: set[asyncio.Future[None]] = {*tasks, self._disconnected}
        try:
            while unfinished:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                if self._disconnected in done:
                    raise aiomqtt.MqttError("the connection broke") from self._disconnected.exception()
                for ended in done:
                    ended.result()
                unfinished -= done
        finally:
            await _end(tasks)

    def cut(self) -> None:
        """Break off without a goodbye, as a device does that loses its network: the will speaks."""
        connection = self._client.socket()
        if isinstance(connection, socket.socket):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class RefusedError(Exception):
    """The broker does not let this device do what every device may."""


async def subscribe(client: Client, topic: str) -> None:
    """At QoS 1. Raises RefusedError, which aiomqtt would not say."""
    granted = await client.subscribe(topic, qos=1)
    for code in granted:
        if (code if isinstance(code, int) else code.value) >= 128:
            raise RefusedError(f"the broker does not let this device subscribe to {topic}")


async def _end(tasks: Collection[asyncio.Task[None]]) -> None:
    """Cancel them until they are done.

    Once is not enough: before Python 3.12 `asyncio.wait_for`, by which aiomqtt waits for answers, swallows
    a cancellation that comes together with the answer.
    """
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=0.1)
    await asyncio.gather(*tasks, return_exceptions=True)


async def wait_any(*events: asyncio.Event, seconds: float | None) -> None:
    """Until one of them is set, at most so many seconds."""
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
