"""Notes in the database which bridges are there: they have none themselves. Each gateway does it, and nothing waits.

A connection to the broker and one to the database, both of its own: whatever becomes of this, presses come as ever.
"""

import logging
import queue
import secrets
import ssl
import threading
import time
from typing import Any
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as paho
import psycopg
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from gateway.bridges.presence import EVERY, Heard, heard
from gateway.mqtt import KEEPALIVE_SECONDS, broker_address
from services.runtime.settings import Settings

log = logging.getLogger(__name__)

#: Each bridge has spoken by then, if it is there: before, its silence is ours.
LISTENED_SECONDS = 15.0
#: Bridges say it again: what waits beyond is dropped.
MOST_WAITING = 1000

_SPOKE = """
INSERT INTO bridges (name, kind, state, since, heard_at)
VALUES (%(name)s, %(kind)s, %(state)s, clock_timestamp(), clock_timestamp())
ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, state = excluded.state, heard_at = excluded.heard_at,
    since = CASE WHEN bridges.state = excluded.state THEN bridges.since ELSE excluded.since END
"""
# What the broker kept says what became of a bridge while nobody listened, and nothing of now: it makes none known that
# was forgotten, and none heard again that was there by its last word.
_WAS_KEPT = """
UPDATE bridges SET state = %(state)s, since = clock_timestamp(), heard_at = clock_timestamp()
WHERE name = %(name)s AND state <> %(state)s
"""


class BridgeNotes(threading.Thread):
    def __init__(self, settings: Settings) -> None:
        super().__init__(name="bridge-notes", daemon=True)
        self._settings = settings
        self._said: queue.Queue[tuple[Heard, bool]] = queue.Queue(MOST_WAITING)
        self._next: tuple[Heard, bool] | None = None
        self._ended = threading.Event()
        self._since: float | None = None
        self._error: str | None = None

    def status(self) -> dict[str, Any]:
        """`listening`: long enough for a bridge's silence to be its own. `error`: nothing is noted."""
        since = self._since
        listening = since is not None and time.monotonic() - since > LISTENED_SECONDS
        return {"listening": listening and self._error is None, "error": self._error}

    def run(self) -> None:
        client = self._client()
        client.loop_start()
        while not self._ended.is_set():
            try:
                with psycopg.connect(self._settings.database_url, autocommit=True, connect_timeout=5) as connection:
                    self._note(connection)
            except (psycopg.Error, OSError, ValueError) as error:  # a thread that dies ends the gateway
                if self._error is None:
                    log.error("which bridges are there is not noted, trying again: %s", str(error).strip())
                self._error = str(error).strip()
                self._ended.wait(2.0)
        client.disconnect()
        client.loop_stop()

    def _note(self, connection: psycopg.Connection[Any]) -> None:
        connection.execute("SELECT FROM bridges LIMIT 0")
        if self._error is not None:
            log.info("which bridges are there is noted again")
        self._error = None
        while not self._ended.is_set():
            try:
                self._next = self._next or self._said.get(timeout=0.5)
            except queue.Empty:
                continue
            one, kept = self._next
            values = {"name": one.presence.name, "kind": one.presence.kind, "state": one.state}
            connection.execute(_WAS_KEPT if kept else _SPOKE, values)
            self._next = None

    def stop(self) -> None:
        self._ended.set()
        if self.is_alive():
            self.join(timeout=3)

    def _client(self) -> paho.Client:
        url = urlsplit(self._settings.mqtt_url)
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"anhu-gateway-bridges-{secrets.token_hex(8)}",
            clean_session=True,
            protocol=MQTTProtocolVersion.MQTTv311,
        )
        if url.username:
            client.username_pw_set(unquote(url.username), unquote(url.password or ""))
        if url.scheme == "mqtts":
            client.tls_set_context(ssl.create_default_context(cafile=self._settings.mqtt_ca_file))
        client.reconnect_delay_set(min_delay=1, max_delay=5)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        host, port = broker_address(self._settings)
        client.connect_async(host, port, keepalive=KEEPALIVE_SECONDS)
        return client

    def _on_connect(self, client: paho.Client, _data: Any, _flags: Any, code: Any, _properties: Any) -> None:
        if not code.is_failure:
            client.subscribe(EVERY, qos=1)

    def _on_subscribe(self, _client: paho.Client, _data: Any, _mid: int, codes: list[Any], _properties: Any) -> None:
        if any(code.is_failure for code in codes):
            log.error("the broker refuses %s; check the gateway account's rights", EVERY)
            return
        self._since = time.monotonic()

    def _on_disconnect(self, _client: paho.Client, _data: Any, _flags: Any, _code: Any, _properties: Any) -> None:
        self._since = None

    def _on_message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        try:
            one = heard(message.topic, message.payload)
        except UnicodeDecodeError:  # a topic that is no text
            return
        if one is not None:
            try:
                self._said.put_nowait((one, message.retain))
            except queue.Full:
                return
