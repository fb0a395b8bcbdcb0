"""aiomqtt's client, with some loose ends tied for a device that connects again and again for days."""

import asyncio
import contextlib
import socket
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self

import aiomqtt
import paho.mqtt.client as paho
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode


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

    async def unless_broken(self, *works: Coroutine[Any, Any, Any]) -> None:
        """Do them together until the first is done. Raises what it raised; MqttError when disconnected."""
        tasks = [asyncio.ensure_future(work) for work in works]
        try:
            done, _ = await asyncio.wait((*tasks, self._disconnected), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if self._disconnected in done:
            raise aiomqtt.MqttError("the connection broke") from self._disconnected.exception()
        for ended in done:
            ended.result()

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


async def wait_any(*events: asyncio.Event, seconds: float | None) -> None:
    """Until one of them is set, at most so many seconds."""
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
