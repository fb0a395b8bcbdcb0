"""Visits, medicines, commands, beds and the map from outside: each within reach, and nothing that is not theirs."""

import re
import secrets
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.contract.asking import bring_to, raised, readings, soon
from tests.parts.system import Device, Person, System
from tests.parts.waiting import until
from tests.unit.domain.test_jpeg import EXIF, jpeg

HERE = {"lat": 29.563, "lon": 106.5516}


@pytest.fixture(scope="module")
def administrator(system: System) -> Person:
    return system.sign_in("admin")


@pytest.fixture
def elder(operator: Person, wristband: Device) -> str:
    found: str = operator.get(f"/devices/{wristband.device_id}")["elder_id"]
    return found


@pytest.fixture
def grid_worker(system: System, operator: Person, administrator: Person, elder: str) -> Iterator[Person]:
    """Of the register, with a password, and with one elder to visit."""
    phone = f"139{secrets.randbelow(10**8):08}"
    body = {"name": "网格员王某（虚构）", "organization_id": system.seeded.organization_id, "kind": "grid_worker"}
    made = operator.http.post("/responders", json=body | {"phone": phone}).json()
    assert operator.http.post(f"/visits/visitors/{made['id']}/password").status_code == 403
    told = administrator.http.post(f"/visits/visitors/{made['id']}/password").json()
    assert re.fullmatch(r"wgyw[a-z]*[1-9][0-9]{3}", told["username"]), "initials and digits: no telephone number"
    assert administrator.http.post(f"/visits/visitors/{made['id']}/password").json()["username"] == told["username"]
    told = administrator.http.post(f"/visits/visitors/{made['id']}/password").json()
    assigned = operator.http.put("/visits/assignments", json={"elder_ids": [elder], "account_id": made["id"]})
    assert assigned.json() == {"assigned": 1}
    person = Person(system, told["username"], told["password"], system.url)
    yield person
    person.http.close()
    operator.http.put("/visits/assignments", json={"elder_ids": [elder], "account_id": None})


def _visit(elder: str, **more: Any) -> dict[str, Any]:
    return {"id": str(uuid4()), "elder_id": elder, "result": "met"} | more


def test_a_grid_worker_visits_whom_they_are_given_and_sees_nothing_else(
    system: System, operator: Person, neighbour: Person, caregiver: Person, grid_worker: Person, elder: str
) -> None:
    system.sql("UPDATE elders SET care_categories = '{特困}' WHERE id = %s", elder)
    system.sql(
        "INSERT INTO visit_dues (elder_id, organization_id, plan, every, raises, since, due_on)"
        " SELECT id, organization_id, 'safety_net', 'week', true, current_date, current_date + 7 FROM elders"
        " WHERE id = %s ON CONFLICT (elder_id) DO UPDATE SET plan = excluded.plan, every = excluded.every",
        elder,
    )
    [due] = grid_worker.get("/visits/due")["items"]
    assert (due["elder"]["id"], due["overdue"], due["every"]) == (elder, False, "week")
    for path in ("/elders", "/alerts", "/devices", "/organizations", f"/elders/{elder}", "/map", "/visits/rates"):
        assert grid_worker.http.get(path).status_code == 403, path
    other = next(one["id"] for one in operator.get("/elders")["items"] if one["id"] != elder)
    assert grid_worker.http.post("/visits", json=_visit(other)).status_code == 404
    [theirs] = caregiver.get("/elders")["items"]
    assert caregiver.http.post("/visits", json=_visit(theirs["id"])).status_code == 403
    assert neighbour.http.post("/visits", json=_visit(elder)).status_code == 404

    visit = _visit(elder, findings="精神好（虚构）", concerns=["居家安全隐患"], position=HERE | {"accuracy": 12})
    for _ in range(2):
        made = grid_worker.http.post("/visits", json=visit)
        assert made.status_code == 201, made.text
    assert operator.http.post("/visits", json=visit).status_code == 409, "somebody else's"
    assert made.json()["metres"] is not None
    path = f"/visits/{visit['id']}/photos/1"
    picture = jpeg(beside=EXIF)
    image = {"content-type": "image/jpeg"}
    assert grid_worker.http.put(path, content=b"<svg/>", headers=image).status_code == 422
    assert operator.http.put(path, content=picture, headers=image).status_code == 403
    assert grid_worker.http.put(path, content=picture, headers=image).status_code == 204
    shown = operator.http.get(path)
    assert (shown.headers["content-type"], shown.content) == ("image/jpeg", jpeg())
    assert neighbour.http.get(path).status_code == 404
    listed = operator.get("/visits", elder_id=elder)["items"][0]
    assert (listed["id"], listed["photos"], listed["visitor"]["name"]) == (visit["id"], [1], "网格员王某（虚构）")
    assert listed["findings"] == "精神好（虚构）"
    assert neighbour.get("/visits", elder_id=elder)["items"] == []
    [due] = [one for one in operator.get("/visits/due", limit=500)["items"] if one["elder"]["id"] == elder]
    assert due["visited_on"] is not None
    assert operator.get("/visits/rates")["plans"]


