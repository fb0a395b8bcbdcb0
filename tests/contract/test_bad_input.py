"""Clocks, broken emergencies, and all other bad input."""

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.contract.asking import event_of, quarantined, soon
from tests.contract.conftest import Enrol
from tests.parts import documents
from tests.parts.system import Device, Person, System, event

EMERGENCIES = ("sos", "fall", "smoke", "gas", "water_leak")


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def bare(kind: str = "sos", **fields: Any) -> dict[str, Any]:
    """An event without a time."""
    sent = event(kind, **fields)
    del sent["ts"]
    return sent


# Clocks -----------------------------------------------------------------------------------------------


def impossible_times() -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "missing": None,
        "a word": "gleich",
        "no offset": "2026-11-22T11:20:00",
        "a number": 1795000000,
        "no such day": "2026-02-30T11:20:00Z",
        "empty": "",
        "before 2020": "2019-12-31T23:59:59Z",
        "1970": "1970-01-01T00:00:07Z",
        "more than 5 min ahead": (now + timedelta(minutes=10)).isoformat(),
        "far ahead": "9999-12-31T23:59:59Z",
    }


@pytest.mark.parametrize("why", list(impossible_times()))
def test_an_emergency_whose_clock_cannot_be_believed_raises_at_its_arrival(
    wristband: Device, operator: Person, why: str
) -> None:
    ts = impossible_times()[why]
    sent = bare() | ({} if ts is None else {"ts": ts})
    wristband.send(sent)
    wristband.receipt(sent["event_id"], "stored")
    alert = operator.alert_of(sent["event_id"])
    assert alert["clock_suspect"] is True
    assert alert["occurred_at"] == alert["received_at"]
    assert alert["late_seconds"] == 0
    said = event_of(operator.get(f"/alerts/{alert['id']}"), sent["event_id"])
    assert said["clock_suspect"] is True
    assert said["device_ts"] == (None if ts is None else str(ts))
    assert "rejected" not in wristband.stages(sent["event_id"])


def test_a_time_up_to_5_minutes_ahead_is_believed(wristband: Device, operator: Person) -> None:
    ahead = (datetime.now(UTC) + timedelta(minutes=4)).isoformat()
    alert = operator.alert_of(wristband.press(ts=ahead)["event_id"])
    assert instant(alert["occurred_at"]) == instant(ahead)
    assert (alert["clock_suspect"], alert["late_seconds"]) == (False, 0)


@pytest.mark.parametrize(
    ("before", "late"), [({"seconds": 50}, 0), ({"minutes": 2}, 120), ({"days": 400}, 400 * 86400)]
)
def test_a_past_time_is_believed_and_the_alert_says_how_late_it_is(
    wristband: Device, operator: Person, before: dict[str, int], late: int
) -> None:
    ts = soon(**before)
    alert = operator.alert_of(wristband.press(ts=ts)["event_id"])
    assert instant(alert["occurred_at"]) == instant(ts)
    assert alert["clock_suspect"] is False
    assert late <= alert["late_seconds"] <= (late + 30 if late else 0)
    if late:
        passed = instant(alert["received_at"]) - instant(alert["occurred_at"])
        assert alert["late_seconds"] == int(passed.total_seconds())


def test_an_event_that_is_no_emergency_keeps_its_impossible_time_too(wristband: Device, system: System) -> None:
    """It raises nothing, so only its row tells."""
    sent = wristband.press("door_open", ts="2001-01-01T00:00:00Z")
    rows = system.sql(
        "SELECT clock_suspect, device_ts, occurred_at = received_at FROM events WHERE event_id = %s", sent["event_id"]
    )
    assert rows == [(True, "2001-01-01T00:00:00Z", True)]


def test_a_press_without_a_clock_that_is_repeated_is_one_press(wristband: Device, operator: Person) -> None:
    sent = bare()
    for _ in range(3):
        wristband.send(sent)
    wristband.until_told(sent["event_id"], 4)
    alert = operator.alert_of(sent["event_id"])
    assert operator.get(f"/alerts/{alert['id']}")["occurrences"] == 1


# Broken emergencies -----------------------------------------------------------------------------------

