"""CAP, FHIR and files for handing over: their form, and what must not be in them. Everybody is invented."""

import json
import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID
from xml.etree import ElementTree

import pytest

from services.api.cap import ATOM, CAP, cap_of, feed_of
from services.api.fhir import (
    NotUnderstoodError,
    bundle,
    device_of,
    elder_of,
    new_device_of,
    observations_of,
    patient_of,
    reading_of,
)
from services.api.handover_csv import COLUMNS, as_csv

NOW = datetime(2026, 11, 30, 8, 0, tzinfo=UTC)
ELDER, STATION = UUID(int=1), UUID(int=2)
ALERT: dict[str, Any] = {
    "id": UUID(int=7),
    "version": 3,
    "type": "sos",
    "severity": "red",
    "title": "紧急救援 · 本人呼救",
    "state": "acknowledged",
    "drill": False,
    "occurrences": 2,
    "occurred_at": NOW,
    "raised_at": NOW,
    "changed_at": NOW,
    "lat": 29.563,
    "lon": 106.5516,
    "station": "北禅社区 <养老> & 服务站",
    "division_code": "500111001003",
    "phone": "023-0000-0000",
    "elder_name": "张某",
    "place": "某路 1 号",
}
#: The order of the schema (CAP 1.2, 3.2), and what stands in its lists.
ORDER = {
    "alert": "identifier sender sent status msgType source scope restriction addresses code note references incidents"
    " info",
    "info": "language category event responseType urgency severity certainty audience eventCode effective onset expires"
    " senderName headline description instruction web contact parameter resource area",
    "area": "areaDesc polygon circle geocode altitude ceiling",
}
LISTS = {
    "status": {"Actual", "Exercise", "System", "Test", "Draft"},
    "msgType": {"Alert", "Update", "Cancel", "Ack", "Error"},
    "scope": {"Public", "Restricted", "Private"},
    "category": {"Geo", "Safety", "Security", "Rescue", "Fire", "Health", "Env", "Infra", "Other"},
    "responseType": {"Execute", "Monitor", "Assess", "AllClear", "None"},
    "urgency": {"Immediate", "Expected", "Future", "Past", "Unknown"},
    "severity": {"Extreme", "Severe", "Moderate", "Minor", "Unknown"},
    "certainty": {"Observed", "Likely", "Possible", "Unlikely", "Unknown"},
}
NEEDED = {
    "alert": {"identifier", "sender", "sent", "status", "msgType", "scope"},
    "info": {"category", "event", "urgency", "severity", "certainty"},
    "area": {"areaDesc"},
}


def _read(**changes: Any) -> ElementTree.Element:
    root = ElementTree.fromstring(cap_of(ALERT | changes, "anhu@example.org", "https://example.org"))
    for name, order in ORDER.items():
        for node in [root] if name == "alert" else root.iter(f"{{{CAP}}}{name}"):
            found = [child.tag.removeprefix(f"{{{CAP}}}") for child in node]
            places = [order.split().index(one) for one in found]
            assert places == sorted(places), (name, found)
            assert set(found) >= NEEDED[name]
    for name, words in LISTS.items():
        assert {one.text for one in root.iter(f"{{{CAP}}}{name}")} <= words
    for name in ("sent", "onset"):
        for one in root.iter(f"{{{CAP}}}{name}"):
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[-+]\d\d:\d\d", one.text or "")
    for name in ("identifier", "sender"):
        assert not re.search(r"[\s,<&]", root.findtext(f"{{{CAP}}}{name}") or " ")
    return root


def _told(root: ElementTree.Element, name: str) -> list[str | None]:
    return [one.text for one in root.iter(f"{{{CAP}}}{name}")]


@pytest.mark.parametrize(
    ("changes", "msg_type", "urgency", "circles"),
    [
        ({}, "Update", "Immediate", 1),
        ({"version": 1, "state": "triggered"}, "Alert", "Immediate", 1),
        ({"severity": "orange", "type": "fall"}, "Update", "Expected", 1),
        ({"state": "resolved"}, "Update", "Past", 0),
        ({"state": "cancelled", "type": "fall"}, "Cancel", "Past", 0),
        ({"lat": None, "lon": None, "division_code": None, "phone": None}, "Update", "Immediate", 0),
        ({"type": "area.outage", "title": "片区设备同时失联\x00"}, "Update", "Immediate", 1),
    ],
)
def test_an_alert_is_cap(changes: dict[str, Any], msg_type: str, urgency: str, circles: int) -> None:
    root = _read(**changes)
    assert (_told(root, "msgType"), _told(root, "urgency")) == ([msg_type], [urgency])
    assert len(_told(root, "circle")) == circles
    text = "".join(root.itertext())
    assert "张某" not in text
    assert "某路" not in text


def test_a_drill_is_an_exercise() -> None:
    assert _told(_read(drill=True), "status") == ["Exercise"]


def test_the_feed_is_atom() -> None:
    root = ElementTree.fromstring(feed_of([ALERT], "https://example.org/cap", NOW))
    entry = root.find(f"{{{ATOM}}}entry")
    assert entry is not None
    link = entry.find(f"{{{ATOM}}}link")
    assert link is not None
    assert link.get("href") == f"https://example.org/cap/{ALERT['id']}"
    for node in (root, entry):
        assert all(node.findtext(f"{{{ATOM}}}{name}") for name in ("id", "title", "updated"))
    assert ElementTree.fromstring(feed_of([], "https://example.org/cap", NOW)).findtext(f"{{{ATOM}}}updated")


