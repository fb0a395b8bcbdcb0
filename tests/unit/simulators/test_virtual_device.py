"""A device's day, without connection and without clock."""

import json
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.device import VirtualDevice
from simulators.devices.kinds import KINDS
from simulators.devices.person import Person, local
from simulators.fleet_file import FleetDevice
from simulators.terms import CHINA, EMERGENCIES, MEASUREMENTS
from tests.parts.examples import examples

MIDNIGHT = datetime(2026, 11, 22, tzinfo=CHINA)
RANGES = {
    "heart_rate": (20, 300), "spo2": (30, 100), "body_temperature": (25, 45), "respiratory_rate": (2, 80),
    "systolic": (30, 300), "diastolic": (20, 200), "steps": (0, 200_000), "battery": (0, 100),
    "rssi": (-150, 0),
}  # fmt: skip

seeds = st.integers(0, 2**32)
moments = st.integers(0, 20 * 365 * 86_400_000).map(lambda ms: MIDNIGHT + timedelta(milliseconds=ms))


def device(kind="wristband", seed=1, start=MIDNIGHT, **more):
    entry = FleetDevice(device_id=f"{kind}-1", password="x", kind=kind, elder_id=more.pop("elder_id", None))
    return VirtualDevice(entry, seed, start, **more)


def live(virtual, span):
    """Its readings until the end of the span."""
    end = virtual.due.replace(second=0, microsecond=0) + span
    while virtual.due < end:
        virtual.live_until_due(0.0)
    readings = []
    while virtual.backlog:
        mark, batch = virtual.backlog.next_upload()
        readings.extend(batch)
        virtual.backlog.uploaded(mark)
    return readings


def events(virtual):
    return [json.loads(event.payload) for event in virtual.outbox]


@given(st.sampled_from([*KINDS, "foot_mat"]), seeds, moments)
@examples(100)
def test_every_reading_at_any_time_is_within_the_contracts_ranges(kind, seed, at):
    virtual = device(kind, seed, at)
    virtual.read(at)
    _, (reading,) = virtual.backlog.next_upload()
    measured = set(reading) - {"ts", "seq"}
    assert measured
    assert measured <= MEASUREMENTS
    for name in measured & set(RANGES):
        low, high = RANGES[name]
        assert low <= reading[name] <= high, (name, reading[name])
    json.dumps(reading, allow_nan=False)


@given(seeds)
@examples(4)
def test_a_wristbands_day_has_the_rhythm_of_a_day(seed):
    readings = live(device(seed=seed), timedelta(days=1))
    assert len(readings) == 1440
    by_hour = lambda first, last: [  # noqa: E731
        reading for reading in readings if first <= datetime.fromisoformat(reading["ts"]).hour < last
    ]
    night, day = by_hour(1, 5), by_hour(8, 12)
    assert mean(night, "heart_rate") < mean(day, "heart_rate") - 3
    assert mean(night, "body_temperature") < mean(by_hour(15, 19), "body_temperature")
    assert max(reading["steps"] for reading in readings) > 500
    assert all(later["steps"] >= sooner["steps"] for sooner, later in pairwise(readings))
    assert 3 <= sum("systolic" in reading for reading in readings) <= 4
    for reading in readings:
        assert ("heart_rate" in reading) == reading["worn"], "a wristband on its charger feels no pulse"
    charging = [reading for reading in readings if not reading["worn"]]
    assert 45 < len(charging) < 85
    assert all(later["battery"] >= sooner["battery"] for sooner, later in pairwise(charging))
    assert charging[0]["steps"] == charging[-1]["steps"]


def test_steps_begin_again_at_midnight_in_china():
    readings = live(device(), timedelta(days=2))
    last, first = readings[1439], readings[1440]
    assert last["ts"] < "2026-11-23T00:00:00" < first["ts"]
    assert last["steps"] > 500
    assert first["steps"] == 0


@given(seeds)
@examples(3)
def test_the_battery_never_jumps(seed):
    levels = [reading["battery"] for reading in live(device(seed=seed), timedelta(days=3))]
    assert max(abs(later - sooner) for sooner, later in pairwise(levels)) <= 2


@given(st.sampled_from(KINDS), seeds, moments)
@examples(15)
def test_no_battery_is_so_low_that_an_alert_is_raised_unasked(kind, seed, start):
    levels = [reading.get("battery", 100) for reading in live(device(kind, seed, start), timedelta(minutes=30))]
    assert min(levels, default=100) >= 25