WRONG: dict[str, tuple[dict[str, Any], list[str]]] = {
    "battery": ({"battery": "full"}, ["battery"]),
    "battery out of range": ({"battery": 170}, ["battery"]),
    "seq": ({"seq": "twelve"}, ["seq"]),
    "location": ({"location": {"lat": 291, "lon": "east"}}, ["location"]),
    "detail": ({"detail": "help"}, ["detail"]),
    "cancels": ({"cancels": 7}, ["cancels"]),
    "all of them": (
        {"battery": [], "seq": 1.5, "location": 3, "detail": [1]},
        ["battery", "seq", "location", "detail"],
    ),
}


@pytest.mark.parametrize("what", list(WRONG))
def test_an_emergency_whose_other_fields_are_wrong_raises_with_what_could_be_read(
    wristband: Device, operator: Person, what: str
) -> None:
    wrong, fields = WRONG[what]
    sent = event("sos") | wrong
    assert documents.faults("event", sent)
    wristband.send(sent)
    wristband.receipt(sent["event_id"], "stored")
    alert = operator.alert_of(sent["event_id"])
    assert alert["clock_suspect"] is False
    said = event_of(operator.get(f"/alerts/{alert['id']}"), sent["event_id"])
    assert sorted({flaw["field"] for flaw in said["flaws"]}) == sorted(fields)
    assert instant(alert["occurred_at"]) == instant(sent["ts"]), "the rest is read"
    assert "rejected" not in wristband.stages(sent["event_id"])


@pytest.mark.parametrize(
    "event_id", [None, "", "x" * 65, 17, ["a"], "tab\there", "nul\x00"], ids=lambda value: repr(value)[:12]
)
def test_a_missing_or_bad_event_id_becomes_a_hash_that_the_receipt_tells(
    wristband: Device, operator: Person, event_id: Any
) -> None:
    """The hash is the same for the same bytes, so that a repeat is known; which hash it is, is ours."""
    payload = json.dumps({"event_id": event_id, "type": "sos", "ts": soon()}).encode()
    wristband.send(payload)
    name = wristband.receipt(None, "stored").event_id
    assert 1 <= len(name) <= 64
    assert name != event_id
    wristband.receipt(name, "raised")
    assert operator.alert_of(name)["event_id"] == name
    wristband.send(payload)
    wristband.until_told(name, 4)
    assert {one.event_id for one in wristband.receipts} == {name}
    assert operator.get(f"/alerts/{operator.alert_of(name)['id']}")["occurrences"] == 1
    assert name in hashlib.sha256(payload).hexdigest()


BROKEN = {
    "cut off": b'{"event_id": "cut-off", "type": "sos", "ts": "2026-11-2',
    "cut off before its end": b'{"type":"sos","event_id":"almost","ts":"2026-11-22T11:20:03+08:00"',
    "not UTF-8": b'{"event_id": "gbk", "type": "sos", "detail": {"words": "\xbe\xc8\xc3\xfc"}}',
    "two objects": b'{"type": "sos"}{"type": "sos"}',
    "in an array": b'[{"event_id": "listed", "type": "sos"}]',
    "in a wrapper": b'{"data": {"event_id": "inside", "type": "sos"}}',
    "a comma too many": b'{"event_id": "comma", "type": "sos",}',
    "bytes before it": b'\x00\x01\x02{"type" : "sos"}',
    "spaces and capitals": b'{"event_id": "loud", "type"  :  "SOS"',
    "NaN": b'{"event_id": "nan", "type": "sos", "battery": NaN}',
    "a byte order mark": b'\xef\xbb\xbf{"event_id": "bom", "type": "sos"}',
    "deep": b'{"event_id": "deep", "type": "sos", "detail": ' + b"[" * 5000,
}


@pytest.mark.parametrize("how", list(BROKEN))
def test_bytes_that_do_not_parse_but_name_an_sos_raise(wristband: Device, operator: Person, how: str) -> None:
    wristband.send(BROKEN[how])
    name = wristband.receipt(None, "stored").event_id
    wristband.receipt(name, "raised")
    assert operator.alert_of_device(wristband.device_id)["type"] == "sos"
    assert "rejected" not in wristband.stages(name)


@pytest.mark.parametrize("kind", EMERGENCIES)
def test_every_emergency_raises_when_its_bytes_are_cut_off(wristband: Device, operator: Person, kind: str) -> None:
    wristband.send(f'{{"event_id": "cut", "type": "{kind}", "detail": {{"a'.encode())
    wristband.receipt("cut", "raised")
    assert operator.alert_of_device(wristband.device_id)["type"] == kind


