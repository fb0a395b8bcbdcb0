"""Zigbee2MQTT's traps, one by one; its captures are in test_captures.py."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decoders.buttons import BUTTON
from gateway.decoders.family import Decoded, Enrolment, nobody_enrolled
from gateway.decoders.model import MEASURED, Reason
from gateway.decoders.zigbee2mqtt import decode

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)


def said(payload: Any, kind: str | None = None, topic: str = "zigbee2mqtt/sensor") -> Decoded:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    [decoded] = decode(topic, body, NOW, lambda _: Enrolment(kind))
    return decoded


def types(decoded: Decoded) -> list[str]:
    return sorted(event.type for event in decoded.events)


def test_a_press_and_what_follows_it_are_one_press() -> None:
    assert types(said({"action": "emergency"})) == ["sos"]
    for after in ("", None, " "):
        assert said({"action": after}) == said({})


@pytest.mark.parametrize("action", ["single", "double", "hold", "hold_left", "something new"])
def test_whatever_an_emergency_button_says_is_a_call(action: str) -> None:
    assert types(said({"action": action}, BUTTON)) == ["sos"]
    wall_switch = said({"action": action})
    assert types(wall_switch) == []
    assert [flaw.field for flaw in wall_switch.flaws] == ["action"], "not silently all right"


@pytest.mark.parametrize("said_true", [True, "true", "TRUE", "ON", 1])
def test_true_in_any_spelling(said_true: Any) -> None:
    assert types(said({"smoke": said_true})) == ["smoke"]


@pytest.mark.parametrize("unclear", ["maybe", 2, [], {}, 0.5])
def test_what_is_neither_true_nor_false_is_told(unclear: Any) -> None:
    decoded = said({"water_leak": unclear})
    assert types(decoded) == []
    assert [(flaw.reason, flaw.field) for flaw in decoded.flaws] == [(Reason.WRONG_TYPE, "water_leak")]


def test_a_detector_under_test_raises_nothing() -> None:
    assert types(said({"smoke": True, "test": True})) == ["test"]
    assert types(said({"smoke": True, "test": "perhaps"})) == ["smoke"], "in doubt it burns"


def test_the_rooms_temperature_is_not_the_bodys() -> None:
    decoded = said({"temperature": 37.2, "linkquality": 60})
    assert decoded.readings == ()
    assert decoded.unread == ("linkquality", "temperature")


def test_the_time_of_a_message_is_when_it_was_seen() -> None:
    for seen in ("2026-11-22T11:59:00+08:00", 1795319940000):
        [event] = said({"smoke": True, "last_seen": seen}).events
        assert event.occurred_at == datetime(2026, 11, 22, 3, 59, tzinfo=UTC)
    late = said({"smoke": True, "last_seen": "yesterday", "battery": 50})
    assert (late.events[0].occurred_at, late.events[0].clock_suspect, late.events[0].device_ts) == (
        NOW, True, "yesterday",
    )  # fmt: skip
    assert late.readings == (), "as with native devices"


def test_the_same_bytes_have_the_same_name() -> None:
    first, again, other = (said({"sos": True, "n": n}).events[0].event_id for n in (1, 1, 2))
    assert first == again != other
    assert len(first) <= 64


@pytest.mark.parametrize("broken", [b"{", b"[]", b"42", b"\xff\xfe", b'{"action": "emer'])
def test_half_broken_is_never_all_right(broken: bytes) -> None:
    decoded = said(broken)
    assert decoded.flaws
    assert decoded.ignored is None


@given(st.text(max_size=30), st.binary(max_size=200) | st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["action", "smoke", "battery", "last_seen", "contact", "fall_status", "test", "x"]), inner,
    ),
).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_no_message_raises(name: str, payload: bytes) -> None:
    [decoded] = decode(f"zigbee2mqtt/{name}", payload, NOW, nobody_enrolled)
    assert isinstance(decoded, Decoded)
    for reading in decoded.readings:
        assert 0 <= reading.values[MEASURED.index("battery")] <= 100
