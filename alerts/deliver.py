"""Takes receipts from the outbox to the devices. A row is deleted after the broker has the message, not before."""

import json
import logging
import socket
import ssl
from typing import Any
from urllib.parse import unquote, urlsplit

import aiomqtt
from psycopg import AsyncConnection

from services.runtime.settings import Settings

log = logging.getLogger(__name__)

Connection = AsyncConnection[Any]

_CLAIM = """
SELECT id, recipient, message FROM outbox WHERE channel = 'receipt'
ORDER BY id LIMIT 100 FOR UPDATE SKIP LOCKED
"""
# With what the broker has taken: a station sees whether the elder was told. Rows that nobody else writes.
_DONE = """
WITH sent AS (DELETE FROM outbox WHERE id = ANY(%s) RETURNING recipient, message)
INSERT INTO device_told (event, stage, at)
SELECT e.id, s.message ->> 'stage', clock_timestamp() FROM sent s
JOIN events e ON e.device_id = s.recipient AND e.event_id = s.message ->> 'event_id'
ORDER BY e.id, 2 ON CONFLICT DO NOTHING
"""


def mqtt_client(settings: Settings, will: aiomqtt.Will | None = None) -> aiomqtt.Client:
    """A connection for sending, from ANHU_MQTT_URL; not yet opened."""
    url = urlsplit(settings.mqtt_url)
    secure = url.scheme == "mqtts"
    return aiomqtt.Client(
        hostname=url.hostname or "",
        port=url.port or (8883 if secure else 1883),
        username=unquote(url.username) if url.username else None,
        password=unquote(url.password) if url.password else None,
        tls_context=ssl.create_default_context(cafile=settings.mqtt_ca_file) if secure else None,
        will=will,
        keepalive=15,
        timeout=5,
        max_inflight_messages=100,
        # One receipt after the other: Nagle's algorithm would keep each back for the broker's delayed ACK.
        socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
    )


async def deliver_receipts(connection: Connection, client: aiomqtt.Client) -> int:
    """Sends what waits, a hundred at most; how many were sent. Raises aiomqtt.MqttError when the broker is away:
    then nothing is deleted, and all of it is sent again later."""
    async with connection.transaction():
        rows = await (await connection.execute(_CLAIM)).fetchall()
        for _, device_id, message in rows:
            await client.publish(f"anhu/v1/{device_id}/down/receipts", json.dumps(message, ensure_ascii=False), qos=1)
        if rows:
            await connection.execute(_DONE, ([row[0] for row in rows],))
    return len(rows)
