"""A bridge's way to the broker: it speaks native v1 for devices that cannot, and waits for their receipts.

A bridge keeps no record of its own, so it must not say "received" to a device before the event is in the database:
`Uplink.event` returns at the receipt, and repeats until then as a device would. Several bridges may run: each hears
all receipts, and passes over those it does not wait for.
"""

import asyncio
import contextlib
import json
import logging
import secrets
import socket
import ssl
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote, urlsplit

import aiomqtt

from gateway.bridges.native_json import event_json, event_ts, readings_json, result_json, status_json
from gateway.bridges.presence import BEAT_SECONDS, Presence, State
from gateway.decoders.model import URGENT, Event, Reading
from gateway.topics import PREFIX, Leaf
from services.runtime.settings import Settings

log = logging.getLogger(__name__)

#: A receipt of one of these ends the repeats: `stored`, all that comes later, and `rejected` (contract).
SETTLED = frozenset(
    {"stored", "raised", "seen", "acknowledged", "dispatched", "arrived", "resolved", "cancelled", "rejected"}
)
#: Events that may wait for their receipt at a time; half of them for emergencies alone. Some 2 KB each.
MOST_WAITING = 20_000
#: Publishes under way at a time, for events and for the rest apart: an SOS waits behind no reading.
MOST_AT_ONCE = 100
#: A broker that does not acknowledge for so long is left, and connected to again.
ANSWER_SECONDS = 10.0
RECONNECT_SECONDS = 1.0
GOODBYE_SECONDS = 3.0
#: What a device sent that nobody understands is kept, but not without end.
MOST_RAW_BYTES = 64 * 1024

Command = Callable[[str, bytes], None]


class UplinkFullError(Exception):
    """Too many events wait for their receipts: this one was not taken, and its device must not be told it was."""


@dataclass(slots=True)
class _Waiting:
    #: what tells a repeat from another event under the same name: its type and time
    what: tuple[str, str | None]
    stage: asyncio.Future[str]


@dataclass(frozen=True, slots=True)
class _Link:
    """One connection to the broker; `lost` is done when it is no more."""

    client: aiomqtt.Client
    lost: asyncio.Future[None]


