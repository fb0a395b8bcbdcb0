"""The synthetic press: sent as a device sends, and waited for at the station's live stream (docs/watch.md).

One press: a live stream of the station is opened, as a screen opens one; the press goes out over MQTT; it has come
through when the stream's reader tells of it. Nothing of it is an alert, a frame of the feed or a row that stays.
"""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid4

import aiomqtt
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

log = logging.getLogger(__name__)

DEVICE: Final = "anhu-probe"
TOPIC: Final = f"anhu/v1/{DEVICE}/up/events"
RECEIPTS: Final = f"anhu/v1/{DEVICE}/down/receipts"
#: As long as a press may take before it counts as missing. A press takes milliseconds.
PRESS_SECONDS: Final = 10.0
OPEN_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Result:
    """`seconds` from the press to the screen; None when it did not come, and then where it stopped: connect, welcome,
    publish, stored (no receipt), shown (stored, but not shown)."""

    organization_id: UUID
    seconds: float | None
    stopped_at: str | None = None
    why: str | None = None


class Mqtt:
    """The prober's own connection to the broker: presses out, receipts back."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self._client = client
        self._stored: dict[str, asyncio.Event] = {}

    async def listen(self) -> None:
        """Until the connection is lost: raises aiomqtt.MqttError then."""
        async for message in self._client.messages:
            with contextlib.suppress(ValueError, AttributeError, UnicodeDecodeError):
                receipt = json.loads(bytes(message.payload))
                if receipt.get("stage") == "stored" and (event := self._stored.get(receipt.get("event_id"))):
                    event.set()

    async def press(self, probe: UUID, organization_id: UUID) -> None:
        body = {
            "event_id": probe.hex,
            "type": "probe",
            "ts": datetime.now(UTC).isoformat(),
            "detail": {"probe": str(probe), "organization_id": str(organization_id)},
        }
        await self._client.publish(TOPIC, json.dumps(body), qos=1)

    @contextlib.contextmanager
    def receipt(self, probe: UUID) -> Iterator[asyncio.Event]:
        """Set once the press is told `stored`."""
        event = self._stored[probe.hex] = asyncio.Event()
        try:
            yield event
        finally:
            del self._stored[probe.hex]


@asynccontextmanager
async def connected(client: aiomqtt.Client) -> AsyncIterator[Mqtt]:
    async with client:
        await client.subscribe(RECEIPTS, qos=1)
        yield Mqtt(client)


async def probe(mqtt: Mqtt, url: str, token: str, organization_id: UUID) -> Result:
    """One synthetic press of one station. Raises nothing of the network: that is a result."""
    step = "connect"
    try:
        async with asyncio.timeout(OPEN_SECONDS):
            socket = await connect(
                f"{url.replace('http', 'ws', 1)}/api/v1/stations/{organization_id}/live",
                compression=None,
                open_timeout=OPEN_SECONDS,
            )
        async with socket:
            step = "welcome"
            async with asyncio.timeout(OPEN_SECONDS):
                await socket.send(json.dumps({"type": "hello", "token": token, "probe": True}))
                await _frame(socket, "welcome")
            step = "publish"
            pressed = uuid4()
            with mqtt.receipt(pressed) as stored:
                begun = time.perf_counter()
                async with asyncio.timeout(PRESS_SECONDS):
                    await mqtt.press(pressed, organization_id)
                    try:
                        await _frame(socket, "probe", probe=str(pressed))
                    finally:
                        step = "shown" if stored.is_set() else "stored"
                return Result(organization_id, time.perf_counter() - begun)
    except (OSError, TimeoutError, WebSocketException, aiomqtt.MqttError, ValueError) as error:
        return Result(organization_id, None, step, f"{type(error).__name__} {error}".strip())


async def _frame(socket: ClientConnection, kind: str, **fields: Any) -> dict[str, Any]:
    """The next frame of a kind, with these fields; heartbeats and older ones are passed over."""
    while True:
        frame: dict[str, Any] = json.loads(await socket.recv())
        if frame.get("type") == kind and all(frame.get(name) == value for name, value in fields.items()):
            return frame
