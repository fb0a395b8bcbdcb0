"""The connection that telemetry comes by: as `gateway.mqtt.Inlet`, by a client library that reads three times as fast.

gmqtt parses what a read from the socket brought in one go; paho reads each packet in three parts, and at 12,000
messages a second that was most of what a gateway did (ADR 11). A press does not come by here: its connection is paho's.
"""

import asyncio
import contextlib
import logging
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlsplit

import gmqtt
import uvloop
from gmqtt.mqtt.constants import MQTTCommands, MQTTv311
from gmqtt.mqtt.package import CommandWithMidPacket

from gateway.message import NOT_UTF8, Message
from gateway.mqtt import broker_address
from services.runtime.settings import Settings

log = logging.getLogger(__name__)

#: gmqtt gives a silent connection up after twice as long.
KEEPALIVE_SECONDS = 8
CONNECT_SECONDS = 10.0
RECONNECT_SECONDS = 1.0
GOODBYE_SECONDS = 1.0
#: What comes within so long is handed over together: what is done once for each hand-over is then done for many.
GATHER_SECONDS = 0.005
#: gmqtt's own attempts to connect again: none. Each connection is a client of its own here, so that an acknowledgement
#: can never go to another connection than its message came by.
_NO_RECONNECT = {"reconnect_retries": -2, "reconnect_delay": 1}

logging.getLogger("gmqtt").setLevel(logging.CRITICAL)


class _Silent:
    """gmqtt says of each message what it is: not even asked whether anybody listens. What matters is told here."""

    def debug(self, *_: object, **__: object) -> None: ...

    info = warning = error = critical = exception = debug


class _Connection(gmqtt.Client):  # type: ignore[misc]  # gmqtt has no types
    """gmqtt's client that acknowledges when it is told to.

    gmqtt acknowledges after its callback has returned, or never, and does not tell the callback the packet id. The one
    method of its handler that has both is replaced; gmqtt is pinned below its next minor version for that. And it
    writes each packet to the socket by itself: acknowledgements of a batch go as one piece.
    """

    def __init__(self, client_id: str, take: Callable[[int, bytes, str | bytes, dict[str, Any]], None]) -> None:
        super().__init__(client_id, clean_session=False, optimistic_acknowledgement=False, logger=_Silent())
        self.set_config(_NO_RECONNECT)
        self._package_handler._handle_qos_1_publish_packet = take

    def acknowledge(self, packet_ids: Iterable[int]) -> None:
        build = CommandWithMidPacket.build_package
        if not self._connection.is_closing():
            self._connection.send_package(
                b"".join([build(MQTTCommands.PUBACK, one, False, proto_ver=MQTTv311) for one in packet_ids])
            )


