"""The line that presses SOS, pasted into real shells before a real broker."""

import json
import queue
import shutil
import subprocess
from datetime import UTC, datetime, timedelta

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from services.demo.broker import DemoBroker
from services.demo.press import press_line
from tests.parts.broker import Broker
from tests.parts.loops import end_loop
from tests.parts.waiting import until


@pytest.mark.parametrize("shell", [name for name in ("sh", "dash", "bash") if shutil.which(name)])
def test_each_paste_is_a_new_press(broker: Broker, shell: str) -> None:
    password = broker.add_device("watch-0001")
    received: queue.Queue[bytes | bytearray] = queue.Queue()
    subscribed: list[int] = []
    gateway = paho.Client(CallbackAPIVersion.VERSION2)
    gateway.username_pw_set("anhu-gateway", broker.passwords["anhu-gateway"])
    gateway.on_message = lambda _client, _data, message: received.put(message.payload)
    gateway.on_subscribe = lambda _client, _data, mid, _reasons, _properties: subscribed.append(mid)
    gateway.connect(broker.host, broker.port)
    gateway.loop_start()
    gateway.subscribe("anhu/v1/watch-0001/up/events", qos=1)
    until(lambda: subscribed, "the gateway is subscribed")

    line = press_line(
        {"device_id": "watch-0001", "password": password},
        DemoBroker("mqtt", broker.host, broker.port, "", "", ""),
    )
    assert "\n" not in line
    for _ in range(2):
        subprocess.run([shell, "-c", line], check=True)
    presses = [json.loads(received.get(timeout=10)) for _ in range(2)]
    gateway.disconnect()
    end_loop(gateway)

    assert [press["type"] for press in presses] == ["sos", "sos"]
    assert presses[0]["event_id"] != presses[1]["event_id"]
    for press in presses:
        assert 1 <= len(press["event_id"]) <= 64
        assert abs(datetime.now(UTC) - datetime.fromisoformat(press["ts"])) < timedelta(seconds=30)