def test_an_emergency_that_is_too_large_raises(wristband: Device, operator: Person) -> None:
    sent = event("sos", detail={"noise": "x" * 300_000})
    wristband.send(sent)
    wristband.receipt(sent["event_id"], "stored")
    assert operator.alert_of(sent["event_id"])["severity"] == "red"


# All other bad input ----------------------------------------------------------------------------------

BAD_EVENTS: dict[str, tuple[Any, str, str | None]] = {
    "not JSON": (b"help me", "not_json", None),
    "nothing": (b"", "not_json", None),
    "not UTF-8": (b"\xff\xfe\x00", "not_json", None),
    "cut off": (b'{"event_id": "cut", "type": "door_op', "not_json", None),
    "an array": ([{"event_id": "a", "type": "door_open"}], "wrong_shape", None),
    "a word": ("door_open", "wrong_shape", None),
    "no type": (bare("test") | {"type": None, "ts": soon()}, "wrong_shape", "type"),
    "a type that is no word": (event("test") | {"type": 7}, "wrong_shape", "type"),
    "unknown type": (event("sneeze"), "unknown_type", "type"),
    "no name": (event("door_open") | {"event_id": None}, "wrong_shape", "event_id"),
    "too long a name": (event("door_open") | {"event_id": "x" * 65}, "out_of_range", "event_id"),
    "wrong type": (event("door_open", battery="full"), "wrong_type", "battery"),
    "out of range": (event("door_open", battery=101), "out_of_range", "battery"),
    "unreadable time": (event("door_open", ts="soon"), "wrong_type", "ts"),
    "no time": (bare("door_open"), "wrong_shape", "ts"),
    "a cancel of nothing": (event("cancel"), "wrong_shape", "cancels"),
    "a request for nothing": (event("service_request"), "wrong_shape", "detail.service"),
    "too large": (event("test", detail={"noise": "x" * 300_000}), "too_large", None),
}


@pytest.mark.parametrize("what", list(BAD_EVENTS))
def test_other_bad_events_are_rejected_with_their_reason_and_kept(
    wristband: Device, operator: Person, what: str
) -> None:
    message, reason, field = BAD_EVENTS[what]
    if isinstance(message, dict) and what != "too large":
        assert documents.faults("event", message)
    wristband.send(message)
    told = wristband.receipt(None, "rejected")
    assert (told.body["reason"], told.body["field"]) == (reason, field)
    [kept, *_] = quarantined(operator, wristband.device_id)
    assert (kept["reason"], kept["field"]) == (reason, field)
    assert kept["topic"] == f"anhu/v1/{wristband.device_id}/up/events"
    assert kept["detail"] in told.body["message"]
    payload = message if isinstance(message, bytes) else json.dumps(message).encode()
    assert kept["payload_bytes"] == len(payload)
    assert operator.get(f"/quarantine/{kept['id']}") == kept
    named = isinstance(message, dict) and field != "event_id" and message.get("event_id")
    if named:
        assert told.event_id == message["event_id"]
    assert wristband.stages(told.event_id) == ["rejected"]


BAD_TELEMETRY = [
    ("readings", b"72", "wrong_shape"),
    ("readings", b"\x00\xff", "not_json"),
    ("readings", b"[" + b" " * 300_000 + b"]", "too_large"),
    ("status", b"online", "not_json"),
    ("status", b'{"online": "yes"}', "wrong_type"),
    ("status", b"[]", "wrong_shape"),
    ("results", b"done", "not_json"),
    ("results", b"[1]", "wrong_shape"),
]


def test_bad_telemetry_is_kept_with_its_reason(wristbands: Callable[[], Device], operator: Person) -> None:
    device = wristbands()
    for leaf, payload, _ in BAD_TELEMETRY:
        device.send(payload, leaf)
    kept = quarantined(operator, device.device_id, len(BAD_TELEMETRY))
    assert [(one["topic"].rpartition("/")[2], one["reason"]) for one in kept] == [
        (leaf, reason) for leaf, _, reason in BAD_TELEMETRY
    ]
    assert kept[2]["payload_bytes"] == 300_002


def test_readings_of_an_unknown_device_are_kept_for_the_root_alone(
    enrol: Enrol, city: Person, operator: Person
) -> None:
    device = enrol()
    device.send({"ts": soon(), "heart_rate": 70}, "readings")
    [kept] = quarantined(city, device.device_id)
    assert kept["reason"] == "unknown_device"
    assert operator.http.get(f"/quarantine/{kept['id']}").status_code == 404
