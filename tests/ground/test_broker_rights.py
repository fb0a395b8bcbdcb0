"""What Mosquitto lets a device and a service account do, asked of the real one."""

import queue
import secrets
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tests.parts.broker import Broker
from tests.parts.loops import end_loop
from tests.parts.waiting import until

Join = Callable[..., "Member"]


class Member:
    """A signed-in client that remembers what it was sent."""

    def __init__(self, broker: Broker, username: str, client_id: str = "") -> None:
        self.received: queue.Queue[tuple[str, bytes | bytearray]] = queue.Queue()
        self.disconnects = 0
        self._granted: set[int | None] = set()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=client_id)
        self._client.username_pw_set(username, broker.passwords[username])
        self._client.on_message = lambda _c, _d, message: self.received.put((message.topic, message.payload))
        self._client.on_subscribe = lambda _c, _d, mid, _reasons, _p: self._granted.add(mid)
        self._client.on_disconnect = lambda *_: setattr(self, "disconnects", self.disconnects + 1)
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()
        until(self._client.is_connected, f"{username} is connected")

    def subscribe(self, *topics: str) -> None:
        for topic in topics:
            _, mid = self._client.subscribe(topic, qos=1)
            until(partial(self._granted.__contains__, mid), f"SUBACK for {topic}")

    def publish(self, topic: str, payload: str = "x") -> None:
        """Returns after the PUBACK, which Mosquitto also sends for what it refuses."""
        self._client.publish(topic, payload, qos=1).wait_for_publish(10)

    def next(self) -> tuple[str, bytes | bytearray]:
        return self.received.get(timeout=10)

    def leave(self) -> None:
        self._client.disconnect()
        end_loop(self._client)


@pytest.fixture
def join(broker: Broker) -> Iterator[Join]:
    members: list[Member] = []

    def enter(username: str, client_id: str = "") -> Member:
        members.append(Member(broker, username, client_id))
        return members[-1]

    yield enter
    for member in members:
        member.leave()


def test_nobody_signs_in_without_the_right_password(broker: Broker) -> None:
    password = broker.add_device("watch-1")
    assert broker.lets_in("watch-1", password)
    assert broker.lets_in("watch-1", password, client_id="any id at all")
    assert not broker.lets_in("watch-1", password + "x")
    assert not broker.lets_in("watch-1", "")
    assert not broker.lets_in("watch-2", password)
    assert not broker.lets_in(None)


def test_a_device_is_heard_under_its_own_up_only(broker: Broker, join: Join) -> None:
    broker.add_devices(["watch-1", "watch-2"])
    gateway = join("anhu-gateway")
    gateway.subscribe("anhu/v1/+/up/#", "anhu/v1/+/down/#")
    device, other = join("watch-1"), join("watch-2")
    other.subscribe("anhu/v1/watch-2/down/#")
    for refused in (
        "anhu/v1/watch-2/up/events",
        "anhu/v1/watch-2/down/receipts",
        "anhu/v1/watch-1/down/receipts",
        "anhu/v1/watch-1/up/events/deeper",
        "anhu/v1/watch-1/up/other",
        "anhu/v1/watch-1/up",
        "anhu/v2/watch-1/up/events",
        "elsewhere",
    ):
        device.publish(refused)
    for allowed in ("readings", "events", "status", "results"):
        device.publish(f"anhu/v1/watch-1/up/{allowed}")
    # QoS 1 from one client comes in order: had a refused one passed, it would be here first.
    assert [gateway.next()[0] for _ in range(4)] == [
        f"anhu/v1/watch-1/up/{allowed}" for allowed in ("readings", "events", "status", "results")
    ]
    gateway.publish("anhu/v1/watch-2/down/receipts", "last")
    assert other.next() == ("anhu/v1/watch-2/down/receipts", b"last")


def test_a_device_hears_its_own_down_only(broker: Broker, join: Join) -> None:
    broker.add_devices(["watch-1", "watch-2"])
    device = join("watch-1")
    device.subscribe(
        "#",
        "+/+/+/+/+",
        "anhu/v1/+/down/#",
        "anhu/v1/+/up/#",
        "anhu/v1/watch-2/#",
        "$SYS/#",
        "$share/theirs/anhu/v1/watch-2/down/#",
        "$share/any/#",
    )
    other, gateway, alerts = join("watch-2"), join("anhu-gateway"), join("anhu-alerts")
    other.publish("anhu/v1/watch-2/up/events")
    gateway.publish("anhu/v1/watch-2/down/receipts")
    alerts.publish("anhu/v1/watch-2/down/receipts")
    # In order on each publisher's connection, and after everything above.
    for publisher in (gateway, alerts):
        publisher.publish("anhu/v1/watch-1/down/receipts", "mine")
        assert device.next() == ("anhu/v1/watch-1/down/receipts", b"mine")
    heard = {device.received.get_nowait() for _ in range(device.received.qsize())}
    assert heard <= {("anhu/v1/watch-1/down/receipts", b"mine")}