def test_plans_are_an_administrators_and_hold_below(
    administrator: Person, operator: Person, neighbour: Person, system: System
) -> None:
    wanted = {
        "organization_id": system.seeded.organization_id,
        "name": "高龄探访",
        "groups": ["高龄"],
        "every": "quarter",
        "raises": False,
        "source": "本站约定（虚构）",
    }
    assert operator.http.put("/visits/plans/old_age", json=wanted).status_code == 403
    made = administrator.http.put("/visits/plans/old_age", json=wanted)
    assert made.status_code == 200, made.text
    assert {"old_age", "safety_net", "hardship"} == {one["key"] for one in operator.get("/visits/plans")["items"]}
    assert "old_age" not in {one["key"] for one in neighbour.get("/visits/plans")["items"]}
    assert administrator.http.put("/visits/plans/Old", json=wanted).status_code == 422
    system.sql("DELETE FROM visit_plans WHERE key = 'old_age'")


def test_a_device_is_asked_and_its_answer_is_shown(
    wristband: Device, operator: Person, neighbour: Person, caregiver: Person
) -> None:
    path = f"/devices/{wristband.device_id}/commands"
    assert neighbour.http.post(path, json={"command": "ring"}).status_code == 404
    assert caregiver.http.get(path).status_code == 403
    assert operator.http.post(path, json={"command": "locate"}).status_code == 403, "nobody is in need"
    assert operator.http.post(path, json={"command": "configure", "settings": {"volume": 3}}).status_code == 403
    assert operator.http.post(path, json={"command": "remind"}).status_code == 422
    nan = b'{"command": "configure", "settings": {"volume": NaN}}'
    assert operator.http.post(path, content=nan, headers={"content-type": "application/json"}).status_code == 422
    asked = operator.http.post(path, json={"command": "ring"}).json()
    assert asked["asked_by"]["name"]
    command = wristband.command(asked["id"])
    assert command["command"] == "ring"
    wristband.send({"command_id": asked["id"], "command": "ring", "status": "done", "location": HERE}, "results")

    def answered() -> dict[str, Any] | None:
        [one] = operator.get(path)["items"]
        return one if one["state"] == "done" else None

    found = until(answered, "the answer is shown", every=0.05)
    assert (found["late"], found["result"]["status"], "location" in found["result"]) == (False, "done", False)
    alert = raised(wristband, operator)
    assert operator.get(path)["items"][0]["result"]["location"] == HERE, "somebody is in need now"
    assert operator.http.post(path, json={"command": "locate"}).status_code == 201
    bring_to(operator, alert, "resolved")