def test_a_bed_is_empty_by_day_and_breathes_by_night():
    readings = live(device("bed_sensor"), timedelta(days=1))
    at = {datetime.fromisoformat(reading["ts"]).hour: reading for reading in readings}
    assert at[23]["in_bed"]
    assert {"heart_rate", "respiratory_rate"} <= set(at[23])
    assert not at[10]["in_bed"]
    assert "heart_rate" not in at[10]


def test_devices_of_one_elder_agree_on_when_she_sleeps():
    bed = live(device("bed_sensor", elder_id="e"), timedelta(days=1))
    up = next(reading["ts"] for reading in bed[300:] if not reading["in_bed"])
    person = Person(1, "e")
    wake = person.day(MIDNIGHT.date()).wake
    assert abs(local(datetime.fromisoformat(up))[1] - wake) <= 1


@given(st.sampled_from(KINDS), seeds)
@examples(8)
def test_the_same_seed_gives_the_same_payloads(kind, seed):
    def run():
        virtual = device(kind, seed, ordinary_events=True)
        readings = live(virtual, timedelta(hours=12))
        virtual.tell("sos", MIDNIGHT, 0.0)
        virtual.tell("fall", MIDNIGHT, 0.0)
        return readings, [event.payload for event in virtual.outbox]

    assert run() == run()


def test_another_seed_gives_other_payloads():
    assert live(device(seed=1), timedelta(hours=1)) != live(device(seed=2), timedelta(hours=1))


def test_ten_thousand_devices_do_not_speak_in_the_same_second():
    seconds = [0] * 60
    for number in range(10_000):
        virtual = VirtualDevice(FleetDevice(device_id=f"wb-{number}", password="x"), 1, MIDNIGHT)
        seconds[int((virtual.due - MIDNIGHT).total_seconds())] += 1
    assert max(seconds) < 2 * 10_000 / 60


@pytest.mark.parametrize("kind", [*KINDS, "foot_mat"])
def test_no_device_raises_anything_unless_asked(kind):
    virtual = device(kind)
    live(virtual, timedelta(days=3))
    assert not events(virtual)


def test_ordinary_events_are_never_emergencies_and_come_in_order():
    told = []
    for kind in KINDS:
        virtual = device(kind, ordinary_events=True)
        live(virtual, timedelta(days=8))
        mine = events(virtual)
        assert [event["ts"] for event in mine] == sorted(event["ts"] for event in mine)
        assert [event["seq"] for event in mine] == list(range(1, len(mine) + 1))
        told += [event["type"] for event in mine]
    assert not EMERGENCIES & set(told)
    assert set(told) == {"worn_off", "worn_on", "bed_in", "bed_out", "door_open", "door_closed", "test"}


def test_held_values_end_in_their_time():
    virtual = device()
    virtual.hold({"heart_rate": 134}, MIDNIGHT + timedelta(minutes=3))
    rates = [reading["heart_rate"] for reading in live(virtual, timedelta(minutes=10))]
    assert rates[:3] == [134] * 3
    assert 134 not in rates[3:]


def test_event_ids_sort_by_time_and_differ_between_devices():
    ids = [device(kind).tell("test", MIDNIGHT + timedelta(seconds=n), 0.0) for n, kind in enumerate(KINDS)]
    assert ids == sorted(ids)
    assert len(set(ids)) == len(KINDS)
    assert all(len(event_id) == 26 for event_id in ids)


@given(st.binary())
def test_any_bytes_as_a_command_are_answered(payload):
    virtual = device()
    virtual.command(payload, MIDNIGHT)
    assert json.loads(virtual.messages[-1].payload)["status"] in ("done", "unsupported")


@given(st.binary() | st.text().map(str.encode) | st.sampled_from([b"[]", b"{}", b'{"event_id": 1}']))
def test_any_bytes_as_a_receipt_settle_nothing(payload):
    virtual = device()
    virtual.tell("sos", MIDNIGHT, 0.0)
    with pytest.raises(ValueError, match="a receipt"):
        virtual.receipt(payload)
    assert len(virtual.outbox) == 1


def mean(readings, name):
    values = [reading[name] for reading in readings if name in reading]
    return sum(values) / len(values)


def test_whoever_is_reminded_of_a_medicine_mostly_takes_it():
    virtual = device()
    for number in range(40):
        command = {"command": "remind", "command_id": f"c-{number}", "dose_id": f"dose-{number}", "words": "请服药"}
        virtual.command(json.dumps(command).encode(), MIDNIGHT, 0.0)
    taken = [json.loads(event.payload) for event in virtual.outbox.due(0.0)]
    assert 25 <= len(taken) < 40
    assert {one["type"] for one in taken} == {"medication_taken"}
    assert {one["detail"]["dose_id"] for one in taken} < {f"dose-{number}" for number in range(40)}
    assert len(virtual.messages) == 40, "each command is answered"
