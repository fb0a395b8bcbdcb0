"""What a device may try, and what it must not do to the others."""

from collections.abc import Callable

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tests.parts.loops import end_loop
from tests.parts.system import Device, System, event


def test_qos_0_does_not_cut_the_gateway_off(system: System, wristbands: Callable[[], Device]) -> None:
    careless, other = wristbands(), wristbands()
    before = system.log("gateway").count("no connection to the broker")
    for _ in range(5):
        sent = event()
        careless._client.publish(f"anhu/v1/{careless.device_id}/up/events", str(sent).replace("'", '"'), qos=0)
        careless.receipt(sent["event_id"], "stored")
        other.press("test")
    assert system.log("gateway").count("no connection to the broker") == before


def test_nobody_shares_the_gateways_messages_without_knowing_their_group(
    system: System, wristbands: Callable[[], Device]
) -> None:
    thief, victim = wristbands(), wristbands()
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.username_pw_set(thief.device_id, system.broker.passwords[thief.device_id])
    client.connect(system.broker.host, system.broker.port)
    client.subscribe([(f"$share/{group}/anhu/v1/+/up/events", 1) for group in ("gateway", "gateways", "anhu")])
    client.loop_start()
    try:
        for _ in range(10):
            victim.press("test")
    finally:
        client.disconnect()
        end_loop(client)
    [(group,)] = system.sql("SELECT name FROM gateway_group")
    assert len(group) == 32
