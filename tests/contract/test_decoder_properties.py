"""What must hold of the decoder for any bytes at all."""

import json
import os
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.decoders.model import EMERGENCIES, MEASURED, Event, Flaw, Reading, Rejection, Status
from gateway.decoders.native import decode_event, decode_readings, decode_result, decode_status
from tests.contract.test_readings import FULL, RANGES

NOW = datetime(2026, 11, 22, 3, 20, tzinfo=UTC)
#: `make soak` looks longer.
EXAMPLES = 25 if "ANHU_SOAK_SECONDS" not in os.environ else 20_000

# Not in a strategy of ours: the threads of test_waits.py's waits draw from `random` meanwhile, for WebSocket masks.
pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")

quickly = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="CI" in os.environ and "ANHU_SOAK_SECONDS" not in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(sorted(EMERGENCIES)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=5,
)
a_time = st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat) | st.just(NOW.isoformat())
locations = st.fixed_dictionaries(
    {"lat": st.floats(-95, 95), "lon": st.floats(-185, 185)},
    optional={"accuracy": st.floats(-5, 1e6), "datum": st.sampled_from(["wgs84", "gcj02", "bd09", None])},
)
numbers = st.integers(-400, 300_000) | st.floats(-400, 400)
reading_like = st.dictionaries(st.sampled_from(sorted(FULL)), numbers | anything, max_size=6).flatmap(
    lambda fields: st.fixed_dictionaries(
        {"ts": a_time | anything}, optional={"seq": st.integers(-2, 2**65) | anything, "location": locations | anything}
    ).map(lambda more: fields | more)
)
event_like = st.fixed_dictionaries(
    {},
    optional={
        "event_id": st.text(max_size=70) | anything,
        "type": st.sampled_from([*sorted(EMERGENCIES), "SOS ", "cancel", "door_open", "nonsense"]) | anything,
        "ts": a_time | anything,
        "seq": st.integers() | anything,
        "cancels": anything,
        "location": locations | anything,
        "battery": st.floats(-10, 110) | anything,
        "detail": anything,
        "more": anything,
    },
)


def as_bytes(value: Any) -> bytes:
    # Surrogates, NaN and infinities too: a device may send them.
    return json.dumps(value).encode("utf-8", "surrogatepass")


def check_reading(reading: Reading) -> None:
    measured = dict(zip(MEASURED, reading.values, strict=True))
    for name, (low, high) in RANGES.items():
        assert measured[name] is None or low <= measured[name] <= high
    assert reading.ts.tzinfo is not None
    assert 0 <= reading.seq < 2**63
    assert (measured["lat"] is None) == (measured["lon"] is None)
    if measured["lat"] is not None:
        assert -91 <= measured["lat"] <= 91
        assert -181 <= measured["lon"] <= 181
    assert any(value is not None for value in reading.values)


def check_event(decoded: Event | Rejection) -> None:
    assert decoded.event_id
    assert len(decoded.event_id) <= 64
    assert "\x00" not in decoded.event_id
    if isinstance(decoded, Rejection):
        assert decoded.flaws
    else:
        assert decoded.battery is None or 0 <= decoded.battery <= 100
        assert decoded.clock_suspect == (
            decoded.occurred_at == NOW and decoded.ts_key != NOW.isoformat("T", "microseconds")
        )


@quickly
@given(st.binary(max_size=400))
def test_bytes_never_raise_an_error(payload: bytes) -> None:
    readings, flaws = decode_readings(payload, NOW)
    assert readings or flaws or payload.strip() == b"[]"
    check_event(decode_event(payload, NOW))
    assert isinstance(decode_status(payload), Status | Flaw)
    assert isinstance(decode_result(payload), dict | Flaw)


@quickly
@given(anything)
def test_json_of_any_shape_never_raises_an_error(value: Any) -> None:
    payload = as_bytes(value)
    for reading in decode_readings(payload, NOW)[0]:
        check_reading(reading)
    check_event(decode_event(payload, NOW))
    decode_status(payload)
    decode_result(payload)


@quickly
@given(reading_like | st.lists(reading_like, max_size=4))
def test_what_is_stored_is_within_the_ranges(value: Any) -> None:
    readings, _ = decode_readings(as_bytes(value), NOW)
    for reading in readings:
        check_reading(reading)


@quickly
@given(st.lists(reading_like, min_size=1, max_size=5))
def test_a_good_item_is_stored_whatever_stands_beside_it(others: list[Any]) -> None:
    good = {"ts": NOW.isoformat(), "seq": 77, "heart_rate": 72}
    readings, _ = decode_readings(as_bytes([*others, good]), NOW)
    assert readings[-1] == decode_readings(as_bytes(good), NOW)[0][0]


@quickly
@given(event_like)
def test_an_event_is_decoded_or_rejected(value: Any) -> None:
    check_event(decode_event(as_bytes(value), NOW))


@quickly
@given(event_like, st.sampled_from(sorted(EMERGENCIES)))
def test_an_emergency_always_is_an_event(value: dict[str, Any], kind: str) -> None:
    decoded = decode_event(as_bytes(value | {"type": kind}), NOW)
    assert isinstance(decoded, Event)
    assert decoded.type == kind
    check_event(decoded)


@quickly
@given(event_like, st.sampled_from(sorted(EMERGENCIES)), st.data())
def test_an_emergency_that_is_cut_off_after_its_type_is_an_event(
    value: dict[str, Any], kind: str, data: st.DataObject
) -> None:
    payload = as_bytes({"type": kind} | {name: part for name, part in value.items() if name != "type"})
    head = payload.index(b'"', payload.index(b":") + 3) + 1
    cut = data.draw(st.integers(head, len(payload)))
    decoded = decode_event(payload[:cut], NOW)
    assert isinstance(decoded, Event)
    assert decoded.type == kind


@quickly
@given(event_like)
def test_the_same_bytes_are_the_same_event(value: dict[str, Any]) -> None:
    payload = as_bytes(value)
    assert decode_event(payload, NOW) == decode_event(payload, NOW)
