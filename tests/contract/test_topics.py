"""The topics, beside readings and events: status and the last will, results, MQTT 5, who may say what where."""

import json
from collections.abc import Callable

import pytest
from paho.mqtt.enums import MQTTProtocolVersion

from tests.contract.asking import readings, soon
from tests.parts import documents
from tests.parts.system import Device, Person, System, event
from tests.parts.waiting import until

PROTOCOLS = [MQTTProtocolVersion.MQTTv311, MQTTProtocolVersion.MQTTv5]


def device_state(person: Person, device_id: str, online: bool) -> dict[str, object]:
    return until(
        lambda: [one for one in [person.get(f"/devices/{device_id}")] if one["online"] is online],
        f"{device_id} is {'online' if online else 'offline'}",
        limit=30,
        every=0.05,
    )[0]


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=["3.1.1", "5"])
def test_both_versions_of_mqtt_work_and_several_connections_of_one_device(
    system: System, spare_wristband: str, operator: Person, protocol: MQTTProtocolVersion
) -> None:
    device_id = spare_wristband
    with (
        Device(system.broker, device_id, protocol=protocol) as one,
        Device(system.broker, device_id, protocol=protocol) as other,
    ):
        one.send({"ts": soon(), "heart_rate": 66}, "readings")
        assert readings(operator, device_id, 1)
        sent = one.press()
        for connection in (one, other):
            connection.receipt(sent["event_id"], "raised")


def test_status_is_what_was_said_last_and_the_last_will_when_the_connection_is_lost(
    system: System, spare_wristband: str, operator: Person
) -> None:
    device_id = spare_wristband
    assert operator.get(f"/devices/{device_id}")["online"] is None
    # The will's own time is when it was set: receivers go by when it came.
    will = {"online": False, "at": soon(hours=3)}
    online = {"online": True, "at": soon(hours=1)}
    for one in (will, online):
        assert not documents.faults("status", one)
    with Device(system.broker, device_id, will=will) as device:
        device.send(online, "status", retain=True)
        on = device_state(operator, device_id, online=True)
        device.vanish()
        off = device_state(operator, device_id, online=False)
    assert str(off["online_at"]) > str(on["online_at"]) > soon(minutes=5)
    # Retained: whoever asks the broker later is told the last word.
    later: list[bytes] = []
    with Device(system.broker, device_id, username="anhu-gateway") as listener:
        listener.listen(f"anhu/v1/{device_id}/up/status", later)
        until(lambda: later, "the retained status")
    assert json.loads(later[0]) == will


def test_the_outcome_of_a_command_is_kept(wristband: Device, system: System) -> None:
    """No call shows results yet, so the row is looked at."""
    outcome = {"command_id": "c-1", "command": "locate", "status": "done", "at": soon(), "extra": {"x": 1}}
    assert not documents.faults("result", outcome)
    wristband.send(outcome, "results")
    rows = until(
        lambda: system.sql("SELECT result FROM command_results WHERE device_id = %s", wristband.device_id),
        "the result is stored",
    )
    assert rows == [(outcome,)]


def test_a_device_speaks_and_hears_only_for_itself(wristbands: Callable[[], Device], operator: Person) -> None:
    one, other = wristbands(), wristbands()
    forged = event("sos")
    heard: list[bytes] = []
    one.listen(f"anhu/v1/{other.device_id}/down/receipts", heard)
    one.publish(f"anhu/v1/{other.device_id}/up/events", forged)
    one.publish(f"anhu/v1/{one.device_id}/up/else", forged)
    one.publish(f"anhu/v1/{one.device_id}/down/receipts", {"event_id": "x", "stage": "stored", "at": soon()})
    # What came before on this connection is dealt with: nothing of it reached anybody.
    operator.alert_of(one.press()["event_id"])
    operator.alert_of(other.press()["event_id"])
    assert operator.get("/alerts", event_id=forged["event_id"])["items"] == []
    assert heard == []
    assert "x" not in {receipt.event_id for receipt in one.receipts}


def test_a_wrong_password_is_no_device(system: System, wristband: Device) -> None:
    assert not system.broker.lets_in(wristband.device_id, "wrong")
    assert not system.broker.lets_in(None)
    assert system.broker.lets_in(wristband.device_id, system.broker.passwords[wristband.device_id])
