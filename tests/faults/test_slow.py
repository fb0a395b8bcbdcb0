"""A slow database makes presses late and loses none; a flood of readings does not make them late."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import paho.mqtt.client as paho
import psycopg
from paho.mqtt.enums import CallbackAPIVersion

from services.broker.accounts import BENCH
from tests.faults.storm import Storm, assert_exactly_once, eventually, lateness
from tests.parts.broker import Broker
from tests.parts.figures import Tell
from tests.parts.loops import end_loop
from tests.parts.system import Device, System, event

FLOOD = 12_000


def test_presses_wait_out_a_lock_on_events_and_one_on_alerts(
    shared: System, storm: Callable[..., Storm], tell: Tell
) -> None:
    raging = storm(shared, presses=200, rate=15, seed=8)
    raging.wait_until_pressing()
    for table in ("events", "alerts"):
        with psycopg.connect(shared.database_url) as other:
            other.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
            time.sleep(5)  # the slow database itself
    presses = raging.result()
    assert_exactly_once(shared, presses)
    assert max(press.stored_after or 0.0 for press in presses) > 3, "no press met the lock on events"
    tell(f"{len(presses)} presses, 5 s without events, 5 s without alerts; {lateness(presses)}")


def test_a_press_does_not_wait_for_what_the_telemetry_lane_holds(shared: System) -> None:
    """Both lanes note when a device was seen last; a batch of readings may be slow to commit."""
    device_id = str(shared.seeded.devices[0]["device_id"])
    with Device(shared.broker, device_id) as device, psycopg.connect(shared.database_url) as telemetry:
        device.press()
        seen = "SELECT 1 FROM device_states JOIN devices ON key = device_key WHERE device_id = %s"
        eventually(lambda: shared.sql(seen, device_id), "the device was seen")
        telemetry.execute(
            "UPDATE device_states SET battery = 50 FROM devices WHERE key = device_key AND device_id = %s", (device_id,)
        )
        pressed = device.press(battery=40)
        device.receipt(pressed["event_id"], "raised")
        telemetry.rollback()
        device.press(battery=41)
        eventually(
            lambda: shared.sql("SELECT 1 FROM device_states WHERE battery = 41"), "the next press tells the battery"
        )


@contextmanager
def flood(broker: Broker, device_ids: list[str], readings: int) -> Iterator[threading.Event]:
    """Readings as fast as the broker takes them, over the benchmark's account; the event says all are handed over."""
    done = threading.Event()
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.username_pw_set(BENCH, broker.passwords[BENCH])
    client.max_inflight_messages_set(1000)
    client.connect(broker.host, broker.port)
    client.loop_start()

    def pour() -> None:
        now = time.time()
        last = None
        for number in range(readings):
            at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now - number // len(device_ids)))
            reading = json.dumps({"ts": at, "seq": number, "heart_rate": 72, "battery": 80})
            last = client.publish(f"anhu/v1/{device_ids[number % len(device_ids)]}/up/readings", reading, qos=1)
        assert last is not None
        last.wait_for_publish(60)
        done.set()

    pouring = threading.Thread(target=pour, name="flood")
    pouring.start()
    try:
        yield done
    finally:
        pouring.join(90)
        client.disconnect()
        end_loop(client)


def test_a_flood_of_readings_does_not_delay_a_press(shared: System, tell: Tell) -> None:
    station = shared.seeded.organization_id
    ours = shared.sql("SELECT device_id FROM devices WHERE organization_id = %s ORDER BY 1", station)
    device_ids = [str(row[0]) for row in ours]
    person = shared.sign_in()

    elder = shared.sql("SELECT elder_id::text FROM devices WHERE device_id = %s", device_ids[0])[0][0]
    occurrences = [0]

    def waited(presser: Device) -> float:
        """Seconds from the press to its frame: the one in which the elder's alert counts one press more."""
        began = time.monotonic()
        presser.send(event("sos"))
        while True:
            alert = screen.next_alert()
            if alert["elder"] and alert["elder"]["id"] == elder and alert["occurrences"] > occurrences[0]:
                occurrences[0] = alert["occurrences"]
                return time.monotonic() - began

    with person.screen() as screen, Device(shared.broker, device_ids[0]) as presser:
        calm = sorted(waited(presser) for _ in range(20))
        rows = "SELECT count(*) FROM readings"
        before = shared.sql(rows)[0][0]
        with flood(shared.broker, device_ids, FLOOD) as poured:
            eventually(lambda: shared.sql(rows)[0][0] > before, "the flood begins")
            wet = []
            while not poured.is_set() or shared.sql(rows)[0][0] < before + FLOOD:
                wet.append(waited(presser))
                assert len(wet) < 5000, "the flood does not end"
        wet.sort()
    person.http.close()
    tell(
        f"press to screen: calm p50 {calm[10] * 1000:.0f} ms, longest {calm[-1] * 1000:.0f} ms; during {FLOOD} readings"
        f" {len(wet)} presses: p50 {wet[len(wet) // 2] * 1000:.0f} ms, longest {wet[-1] * 1000:.0f} ms"
    )
    assert len(wet) >= 10, "too few presses fell into the flood to say anything"
    assert wet[-1] < 5.0
