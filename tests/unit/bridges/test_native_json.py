"""What a bridge says is what a decoder of native v1 reads: the gateway's own, and the contract's schemas."""

import json
from datetime import UTC, datetime

import pytest

from gateway.bridges.native_json import device_id, event_json, event_ts, readings_json, result_json, status_json
from gateway.decoders.family import Draft
from gateway.decoders.model import MEASURED, Event, Location, Reading
from gateway.decoders.native import MAX_ARRAY, decode_event, decode_readings, decode_result, decode_status
from tests.parts import documents

NOW = datetime(2026, 11, 22, 4, 0, 0, 123456, tzinfo=UTC)


def draft(kind: str, at: datetime | None = NOW, words: object = "") -> Event:
    made = Draft("w1", "m1", NOW)
    made.at(at, words, "time")
    made.locate("29.563", "106.5516", "12")
    made.measure("battery", "83")
    made.happened(kind, {"status": "00010000"})
    return made.done().events[0]


def test_an_event_arrives_as_it_was_read() -> None:
    event = draft("sos")
    sent = json.loads(event_json(event))
    assert documents.faults("event", sent) == []
    got = decode_event(event_json(event), NOW)
    assert isinstance(got, Event)
    assert (got.event_id, got.type, got.occurred_at, got.ts_key) == (event.event_id, "sos", NOW, event.ts_key)
    assert (got.location, got.battery, got.detail) == (Location(29.563, 106.5516, 12), 83, {"status": "00010000"})
    assert got.flaws == ()


@pytest.mark.parametrize(
    ("words", "instant", "ts"),
    [
        ("991399 250000", None, "991399 250000"),
        ("1999-01-01T00:00:00+00:00", datetime(1999, 1, 1, tzinfo=UTC), "1999-01-01T00:00:00+00:00"),
        ("", None, None),
    ],
)
def test_an_emergency_without_a_clock_is_the_same_event_each_time(
    words: str, instant: datetime | None, ts: str | None
) -> None:
    event = draft("sos", instant, words)
    assert event_ts(event) == ts
    got = decode_event(event_json(event), NOW)
    assert isinstance(got, Event)
    assert (got.clock_suspect, got.occurred_at) == (True, NOW)


def test_another_event_without_a_clock_has_the_time_of_its_arrival() -> None:
    got = decode_event(event_json(draft("worn_off", None, "991399")), NOW)
    assert isinstance(got, Event)
    assert (got.type, got.occurred_at, got.clock_suspect) == ("worn_off", NOW, False)


def test_readings_arrive_as_they_were_read() -> None:
    values = {name: 1.0 for name in MEASURED} | {"heart_rate": 72.0, "spo2": 97.0, "body_temperature": 36.5}
    values |= {"systolic": 128.0, "diastolic": 79.0, "respiratory_rate": 16.0, "steps": 1234, "rssi": -97.0}
    values |= {"worn": True, "in_bed": False, "lat": 29.563, "lon": 106.5516, "accuracy": 12.0}
    full = Reading(NOW, 3, tuple(values[name] for name in MEASURED))
    bare = Reading.of(NOW, 0, {"battery": 5.0}, None)
    (payload,) = readings_json([full, bare])
    documents.check("readings", json.loads(payload))
    assert decode_readings(payload, NOW) == ([full, bare], [])
    (payload,) = readings_json([bare])
    assert decode_readings(payload, NOW) == ([bare], [])
    assert [len(json.loads(part)) for part in readings_json([bare] * (MAX_ARRAY + 2))] == [MAX_ARRAY, 2]


def test_status_and_results() -> None:
    status = decode_status(status_json(True, NOW))
    assert getattr(status, "online", None) is True
    told = decode_result(result_json({"command": "ring", "command_id": 5, "more": 1}, "done", NOW))
    assert told == {"command": "ring", "status": "done", "at": NOW.isoformat()}
    documents.check("result", told)


def test_a_native_id_from_what_the_hardware_calls_itself() -> None:
    assert device_id("watch-{id}", "1000000001") == "watch-1000000001"
    assert device_id("{id}", "手环/1 +#") == "___1___"
    assert len(device_id("watch-{id}", "9" * 90)) == 64
    with pytest.raises(ValueError, match="has none"):
        device_id("watch", "1")