class Uplink:
    """Carries what bridged devices say to the broker of ANHU_MQTT_URL, and what they are told back.

    `run` keeps the connection and must be running for anything to get through. `on_command` is called with the
    device_id and payload of each `down/commands`, of any device. Nothing here raises because the broker is away:
    calls wait until it is back, and may be cancelled.
    """

    def __init__(
        self,
        settings: Settings,
        name: str,
        *,
        on_command: Command | None = None,
        presence: Presence | None = None,
        first_seconds: float = 5.0,
        longest_seconds: float = 60.0,
    ) -> None:
        self._settings = settings
        self._name = name
        self._on_command = on_command
        self._presence = presence
        self._leaving = False
        self._first, self._longest = first_seconds, longest_seconds
        self._link: _Link | None = None
        self._linked = asyncio.Event()
        self._told_lost = False
        self._waiting: dict[str, dict[str, _Waiting]] = {}
        self._count = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._event_turns = asyncio.Semaphore(MOST_AT_ONCE)
        self._turns = asyncio.Semaphore(MOST_AT_ONCE)

    @property
    def connected(self) -> bool:
        return self._linked.is_set()

    @property
    def waiting(self) -> int:
        """How many events wait for their receipt."""
        return self._count

    async def run(self) -> None:
        """Connects, and connects again, until cancelled."""
        try:
            while True:
                try:
                    await self._converse()
                except (aiomqtt.MqttError, OSError) as error:
                    if not self._told_lost:
                        log.error("no connection to the broker (%s), trying again", error)
                    self._told_lost = True
                await asyncio.sleep(RECONNECT_SECONDS)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def leave(self) -> None:
        """Says that this bridge is stopped, not lost: before `run` is cancelled."""
        self._leaving = True
        link = self._link
        if link is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GOODBYE_SECONDS):
                    await self._tell_presence(link, "stopped")

    # What a bridge says ---------------------------------------------------------------------------------

    async def event(self, device_id: str, event: Event) -> str:
        """Publishes an event and returns the first stage of its receipt that settles it: `stored`, a later one, or
        `rejected`. Repeats meanwhile, after 5 s, doubling to a minute, also when nobody waits any more: a press that
        was taken up is not dropped because its device has gone. The same event again waits with the first.

        Raises UplinkFullError when too many wait already.
        """
        what = (event.type, event_ts(event))
        while (known := self._waiting.get(device_id, {}).get(event.event_id)) is not None:
            stage = await asyncio.shield(known.stage)
            if known.what == what:
                return stage
        # The other half is for emergencies: a storm of open doors does not keep them out.
        if self._count >= (MOST_WAITING if event.type in URGENT else MOST_WAITING // 2):
            raise UplinkFullError(f"{self._count} events wait for their receipts")
        waiting = _Waiting(what, asyncio.get_running_loop().create_future())
        self._waiting.setdefault(device_id, {})[event.event_id] = waiting
        self._count += 1
        self._keep(self._repeat(device_id, event.event_id, event_json(event), waiting.stage))
        return await asyncio.shield(waiting.stage)

    async def readings(self, device_id: str, readings: Sequence[Reading]) -> None:
        """Returns when the broker has them."""
        for payload in readings_json(readings):
            await self._say(_up(device_id, Leaf.READINGS), payload)

    async def status(self, device_id: str, online: bool, at: datetime) -> None:
        """Retained; returns when the broker has it."""
        await self._say(_up(device_id, Leaf.STATUS), status_json(online, at), retain=True)

    async def result(self, device_id: str, command: dict[str, Any], status: str, at: datetime, **found: Any) -> None:
        """What came of a command; returns when the broker has it."""
        await self._say(_up(device_id, Leaf.RESULTS), result_json(command, status, at, **found))

    async def raw(self, device_id: str, leaf: Leaf, payload: bytes) -> None:
        """Bytes that were not understood, as they came, for the gateway's quarantine; cut at 64 KiB. Returns when the
        broker has them. Under `up/events` bytes that name an emergency raise: whoever does not mean that says
        READINGS."""
        await self._say(_up(device_id, leaf), payload[:MOST_RAW_BYTES])

    # The connection -------------------------------------------------------------------------------------

    async def _converse(self) -> None:
        """From the connection to its end. Raises what broke it."""
        async with self._new_client() as client:
            telling: asyncio.Future[None] | None = None
            try:
                filters = [(f"{PREFIX}/+/down/{leaf}", 1) for leaf in ("receipts", "commands")]
                for code in await client.subscribe(filters):
                    if (code if isinstance(code, int) else code.value) >= 128:
                        log.error("the broker refuses us receipts or commands; check the bridge account's rights")
                link = _Link(client, asyncio.get_running_loop().create_future())
                self._link, self._told_lost = link, False
                self._linked.set()
                log.info("connected to the broker")
                telling = asyncio.ensure_future(self._keep_telling(link))
                await self._hear(link)
            finally:
                if self._link is not None:
                    self._leave(self._link)
                if telling is not None:
                    telling.cancel()
                    await asyncio.gather(telling, return_exceptions=True)
                _look_at(client)

    async def _keep_telling(self, link: _Link) -> None:
        """That we are there, as long as this connection is: beside all else, and without its turns."""
        while not link.lost.done() and not self._leaving:
            await self._tell_presence(link, "online")
            await asyncio.wait({link.lost}, timeout=BEAT_SECONDS)

    async def _tell_presence(self, link: _Link, state: State) -> None:
        if self._presence is not None:
            with contextlib.suppress(aiomqtt.MqttError):  # whoever says more finds out what is wrong
                await link.client.publish(self._presence.topic, self._presence.says(state), qos=1, retain=True)

    def _leave(self, link: _Link) -> None:
        if link is self._link:
            self._link = None
            self._linked.clear()
        if not link.lost.done():
            link.lost.set_result(None)

    async def _hear(self, link: _Link) -> None:
        listening = asyncio.ensure_future(self._listen(link.client))
        ends: set[asyncio.Future[None]] = {listening, link.lost}
        try:
            # `lost` comes first when the broker stopped to acknowledge: then this connection is given up.
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if listening.done():
                listening.result()
            else:
                raise aiomqtt.MqttError("it does not acknowledge")
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def _listen(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            parts = message.topic.value.split("/")
            payload = message.payload
            if len(parts) != 5 or not isinstance(payload, bytes | bytearray):
                continue
            if parts[4] == "receipts":
                self._settle(parts[2], bytes(payload))
            elif parts[4] == "commands" and self._on_command is not None and not message.retain:
                self._on_command(parts[2], bytes(payload))

    def _settle(self, device_id: str, payload: bytes) -> None:
        awaited = self._waiting.get(device_id)
        if awaited is None:
            return
        with contextlib.suppress(ValueError, RecursionError):
            receipt = json.loads(payload)
            if not isinstance(receipt, dict) or not isinstance(name := receipt.get("event_id"), str):
                return
            if not isinstance(stage := receipt.get("stage"), str) or stage not in SETTLED or name not in awaited:
                return
            if stage == "rejected":
                log.warning("%s: event %s is rejected: %s", device_id, name, receipt.get("message"))
            self._forget(device_id, name).set_result(stage)

    def _forget(self, device_id: str, event_id: str) -> asyncio.Future[str]:
        awaited = self._waiting[device_id]
        stage = awaited.pop(event_id).stage
        self._count -= 1
        if not awaited:
            del self._waiting[device_id]
        return stage

    async def _repeat(self, device_id: str, event_id: str, payload: bytes, stage: asyncio.Future[str]) -> None:
        pause = self._first
        try:
            while not stage.done():
                async with self._event_turns:
                    link = await self._publish(_up(device_id, Leaf.EVENTS), payload)
                # A receipt may have been on its way when the connection broke: then at once, on the next one.
                ends: set[asyncio.Future[Any]] = {stage, link.lost}
                await asyncio.wait(ends, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
                if not link.lost.done():
                    pause = min(self._longest, 2 * pause)
        finally:
            # Nobody repeats it any more: who waits must not wait for ever, and the next try must be one.
            if not stage.done():
                self._forget(device_id, event_id).cancel()

    async def _say(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        async with self._turns:
            await self._publish(topic, payload, retain=retain)

    async def _publish(self, topic: str, payload: bytes, *, retain: bool = False) -> _Link:
        """At QoS 1, on one connection after the other, until the broker has acknowledged: on which one it did."""
        while True:
            await self._linked.wait()
            link = self._link
            if link is None:  # lost between the two lines
                continue
            sending = asyncio.ensure_future(link.client.publish(topic, payload, qos=1, retain=retain))
            try:
                ends: set[asyncio.Future[None]] = {sending, link.lost}
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
                if sending.done():
                    sending.result()
                    return link
            except aiomqtt.MqttError:
                # Not acknowledged in time: it may still be, but not on this connection's word.
                self._leave(link)
            finally:
                if not sending.done():
                    sending.cancel()
                    await asyncio.gather(sending, return_exceptions=True)

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _will(self) -> aiomqtt.Will | None:
        presence = self._presence
        return None if presence is None else aiomqtt.Will(presence.topic, presence.says("lost"), qos=1, retain=True)

    def _new_client(self) -> aiomqtt.Client:
        url = urlsplit(self._settings.mqtt_url)
        secure = url.scheme == "mqtts"
        client = aiomqtt.Client(
            hostname=url.hostname or "",
            port=url.port or (8883 if secure else 1883),
            username=unquote(url.username) if url.username else None,
            password=unquote(url.password) if url.password else None,
            # A name of its own each time: two bridges must not throw each other out, and nothing waits for us.
            identifier=f"anhu-bridge-{self._name}-{secrets.token_hex(8)}",
            tls_context=ssl.create_default_context(cafile=self._settings.mqtt_ca_file) if secure else None,
            keepalive=15,
            timeout=ANSWER_SECONDS,
            will=self._will(),
            max_inflight_messages=2 * MOST_AT_ONCE,
            # The event follows its acknowledgement: Nagle's algorithm would keep it back for the broker's delayed ACK.
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        )
        client.pending_calls_threshold = 2 * MOST_AT_ONCE
        return client


def _up(device_id: str, leaf: Leaf) -> str:
    return f"{PREFIX}/{device_id}/up/{leaf}"


def _look_at(client: aiomqtt.Client) -> None:
    """aiomqtt leaves an unasked-for disconnection as a future whose exception nobody retrieves."""
    if client._disconnected.done() and not client._disconnected.cancelled():
        client._disconnected.exception()
