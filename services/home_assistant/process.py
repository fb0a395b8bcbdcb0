"""`anhu homeassistant`: announces devices and their alerts to Home Assistant, over the broker. Several may run.

It holds nothing: what should be retained is in the database, what is retained is in the broker, and after every
connection all of it is told again.
"""

import asyncio
import contextlib
import logging
import time
from typing import Any

import aiomqtt
import anyio
import psycopg
from psycopg import AsyncConnection
from psycopg.rows import dict_row

from alerts.deliver import mqtt_client
from services.home_assistant.discovery import Alarm, Announcement, Device
from services.home_assistant.picture import Picture
from services.runtime.beats import Pulse
from services.runtime.settings import Settings
from services.runtime.stopping import until_stopped

log = logging.getLogger(__name__)

Connection = AsyncConnection[Any]

#: NOTIFY is a hint: alerts are read this often anyway, and all devices, which change rarely, this often.
SWEEP_SECONDS = 1.0
DEVICES_SECONDS = 3.0
#: What was not read for so long is not known any more: then all entities are unavailable.
BELIEVED_SECONDS = 10.0
#: As many messages wait for their PUBACK at once.
AT_ONCE = 100

_DEVICES = """
SELECT d.device_id, d.kind, d.model, s.online, round(s.battery)::int AS battery, s.last_seen_at AS last_seen,
       e.name AS elder_name
FROM devices d JOIN organizations o ON o.id = d.organization_id
LEFT JOIN device_states s ON s.device_key = d.key LEFT JOIN elders e ON e.id = d.elder_id
WHERE d.revoked_at IS NULL AND (%(organization)s::uuid IS NULL OR o.path @> ARRAY[%(organization)s::uuid])
"""
# A press of one device may have been folded into the alert of another one of the same elder: both show it.
_ALARMS = """
SELECT DISTINCT ON (e.device_id)
       e.device_id, a.state, a.type, a.severity, a.title, a.raised_at, a.attention, a.drill, a.place, a.lat, a.lon
FROM alerts a JOIN alert_events ae ON ae.alert_id = a.id JOIN events e ON e.id = ae.event
WHERE a.state IN ('triggered', 'acknowledged', 'dispatched', 'arrived')
ORDER BY e.device_id, a.drill, array_position(ARRAY['red', 'orange', 'yellow', 'blue'], a.severity), a.raised_at
"""


