"""What is known of models of devices, over HTTP, and what follows from it. All of them invented."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.parts.system import Person, System
from tests.parts.waiting import until

RING: dict[str, Any] = {
    "maker": "某厂（虚构）",
    "kind": "emergency_button",
    "decoder": "zigbee2mqtt",
    "measures": ["battery"],
    "says": ["sos", "low_battery"],
    "every_seconds": 600,
    "settings": {"press_seconds": 2},
}


@pytest.fixture
def administrator(system: System) -> Iterator[Person]:
    yield system.sign_in("admin")
    system.sql("DELETE FROM devices WHERE device_id LIKE 'model-%%'")
    system.sql("DELETE FROM device_models WHERE model LIKE 'Ring-%%'")


def test_a_model_is_kept_changed_and_taken_away(system: System, administrator: Person) -> None:
    assert administrator.http.put("/device-models/Ring-1", json=RING).status_code == 200
    [kept] = [one for one in administrator.get("/device-models")["items"] if one["model"] == "Ring-1"]
    assert kept == RING | {"model": "Ring-1", "note": None, "devices": 0}
    administrator.http.put("/device-models/Ring-1", json=RING | {"note": "夜间亮灯"})
    newest = administrator.get("/changes", subject="model", subject_id="Ring-1")["items"][0]
    assert newest["what"] == "changed"
    assert (newest["before"]["note"], newest["after"]["note"]) == (None, "夜间亮灯")
    assert administrator.http.put("/device-models/ring-1", json=RING).status_code == 409
    assert administrator.http.delete("/device-models/Ring-1").status_code == 200
    assert administrator.http.delete("/device-models/Ring-1").status_code == 404


def test_what_a_model_cannot_be(administrator: Person) -> None:
    for wrong in (
        {"decoder": "morse"},
        {"measures": ["glucose"]},
        {"says": ["hello"]},
        {"every_seconds": 5},
        {"kind": "Ring!"},
        {"settings": {"deep": {"er": 1}}},
        {"settings": {"a": "\x00"}},
        {"settings": {"\x00": 1}},
        {"settings": {"a": "x" * 201}},
        {"settings": {"": 1}},
    ):
        answer = administrator.http.put("/device-models/Ring-2", json=RING | wrong)
        assert answer.status_code == 422, wrong
    for broken in (
        b'{"kind": "wristband", "settings": {"a": NaN}}',
        b'{"kind": "wristband", "settings": {"a": "\\ud800"}}',
    ):
        answer = administrator.http.put(
            "/device-models/Ring-2", content=broken, headers={"content-type": "application/json"}
        )
        assert answer.status_code == 422, broken
    for name in ("%C2%85", "a%C2%85b", "%20x", "%E2%80%AEx", "%00", "x" * 65, "%FF%FE"):
        assert administrator.http.put(f"/device-models/{name}", json=RING).status_code == 422, name
        assert administrator.http.delete(f"/device-models/{name}").status_code in (404, 422), name
    assert "Ring-2" not in [one["model"] for one in administrator.get("/device-models")["items"]]


def test_models_hold_for_all_so_the_root_alone_changes_them(system: System, street_administrator: Person) -> None:
    for person in (system.sign_in(), street_administrator):
        assert person.http.put("/device-models/Ring-3", json=RING).status_code == 403
        assert person.http.delete("/device-models/WS101").status_code == 403
        assert "WS101" in [one["model"] for one in person.get("/device-models")["items"]]


def test_a_device_is_expected_to_do_as_its_model_does(system: System, administrator: Person) -> None:
    administrator.http.put("/device-models/Ring-4", json=RING)
    device = {
        "device_id": "model-1",
        "kind": "emergency_button",
        "model": "RING-4",
        "organization_id": system.seeded.organization_id,
    }
    assert administrator.http.post("/devices", json=device).status_code == 201

    def silent_after() -> str:
        rows = system.sql(
            "SELECT e.silent_after::text FROM device_expectations e JOIN devices d ON d.key = e.device_key"
            " WHERE d.device_id = 'model-1'"
        )
        return str(rows[0][0]) if rows else ""

    until(lambda: silent_after() == "00:30:00", "it is silent after three of its model's intervals", limit=30)
    administrator.http.put("/device-models/Ring-4", json=RING | {"every_seconds": 3600})
    until(lambda: silent_after() == "03:00:00", "a changed model counts at the next look", limit=30)
    [model] = [one for one in administrator.get("/device-models")["items"] if one["model"] == "Ring-4"]
    assert model["devices"] == 1
