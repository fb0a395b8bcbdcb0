"""What the broker keeps for a gateway that is away."""

import queue

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tests.parts.broker import Broker
from tests.parts.loops import end_loop
from tests.parts.waiting import until

WAITING = 2500  # more than the 1,000 queued and 20 in flight that Mosquitto keeps by default


def gateway(broker: Broker, received: queue.Queue[bytes | bytearray]) -> paho.Client:
    """A client on a gateway's persistent session."""
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="a gateway's secret id", clean_session=False)
    client.username_pw_set("anhu-gateway", broker.passwords["anhu-gateway"])
    client.on_message = lambda _client, _data, message: received.put(message.payload)
    client.connect(broker.host, broker.port)
    client.loop_start()
    until(client.is_connected, "the gateway is connected")
    return client


@pytest.mark.parametrize("restarted", [False, True])
def test_nothing_is_dropped_while_a_gateway_is_away(broker: Broker, restarted: bool) -> None:
    received: queue.Queue[bytes | bytearray] = queue.Queue()
    first = gateway(broker, received)
    subscribed: list[int] = []
    first.on_subscribe = lambda _client, _data, mid, _reasons, _properties: subscribed.append(mid)
    first.subscribe("anhu/v1/+/up/#", qos=1)
    until(lambda: subscribed, "the gateway is subscribed")
    first.disconnect()
    end_loop(first)

    device = paho.Client(CallbackAPIVersion.VERSION2)
    device.username_pw_set("watch-1", broker.add_device("watch-1"))
    device.max_inflight_messages_set(500)
    device.connect(broker.host, broker.port)
    device.loop_start()
    sent = [device.publish("anhu/v1/watch-1/up/readings", str(number), qos=1) for number in range(WAITING)]
    sent[-1].wait_for_publish(30)
    device.disconnect()
    end_loop(device)

    if restarted:
        broker.stop()
        broker.start()
    second = gateway(broker, received)
    assert [int(received.get(timeout=10)) for _ in range(WAITING)] == list(range(WAITING))
    second.disconnect()
    end_loop(second)