def test_medicines_are_the_stations_and_a_familys_that_may_see_health(
    operator: Person, neighbour: Person, caregiver: Person, wristband: Device, elder: str
) -> None:
    path = f"/elders/{elder}/medication"
    wanted = {"medicine": "氨氯地平", "dose": "1片", "times": ["20:00", "08:00", "08:00"]}
    assert neighbour.http.post(path, json=wanted).status_code == 404
    assert caregiver.http.get(path).status_code == 404
    for wrong in ({"times": []}, {"times": ["25:00"]}, {"weekdays": [8]}, {"ends_on": "2020-01-01"}):
        assert operator.http.post(path, json=wanted | wrong).status_code == 422, wrong
    made = operator.http.post(path, json=wanted)
    assert made.status_code == 201, made.text
    [plan] = made.json()["plans"]
    assert (plan["times"], plan["grace_minutes"], plan["weekdays"]) == (["08:00:00", "20:00:00"], 30, list(range(1, 8)))
    assert operator.http.delete(f"{path}/{plan['id']}").json()["plans"] == []
    assert operator.http.delete(f"{path}/{plan['id']}").status_code == 404
    [theirs] = caregiver.get("/elders")["items"]
    assert caregiver.http.get(f"/elders/{theirs['id']}/medication").status_code == 200


def test_a_bed_is_said_by_the_elders_alerts(
    administrator: Person, system: System, operator: Person, wristband: Device, elder: str
) -> None:
    station = system.seeded.organization_id
    assert operator.http.get(f"/organizations/{station}/beds").status_code == 404, "no care home"
    body = {"parent_id": system.organization("street"), "tier": "care_home", "name": "试验颐养院（虚构）"}
    home = administrator.http.post("/organizations", json=body).json()["id"]
    path = f"/organizations/{home}/beds"
    room = {"building": "康乐楼", "room": "301", "beds": ["1", "2"]}
    first, second = administrator.http.post(path, json=room).json()["items"]
    assert administrator.http.put(f"{path}/{second['id']}", json={"elder_id": elder}).status_code == 409, (
        "lives elsewhere"
    )
    assert administrator.http.patch(f"/elders/{elder}", json={"organization_id": home}).status_code == 200
    given = administrator.http.put(f"{path}/{second['id']}", json={"elder_id": elder}).json()["items"]
    assert [one["elder"] and one["elder"]["id"] for one in given] == [None, elder]
    assert administrator.http.delete(f"{path}/{second['id']}").status_code == 409
    assert administrator.get(f"/elders/{elder}")["bed"] == "康乐楼 301室 2床"
    alert = raised(wristband, administrator)
    assert alert["place"].endswith("康乐楼 301室 2床")
    assert administrator.get(f"/alerts/{alert['id']}/handover")["address"] == alert["place"]
    bring_to(administrator, alert, "resolved")
    given = administrator.http.put(f"{path}/{first['id']}", json={"elder_id": elder}).json()["items"]
    assert [one["elder"] and one["elder"]["id"] for one in given] == [elder, None], "one elder, one bed"
    assert administrator.http.patch(f"/elders/{elder}", json={"organization_id": station}).status_code == 200
    assert administrator.http.delete(f"{path}/{second['id']}").status_code == 200
    administrator.http.put(f"{path}/{first['id']}", json={"elder_id": None})


LINK = "rtsp://viewer:hidden@video.example/301"


