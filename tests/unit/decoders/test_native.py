"""Native payloads: what is read, what is told as a flaw, and the emergency that raises whatever is wrong with it."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.decoders.model import EMERGENCIES, EVENT_TYPES, MEASURED, Event, Flaw, Reading, Reason, Rejection
from gateway.decoders.native import (
    MAX_ARRAY,
    MAX_PAYLOAD_BYTES,
    decode_event,
    decode_readings,
    decode_result,
    decode_status,
    names_emergency,
    payload_id,
    storable,
)

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
TS = "2026-11-22T11:59:58.123+08:00"
AT = datetime(2026, 11, 22, 3, 59, 58, 123000, tzinfo=UTC)


def encoded(**fields: Any) -> bytes:
    return json.dumps({"ts": TS} | fields).encode()


def measured(reading: Reading) -> dict[str, Any]:
    return {name: value for name, value in zip(MEASURED, reading.values, strict=True) if value is not None}


def sos(**fields: Any) -> bytes:
    return json.dumps({"event_id": "e1", "type": "sos", "ts": TS} | fields).encode()


def emergency(payload: bytes) -> Event:
    event = decode_event(payload, NOW)
    assert isinstance(event, Event)
    return event


class TestReadings:
    def test_a_full_reading(self) -> None:
        [reading], flaws = decode_readings(
            encoded(seq=7, heart_rate=72, spo2=97, worn=True, steps=12, location={"lat": 29.5, "lon": 106.5}), NOW
        )
        assert (reading.ts, reading.seq, flaws) == (AT, 7, [])
        assert measured(reading) == {
            "heart_rate": 72,
            "spo2": 97,
            "worn": True,
            "steps": 12,
            "lat": 29.5,
            "lon": 106.5,
        }

    @pytest.mark.parametrize(
        ("name", "bad", "reason"),
        [
            ("heart_rate", 19.9, Reason.OUT_OF_RANGE),
            ("heart_rate", "72", Reason.WRONG_TYPE),
            ("spo2", True, Reason.WRONG_TYPE),
            ("steps", 1.5, Reason.WRONG_TYPE),
            ("worn", "TRUE", Reason.WRONG_TYPE),
            ("battery", 101, Reason.OUT_OF_RANGE),
            ("rssi", 1, Reason.OUT_OF_RANGE),
            ("seq", -1, Reason.OUT_OF_RANGE),
            ("seq", 2**63, Reason.OUT_OF_RANGE),
            ("location", {"lat": 29.5}, Reason.WRONG_SHAPE),
            ("location", {"lat": 91, "lon": 1}, Reason.OUT_OF_RANGE),
            ("location", {"lat": 29.5, "lon": 106.5, "datum": "bd09"}, Reason.WRONG_TYPE),
        ],
    )
    def test_a_bad_field_is_told_alone_and_the_rest_is_kept(self, name: str, bad: Any, reason: Reason) -> None:
        [reading], [flaw] = decode_readings(encoded(respiratory_rate=16, **{name: bad}), NOW)
        assert measured(reading) == {"respiratory_rate": 16}
        assert (flaw.field, flaw.reason) == (name, reason)

    def test_null_is_absent_and_unknown_fields_are_no_error(self) -> None:
        [reading], flaws = decode_readings(encoded(heart_rate=None, spo2=95, mood="fine"), NOW)
        assert (measured(reading), flaws) == ({"spo2": 95}, [])

    def test_a_bad_item_of_an_array_is_told_alone(self) -> None:
        items = [
            {"ts": TS, "spo2": 95},
            {"ts": "yesterday", "spo2": 95},
            5,
            {"ts": TS},
            {"ts": TS, "seq": 1, "spo2": 0},
        ]
        readings, flaws = decode_readings(json.dumps(items).encode(), NOW)
        assert [measured(reading) for reading in readings] == [{"spo2": 95}]
        assert [(flaw.field, flaw.reason) for flaw in flaws] == [
            ("ts", Reason.WRONG_TYPE),
            (None, Reason.WRONG_SHAPE),
            (None, Reason.EMPTY),
            ("spo2", Reason.OUT_OF_RANGE),
            (None, Reason.EMPTY),
        ]
        assert all(flaw.part is not None for flaw in flaws)

    def test_an_array_over_its_length_keeps_the_first_500(self) -> None:
        items = [{"ts": TS, "seq": number, "steps": 1} for number in range(MAX_ARRAY + 2)]
        readings, flaws = decode_readings(json.dumps(items).encode(), NOW)
        assert len(readings) == MAX_ARRAY
        assert [flaw.reason for flaw in flaws] == [Reason.TOO_LARGE, Reason.TOO_LARGE]
        _, flaws = decode_readings(b"[" + b",".join([b"0"] * 100_000) + b"]", NOW)
        assert len(flaws) == MAX_ARRAY + 21, "no row for each of a hundred thousand"

    @pytest.mark.parametrize("ts", ["2019-12-31T23:59:59Z", "2026-11-22T04:05:01Z"])
    def test_an_impossible_time_is_not_stored(self, ts: str) -> None:
        readings, [flaw] = decode_readings(encoded(ts=ts, spo2=95), NOW)
        assert (readings, flaw.reason) == ([], Reason.CLOCK)

    @pytest.mark.parametrize(
        "ts", ["2026-11-22T11:59:58", "2026-11-22", "1763782798", 1763782798, "2026-13-01T00:00:00Z", ""]
    )
    def test_a_time_is_rfc_3339_with_an_offset(self, ts: Any) -> None:
        readings, [flaw] = decode_readings(encoded(ts=ts, spo2=95), NOW)
        assert (readings, flaw.field) == ([], "ts")

    def test_gcj02_is_stored_as_wgs84(self) -> None:
        [reading], _ = decode_readings(
            encoded(location={"lat": 29.697792231280975, "lon": 105.71891222422938, "datum": "gcj02"}), NOW
        )
        assert measured(reading) == {"lat": pytest.approx(29.7005, abs=1e-6), "lon": pytest.approx(105.7153, abs=1e-6)}

    def test_what_is_too_large_is_not_read(self) -> None:
        readings, [flaw] = decode_readings(b" " * (MAX_PAYLOAD_BYTES + 1), NOW)
        assert (readings, flaw.reason) == ([], Reason.TOO_LARGE)


class TestEvents:
    @pytest.mark.parametrize("kind", sorted(EVENT_TYPES))
    def test_every_type_of_the_contract(self, kind: str) -> None:
        more = {"cancel": {"cancels": "e0"}, "service_request": {"detail": {"service": "家政预约"}}}.get(kind, {})
        event = emergency(sos(type=kind, seq=3, battery=82, **more))
        assert (event.event_id, event.type, event.occurred_at, event.seq, event.battery) == ("e1", kind, AT, 3, 82)
        assert (event.flaws, event.clock_suspect) == ((), False)

    @pytest.mark.parametrize("kind", sorted(EMERGENCIES))
    @pytest.mark.parametrize(
        ("fields", "faulty"),
        [
            ({"location": {"lat": 999, "lon": 0}}, "location"),
            ({"battery": "full"}, "battery"),
            ({"seq": "x"}, "seq"),
            ({"detail": "help"}, "detail"),
            ({"event_id": 5}, "event_id"),
            ({"event_id": ""}, "event_id"),
            ({"event_id": "x" * 65}, "event_id"),
            ({"event_id": "a\nb"}, "event_id"),
        ],
    )
    def test_an_emergency_raises_with_what_can_be_read(self, kind: str, fields: dict[str, Any], faulty: str) -> None:
        payload = sos(type=kind, **fields)
        event = emergency(payload)
        assert [flaw.field for flaw in event.flaws] == [faulty]
        assert event.event_id == (payload_id(payload) if faulty == "event_id" else "e1")

    @pytest.mark.parametrize("given", [" SOS ", "Sos"])
    def test_a_code_is_compared_after_trimming(self, given: str) -> None:
        assert emergency(sos(type=given)).type == "sos"

    @pytest.mark.parametrize(
        "payload",
        [
            b'{"event_id":"q1","type":"sos","ts":"2026-11-22T03:59:58',
            b'{"event_id":"q1", "type" : "SOS" }}}',
            b'{"event_id":"q1","type":"sos","detail":"\xc7\xf3\xbe\xc8"}',
            b'[{"event_id":"q1","type":"sos"}]',
            b'{"event_id":"q1","data":{"type":"sos"}}',
            b'{"event_id":"q1","type":["sos"]}',
            b'{"event_id":"q1","type":"sos","detail":' + b"[" * 500,
        ],
    )
    def test_bytes_that_do_not_parse_but_name_an_emergency_raise(self, payload: bytes) -> None:
        event = emergency(payload)
        assert (event.event_id, event.type) == ("q1", "sos")
        assert event.flaws

    def test_an_emergency_too_large_raises_without_its_detail(self) -> None:
        event = emergency(sos(detail={"text": "x" * MAX_PAYLOAD_BYTES}))
        assert (event.detail, event.flaws[0].reason) == (None, Reason.TOO_LARGE)

    @pytest.mark.parametrize(
        ("payload", "reason"),
        [
            (b"", Reason.NOT_JSON),
            (b"\xff\xfe", Reason.NOT_JSON),
            (b"[]", Reason.WRONG_SHAPE),
            (b"{}", Reason.WRONG_SHAPE),
            (sos(type="dance"), Reason.UNKNOWN_TYPE),
            (sos(type="test", battery=120), Reason.OUT_OF_RANGE),
            (sos(type="test", event_id=5), Reason.WRONG_TYPE),
            (sos(type="test", ts=None), Reason.WRONG_SHAPE),
            (sos(type="test", ts="noon"), Reason.WRONG_TYPE),
            (sos(type="cancel"), Reason.WRONG_SHAPE),
            (sos(type="service_request"), Reason.WRONG_SHAPE),
            (sos(type="service_request", detail={"service": " "}), Reason.WRONG_SHAPE),
            (sos(type="test", detail={"x": "y" * MAX_PAYLOAD_BYTES}), Reason.TOO_LARGE),
        ],
    )
    def test_everything_else_that_is_wrong_is_rejected(self, payload: bytes, reason: Reason) -> None:
        rejection = decode_event(payload, NOW)
        assert isinstance(rejection, Rejection)
        assert rejection.flaws[0].reason == reason
        assert rejection.flaws[0].detail

    @pytest.mark.parametrize("ts", [None, "noon", 17, "2019-12-31T23:59:59Z", "2026-11-22T04:05:01Z", {"a": 1}])
    def test_an_emergency_is_never_refused_for_its_clock(self, ts: Any) -> None:
        event = emergency(sos(ts=ts))
        assert (event.clock_suspect, event.occurred_at) == (True, NOW)
        assert event.device_ts == (ts if ts is None or isinstance(ts, str) else json.dumps(ts))

    @pytest.mark.parametrize("ago", [timedelta(seconds=59), timedelta(days=300)])
    def test_a_past_time_is_believed(self, ago: timedelta) -> None:
        event = emergency(sos(ts=(NOW - ago).isoformat()))
        assert (event.clock_suspect, event.occurred_at) == (False, NOW - ago)

    def test_the_same_instant_in_another_zone_is_the_same_repeat(self) -> None:
        assert emergency(sos()).ts_key == emergency(sos(ts="2026-11-22T03:59:58.123Z")).ts_key
        assert emergency(sos()).ts_key != emergency(sos(ts="2026-11-22T03:59:58.124Z")).ts_key


def test_emergencies_and_cancels_go_first() -> None:
    assert names_emergency(sos())
    assert names_emergency(sos(type="cancel", cancels="e0"))
    assert names_emergency(b'{"type":"fall","ts":')
    assert not names_emergency(sos(type="door_open"))


def test_status_and_results() -> None:
    assert decode_status(b'{"online": true, "at": "whenever"}') is not None
    for payload in (b"", b"[]", b'{"online": 1}', b"{}", b"\xff"):
        assert isinstance(decode_status(payload), Flaw)
    assert decode_result(b'{"command_id": "c", "status": "done"}') == {"command_id": "c", "status": "done"}
    assert isinstance(decode_result(b"5"), Flaw)


def test_what_jsonb_cannot_hold_is_taken_out() -> None:
    assert storable({"a\x00": ["\x00", float("nan"), float("inf"), 1.5, None]}) == {"a�": ["�", None, None, 1.5, None]}


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
_fields = st.dictionaries(
    st.sampled_from(["event_id", "ts", "seq", "cancels", "location", "battery", "detail", "heart_rate", "steps"]), _json
)


@given(st.binary(max_size=200))
@settings(deadline=None)
def test_no_bytes_are_an_exception(payload: bytes) -> None:
    assert decode_event(payload, NOW) is not None
    assert decode_readings(payload, NOW) is not None
    assert decode_status(payload) is not None
    assert decode_result(payload) is not None


@given(_fields, st.sampled_from(sorted(EMERGENCIES)))
@settings(deadline=None)
def test_nothing_that_is_wrong_with_an_emergency_keeps_it_from_raising(fields: dict[str, Any], kind: str) -> None:
    event = emergency(json.dumps(fields | {"type": kind}).encode())
    assert event.type == kind
    assert 1 <= len(event.event_id) <= 64
    assert event.occurred_at <= NOW + timedelta(minutes=5)


@given(_fields)
@settings(deadline=None)
def test_what_is_kept_of_a_reading_is_in_its_range(fields: dict[str, Any]) -> None:
    readings, _ = decode_readings(json.dumps(fields | {"ts": TS}).encode(), NOW)
    for reading in readings:
        values = measured(reading)
        assert values
        assert 20 <= values.get("heart_rate", 20) <= 300
        assert 0 <= values.get("steps", 0) <= 200_000
        assert -90 <= values.get("lat", 0) <= 90


def test_an_accuracy_that_says_nothing_is_none() -> None:
    """As a 32-bit number 1e39 would be infinite, which no JSON holds: no alert could be raised there."""
    here = {"lat": 29.5, "lon": 106.5}
    for accuracy, kept in ((1e39, None), (3e7, None), (12.5, 12.5)):
        readings, flaws = decode_readings(encoded(location=here | {"accuracy": accuracy}), NOW)
        assert (readings[0].values[-1], flaws) == (kept, [])