def test_alerts_may_only_speak_to_devices(broker: Broker, join: Join) -> None:
    broker.add_devices(["watch-1"])
    gateway, alerts, device = join("anhu-gateway"), join("anhu-alerts"), join("watch-1")
    gateway.subscribe("#")
    alerts.subscribe("#")
    alerts.publish("anhu/v1/watch-1/up/events", "forged")
    device.publish("anhu/v1/watch-1/up/events", "real")
    assert gateway.next() == ("anhu/v1/watch-1/up/events", b"real")
    assert alerts.received.empty()


def test_a_bridge_speaks_for_any_device_and_reads_nothing_of_theirs(broker: Broker, join: Join) -> None:
    broker.add_devices(["watch-1"])
    gateway, bridge, device = join("anhu-gateway"), join("anhu-bridge"), join("watch-1")
    gateway.subscribe("anhu/v1/+/up/#")
    bridge.subscribe("#")
    device.subscribe("anhu/v1/watch-1/down/#")
    bridge.publish("anhu/v1/watch-1/down/receipts", "forged")
    device.publish("anhu/v1/watch-1/up/events", "private")
    bridge.publish("anhu/v1/watch-9/up/events", "for a watch")
    assert [gateway.next(), gateway.next()] == [
        ("anhu/v1/watch-1/up/events", b"private"),
        ("anhu/v1/watch-9/up/events", b"for a watch"),
    ]
    gateway.publish("anhu/v1/watch-9/down/receipts", "stored")
    assert bridge.next() == ("anhu/v1/watch-9/down/receipts", b"stored"), "and nothing of watch-1"
    gateway.publish("anhu/v1/watch-1/down/receipts", "real")
    assert device.next() == ("anhu/v1/watch-1/down/receipts", b"real")


def test_the_gateway_reads_the_brokers_counters(join: Join) -> None:
    gateway = join("anhu-gateway")
    gateway.subscribe("$SYS/broker/publish/messages/dropped")
    assert gateway.next() == ("$SYS/broker/publish/messages/dropped", b"0")


def test_the_benchmark_speaks_for_its_devices_only(broker: Broker, join: Join) -> None:
    broker.add_devices(["bench-1"])
    broker_user, gateway = join("anhu-bench"), join("anhu-gateway")
    gateway.subscribe("anhu/v1/+/up/#")
    broker_user.publish("anhu/v1/watch-1/up/events")
    broker_user.publish("anhu/v1/bench-1/up/events")
    assert gateway.next()[0] == "anhu/v1/bench-1/up/events"


def test_a_new_device_signs_in_and_nobody_is_disconnected(broker: Broker, join: Join) -> None:
    broker.add_device("watch-1")
    device, gateway = join("watch-1"), join("anhu-gateway")
    device.subscribe("anhu/v1/watch-1/down/#")
    password = broker.add_device("watch-2")  # rewrites the files, SIGHUP
    assert broker.lets_in("watch-2", password)
    gateway.publish("anhu/v1/watch-1/down/commands", "still here")
    assert device.next() == ("anhu/v1/watch-1/down/commands", b"still here")
    assert device.disconnects == 0
    assert gateway.disconnects == 0


def test_the_files_are_closed_to_others(broker: Broker, server_folder: Path) -> None:
    broker.add_device("watch-1")
    for name in ("passwords", "rights.acl", "mosquitto.conf"):
        assert (server_folder / "broker" / name).stat().st_mode & 0o077 == 0


def test_a_device_in_a_share_of_its_own_takes_nothing_from_the_gateways(broker: Broker, join: Join) -> None:
    broker.add_devices(["watch-1", "watch-2"])
    gateway, thief, device = join("anhu-gateway"), join("watch-1"), join("watch-2")
    gateway.subscribe("$share/a name that only gateways know/anhu/v1/+/up/events")
    thief.subscribe("$share/gateway/anhu/v1/+/up/events", "$share/gateway/#", "$share/anhu/anhu/v1/+/up/#")
    sent = [str(number).encode() for number in range(20)]
    for number in sent:
        device.publish("anhu/v1/watch-2/up/events", number.decode())
    assert [gateway.next()[1] for _ in sent] == sent
    assert thief.received.empty()


def test_a_gateways_session_is_not_to_be_had_by_guessing(broker: Broker, join: Join) -> None:
    """A client id that is known would be enough to take a session over: Mosquitto binds none to a user name. So a
    gateway's is secret; what an attacker can guess, disturbs nobody."""
    broker.add_devices(["watch-1", "watch-2"])
    slot = f"anhu-{secrets.token_hex(16)}-events"  # as gateway/slots.py and process.py make it
    gateway = join("anhu-gateway", slot)
    gateway.subscribe("anhu/v1/+/up/events")
    guesses = ("anhu-gateway", "anhu-1-events", "anhu", "gateway-events", slot[:-1], slot.upper(), "")
    thieves = [join("watch-1", guess) for guess in guesses]
    device = join("watch-2")
    device.publish("anhu/v1/watch-2/up/events", "press")
    assert gateway.next() == ("anhu/v1/watch-2/up/events", b"press")
    assert gateway.disconnects == 0
    assert all(thief.received.empty() for thief in thieves)