def test_a_camera_opens_for_an_unresolved_alert_of_its_room_alone(
    administrator: Person,
    system: System,
    operator: Person,
    neighbour: Person,
    caregiver: Person,
    wristband: Device,
    elder: str,
) -> None:
    station = system.seeded.organization_id
    wanted = {"tier": "care_home", "name": "试验康养院（虚构）", "parent_id": station}
    home = administrator.http.post("/organizations", json=wanted).json()["id"]
    beds, cameras = f"/organizations/{home}/beds", f"/organizations/{home}/cameras"
    room = {"building": "康乐楼", "room": "301"}
    near = administrator.http.post(beds, json=room | {"beds": ["1"]}).json()["items"][0]["id"]
    rooms = administrator.http.post(beds, json=room | {"room": "302", "beds": ["1"]}).json()["items"]
    far = next(one["id"] for one in rooms if one["room"] == "302")
    camera = room | {"name": "门口", "link": LINK}
    for wrong in ("ftp://video.example/1", "rtsp://", "https://video.example/a b", "rtsp://a:b@c:port/"):
        assert administrator.http.post(cameras, json=camera | {"link": wrong}).status_code == 422, wrong
    assert administrator.http.post(cameras, json=camera | {"room": "999"}).status_code == 404, "a room without beds"
    assert operator.http.post(cameras, json=camera).status_code == 403
    made = administrator.http.post(cameras, json=camera)
    assert made.status_code == 201, made.text
    assert "video.example" not in made.text, "a link is not read back"
    [bound] = made.json()["items"]
    [(kept,)] = system.sql("SELECT link_sealed FROM cameras WHERE id = %s", bound["id"])
    assert b"video.example" not in bytes(kept)
    own = {"room": "客厅", "name": "电视旁", "link": "https://video.example/own"}
    [ours] = administrator.http.post(f"/elders/{elder}/cameras", json=own).json()["items"]
    other = administrator.http.post(
        "/elders", json={"name": "别人（虚构）", "organization_id": station, "birth_date": "1941-02-03"}
    ).json()["id"]
    [theirs] = administrator.http.post(f"/elders/{other}/cameras", json=own).json()["items"]

    assert administrator.http.patch(f"/elders/{elder}", json={"organization_id": home}).status_code == 200
    administrator.http.put(f"{beds}/{near}", json={"elder_id": elder})
    alert = raised(wristband, operator)
    path = f"/alerts/{alert['id']}/cameras"

    def looks() -> int:
        [(count,)] = system.sql("SELECT count(*) FROM access_log WHERE what = 'camera' AND alert_id = %s", alert["id"])
        return int(count)

    assert [one["id"] for one in operator.get(path)["items"]] == [ours["id"], bound["id"]]
    assert looks() == 0, "to know of them is no look"
    assert operator.http.post(f"{path}/{bound['id']}").json() == {"link": LINK}
    assert operator.http.post(f"{path}/{ours['id']}").json() == {"link": own["link"]}
    assert looks() == 2
    assert operator.http.post(f"{path}/{theirs['id']}").status_code == 404, "another elder's"
    for stranger, status in ((neighbour, 404), (caregiver, 403)):
        assert stranger.http.post(f"{path}/{bound['id']}").status_code == status
        assert stranger.http.get(path).status_code == status
    # Another room, while the alert goes on.
    administrator.http.put(f"{beds}/{far}", json={"elder_id": elder})
    assert operator.http.post(f"{path}/{bound['id']}").status_code == 404
    administrator.http.put(f"{beds}/{near}", json={"elder_id": elder})
    bring_to(operator, alert, "resolved")
    assert operator.get(path)["items"] == []
    for closed in (bound, ours):
        assert operator.http.post(f"{path}/{closed['id']}").status_code == 404
    assert looks() == 2
    whats = [one["what"] for one in administrator.get("/changes", subject="organization", subject_id=home)["items"]]
    assert "camera bound" in whats
    administrator.http.put(f"{beds}/{near}", json={"elder_id": None})
    assert administrator.http.patch(f"/elders/{elder}", json={"organization_id": station}).status_code == 200
    for gone in (f"{cameras}/{bound['id']}", f"/elders/{elder}/cameras/{ours['id']}"):
        assert administrator.http.delete(gone).json() == {"items": []}
        assert administrator.http.delete(gone).status_code == 404


