"""A whole fleet against a real broker: readings, status, commands, gaps, and the end."""

import asyncio
import signal

import pytest

from simulators.devices.kinds import KINDS
from tests.parts.waiting import PATIENCE

RANGES = {
    "heart_rate": (20, 300),
    "spo2": (30, 100),
    "body_temperature": (25, 45),
    "respiratory_rate": (2, 80),
    "systolic": (30, 300),
    "diastolic": (20, 200),
    "steps": (0, 200_000),
    "battery": (0, 100),
    "rssi": (-150, 0),
}
A_DAY = ("--start", "2026-11-22T00:00:00", "--duration", "86400", "--speed", "28800", "--seed", "5")


def check_reading(reading):
    """Against the contract's table of fields."""
    assert reading["ts"].endswith("+08:00")
    assert len(reading) > 2, "at least one measurement"
    for name, value in reading.items():
        match name:
            case "ts" | "seq":
                pass
            case "worn" | "in_bed":
                assert isinstance(value, bool)
            case "location":
                assert value["datum"] == "wgs84"
                assert 29.6 < value["lat"] < 29.8
                assert 105.6 < value["lon"] < 105.9
                assert value["accuracy"] > 0
            case _:
                low, high = RANGES[name]
                assert low <= value <= high, (name, value)


async def test_a_day_of_each_kind_is_in_the_contracts_form(simulate, peer):
    devices = [f"one-{kind}" for kind in (*KINDS, "foot_mat")]
    code, _, err = await (await simulate("--skip-first", "20", *A_DAY)).ended()
    assert code == 0, err
    await peer.until(lambda: all(map(peer.said_goodbye, devices)))
    for device_id in devices:
        readings = peer.readings(device_id)
        minutes = {"one-wristband": 1, "one-bed_sensor": 1, "one-fall_detector": 5}.get(device_id, 60)
        assert len(readings) == 1440 // minutes, device_id
        assert [reading["seq"] for reading in readings] == list(range(1, len(readings) + 1)), device_id
        for reading in readings:
            check_reading(reading)
        assert not peer.payloads(device_id, "up/events"), "a fleet raises nothing unless asked"
        assert [status["online"] for status in peer.payloads(device_id, "up/status")] == [True, False]


async def test_the_same_seed_start_and_duration_give_the_same_payloads(simulate, peer):
    runs = []
    devices = ["wb-000", "one-bed_sensor", "one-door_sensor", "one-pull_cord"]
    chosen = [argument for name in devices for argument in ("--only", name)]
    for _ in range(2):
        peer.heard.clear()
        code, _, err = await (await simulate(*A_DAY, "--ordinary-events", *chosen)).ended()
        assert code == 0, err
        await peer.until(lambda: all(map(peer.said_goodbye, devices)))
        runs.append({name: (peer.readings(name), _first_of_each(peer.payloads(name, "up/events"))) for name in devices})
    assert [len(readings) for readings, _ in runs[0].values()] == [1440, 1440, 24, 24]
    assert runs[0] == runs[1]
    types = {event["type"] for _, events in runs[0].values() for event in events}
    assert {"worn_off", "worn_on", "bed_in", "bed_out", "door_open", "door_closed"} <= types
    assert types <= {"worn_off", "worn_on", "bed_in", "bed_out", "door_open", "door_closed", "test"}


def _first_of_each(events):
    """Without repeats: whether there are any depends on how quickly the peer answers."""
    return list({event["event_id"]: event for event in events}.values())


async def test_readings_wait_for_a_broker_that_is_away_and_come_as_arrays(simulate, peer, broker):
    running = await simulate("--only", "wb-007", "--speed", "6000")
    await peer.until(lambda: len(peer.readings("wb-007")) > 20)
    broker.kill()
    await asyncio.sleep(1.2)  # the length of the gap is the point: 120 readings and more
    running.process.send_signal(signal.SIGSTOP)  # or the fleet may be back before its listener, who then hears nothing
    broker.start()
    await peer.until(lambda: peer.subscribed == 2)
    running.process.send_signal(signal.SIGCONT)
    await peer.until(lambda: any(len(payload) > 100 for payload in _uploads(peer)))
    running.process.send_signal(signal.SIGTERM)
    code, _, err = await running.ended()
    assert code == 0, err
    assert max(len(payload) for payload in _uploads(peer)) <= 500


