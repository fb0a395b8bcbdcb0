"""One MQTT connection that takes messages in, acknowledges each when told to, and sends receipts out.

paho's network thread receives; it does nothing but hand over. MQTT 3.1.1 with a persistent session: what is not
acknowledged is delivered again, by the broker, on the next connection.
"""

import logging
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from gateway.message import NOT_UTF8, Message
from services.runtime.settings import Settings

log = logging.getLogger(__name__)

KEEPALIVE_SECONDS = 15


def broker_address(settings: Settings) -> tuple[str, int]:
    """Host and port of ANHU_MQTT_URL."""
    url = urlsplit(settings.mqtt_url)
    return url.hostname or "", url.port or (8883 if url.scheme == "mqtts" else 1883)


class Inlet:
    """A connection under a fixed client id, with its subscriptions."""

    def __init__(
        self, settings: Settings, client_id: str, filters: Sequence[str], deliver: Callable[[list[Message]], None]
    ) -> None:
        self._filters = [(name, 1) for name in filters]
        self._deliver = deliver
        self._epoch = 0
        self._turn = threading.Lock()
        self._subscribed = False
        self._told_lost = False
        self._stopping = False
        self.name = client_id.rpartition("-")[2]
        self.received = 0
        self.connections = 0
        url = urlsplit(settings.mqtt_url)
        host, port = broker_address(settings)
        self._address = f"{host}:{port}"
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=False,
            protocol=MQTTProtocolVersion.MQTTv311,
            manual_ack=True,
        )
        if url.username:
            client.username_pw_set(unquote(url.username), unquote(url.password or ""))
        if url.scheme == "mqtts":
            client.tls_set_context(ssl.create_default_context(cafile=settings.mqtt_ca_file))
        client.reconnect_delay_set(min_delay=1, max_delay=2)
        client.max_inflight_messages_set(1000)
        client.on_socket_open = _send_at_once
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.connect_async(host, port, keepalive=KEEPALIVE_SECONDS)
        self._client = client

    @property
    def connected(self) -> bool:
        """Whether messages can come in: connected, and the broker granted every subscription."""
        return self._client.is_connected() and self._subscribed

    def start(self) -> None:
        self._client.loop_start()

    def leave(self) -> None:
        """Says goodbye and connects no more; the broker keeps the session, and what was not acknowledged."""
        self._stopping = True
        self._client.disconnect()

    def stop(self) -> None:
        """Leaves, and waits for the end of the network thread: up to a second when it waits to connect again."""
        self.leave()
        self._client.loop_stop()

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Tells the broker that the messages are stored. One of an earlier connection is left alone: the broker sends
        it again, and storing it again is harmless."""
        with self._turn:
            for message in messages:
                # QoS 0 has no packet id: acknowledging it would be a protocol error, and the broker would cut us off.
                if message.packet_id and message.epoch == self._epoch:
                    self._client.ack(message.packet_id, 1)

    def publish(self, topic: str, payload: bytes) -> None:
        """QoS 1; queued by paho while the broker is away."""
        self._client.publish(topic, payload, qos=1)

    def _on_connect(
        self, client: paho.Client, _data: Any, _flags: Any, code: ReasonCode, _properties: Properties | None
    ) -> None:
        if code.is_failure:
            log.error("the broker at %s refuses us: %s; check the account in ANHU_MQTT_URL", self._address, code)
            return
        with self._turn:
            self._epoch += 1
        self.connections += 1
        log.info("connected to the broker at %s", self._address)
        self._told_lost = False
        client.subscribe(self._filters)

    def _on_subscribe(
        self, _client: paho.Client, _data: Any, _mid: int, codes: list[ReasonCode], _properties: Properties | None
    ) -> None:
        refused = [name for (name, _), code in zip(self._filters, codes, strict=False) if code.is_failure]
        if refused:
            log.error("the broker refuses the subscriptions %s; check the gateway account's rights", refused)
        self._subscribed = not refused

    def _on_connect_fail(self, _client: paho.Client, _data: Any) -> None:
        self._tell_lost("it cannot be reached")

    def _on_disconnect(
        self, _client: paho.Client, _data: Any, _flags: Any, code: ReasonCode, _properties: Properties | None
    ) -> None:
        self._subscribed = False
        with self._turn:
            # Here, not only at the next connection: an acknowledgement given while the broker has not let us in yet
            # would wait behind our CONNECT and name a packet that we have not even seen.
            self._epoch += 1
        if not self._stopping:
            self._tell_lost(str(code))

    def _tell_lost(self, why: str) -> None:
        if not self._told_lost:
            log.error("no connection to the broker at %s (%s), trying again", self._address, why)
        self._told_lost = True

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:  # Mosquitto lets none through; another broker may
            topic = NOT_UTF8
        self.received += 1
        self._deliver([Message(topic, bytes(message.payload), datetime.now(UTC), self, message.mid, self._epoch)])


def _send_at_once(_client: paho.Client, _data: Any, connection: Any) -> None:
    """The receipt follows its acknowledgement: Nagle's algorithm would keep it back for the broker's delayed ACK."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