def test_the_map_has_no_names_but_of_those_in_need_and_nothing_of_a_neighbours(
    wristband: Device, operator: Person, neighbour: Person, caregiver: Person, administrator: Person, elder: str
) -> None:
    alert = raised(wristband, operator, location=HERE)
    shown = operator.get("/map")
    assert sum(cell[2] for cell in shown["elders"]) == shown["circle"]["placed"] > 0
    assert shown["circle"]["within"] <= shown["circle"]["placed"]
    [mine] = [one for one in shown["alerts"] if one["id"] == alert["id"]]
    assert (mine["lat"], mine["at_home"], mine["elder"]["id"]) == (HERE["lat"], False, elder)
    assert elder not in str(shown["elders"])
    assert alert["id"] not in {one["id"] for one in neighbour.get("/map")["alerts"]}
    station = operator.get("/me")["organizations"][0]["id"]
    assert neighbour.http.get("/map", params={"organization_id": station}).status_code == 404
    assert caregiver.http.get("/map").status_code == 403
    bring_to(operator, alert, "resolved")
    assert alert["id"] not in {one["id"] for one in operator.get("/map")["alerts"]}
    told = operator.get("/map/settings")
    assert (told["layers"], told["datum"]) == ([], "wgs84")
    assert operator.http.get(f"/elders/{elder}/position").status_code == 403
    place = administrator.get(f"/elders/{elder}/position")
    assert place["position"]
    assert place["around"]
    moved = administrator.http.patch(f"/elders/{elder}", json={"lat": 29.7, "lon": 105.71})
    assert moved.status_code == 200
    assert administrator.get(f"/elders/{elder}/position")["position"] == {"lat": 29.7, "lon": 105.71}
    administrator.http.patch(f"/elders/{elder}", json=place["position"])


def test_a_page_for_visitors_is_served(system: System) -> None:
    assert httpx.get(f"{system.url}/visits").headers["content-type"].startswith("text/html")


# Exchange and statistics ------------------------------------------------------------------------------


def test_an_alert_goes_out_as_cap_to_whom_it_may(
    wristband: Device, operator: Person, neighbour: Person, caregiver: Person
) -> None:
    alert = raised(wristband, operator, location=HERE)
    path = f"/exchange/cap/{alert['id']}"
    feed, shown = operator.http.get("/exchange/cap"), operator.http.get(path)
    assert (feed.headers["content-type"], alert["id"] in feed.text) == ("application/atom+xml", True)
    assert (shown.headers["content-type"], "29.563000,106.551600" in shown.text) == ("application/cap+xml", True)
    assert alert["elder"]["name"] not in shown.text
    assert alert["id"] not in neighbour.http.get("/exchange/cap").text
    assert (neighbour.http.get(path).status_code, caregiver.http.get(path).status_code) == (404, 403)
    bring_to(operator, alert, "resolved")
    assert "<circle>" not in operator.http.get(path).text