class Stream(threading.Thread):
    """A connection under a fixed client id, with its subscriptions; tries for ever until it is told to leave.

    `deliver` is called from this thread, with what came within some milliseconds, in the broker's order.
    """

    def __init__(
        self, settings: Settings, client_id: str, filters: Sequence[str], deliver: Callable[[list[Message]], None]
    ) -> None:
        super().__init__(name=client_id.rpartition("-")[2], daemon=True)
        self._settings = settings
        self._client_id = client_id
        self._filters = filters
        self._deliver = deliver
        self._loop: asyncio.AbstractEventLoop | None = None
        self._leaving: asyncio.Event | None = None
        self._connection: _Connection | None = None
        self._came: list[Message] = []
        self._now = datetime.now(UTC)
        self._stored: deque[Sequence[Message]] = deque()
        self._stopping = False
        self._told_lost = False
        self._death: BaseException | None = None
        self._epoch = 0
        self.connected = False
        self.received = 0
        self.connections = 0
        self.cpu_seconds = 0.0
        url = urlsplit(settings.mqtt_url)
        self._host, self._port = broker_address(settings)
        self._username, self._password = unquote(url.username or ""), unquote(url.password or "")
        self._tls = ssl.create_default_context(cafile=settings.mqtt_ca_file) if url.scheme == "mqtts" else False

    # From other threads ---------------------------------------------------------------------------

    def leave(self) -> None:
        """Says goodbye and connects no more; the broker keeps the session, and what was not acknowledged."""
        self._stopping = True
        if self._leaving is not None:
            self._tell_loop(self._leaving.set)

    def stop(self) -> None:
        self.leave()
        self.join(timeout=CONNECT_SECONDS + 5)

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Tells the broker that the messages are stored. One of an earlier connection is left alone: the broker sends
        it again, and storing it again is harmless."""
        self._stored.append(messages)
        self._tell_loop(self._acknowledge_stored)

    def _tell_loop(self, call: Callable[[], object]) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended, and the connection with it
                self._loop.call_soon_threadsafe(call)

    # In this thread -------------------------------------------------------------------------------

    def run(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            self._loop = runner.get_loop()
            self._loop.set_exception_handler(self._die)
            runner.run(self._connect_for_ever())
        if self._death is not None:
            raise self._death  # ends the gateway, to be started again: alive it would hear nothing

    def _die(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What a callback of ours raised is no accident of the network."""
        if "handle" not in context:
            log.warning("the connection to the broker: %s", context["message"], exc_info=context.get("exception"))
            return
        self._death = context.get("exception") or RuntimeError(context["message"])
        self.leave()

    async def _connect_for_ever(self) -> None:
        self._leaving = asyncio.Event()
        while not self._stopping:
            try:
                await self._converse()
            except gmqtt.MQTTConnectError as error:
                log.error("the broker refuses us: %s; check the account in ANHU_MQTT_URL", error)
            except (OSError, TimeoutError):
                self._tell_lost("it cannot be reached")
            finally:
                self.connected = False
            if not self._stopping:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._leaving.wait(), RECONNECT_SECONDS)

    async def _converse(self) -> None:
        """One connection, from its beginning to its end."""
        assert self._leaving is not None
        self._epoch += 1
        ended = asyncio.Event()
        connection = _Connection(self._client_id, self._take)
        connection.on_message = self._take_unacknowledged
        connection.on_disconnect = lambda *_: ended.set()
        connection.on_subscribe = self._on_subscribe
        if self._username:
            connection.set_auth_credentials(self._username, self._password)
        leaving = asyncio.create_task(self._leaving.wait())
        lost = asyncio.create_task(ended.wait())
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await connection.connect(
                    self._host, self._port, ssl=self._tls, keepalive=KEEPALIVE_SECONDS, version=MQTTv311
                )
            self._connection = connection
            self._told_lost = False
            self.connections += 1
            log.info("connected to the broker at %s:%d", self._host, self._port)
            connection.subscribe([gmqtt.Subscription(name, qos=1) for name in self._filters])
            await asyncio.wait((leaving, lost), return_when=asyncio.FIRST_COMPLETED)
            if lost.done() and not self._stopping:
                self._tell_lost("it was lost")
        finally:
            self._connection = None
            self._epoch += 1
            leaving.cancel()
            lost.cancel()
            # There may be no connection to say goodbye by, or a silent one.
            with contextlib.suppress(Exception):
                async with asyncio.timeout(GOODBYE_SECONDS):
                    await connection.disconnect()

    def _hand_over(self) -> None:
        came, self._came = self._came, []
        self.received += len(came)
        self._deliver(came)
        self.cpu_seconds = time.thread_time()

    def _take(self, packet_id: int, payload: bytes, topic: str | bytes, properties: dict[str, Any]) -> None:
        # gmqtt swallows what is raised here: nothing is done that could raise.
        if not self._came and self._loop is not None:
            self._now = datetime.now(UTC)  # of all that is handed over together
            self._loop.call_later(GATHER_SECONDS, self._hand_over)
        self._came.append(
            Message(
                topic if isinstance(topic, str) else NOT_UTF8,
                payload,
                self._now,
                self,
                packet_id,
                self._epoch,
            )
        )

    def _take_unacknowledged(
        self, _client: gmqtt.Client, topic: str, payload: bytes, _qos: int, properties: dict[str, Any]
    ) -> int:
        """QoS 0 has no packet id."""
        self._take(0, payload, topic, properties)
        return 0

    def _acknowledge_stored(self) -> None:
        ours: list[int] = []
        while self._stored:
            stored = self._stored.popleft()
            ours += [one.packet_id for one in stored if one.packet_id and one.epoch == self._epoch]
        if ours and self._connection is not None:
            self._connection.acknowledge(ours)

    def _on_subscribe(self, _client: gmqtt.Client, _mid: int, codes: Sequence[int], _properties: object) -> None:
        refused = [name for name, code in zip(self._filters, codes, strict=False) if code >= 0x80]
        if refused:
            log.error("the broker refuses the subscriptions %s; check the gateway account's rights", refused)
        self.connected = not refused

    def _tell_lost(self, why: str) -> None:
        if not self._told_lost:
            log.error("no connection to the broker at %s:%d (%s), trying again", self._host, self._port, why)
        self._told_lost = True