class Announcer:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._announcement = Announcement(settings.home_assistant_prefix, settings.home_assistant_personal)
        self._picture = Picture(self._announcement)
        self._wake = asyncio.Event()
        self._pulse = Pulse()
        self._read_at: float | None = None
        self._mqtt_ok = False
        self._sent = 0

    def status(self) -> dict[str, Any]:
        """Asked by the heart's thread."""
        return {
            "ok": self._pulse.age() < BELIEVED_SECONDS and self._mqtt_ok and self._believed(),
            "mqtt": "connected" if self._mqtt_ok else "disconnected",
            "database": "connected" if self._believed() else "disconnected",
            "counters": {"messages": self._sent},
        }

    async def run(self) -> None:
        """Until cancelled. A task that ends is a fault of ours, and ends the process."""
        # anyio's groups, here and below, cancel until it is done: asyncio.wait_for of Python 3.11, by which aiomqtt
        # waits for answers, swallows a cancellation that comes with its result, and asyncio's own group cancels once.
        async with anyio.create_task_group() as tasks:
            for task in (self._beat, self._read, self._tell):
                tasks.start_soon(task)

    def _believed(self) -> bool:
        return self._read_at is not None and time.monotonic() - self._read_at < BELIEVED_SECONDS

    async def _beat(self) -> None:
        while True:
            self._pulse.beat()
            await asyncio.sleep(0.5)

    # From the database ------------------------------------------------------------------------------------

    async def _read(self) -> None:
        told = False
        while True:
            try:
                async with await AsyncConnection.connect(
                    self._settings.database_url, autocommit=True, connect_timeout=5
                ) as connection:
                    await connection.execute("SET statement_timeout = '5s'")
                    await connection.execute("LISTEN anhu_feed")
                    devices_at = -DEVICES_SECONDS
                    while True:
                        if time.monotonic() - devices_at >= DEVICES_SECONDS:
                            devices_at = time.monotonic()
                            await self._read_devices(connection)
                        await self._read_alarms(connection)
                        self._read_at, told = time.monotonic(), False
                        self._wake.set()
                        async for _hint in connection.notifies(timeout=SWEEP_SECONDS, stop_after=1):
                            pass
            except psycopg.Error as error:
                if not told:
                    log.error("the database refuses us, trying again: %s", str(error).strip())
                told = True
                await asyncio.sleep(0.5)

    async def _read_devices(self, connection: Connection) -> None:
        organization = self._settings.home_assistant_organization
        async with connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(_DEVICES, {"organization": organization})
            self._picture.take_devices(Device(**row) for row in await cursor.fetchall())

    async def _read_alarms(self, connection: Connection) -> None:
        async with connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(_ALARMS)
            self._picture.take_alarms({row.pop("device_id"): Alarm(**row) for row in await cursor.fetchall()})

    # To the broker ----------------------------------------------------------------------------------------

    async def _tell(self) -> None:
        """Holds the connection to the broker, and opens it again while it is away."""
        will = aiomqtt.Will(self._announcement.our_topic, b"offline", qos=1, retain=True)
        told = False
        while True:
            try:
                async with mqtt_client(self._settings, will) as client:
                    client.pending_calls_threshold = 2 * AT_ONCE  # it warns of fewer than we mean to have
                    log.info("connected to the broker")
                    told, self._mqtt_ok = False, True
                    self._picture.tell_all()
                    self._wake.set()
                    await self._converse(client)
            except* aiomqtt.MqttError as errors:
                if not told:
                    log.error("the broker is away, trying again: %s", errors.exceptions[0])
                told, self._mqtt_ok = True, False
            await asyncio.sleep(1)

    async def _converse(self, client: aiomqtt.Client) -> None:
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._hear, client)
                tasks.start_soon(self._publish, client)
        finally:
            # A connection that ends in order has no will: whatever ended this, nobody may believe us any more.
            with anyio.CancelScope(shield=True), contextlib.suppress(aiomqtt.MqttError):
                await self._say_whether_true(client, believed=False)

    async def _hear(self, client: aiomqtt.Client) -> None:
        """Home Assistant's birth, another one of us that left, and what the broker retains of ours."""
        for topic in (self._announcement.birth_topic, self._announcement.our_topic, *self._announcement.everything):
            await client.subscribe(topic, qos=1)
        async for message in client.messages:
            topic, payload = str(message.topic), message.payload
            if topic == self._announcement.birth_topic:
                if payload == b"online" and not message.retain:
                    self._picture.announce_again()
                    self._wake.set()
            elif topic == self._announcement.our_topic:
                if payload == b"offline" and self._believed():
                    await self._say_whether_true(client, believed=True)
            elif message.retain and payload:
                self._picture.found(topic)
                self._wake.set()

    async def _publish(self, client: aiomqtt.Client) -> None:
        said: bool | None = None
        while True:
            believed = self._believed()
            if said and not believed:
                log.error("what is known is over %g s old: everything is unavailable", BELIEVED_SECONDS)
            if believed is not said and not believed:
                await self._say_whether_true(client, believed=False)
            while messages := self._picture.next(AT_ONCE):
                await asyncio.gather(
                    *(client.publish(topic, body, qos=1, retain=True) for topic, body in messages.items())
                )
                self._sent += len(messages)
            # After the states: what is available is true.
            if believed is not said and believed:
                await self._say_whether_true(client, believed=True)
            said = believed
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), SWEEP_SECONDS)
            self._wake.clear()

    async def _say_whether_true(self, client: aiomqtt.Client, *, believed: bool) -> None:
        word = b"online" if believed else b"offline"
        await client.publish(self._announcement.our_topic, word, qos=1, retain=True)


def run(settings: Settings) -> None:
    """Runs until SIGTERM or SIGINT."""
    announcer = Announcer(settings)
    asyncio.run(until_stopped("homeassistant", settings.database_url, announcer.status, announcer.run))
