"""The traps of what people have at home: Theengs, Tasmota, Shelly, ESPHome, OwnTracks. Captures: test_captures.py."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decoders.buttons import BUTTON
from gateway.decoders.family import Decoded, Enrolment
from gateway.decoders.model import EVENT_TYPES, MEASURED, Status
from gateway.decoders.native import check_reading
from gateway.decoders.registry import FAMILIES, recognise
from tests.parts.examples import examples

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
HOME = ("theengs", "tasmota", "shelly", "esphome", "owntracks")


def said(family: str, topic: str, payload: Any, kind: str | None = None) -> list[Decoded]:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return list(FAMILIES[family].decode(topic, body, NOW, lambda _: Enrolment(kind)))


def types(decoded: list[Decoded]) -> list[str]:
    return sorted(event.type for one in decoded for event in one.events)


def told(decoded: list[Decoded]) -> list[str | None]:
    return [flaw.field for one in decoded for flaw in one.flaws]


class TestTheengs:
    TOPIC = "home/{}/BTtoMQTT/BC026E000001"

    def press(self, receiver: str, **fields: Any) -> str:
        body = {"model_id": "SBBT-002C", "button": 1, "packet": 29, "batt": 100} | fields
        [one] = said("theengs", self.TOPIC.format(receiver), body, BUTTON)
        return one.events[0].event_id

    def test_a_press_that_two_receivers_overhear_is_one_press(self) -> None:
        heard = {self.press("kitchen", rssi=-70, distance=2.1), self.press("hall", rssi=-88, id="BC:02:6E:00:00:01")}
        assert len(heard) == 1
        assert self.press("kitchen", packet=30) not in heard, "another press"

    def test_no_press_is_none_and_an_unknown_one_is_a_call(self) -> None:
        topic = self.TOPIC.format("kitchen")
        assert types(said("theengs", topic, {"button": 0}, BUTTON)) == []
        for strange in (10, 77, "shaken", True, [1]):
            assert types(said("theengs", topic, {"button": strange}, BUTTON)) == ["sos"], strange
            assert told(said("theengs", topic, {"button": strange})) == ["button"], "not silently all right"

    @pytest.mark.parametrize("contact", ["ajar", 1, None, []])
    def test_a_door_that_is_neither_open_nor_closed(self, contact: Any) -> None:
        decoded = said("theengs", self.TOPIC.format("kitchen"), {"contact": contact})
        assert types(decoded) == []
        assert told(decoded) == ([] if contact is None else ["contact"])

    def test_a_radio_code_is_told(self) -> None:
        [one] = said("theengs", "home/kitchen/433toMQTT", {"value": 1315156, "protocol": 1})
        assert one.flaws


class TestTasmota:
    def test_a_message_may_speak_of_several_devices(self) -> None:
        body = {
            "ZbReceived": {
                "0x0001": {"Device": "0x0001", "Fire": 1},
                "Button": {"Device": "0x0002", "Click": "single"},
            },
            "Switch1": "OFF",
        }
        decoded = said("tasmota", "tele/bridge/SENSOR", body, BUTTON)
        assert {one.hardware_id: [event.type for event in one.events] for one in decoded} == {
            "bridge/0x0001": ["smoke"], "bridge/Button": ["sos"], "bridge": [],
        }  # fmt: skip

    def test_one_broken_device_does_not_hide_the_next(self) -> None:
        body = {"ZbReceived": {"0x0001": "?", "0x0002": {"Device": "0x0002", "Panic": 1}}}
        decoded = said("tasmota", "tele/bridge/SENSOR", body)
        assert (types(decoded), told(decoded)) == (["sos"], ["0x0001"])

    def test_a_zone_without_a_name(self) -> None:
        def zone(status: int, kind: str | None = None) -> list[Decoded]:
            return said(
                "tasmota", "tele/b/SENSOR", {"ZbReceived": {"1": {"Device": "1", "ZoneStatusChange": status}}}, kind
            )

        assert told(zone(0b01)) == ["ZoneStatusChange"], "an alarm of we know not what"
        assert types(zone(0b10, "smoke_detector")) == ["smoke"]
        assert types(zone(0b1100)) == ["low_battery", "tamper"]
        assert (types(zone(0)), told(zone(0))) == ([], [])

    def test_a_local_time_without_an_offset_is_not_believed_and_not_blamed(self) -> None:
        [one] = said("tasmota", "stat/t/RESULT", {"Time": "2021-01-01T00:00:00", "Switch1": {"Action": "ON"}}, BUTTON)
        assert (one.events[0].occurred_at, one.events[0].clock_suspect, one.flaws) == (NOW, False, ())
        [one] = said(
            "tasmota", "stat/t/RESULT", {"Time": "2026-11-22T11:59:00+08:00", "Switch1": {"Action": "ON"}}, BUTTON
        )
        assert one.events[0].occurred_at == datetime(2026, 11, 22, 3, 59, tzinfo=UTC)

    def test_a_release_is_no_press(self) -> None:
        for body in ({"Switch1": {"Action": "OFF"}}, {"Switch1": "OFF"}):
            assert types(said("tasmota", "stat/t/RESULT", body, BUTTON)) == []
        for pressed in (b"SINGLE", {"ACTION": "SINGLE"}, {"Button1": {"Action": "SINGLE"}}, {"BUTTON1": "HOLD"}):
            assert types(said("tasmota", "stat/t/BUTTON1", pressed, BUTTON)) == ["sos"], pressed
        assert told(said("tasmota", "stat/t/BUTTON1", {"Action": None}, BUTTON)) == ["BUTTON1"]


class TestShelly:
    def test_a_press_told_again_is_the_same_press(self) -> None:
        topic = "shellies/shellybutton1-1/input_event/0"
        first, again, second = (
            said("shelly", topic, {"event": "S", "event_cnt": count}, BUTTON)[0].events[0].event_id
            for count in (1, 1, 2)
        )
        assert first == again != second

    def test_down_and_push_are_calls_and_up_is_none(self) -> None:
        def event(word: str) -> list[Decoded]:
            events = [{"component": "input:0", "id": 0, "event": word, "ts": 1795319940.5}]
            body = {"method": "NotifyEvent", "params": {"ts": 1795319940.5, "events": events}}
            return said("shelly", "shellyplusi4-1/events/rpc", body, BUTTON)

        for word in ("btn_down", "single_push", "long_push", "triple_push", "something_new"):
            assert types(event(word)) == ["sos"], word
        assert types(event("btn_up")) == []
        [one] = event("btn_down")
        assert one.events[0].occurred_at == NOW - timedelta(seconds=59.5)

    def test_before_it_has_the_time_a_device_counts_from_its_start(self) -> None:
        body = {"method": "NotifyFullStatus", "params": {"ts": 1.33, "smoke:0": {"alarm": True},
                "devicepower:0": {"battery": {"V": 2.4, "percent": 9}}}}  # fmt: skip
        [one] = said("shelly", "shellyplussmoke-1/events/rpc", body)
        assert (types([one]), len(one.readings), one.flaws) == (["smoke"], 1, ())
        assert (one.events[0].occurred_at, one.events[0].battery) == (NOW, 9)

    @pytest.mark.parametrize("alarm", ["maybe", 3, [], {}])
    def test_an_alarm_that_is_neither_true_nor_false_is_told(self, alarm: Any) -> None:
        decoded = said("shelly", "s/status/flood:0", {"id": 0, "alarm": alarm})
        assert (types(decoded), told(decoded)) == ([], ["alarm"])

    def test_an_alarm_of_a_component_that_is_not_known_is_told(self) -> None:
        assert told(said("shelly", "s/status/heat:0", {"id": 0, "alarm": True})) == ["heat:0"]

    def test_what_is_behind_a_gateway_goes_by_its_kind(self) -> None:
        body = {"method": "NotifyStatus", "params": {"ts": 1.0, "bthomesensor:200": {"value": True}}}
        for kind, want in (("water_detector", ["water_leak"]), ("door_sensor", ["door_open"]), (BUTTON, ["sos"])):
            [one] = said("shelly", "gw/events/rpc", body, kind)
            assert (one.hardware_id, types([one])) == ("gw/bthomesensor:200", want)
        [one] = said("shelly", "gw/events/rpc", body)
        assert (one.events, one.unread) == ((), ("bthomesensor:200",))


class TestESPHome:
    def on(self, name: str, word: bytes = b"ON", kind: str | None = None) -> list[Decoded]:
        return said("esphome", f"node/binary_sensor/{name}/state", word, kind)

    @pytest.mark.parametrize(
        ("name", "event_type"),
        [("fall_detected", "fall"), ("falling_information", "fall"), ("smoke_detected", "smoke"), ("co_alarm", "gas"),
         ("kitchen_leak", "water_leak"), ("sos_button", "sos"), ("front_door", "door_open"), ("in_bed", "bed_in"),
         ("battery_low", "low_battery"), ("smoke_test", "test")],
    )  # fmt: skip
    def test_on_is_what_its_name_says(self, name: str, event_type: str) -> None:
        assert types(self.on(name)) == [event_type]

    @pytest.mark.parametrize("name", ["bedroom_presence", "smoke_detector_connected", "people_exist", "waterfall_pump"])
    def test_on_is_nothing_more(self, name: str) -> None:
        [one] = self.on(name)
        assert (one.events, one.unread) == ((), (f"binary_sensor/{name}",))

    def test_on_without_a_name_that_we_know(self) -> None:
        assert types(self.on("knopf", kind=BUTTON)) == ["sos"]
        assert types(self.on("presence", kind=BUTTON)) == [], "somebody is there: no press"
        assert told(self.on("sturz", kind="fall_detector")) == ["sturz"]
        assert told(self.on("fall_detected", b"unavailable")) == ["fall_detected"]

    @pytest.mark.parametrize("empty", [b"0", b"0.0", b"nan", b"NaN"])
    def test_nobody_in_front_of_a_radar_has_no_heart_rate(self, empty: bytes) -> None:
        [one] = said("esphome", "node/sensor/real-time_heart_rate/state", empty)
        assert (one.readings, one.flaws) == ((), ())

    def test_a_fall_as_text(self) -> None:
        for word, want, flaws in ((b"Fall detected", ["fall"], 0), (b"No fall", [], 0), (b"?!", [], 1)):
            decoded = said("esphome", "node/text_sensor/falling_information/state", word)
            assert (types(decoded), len(told(decoded))) == (want, flaws)

    @pytest.mark.parametrize(
        "topic", ["homeassistant/binary_sensor/garden/state", "homeassistant/status", "zigbee2mqtt/a/b/state"]
    )
    def test_others_topics_of_the_same_shape_are_not_its_own(self, topic: str) -> None:
        assert recognise(topic, b"online" if topic.endswith("status") else b"ON") != "esphome"


class TestOwnTracks:
    def test_a_position_of_the_last_minutes_says_that_the_telephone_is_there(self) -> None:
        for minutes, status in ((1, Status(True)), (6, None)):
            at = int((NOW - timedelta(minutes=minutes)).timestamp())
            [one] = said(
                "owntracks", "owntracks/jane/phone", {"_type": "location", "lat": 29.5, "lon": 106.5, "tst": at}
            )
            assert (one.status, len(one.readings)) == (status, 1)

    @pytest.mark.parametrize("tst", ["soon", -5, 1e300, [], True])
    def test_a_time_that_is_none_is_told(self, tst: Any) -> None:
        decoded = said("owntracks", "owntracks/j/p", {"_type": "location", "lat": 29.5, "lon": 106.5, "tst": tst})
        assert (told(decoded), decoded[0].readings) == (["tst"], ())

    def test_half_a_position_is_told(self) -> None:
        assert told(said("owntracks", "owntracks/j/p", {"_type": "location", "lat": 29.5, "tst": 1795319940})) == [
            "lat"
        ]


TOPICS = st.sampled_from([
    "home/x/BTtoMQTT/AA", "home/x/LWT", "home/presence/x", "tele/x/SENSOR", "stat/x/RESULT", "tele/x/LWT",
    "stat/x/SWITCH1", "stat/x/STATUS8", "shellies/x/input_event/0", "shellies/x/sensor/smoke",
    "shellies/x/sensor/battery", "x/events/rpc", "x/status/smoke:0", "x/status/bthomesensor:1", "shellyx/online",
    "x/binary_sensor/fall/state", "x/sensor/heart_rate/state", "x/sensor/battery/state", "x/event/e/state",
    "x/text_sensor/fall/state", "x/status", "owntracks/x/y", "",
]) | st.text(max_size=20)  # fmt: skip
FIELDS = st.sampled_from([
    "rssi", "batt", "button", "open", "contact", "bpm", "steps", "encr", "id", "ZbReceived", "IBEACON", "Switch1",
    "Action", "StatusSNS", "Device", "Name", "MAC", "STATE", "ZoneStatusChange", "Battery", "Contact", "Click",
    "Power", "Time", "method", "params", "events", "event", "component", "info", "ts", "smoke:0", "alarm", "errors",
    "devicepower:0", "battery", "percent", "bthomesensor:1", "value", "_type", "lat", "lon", "acc", "tst",
    "event_type",
])  # fmt: skip
BODIES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.sampled_from(["ON", "", "location", "nan", "1e400"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=5),
    max_leaves=12,
).map(lambda value: json.dumps(value).encode())


@examples(60)
@given(TOPICS, st.binary(max_size=40) | BODIES, st.sampled_from([None, BUTTON, "fall_detector", "door_sensor"]))
def test_no_message_raises_and_nothing_impossible_is_measured(topic: str, payload: bytes, kind: str | None) -> None:
    recognise(topic, payload)
    for family in HOME:
        for one in FAMILIES[family].decode(topic, payload, NOW, lambda _: Enrolment(kind)):
            assert one.readings or one.events or one.status or one.flaws or one.unread or one.ignored or payload
            assert all(event.type in EVENT_TYPES and 0 < len(event.event_id) <= 64 for event in one.events)
            for reading in one.readings:
                for name, value in zip(MEASURED[:11], reading.values, strict=False):
                    assert value is None or check_reading(name, value)[1] is None, (name, value)