READING: dict[str, Any] = {
    "ts": NOW,
    "seq": 4,
    "received_at": NOW,
    "heart_rate": 72.0,
    "respiratory_rate": None,
    "spo2": 97.0,
    "body_temperature": 36.5,
    "steps": 1234,
    "systolic": 128.0,
    "diastolic": None,
}
PERSON: dict[str, Any] = {
    "id": ELDER,
    "organization_id": STATION,
    "name": "张某（虚构）",
    "phone": "023-0000-0000",
    "gender": "female",
    "birth_date": date(1944, 3, 1),
    "address": "某路 1 号",
    "contacts": [{"name": "李某", "relation": "女儿", "phone": "13800000000"}],
    "health_notes": "高血压",
    "identity_sealed": b"x",
}
DEVICE = {
    "device_id": "wb-0001",
    "kind": "wristband",
    "model": "W1",
    "organization_id": STATION,
    "elder_id": ELDER,
    "revoked_at": None,
}


def _resources() -> list[dict[str, Any]]:
    return [patient_of(PERSON), device_of(DEVICE), *observations_of(READING, "wb-0001", ELDER)]


def test_fhir_has_what_is_known_and_nothing_that_is_withheld() -> None:
    text = json.dumps(_resources(), ensure_ascii=False)
    assert "高血压" not in text
    assert "identity" not in text
    codes = [one["code"]["coding"][0]["code"] for one in _resources() if one["resourceType"] == "Observation"]
    assert codes == ["8867-4", "2708-6", "8310-5", "55423-8", "85354-9"]
    for one in _resources():
        assert re.fullmatch(r"[A-Za-z0-9\-.]{1,64}", one["id"])
    assert device_of(DEVICE | {"device_id": "wb_1"})["id"] != "wb_1"


def test_fhir_is_valid_by_a_library() -> None:
    """R4B has the same Patient, Device, Observation and Bundle, but for fields that are not used here."""
    pytest.importorskip("fhir.resources")
    from fhir.resources.R4B import get_fhir_model_class

    for one in (*_resources(), bundle(_resources(), "https://example.org/fhir", None, "https://example.org/fhir")):
        get_fhir_model_class(one["resourceType"]).model_validate(one)


def test_an_observation_comes_back_as_the_reading_that_it_was() -> None:
    found: dict[str, Any] = {}
    for one in observations_of(READING, "wb-0001", ELDER):
        device, reading = reading_of(one)
        assert device == "wb-0001"
        found |= reading
    assert found.pop("ts").startswith("2026-11-30T08:00:00")
    assert found == {"heart_rate": 72, "spo2": 97, "body_temperature": 36.5, "steps": 1234, "systolic": 128}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"status": "entered-in-error"}, "final"),
        ({"device": None}, "device"),
        ({"device": {"reference": "DeviceMetric/x"}}, "device"),
        ({"effectiveDateTime": "2026-11-30"}, "instant"),
        ({"code": {"coding": [{"system": "http://acme.example", "code": "8867-4"}]}}, "LOINC"),
        ({"valueQuantity": {"value": 98.6, "code": "[degF]"}}, "Cel"),
        ({"valueQuantity": {"value": "97", "code": "Cel"}}, "number"),
        ({"valueQuantity": None}, "LOINC"),
        ({"resourceType": "Patient"}, "resourceType"),
    ],
)
def test_what_is_not_understood_is_refused(change: dict[str, Any], told: str) -> None:
    whole = next(one for one in observations_of(READING, "wb-0001", ELDER) if "8310-5" in json.dumps(one))
    with pytest.raises(NotUnderstoodError, match=re.escape(told)):
        reading_of(whole | change)


def test_a_patient_and_a_device_come_in() -> None:
    identity = {"system": "urn:oid:2.16.156.10011.1.3", "value": "500111194403010020"}
    said = elder_of(patient_of(PERSON) | {"identifier": [identity]})
    assert said == {
        "organization_id": STATION,
        "name": "张某（虚构）",
        "birth_date": date(1944, 3, 1),
        "gender": "female",
        "identity": identity["value"],
        "phone": "023-0000-0000",
        "address": "某路 1 号",
    }
    device = new_device_of(device_of(DEVICE))
    assert (device.device_id, device.kind, device.elder_id) == ("wb-0001", "wristband", ELDER)
    assert elder_of(patient_of(PERSON) | {"name": [{"family": "张", "given": ["某"]}]})["name"] == "张某"
    for wrong in ({"name": []}, {"managingOrganization": None}, {"birthDate": "1944"}):
        with pytest.raises(NotUnderstoodError):
            elder_of(patient_of(PERSON) | wrong)


def test_the_list_of_fields_is_the_documented_one() -> None:
    text = (Path(__file__).parents[2] / "docs" / "exchange.md").read_text("utf-8")
    table = re.search(r"<!-- columns.*?-->\n(.*?)<!-- end", text, re.S)
    assert table
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table[1].strip().splitlines()[2:]]
    assert rows == [[kind, one.name, one.field, one.what] for kind, columns in COLUMNS.items() for one in columns]


def test_a_file_is_plain_and_no_formula() -> None:
    row = dict.fromkeys([one.field for one in COLUMNS["visits"]]) | {
        "visitor_name": "=HYPERLINK(1)",
        "visited_at": NOW,
        "result": "met",
        "concerns": ["身体不适", "其他"],
        "photos": 2,
    }
    text = as_csv("visits", [row]).decode("utf-8-sig")
    assert text.splitlines()[1] == ",,,'=HYPERLINK(1),2026-11-30T16:00:00+08:00,已见面,身体不适、其他,2"