def _uploads(peer):
    return [payload for payload in peer.payloads("wb-007", "up/readings") if isinstance(payload, list)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_a_run_with_a_goodbye_of_every_device(number, simulate, peer):
    running = await simulate("--skip-first", "1", "--only", "wb-001", "--only", "wb-002", "--only", "wb-000")
    await peer.until(lambda: bool(peer.payloads("wb-001", "up/status") and peer.payloads("wb-002", "up/status")))
    running.process.send_signal(number)
    code, _, err = await running.ended()
    assert code == 0, err
    for device_id in ("wb-001", "wb-002"):
        assert [status["online"] for status in peer.payloads(device_id, "up/status")] == [True, False]
    assert not peer.payloads("wb-000", "up/status"), "the first device is left alone"


async def test_a_device_that_is_killed_is_told_offline_by_its_will(simulate, peer):
    running = await simulate("--only", "wb-001")
    await peer.until(lambda: bool(peer.payloads("wb-001", "up/status")))
    running.process.kill()
    await peer.until(lambda: len(peer.payloads("wb-001", "up/status")) == 2)
    will = peer.payloads("wb-001", "up/status")[1]
    assert will["online"] is False
    assert will["at"].endswith("+08:00")


@pytest.mark.parametrize(
    ("command", "status"),
    [("ring", "done"), ("locate", "done"), ("measure", "done"), ("remind", "done"), ("configure", "done"),
     ("self_destruct", "unsupported")],
)  # fmt: skip
async def test_commands_are_answered(command, status, simulate, peer):
    await simulate("--only", "wb-001")
    await peer.until(lambda: bool(peer.payloads("wb-001", "up/status")))
    await peer.send("wb-001", "down/commands", {"command_id": "c-1", "command": command})
    await peer.until(lambda: bool(peer.payloads("wb-001", "up/results")))
    result = peer.payloads("wb-001", "up/results")[0]
    assert (result["command_id"], result["command"], result["status"]) == ("c-1", command, status)
    assert result["at"].endswith("+08:00")
    if command == "locate":
        assert result["location"]["datum"] == "wgs84"
    if command == "measure":
        await peer.until(lambda: bool(peer.readings("wb-001")))


async def test_garbage_from_above_does_not_stop_a_device(simulate, peer):
    await simulate("--only", "wb-001")
    await peer.until(lambda: bool(peer.payloads("wb-001", "up/status")))
    for payload in (b"\xff\xfe", b"[]", b"{}", b'{"event_id": 7, "stage": "stored"}'):
        await peer.send("wb-001", "down/receipts", payload)
        await peer.send("wb-001", "down/commands", payload)
    await peer.send("wb-001", "down/commands", {"command_id": "c-2", "command": "ring"})
    await peer.until(lambda: any(result["command_id"] == "c-2" for result in peer.payloads("wb-001", "up/results")))


async def test_a_press_within_a_fleet_run(simulate, peer):
    arguments = ("--press", "wb-000", "--skip-first", "20", "--speed", "60", "--duration", "180", "--json")
    code, out, err = await (await simulate(*arguments)).ended()
    assert code == 0, err
    assert '"stage": "stored"' in out
    assert len(peer.readings("one-wristband")) == 3


async def test_a_receipt_sent_while_a_device_was_away_reaches_it(simulate, peer, broker):
    """The session lasts: a device that was cut off hears on its return what it was told meanwhile."""
    peer.answer = lambda event: []
    running = await simulate(
        "--press", "wb-001", "--with-fleet", "--only", "wb-001", "--json", "--resend-first", "50"
    )  # fmt: skip
    await peer.until(lambda: bool(peer.payloads("wb-001", "up/events")))
    event_id = peer.payloads("wb-001", "up/events")[0]["event_id"]
    running.process.send_signal(signal.SIGSTOP)
    await peer.receipt("wb-001", event_id, "stored")
    running.process.send_signal(signal.SIGCONT)
    line = await asyncio.wait_for(running.process.stdout.readline(), 10 * PATIENCE)
    assert b'"stored"' in line
