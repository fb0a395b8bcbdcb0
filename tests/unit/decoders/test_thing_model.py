"""What the clouds' devices say, whatever their makers call it; captures of each cloud are in test_captures.py."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decoders.family import Decoded, nobody_enrolled
from gateway.decoders.model import MEASURED, Reason
from gateway.decoders.registry import FAMILIES
from gateway.decoders.thing_model import Message, read_time
from gateway.decoders.thing_model_words import MEANINGS, Alarm

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
THEN = datetime(2026, 11, 22, 3, 59, tzinfo=UTC)
MS = int(THEN.timestamp() * 1000)
CLOUDS = ("alink", "iotda", "onenet", "ctwing", "tuya")


def said(properties: Any, **events: Any) -> Decoded:
    message = Message("test", "topic", json.dumps([properties, events]).encode(), NOW)
    device = message.of("device")
    device.properties(properties)
    for name, outputs in events.items():
        device.event(name, outputs)
    [decoded] = message.done()
    return decoded


def types(decoded: Decoded) -> list[str]:
    return sorted(event.type for event in decoded.events)


def measured(decoded: Decoded) -> dict[str, Any]:
    return {
        name: value
        for reading in decoded.readings
        for name, value in zip(MEASURED, reading.values, strict=True)
        if value is not None
    }


@pytest.mark.parametrize("name", ["HeartRate", "heart_rate", "heartRate", "HEARTRATE", "heart-rate", "心率"])
@pytest.mark.parametrize("value", [72, 72.0, "72", {"value": 72}, {"value": "72", "time": MS}, [72]])
def test_an_identifier_in_any_spelling_and_wrapping(name: str, value: Any) -> None:
    assert measured(said({name: value})) == {"heart_rate": 72}


@pytest.mark.parametrize("name", ["SOS", "sosAlarm", "sos_state", "SosAlarm", "emergencyCall", "求救"])
@pytest.mark.parametrize("value", [1, 1.0, True, "1", "true", "alarm", "报警", {"value": 1, "time": MS}])
def test_a_call_for_help_in_any_spelling(name: str, value: Any) -> None:
    assert types(said({name: value})) == ["sos"]


@pytest.mark.parametrize("unclear", [7, "maybe", {"x": 1}, [1, 2], 0.5, -1])
def test_an_alarm_that_cannot_be_read_is_told(unclear: Any) -> None:
    for name in [word for word, meaning in MEANINGS.items() if isinstance(meaning, Alarm)]:
        decoded = said({name: unclear})
        assert types(decoded) == []
        assert [flaw.field for flaw in decoded.flaws] == [name]


@pytest.mark.parametrize("unknown", [None, "", []])
def test_what_is_missing_is_unknown(unknown: Any) -> None:
    decoded = said({"heartRate": unknown, "Wear": None, "doorcontact_state": ""})
    assert (types(decoded), measured(decoded)) == ([], {})
    assert {"Wear", "doorcontact_state"} <= set(decoded.unread)


def test_a_heart_that_was_not_measured_is_no_heart_at_zero() -> None:
    decoded = said({"heartRate": 0, "spo2": "0", "BodyTemp": 0.0, "steps": 0, "battery": 0})
    assert measured(decoded) == {"steps": 0, "battery": 0}
    assert decoded.unread == ("BodyTemp", "heartRate", "spo2")
    assert decoded.flaws == ()


def test_what_sounds_like_an_alarm_and_is_not_known_is_told() -> None:
    assert [flaw.reason for flaw in said({"fireAlarmCode": 3}).flaws] == [Reason.UNKNOWN_TYPE]
    assert [flaw.field for flaw in said({}, oxygenAlarm={"spo2": 85}).flaws] == ["oxygenAlarm"]
    assert [flaw.field for flaw in said({"alarmType": 12}).flaws] == ["alarmType"]
    quiet = said({"fireAlarmCode": 0, "alarmVolume": 3, "sosPhoneNumber": "x", "alarmStatus": "normal", "colour": 1})
    assert quiet.flaws == ()
    assert "colour" in quiet.unread


def test_a_service_or_a_serious_event_that_nobody_understands_is_told() -> None:
    def told(name: str, properties: dict[str, Any], *, event: bool = False) -> list[str | None]:
        message = Message("test", "topic", b"", NOW)
        device = message.of("device")
        if event:
            device.event(name, properties, serious=True)
        else:
            device.service(name, properties)
        return [flaw.field for flaw in message.done()[0].flaws]

    assert told("SOS", {"state": 1}) == ["SOS"]
    assert told("fallAlarmService", {"code": "x", "level": 3}) == ["fallAlarmService"]
    assert told("SOS", {"state": 0}) == told("alarm", {"sos": 0, "level": 3}) == told("light", {"state": 1}) == []
    assert told("1003", {"code": 7}, event=True) == ["1003"]
    assert told("1003", {"battery_state": 0}, event=True) == []


def test_the_module_of_a_model_is_no_part_of_a_name() -> None:
    assert types(said({"alarms:sos": 1}, **{"alarms:fall": {}})) == ["fall", "sos"]


def test_an_alarm_by_its_name() -> None:
    assert types(said({"alarmType": "SOS"})) == ["sos"]
    assert types(said({}, alarm={"alarmType": "fallAlarm"})) == ["fall"]
    assert types(said({}, warning={"value": {"alarmType": "跌倒"}, "time": MS})) == ["fall"]


def test_an_event_happened_by_being_said_unless_it_says_that_it_is_over() -> None:
    unsure = {"sos": ""}, {"sos": None}, {"value": ""}, {"sos": 0, "sosState": 1}
    for outputs in ({}, None, {"value": {}, "time": MS}, {"sos": 1}, {"alarmStatus": 9}, 1, {"value": "1"}, *unsure):
        assert types(said({}, sosAlarm=outputs)) == ["sos"], outputs
    assert types(said({}, sosAlarm={"sosState": 0})) == []
    assert types(said({}, smokeAlarm={"value": 0})) == []
    unclear = said({}, sosAlarm={"sosState": 9})
    assert types(unclear) == ["sos"], "in doubt somebody calls"
    assert [flaw.field for flaw in unclear.flaws] == ["sosAlarm.sosState"]


def test_an_event_takes_along_what_it_says_besides() -> None:
    decoded = said({}, fallAlarm={"value": {"latitude": 29.5, "longitude": 106.5, "battery": 40, "sos": 1}, "time": MS})
    assert types(decoded) == ["fall", "sos"]
    assert {(event.battery, event.location.lat, event.occurred_at) for event in decoded.events if event.location} == {
        (40, 29.5, THEN)
    }


def test_a_call_for_help_is_read_behind_a_thousand_other_things() -> None:
    decoded = said({f"x{number}": number for number in range(2000)} | {"sos": 1})
    assert types(decoded) == ["sos"]
    assert [flaw.reason for flaw in decoded.flaws] == [Reason.TOO_LARGE]


def test_a_threshold_is_no_pulse_and_an_alarm_in_an_unknown_structure_is_told() -> None:
    assert measured(said({"limits": {"heartRate": 120}})) == {}
    assert measured(said({"BloodPressure": {"systolic": 128, "diastolic": 79}})) == {"systolic": 128, "diastolic": 79}
    assert [flaw.field for flaw in said({"panel": {"keys": [{"sos": 1}]}}).flaws] == ["panel"]
    assert said({"panel": {"keys": [{"sos": 0}]}}).unread == ("panel",)


def test_positions() -> None:
    chinese = said(
        {"GeoLocation": {"Longitude": 106.58108765221444, "Latitude": 29.554211504789585, "CoordinateSystem": 2}}
    )
    assert measured(chinese) == pytest.approx({"lat": 29.5571, "lon": 106.5774}, abs=1e-6)
    assert measured(said({"lat": "29.5", "lng": "106.5"})) == {"lat": 29.5, "lon": 106.5}
    assert measured(said({"location": {"lat": 0, "lon": 0}})) == {}, "what receivers say that have no fix"
    for wrong in (
        {"lat": 29.5},
        {"location": {"lat": 29.5, "lon": 106.5, "CoordinateSystem": 7}},
        {"lat": 91, "lon": 0},
    ):
        decoded = said(wrong)
        assert measured(decoded) == {}
        assert len(decoded.flaws) == 1, wrong


@pytest.mark.parametrize(
    "words",
    [
        MS,
        MS // 1000,
        str(MS),
        str(MS // 1000),
        "2026-11-22T11:59:00+08:00",
        "2026-11-22T03:59:00.000Z",
        "20261122T035900Z",
    ],
)
def test_times(words: Any) -> None:
    assert read_time(words) == THEN
    [event] = said({"sos": {"value": 1, "time": words}}).events
    assert (event.occurred_at, event.clock_suspect) == (THEN, False)


@pytest.mark.parametrize("words", [1, 159010865400, "yesterday", "2026-11-22 11:59:00", -1, 1e300, True, [], {}])
def test_a_time_that_cannot_be_believed(words: Any) -> None:
    decoded = said({"sos": {"value": 1, "time": words}, "heartRate": {"value": 70, "time": words}})
    [event] = decoded.events
    assert (event.occurred_at, event.clock_suspect) == (NOW, True)
    assert decoded.readings == (), "as with native devices"
    assert [flaw.reason for flaw in decoded.flaws] == [Reason.CLOCK]


def test_each_moment_is_a_reading_of_its_own() -> None:
    decoded = said({"heartRate": [{"value": 70, "time": MS - 60_000}, {"value": 71, "time": MS}], "battery": 50})
    assert [reading.ts for reading in decoded.readings] == [THEN - timedelta(minutes=1), THEN, NOW]


def test_two_messages_of_one_second_do_not_contradict_each_other() -> None:
    heart, battery, again = (
        said({name: {"value": value, "time": MS}}).readings[0].seq
        for name, value in (("heartRate", 70), ("battery", 50), ("heart_rate", 71))
    )
    assert heart == again != battery


def test_the_same_press_is_the_same_event_whatever_envelope_brings_it() -> None:
    direct = {"id": "1", "params": {"value": {}, "time": MS}, "method": "thing.event.sos.post"}
    passed_on = {
        "productKey": "pk",
        "deviceName": "dn",
        "identifier": "sos",
        "value": {},
        "time": MS,
        "gmtCreate": MS + 9,
    }
    names = {
        FAMILIES["alink"].decode(topic, json.dumps(body).encode(), NOW, nobody_enrolled)[0].events[0].event_id
        for topic, body in (("/sys/pk/dn/thing/event/sos/post", direct), ("amqp", passed_on))
    }
    assert len(names) == 1
    other = FAMILIES["alink"].decode("amqp", json.dumps(passed_on | {"time": MS + 1}).encode(), NOW, nobody_enrolled)
    assert other[0].events[0].event_id not in names


def test_a_name_is_its_products_own() -> None:
    ids = {
        FAMILIES[family].decode("x", json.dumps(body | {product: value}).encode(), NOW, nobody_enrolled)[0].hardware_id
        for family, product, body in (
            ("alink", "productKey", {"deviceName": "d", "status": "online"}),
            ("onenet", "productId", {"deviceName": "d", "messageType": "lifeCycle", "data": {"status": "online"}}),
        )
        for value in ("p", "q")
    }
    assert ids == {"p/d", "q/d"}


@pytest.mark.parametrize(
    ("family", "topic", "broken"),
    [
        ("alink", "/sys/pk/dn/thing/event/sosAlarm/post", b'{"id": "1", "params": {"val'),
        ("alink", "/sys/pk/dn/thing/event/property/post", b'{"params": {"SOS": {"value": 1, "ti'),
        ("iotda", "$oc/devices/d/sys/properties/report", b'{"services":[{"properties":{"sos":1,"ba'),
        ("iotda", "cloud/iotda", b'{"resource":"device.event","notify_data":{"services":[{"event_type":"SOS","pa'),
        ("onenet", "cloud/onenet", b'{"messageType":"notify","data":{"params":{"sosAlarm":{"value":true,'),
        ("ctwing", "cloud/ctwing", b'{"deviceId":"d","payload":{"serviceData":{"SOS":1,\xff}}}'),
        ("tuya", "cloud/tuya", b'{"devId":"d","status":[{"code":"sos_state","value":true'),
    ],
)  # fmt: skip
def test_a_broken_message_that_names_an_emergency_raises_all_the_same(family: str, topic: str, broken: bytes) -> None:
    [decoded] = FAMILIES[family].decode(topic, broken, NOW, nobody_enrolled)
    assert types(decoded) == ["sos"]
    assert decoded.events[0].flaws == decoded.flaws != ()


@pytest.mark.parametrize(
    "calm", [b'{"sos": 0, ', b'{"sos_state": false', b'{"alarm": "none", "sosPhone": "1', b"sos", b"\xff"]
)
@pytest.mark.parametrize("family", CLOUDS)
def test_a_broken_message_that_names_none_is_told(family: str, calm: bytes) -> None:
    [decoded] = FAMILIES[family].decode(f"cloud/{family}", calm, NOW, nobody_enrolled)
    assert decoded.events == ()
    assert decoded.flaws


SPOKEN = """
HeartRate sos fallAlarm Wear battery GeoLocation Latitude Longitude CoordinateSystem alarmType value time items params
properties events subDevices identity productKey deviceName productId messageType notifyType data notify property event
notify_data header body services service_id event_time event_type paras device_id resource device.property payload
serviceData eventContent deviceId dataReport eventReport bizCode bizData devId status code devicePropertyMessage
identifier method thing.event.sos.post deviceEventMessage eventCode outputParams BloodPressure eventType lifeCycle
deviceOnlineOfflineReport APPdata gmtCreate timestamp ts
"""
WORDS = st.sampled_from(SPOKEN.split())
VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=6) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.text(max_size=5), inner, max_size=6),
    max_leaves=25,
)
SPOKEN_ON = """
cloud/x /sys/pk/dn/thing/event/property/post /sys/pk/dn/thing/event/property/pack/post /sys/pk/dn/thing/event/e/post
/pk/dn/thing/event/batch/post /as/mqtt/status/pk/dn $oc/devices/d/sys/properties/report $oc/devices/d/sys/events/up
$oc/devices/d/sys/gateway/sub_devices/properties/report $sys/p/d/thing/property/post $sys/p/d/thing/pack/post
"""
TOPICS = st.sampled_from(SPOKEN_ON.split())
RANGES = {
    "heart_rate": (20, 300),
    "spo2": (30, 100),
    "body_temperature": (25, 45),
    "battery": (0, 100),
    "lat": (-90, 90),
}


@given(TOPICS | st.text(max_size=20), st.binary(max_size=100) | VALUES.map(lambda value: json.dumps(value).encode()))
def test_no_message_raises_and_none_says_nothing(topic: str, payload: bytes) -> None:
    for family in CLOUDS:
        FAMILIES[family].speaks(topic, payload)
        for one in FAMILIES[family].decode(topic, payload, NOW, nobody_enrolled):
            assert isinstance(one, Decoded)
            assert one.hardware_id or one.flaws or one.ignored
            for reading in one.readings:
                for name, (least, most) in RANGES.items():
                    value = reading.values[MEASURED.index(name)]
                    assert value is None or least <= value <= most
