"""A bridge's way to the broker, on a real one: no answer before the receipt, and nothing dropped that was taken on."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

import aiomqtt
import pytest

from gateway.bridges import uplink as module
from gateway.bridges.uplink import Uplink, UplinkFullError
from gateway.decoders.family import Draft
from gateway.decoders.model import Event, Reading
from gateway.topics import Leaf
from services.runtime.settings import Settings
from tests.parts.broker import Broker
from tests.parts.waiting import PATIENCE

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
#: Of what must come; a test does not wait so long.
LIMIT = 10 * PATIENCE


@pytest.fixture(scope="module")
def own_broker(module_folder: Path) -> Iterator[Broker]:
    broker = Broker(module_folder / "uplink")
    broker.start()
    yield broker
    broker.stop()


class Gateway:
    """Stands where the gateway stands, hears everything, and answers what it is told to."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self.client = client
        self.heard: list[tuple[str, bytes]] = []
        self._more = asyncio.Event()

    async def listen(self) -> None:
        async for message in self.client.messages:
            assert isinstance(message.payload, bytes)
            self.heard.append((message.topic.value, message.payload))
            self._more.set()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(LIMIT):
            while len(self.heard) < count:
                await self._more.wait()
                self._more.clear()

    async def receipt(self, event_id: object, stage: object, device_id: str = "w1") -> None:
        await self.say(f"{device_id}/down/receipts", json.dumps({"event_id": event_id, "stage": stage}).encode())

    async def say(self, topic: str, payload: bytes) -> None:
        await self.client.publish(f"anhu/v1/{topic}", payload, qos=1)


@asynccontextmanager
async def playing_gateway(broker: Broker) -> AsyncIterator[Gateway]:
    url = urlsplit(broker.url("anhu-gateway"))
    async with aiomqtt.Client(
        broker.host, broker.port, username=url.username, password=unquote(url.password or "")
    ) as client:
        await client.subscribe("anhu/v1/+/up/#", qos=1)
        gateway = Gateway(client)
        listening = asyncio.ensure_future(gateway.listen())
        try:
            yield gateway
        finally:
            listening.cancel()
            with suppress(asyncio.CancelledError, aiomqtt.MqttError):
                await listening


@asynccontextmanager
async def running(broker: Broker, on_command: Callable[[str, bytes], None] | None = None) -> AsyncIterator[Uplink]:
    settings = Settings(mqtt_url=broker.url("anhu-bridge"))
    uplink = Uplink(settings, "test", on_command=on_command, first_seconds=0.05, longest_seconds=0.1)
    task = asyncio.ensure_future(uplink.run())
    try:
        async with asyncio.timeout(LIMIT):
            while not uplink.connected:
                await asyncio.sleep(0.005)
        yield uplink
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def event(kind: str = "sos", name: str = "m1") -> Event:
    draft = Draft("w1", name, NOW)
    draft.at(NOW, NOW, "time")
    draft.happened(kind)
    return draft.done().events[0]


async def test_an_event_is_repeated_until_its_receipt(own_broker: Broker) -> None:
    async with playing_gateway(own_broker) as gateway, running(own_broker) as uplink:
        waiting = asyncio.ensure_future(uplink.event("w1", event()))
        await gateway.until(3)
        assert not waiting.done(), "the broker acknowledged it long ago"
        assert len(set(gateway.heard)) == 1, "each time the same"
        topic, payload = gateway.heard[0]
        assert (topic, json.loads(payload)["event_id"]) == ("anhu/v1/w1/up/events", "m1-sos")
        for other, stage in (("m2-sos", "stored"), ("m1-sos", "received"), (["m1-sos"], "stored"), ("m1-sos", None)):
            await gateway.receipt(other, stage)
        await gateway.receipt("m1-sos", "stored", device_id="w2")
        await gateway.say("w1/down/receipts", b"\xff[")
        await gateway.until(len(gateway.heard) + 2)
        assert not waiting.done(), "none of these was its receipt"
        await gateway.receipt("m1-sos", "raised")
        assert await asyncio.wait_for(waiting, LIMIT) == "raised"
        assert uplink.waiting == 0
        count = len(gateway.heard)
        await uplink.readings("w1", [Reading.of(NOW, 0, {"battery": 5.0}, None)])
        await gateway.until(count + 1)
        assert [topic for topic, _ in gateway.heard[count:]] == ["anhu/v1/w1/up/readings"], "and repeated no more"


async def test_what_was_taken_on_goes_on_when_its_device_has_gone(own_broker: Broker) -> None:
    async with playing_gateway(own_broker) as gateway, running(own_broker) as uplink:
        first, second = (asyncio.ensure_future(uplink.event("w1", event())) for _ in range(2))
        await gateway.until(1)
        assert uplink.waiting == 1, "the same event waits once"
        first.cancel()
        await gateway.until(3)
        await gateway.receipt("m1-sos", "rejected")
        assert await asyncio.wait_for(second, LIMIT) == "rejected"


async def test_an_event_outlives_the_broker(own_broker: Broker) -> None:
    async with running(own_broker) as uplink:
        own_broker.stop()
        waiting = asyncio.ensure_future(uplink.event("w1", event()))
        reading = asyncio.ensure_future(uplink.status("w1", True, NOW))
        own_broker.start()
        async with playing_gateway(own_broker) as gateway:
            await gateway.until(1)
            await asyncio.wait_for(reading, LIMIT)
            await gateway.receipt("m1-sos", "stored")
            assert await asyncio.wait_for(waiting, LIMIT) == "stored"


async def test_a_storm_of_doors_leaves_room_for_a_press(own_broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 4)
    async with running(own_broker) as uplink:
        waiting = [asyncio.ensure_future(uplink.event("w1", event("door_open", f"d{n}"))) for n in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(UplinkFullError):
            await uplink.event("w1", event("door_open", "d3"))
        waiting += [asyncio.ensure_future(uplink.event("w1", event("sos", f"s{n}"))) for n in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(UplinkFullError):
            await uplink.event("w1", event("sos", "s3"))
        assert uplink.waiting == 4
    for one in waiting:
        one.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_two_bridges_hear_commands_and_what_is_kept_raw(own_broker: Broker) -> None:
    told: list[tuple[str, str, bytes]] = []
    async with (
        playing_gateway(own_broker) as gateway,
        running(own_broker, lambda device, payload: told.append(("one", device, payload))) as uplink,
        running(own_broker, lambda device, payload: told.append(("two", device, payload))),
    ):
        await gateway.say("w1/down/commands", b"{}")
        await uplink.raw("w1", Leaf.READINGS, b"\x00" * 100_000)
        await uplink.result("w1", {"command_id": "c"}, "done", NOW)
        async with asyncio.timeout(LIMIT):
            while not any(topic.endswith("results") for topic, _ in gateway.heard):
                await asyncio.sleep(0.005)
        sizes = {topic: len(payload) for topic, payload in gateway.heard}
        assert sizes["anhu/v1/w1/up/readings"] == 64 * 1024, "not without end"
        async with asyncio.timeout(LIMIT):
            while len(told) < 2:
                await asyncio.sleep(0.005)
        assert sorted(told) == [("one", "w1", b"{}"), ("two", "w1", b"{}")]
