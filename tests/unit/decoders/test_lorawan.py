"""LoRaWAN's traps, one by one: envelopes, models, half frames; its captures are in test_captures.py."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decoders.family import Decoded, Enrolment
from gateway.decoders.model import MEASURED, Reason
from gateway.decoders.registry import FAMILIES, recognise

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
EUI = "0102030405060708"
CHIRPSTACK_TOPIC = f"application/17c82e96-be03-4f38-aef3-f83d48582d97/device/{EUI}/event/up"
THINGS_TOPIC = f"v3/anhu@ttn/devices/eui-{EUI}/up"
BUTTON = "emergency_button"
MODELS = [
    "WS101", "WS136", "WS301", "WS303", "EM300-SLD", "EM300-MCS", "GS101", "GS524N", "VS373", "VS330", "VS341", "VS370",
    "AT101", "TrackerD", "LGT-92", "LDS02", "LDS03A", "WL03A-LB", "PB01", "SenseCAP T1000-A", "Abeeway Smart Badge",
    "Nexelec Insafe Origin", "MClimate Flood Sensor", "R718WB", "MerryIoT DW10",
]  # fmt: skip

# A frame of each maker that calls for help: model, kind, port, bytes, event.
CALLS = [
    pytest.param("WS101", BUTTON, 85, "017510ff2e01", "sos", id="Milesight button"),
    pytest.param("VS373", None, 85, "03f804000a000f00", "fall", id="Milesight radar"),
    pytest.param("GS524N", None, 85, "22114b2d1e37", "smoke", id="Milesight smoke"),
    pytest.param("T1000-B", None, 5, "060000400064a8ad9d06cc22a00159b3f000cd000664", "sos", id="SenseCAP"),
    pytest.param("Abeeway", None, 17, "0358f28e790e", "sos", id="Abeeway AT2"),
    pytest.param("Abeeway", None, 19, "4e3c1359106e", "sos", id="Abeeway AT3"),
    pytest.param("TrackerD", None, 2, "00000000000000004fa22002a70110", "sos", id="Dragino tracker"),
    pytest.param("WL03A-LB", None, 2, "010000050000016a0b9a2e", "water_leak", id="Dragino leak"),
    pytest.param("Insafe Origin", None, 1, "a203800520", "smoke", id="Nexelec"),
]


def chirpstack(frame: bytes, port: int = 85, **more: Any) -> dict[str, Any]:
    return {
        "deduplicationId": "57433366-50a6-4dc2-8145-2df1bbc70d9e",
        "time": "2026-11-22T03:59:58.123456789+00:00",
        "deviceInfo": {"devEui": EUI, "deviceProfileName": "a profile"},
        "devAddr": "20000001",
        "fCnt": 4,
        "fPort": port,
        "data": base64.b64encode(frame).decode(),
        "rxInfo": [{"rssi": -101}, {"rssi": -97}, {"rssi": None}],
    } | more


def things(frame: bytes, port: int = 85, **more: Any) -> dict[str, Any]:
    return {
        "end_device_ids": {"device_id": f"eui-{EUI}", "dev_eui": EUI.upper(), "dev_addr": "20000001"},
        "received_at": "2026-11-22T03:59:58.300000001Z",
        "uplink_message": {
            "session_key_id": "AYfqmb0pc/1uRZv9xUydgQ==",
            "f_port": port,
            "f_cnt": 4,
            "frm_payload": base64.b64encode(frame).decode(),
            "rx_metadata": [{"rssi": -101}, {"rssi": -97}],
            "received_at": "2026-11-22T03:59:58.123456789Z",
        }
        | more,
    }


def said(
    message: Any, model: str | None = None, kind: str | None = None, topic: str | None = None, now: datetime = NOW
) -> Decoded:
    family = "thethingsstack" if isinstance(message, dict) and "end_device_ids" in message else "chirpstack"
    topic = topic or (THINGS_TOPIC if family == "thethingsstack" else CHIRPSTACK_TOPIC)
    payload = message if isinstance(message, bytes) else json.dumps(message).encode()
    return FAMILIES[family].decode(topic, payload, now, lambda _: Enrolment(kind, model))[0]


def types(decoded: Decoded) -> list[str]:
    return sorted(event.type for event in decoded.events)


def measured(decoded: Decoded) -> dict[str, Any]:
    [reading] = decoded.readings
    return {name: value for name, value in zip(MEASURED, reading.values, strict=True) if value is not None}


# Frames ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("model", "kind", "port", "frame", "event"), CALLS)
def test_the_same_frame_says_the_same_through_either_network(
    model: str, kind: str | None, port: int, frame: str, event: str
) -> None:
    data = bytes.fromhex(frame)
    first, second = said(chirpstack(data, port), model, kind), said(things(data, port), model, kind)
    for decoded in (first, second):
        assert types(decoded) == [event]
        assert decoded.hardware_id == EUI
    assert [e.occurred_at for e in first.events] == [e.occurred_at for e in second.events]
    assert (first.readings, first.flaws, first.unread) == (second.readings, second.flaws, second.unread)


@pytest.mark.parametrize(("model", "kind", "port", "frame", "event"), CALLS)
def test_a_call_that_is_cut_off_calls(model: str, kind: str | None, port: int, frame: str, event: str) -> None:
    decoded = said(chirpstack(bytes.fromhex(frame)[:-1], port), model, kind)
    assert types(decoded) == [event]
    if model not in ("Abeeway", "TrackerD", "Insafe Origin"):  # nothing is wanted of their last byte
        assert decoded.flaws, "and what is missing is told"


@pytest.mark.parametrize("cut", range(4, 22))
def test_an_sos_calls_from_whatever_is_left_of_its_frame(cut: int) -> None:
    frame = bytes.fromhex("060000400064a8ad9d06cc22a00159b3f000cd000664")[:cut]
    decoded = said(chirpstack(frame, 5), "T1000")
    assert types(decoded) == ["sos"]
    assert Reason.WRONG_SHAPE in {flaw.reason for flaw in decoded.flaws} or cut == 22


def test_a_press_after_a_channel_that_is_not_known_is_a_press() -> None:
    decoded = said(chirpstack(bytes.fromhex("0999aabb" + "ff2e02")), "WS101", BUTTON)
    assert types(decoded) == ["sos"]
    assert [flaw.field for flaw in decoded.flaws] == ["data"]
    assert types(said(chirpstack(bytes.fromhex("ff2e09")), "WS101", BUTTON)) == ["sos"], "a press of a new kind too"


def test_a_press_is_a_call_only_from_an_emergency_button() -> None:
    bell = said(chirpstack(bytes.fromhex("ff2e01")), "WS101", "doorbell")
    assert types(bell) == []
    assert [flaw.field for flaw in bell.flaws] == ["press"], "not silently all right"


@pytest.mark.parametrize(
    ("frame", "want", "told"),
    [
        ("06fb2a01000100", ["fall"], []),
        ("06fb2a01080100", ["fall"], []),  # lying on the floor
        ("06fb2a01000900", ["fall"], ["alarm_status"]),
        ("06fb2a010001", ["fall"], ["data"]),
        ("06fb2a0100", ["fall"], ["data", "alarm_status"]),
        ("06fb2a01000200", [], []),  # a click on its page, and no cancel
        ("06fb2a01030100", ["bed_out"], []),
        ("06fb2a01010100", [], ["alarm_type"]),
        ("06fb2a01ff0100", [], ["alarm_type"]),
        ("03f805000a000f00", [], ["detection_status"]),
    ],
)
def test_what_the_radar_alarms_of(frame: str, want: list[str], told: list[str]) -> None:
    decoded = said(chirpstack(bytes.fromhex(frame)), "VS373-868M")
    assert types(decoded) == want
    assert [flaw.field for flaw in decoded.flaws] == told


def test_a_buffered_record_is_of_its_own_time_and_the_same_in_another_frame() -> None:
    record = bytes.fromhex("20ce9e74466310015d01")
    payloads = [
        json.dumps(chirpstack(frame, fCnt=n)).encode() for n, frame in enumerate((record, b"\x01\x75\x5c" + record))
    ]
    leaks = [
        event
        for payload in payloads
        for one in FAMILIES["chirpstack"].decode(CHIRPSTACK_TOPIC, payload, NOW, lambda _: Enrolment(None, "EM300-ZLD"))
        for event in one.events
    ]
    assert [leak.occurred_at for leak in leaks] == [datetime(2022, 10, 12, 8, 2, 38, tzinfo=UTC)] * 2
    assert len({(leak.event_id, leak.ts_key) for leak in leaks}) == 1


def test_a_bed_is_what_is_enrolled_as_one() -> None:
    occupied = chirpstack(bytes.fromhex("030001"))
    assert measured(said(occupied, "VS341", "bed_sensor")) == {"in_bed": True, "rssi": -97}
    assert measured(said(occupied, "VS341")) == {"rssi": -97}


def test_a_tracker_without_gps_is_nowhere() -> None:
    for degrees in ("00000000" * 2, "0fffffff" * 2):
        decoded = said(chirpstack(bytes.fromhex(degrees + "4fa22002a70110"), 2), "LGT-92")
        assert types(decoded) == ["sos"]
        assert decoded.events[0].location is None
        assert decoded.flaws == ()


def test_a_trackers_longer_frames_call_too() -> None:
    moving = "01c2fa8806590fa0" + "00000000" * 2 + "4fa230" + "02a70110"
    decoded = said(chirpstack(bytes.fromhex(moving), 2), "TrackerD")
    assert types(decoded) == ["sos"]
    assert measured(decoded) == pytest.approx({"lat": 29.555336, "lon": 106.5, "rssi": -97})


def test_a_device_without_a_clock_has_the_networks_time() -> None:
    unset = said(chirpstack(bytes.fromhex("060000400000000000" + "80000000" * 2 + "00cd000664"), 5), "T1000")
    [call] = unset.events
    assert (call.occurred_at, call.clock_suspect) == (datetime(2026, 11, 22, 3, 59, 58, 123456, tzinfo=UTC), False)
    assert [flaw.reason for flaw in unset.flaws] == [Reason.CLOCK]
    assert call.location is None


# Envelopes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("envelope", [chirpstack, things])
def test_the_strongest_gateway_and_nine_digits_of_a_second(envelope: Any) -> None:
    decoded = said(envelope(bytes.fromhex("017510")), "WS101")
    assert measured(decoded) == {"battery": 16, "rssi": -97}
    assert decoded.readings[0].ts == datetime(2026, 11, 22, 3, 59, 58, 123456, tzinfo=UTC)


@pytest.mark.parametrize("envelope", [chirpstack, things])
def test_a_frame_that_is_delivered_twice_is_one_call(envelope: Any) -> None:
    frame = bytes.fromhex("ff2e01")
    counter = "fCnt" if envelope is chirpstack else "f_cnt"
    [first] = said(envelope(frame), "WS101", BUTTON).events
    [again] = said(envelope(frame), "WS101", BUTTON, now=datetime(2026, 11, 22, 5, 0, tzinfo=UTC)).events
    [third] = said(envelope(frame, **{counter: 5}), "WS101", BUTTON).events
    assert (first.event_id, first.ts_key) == (again.event_id, again.ts_key)
    assert first.event_id != third.event_id, "the next press is another"


def test_a_frame_through_other_gateways_or_another_broker_is_the_same() -> None:
    frame = bytes.fromhex("ff2e01")
    [first] = said(chirpstack(frame), "WS101", BUTTON).events
    [other] = said(chirpstack(frame, deduplicationId="another", rxInfo=[]), "WS101", BUTTON).events
    [posted] = said(chirpstack(frame), "WS101", BUTTON, topic="chirpstack/push").events
    assert first.event_id == other.event_id == posted.event_id


def test_a_counter_that_began_again_swallows_no_press() -> None:
    """Activated by personalisation, counters restart with the battery: same address, count and bytes, another time."""
    frame = bytes.fromhex("ff2e01")
    [first] = said(chirpstack(frame), "WS101", BUTTON).events
    [restarted] = said(chirpstack(frame, time="2026-11-22T03:59:59+00:00"), "WS101", BUTTON).events
    assert first.event_id == restarted.event_id
    assert first.ts_key != restarted.ts_key, "the contract's new press with a name that was used"


def test_without_a_time_a_call_is_of_its_arrival() -> None:
    [call] = said(chirpstack(bytes.fromhex("ff2e01"), time=None), "WS101", BUTTON).events
    assert (call.occurred_at, call.clock_suspect) == (NOW, True)


@pytest.mark.parametrize(
    ("named", "model"),
    [
        ({"deviceInfo": {"devEui": EUI, "deviceProfileName": "Milesight WS101 EU868"}}, None),
        ({"deviceInfo": {"devEui": EUI, "deviceProfileName": "x", "tags": {"model": "ws101"}}}, None),
        ({"deviceInfo": {"devEui": EUI, "deviceProfileName": "Milesight WS301"}}, "WS101-868M"),
    ],
)
def test_the_model_is_the_enrolled_one_else_the_networks(named: dict[str, Any], model: str | None) -> None:
    assert types(said(chirpstack(bytes.fromhex("ff2e01"), **named), model, BUTTON)) == ["sos"]
    brand = {"version_ids": {"brand_id": "milesight-iot", "model_id": "ws101"}}
    assert types(said(things(bytes.fromhex("ff2e01"), **brand), None, BUTTON)) == ["sos"]


@pytest.mark.parametrize("model", [None, "WS1010", "XWS101", "unknown"])
def test_an_unknown_model_is_told_and_its_strength_is_kept(model: str | None) -> None:
    decoded = said(chirpstack(bytes.fromhex("ff2e01")), model, BUTTON)
    assert [flaw.field for flaw in decoded.flaws] == ["model"]
    assert measured(decoded) == {"rssi": -97}


def test_bytes_are_the_truth_where_we_know_the_model() -> None:
    wrong = {"object": {"battery": 99, "press": "none"}}
    decoded = said(chirpstack(bytes.fromhex("017510ff2e01"), **wrong), "WS101", BUTTON)
    assert types(decoded) == ["sos"]
    assert measured(decoded)["battery"] == 16


@pytest.mark.parametrize(
    ("given", "want", "told"),
    [
        ({"ALARM_status": "TRUE", "BatV": 3.9, "Latitude": 0, "Longitude": 0}, ["sos"], []),
        ({"ALARM_status": "FALSE"}, [], []),
        ({"ALARM_status": "perhaps"}, [], ["ALARM_status"]),
        ({"ALARM_status": None}, [], []),
        ({"detection_status": "fall", "battery": 80}, ["fall"], []),
        ({"detection_status": "vacant"}, [], []),
        ({"leakage_status": "leak"}, ["water_leak"], []),
        ({"leakage_status": "normal", "gas_status": "alarm"}, ["gas"], []),
        ({"magnet_status": "open", "tamper_status": "uninstalled"}, ["door_open", "tamper"], []),
        ({"DOOR_OPEN_STATUS": "CLOSE"}, ["door_closed"], []),
        ({"WATER_LEAK_STATUS": "NO LEAK"}, [], []),
        ({"alarm": 1}, [], ["alarm"]),
        ({"press": "short"}, [], ["press"]),
        ({"smoke": 1.0}, ["smoke"], []),
        ({"sos": []}, [], ["sos"]),
        ({"battery": 193}, [], ["battery"]),
    ],
)
@pytest.mark.parametrize("envelope", [chirpstack, things])
def test_what_the_network_decoded_is_read_by_its_names(
    envelope: Any, given: dict[str, Any], want: list[str], told: list[str]
) -> None:
    decoded = said(envelope(b"\x01", **{"object" if envelope is chirpstack else "decoded_payload": given}))
    assert types(decoded) == want
    assert [flaw.field for flaw in decoded.flaws] == told


def test_whatever_an_emergency_button_alarms_of_is_a_call() -> None:
    for call in ({"press": "long"}, {"alarm": True}, {"alarm": "odd"}, {"button_event": {"status": "short press"}}):
        assert types(said(chirpstack(b"\x01", object=call), None, BUTTON)) == ["sos"]
    for idle in ({"press": ""}, {"press": 0}, {"alarm": "FALSE"}, {"alarm": None}, {"button": None}):
        assert types(said(chirpstack(b"\x01", object=idle), None, BUTTON)) == []


@pytest.mark.parametrize(
    "message",
    [
        chirpstack(b"\x01", joinServerContext={"sessionKeyId": "11"}),
        things(b"\x01", app_s_key={"key": "…"}),
        chirpstack(b"\x01", data="not base64!"),
        chirpstack(b"\x01", data=[1]),
        chirpstack(bytes(256)),
        things(b"\x01", frm_payload=7),
    ],
)
def test_a_frame_that_cannot_be_read_is_told(message: dict[str, Any]) -> None:
    decoded = said(message, "WS101")
    assert decoded.hardware_id == EUI
    assert decoded.flaws[0].field in ("data", "frm_payload")


def test_a_status_without_a_level_has_none() -> None:
    topic = CHIRPSTACK_TOPIC.replace("/up", "/status")
    status = {"time": "2026-11-22T03:59:58Z", "margin": 7}
    for absent in ({}, {"batteryLevel": 0, "externalPowerSource": True}, {"batteryLevelUnavailable": "TRUE"}):
        assert said(status | absent, topic=topic).readings == ()
    level = said(status | {"batteryLevel": 75.5}, topic=topic)
    assert measured(level) == {"battery": 75.5}
    assert level.readings[0].seq != said(chirpstack(b"", time=status["time"])).readings[0].seq, "no conflict with it"


def test_a_device_that_the_network_does_not_hear_is_told() -> None:
    log = {"time": "2026-11-22T03:59:58Z", "level": "WARNING", "code": "UPLINK_F_CNT_RESET"}
    decoded = said(log, topic=CHIRPSTACK_TOPIC.replace("/up", "/log"))
    assert [flaw.field for flaw in decoded.flaws] == ["code"]
    assert decoded.hardware_id == EUI


def test_a_device_without_an_eui_goes_by_its_device_id() -> None:
    message = things(b"\x01\x75\x10")
    message["end_device_ids"] = {"device_id": "grandmothers-button"}
    assert said(message, "WS101").hardware_id == "grandmothers-button"
    message["end_device_ids"] = {"device_id": f"eui-{EUI}"}
    assert said(message, "WS101").hardware_id == EUI


def test_a_webhook_is_told_by_its_shape() -> None:
    for family, message in (("thethingsstack", things(b"\x01")), ("chirpstack", chirpstack(b"\x01"))):
        payload = json.dumps(message).encode()
        assert recognise("push", payload) == family
        [decoded] = FAMILIES[family].decode("push", payload, NOW, lambda _: Enrolment())
        assert decoded.hardware_id == EUI
    assert recognise("anhu/v1/watch-0001/up/events", json.dumps(things(b"\x01")).encode()) == "native"
    assert recognise("push", b"{}") is None


@pytest.mark.parametrize("broken", [b"", b"{", b"[]", b"42", b"\xff\xfe", b"{}", b'{"deviceInfo": 3}'])
@pytest.mark.parametrize("family", ["chirpstack", "thethingsstack", "milesight"])
@pytest.mark.parametrize("topic", [CHIRPSTACK_TOPIC, THINGS_TOPIC, "push"])
def test_half_broken_is_never_all_right(family: str, topic: str, broken: bytes) -> None:
    for decoded in FAMILIES[family].decode(topic, broken, NOW, lambda _: Enrolment()):
        assert decoded.flaws


# Anything ----------------------------------------------------------------------------------------------

LIMITS = {"battery": (0, 100), "rssi": (-150, 0), "lat": (-90, 90), "lon": (-180, 180), "respiratory_rate": (2, 80)}


@given(
    st.sampled_from(MODELS),
    st.sampled_from([None, BUTTON, "bed_sensor"]),
    st.sampled_from([1, 2, 3, 4, 5, 6, 7, 8, 10, 17, 18, 19, 85, 120]),
    # Half of the frames begin as real ones do.
    st.sampled_from([b"", b"\x01\x75\x64", b"\x06\x00\x00\x40", b"\x03\xf8", b"\x06\xfb", b"\x20\xce", b"\xa2\x03"]),
    st.binary(max_size=60),
)
def test_no_frame_raises(model: str, kind: str | None, port: int, head: bytes, tail: bytes) -> None:
    for message in (chirpstack(head + tail, port), things(head + tail, port)):
        family = "thethingsstack" if "end_device_ids" in message else "chirpstack"
        topic = THINGS_TOPIC if family == "thethingsstack" else CHIRPSTACK_TOPIC
        for decoded in FAMILIES[family].decode(
            topic, json.dumps(message).encode(), NOW, lambda _: Enrolment(kind, model)
        ):
            assert decoded.hardware_id == EUI
            for reading in decoded.readings:
                for name, value in zip(MEASURED, reading.values, strict=True):
                    if value is not None and name in LIMITS:
                        low, high = LIMITS[name]
                        assert low <= value <= high


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
FIELDS = st.sampled_from([
    "time", "deviceInfo", "data", "fPort", "object", "rxInfo", "batteryLevel", "location", "end_device_ids", "code",
    "uplink_message", "received_at", "location_solved", "fCnt", "devAddr", "device_info", "trigger_data",
])  # fmt: skip


@given(
    st.sampled_from(["chirpstack", "thethingsstack", "milesight"]),
    st.sampled_from(["up", "status", "join", "log", "location", "other"]),
    st.dictionaries(FIELDS, ANYTHING, max_size=4),
    st.dictionaries(st.sampled_from(["sos", "battery", "alarm", "press", "latitude", "x"]), ANYTHING, max_size=4),
)
def test_no_envelope_raises(family: str, event: str, fields: dict[str, Any], given_: dict[str, Any]) -> None:
    message = (things(b"\x01") if family == "thethingsstack" else chirpstack(b"\x01", object=given_)) | fields
    for topic in (CHIRPSTACK_TOPIC.replace("/up", f"/{event}"), THINGS_TOPIC, "push"):
        for decoded in FAMILIES[family].decode(topic, json.dumps(message).encode(), NOW, lambda _: Enrolment()):
            assert isinstance(decoded, Decoded)