def test_fhir_out_and_in(
    wristband: Device, operator: Person, neighbour: Person, administrator: Person, elder: str, system: System
) -> None:
    patient = operator.http.get(f"/fhir/Patient/{elder}")
    assert (patient.headers["content-type"], patient.json()["id"]) == ("application/fhir+json", elder)
    assert neighbour.http.get(f"/fhir/Patient/{elder}").status_code == 404
    wristband.send({"ts": soon(), "heart_rate": 71, "systolic": 128, "diastolic": 79}, "readings")
    readings(operator, wristband.device_id, 1)
    path = "/fhir/Observation"
    found = operator.http.get(path, params={"patient": f"Patient/{elder}"}).json()
    assert {one["resource"]["code"]["coding"][0]["code"] for one in found["entry"]} == {"8867-4", "85354-9"}
    assert neighbour.http.get(path, params={"patient": elder}).status_code == 404
    assert operator.http.get(path, params={"patient": elder, "date": "ge-4000"}).status_code == 422
    again = found["entry"][0]["resource"] | {"effectiveDateTime": soon(seconds=30)}
    again |= {"device": {"reference": f"Device/{wristband.device_id}"}}
    assert neighbour.http.post(path, json=again).status_code == 404
    for _ in range(2):
        assert operator.http.post(path, json=again).status_code == 201
    assert len(readings(operator, wristband.device_id, 2)) == 2
    assert operator.http.post(path, json=again | {"status": "cancelled"}).status_code == 422
    devices = operator.http.get("/fhir/Device", params={"patient": elder}).json()["entry"]
    assert wristband.device_id in {one["resource"]["identifier"][0]["value"] for one in devices}
    page = operator.http.get("/fhir/Patient", params={"_count": 2}).json()
    assert [one["relation"] for one in page["link"]] == ["self", "next"]
    new = {
        "resourceType": "Patient",
        "name": [{"text": "覃交换（虚构）"}],
        "birthDate": "1950-03-05",
        "managingOrganization": {"reference": f"Organization/{system.seeded.organization_id}"},
    }
    assert operator.http.post("/fhir/Patient", json=new).status_code == 403
    for wrong in ({"name": [{"text": "覃\x00"}]}, {"name": 7}, {"birthDate": "0001-01-01"}):
        assert administrator.http.post("/fhir/Patient", json=new | wrong).status_code == 422, wrong
    for wrong in ("ge0001-01-01T00:00:00+14:00", "lt9999-12-31T23:59:59+00:00", "ge2026-01-01"):
        assert operator.http.get(path, params={"patient": elder, "date": wrong}).status_code == 422, wrong
    made = administrator.http.post("/fhir/Patient", json=new)
    assert made.status_code == 201, made.text
    band = {
        "resourceType": "Device",
        "identifier": [{"system": "urn:anhu:device", "value": f"fhir-{secrets.token_hex(4)}"}],
        "type": {"text": "wristband"},
        "patient": {"reference": f"Patient/{made.json()['id']}"},
    }
    enrolled = administrator.http.post("/fhir/Device", json=band)
    assert enrolled.status_code == 201, enrolled.text
    assert enrolled.headers["x-device-secret"]
    assert operator.http.get("/fhir/metadata").json()["fhirVersion"] == "4.0.1"
    system.sql("DELETE FROM devices WHERE device_id LIKE 'fhir-%%'")
    system.sql("DELETE FROM elders WHERE name = '覃交换（虚构）'")


def test_files_for_handing_over_are_an_administrators(administrator: Person, operator: Person, system: System) -> None:
    assert operator.http.get("/exchange/csv/elders").status_code == 403
    for kind in ("elders", "visits", "alerts"):
        answer = administrator.http.get(f"/exchange/csv/{kind}")
        assert answer.status_code == 200, answer.text
        assert answer.content.startswith(b"\xef\xbb\xbf")
    rows = administrator.http.get("/exchange/csv/elders").text.splitlines()
    assert len(rows) == 1 + system.sql("SELECT count(*) FROM elders")[0][0]
    assert system.sql("SELECT 1 FROM changes WHERE subject = 'export' AND subject_id = 'elders' AND after IS NOT NULL")


def test_statistics_by_tier_and_as_files(administrator: Person, operator: Person, caregiver: Person) -> None:
    whole = administrator.get("/reports/statistics", tier="community")
    assert whole["total"]["elders"] == sum(one["elders"] for one in whole["organizations"])
    assert {one["tier"] for one in whole["organizations"][1:]} == {"community"}
    assert sum(whole["total"]["levels"].values()) == whole["total"]["elders"]
    own = operator.get("/reports/statistics")
    assert 0 < own["total"]["elders"] < whole["total"]["elders"]
    assert caregiver.http.get("/reports/statistics").status_code == 403
    for form in ("csv", "xlsx"):
        assert operator.http.get("/reports/statistics", params={"format": form}).status_code == 200
