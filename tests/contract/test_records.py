"""Organisations, elders and people made, changed and found over HTTP, and what is kept of it. All of them invented."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.parts.system import Person, System
from tests.unit.registry.files import csv_of, number, xlsx_of


@pytest.fixture(scope="module")
def administrator(system: System) -> Person:
    return system.sign_in("admin")


@pytest.fixture(autouse=True)
def _tidy(system: System) -> Iterator[None]:
    yield
    for statement in (
        "DELETE FROM devices WHERE device_id LIKE 'record-%%'",
        "DELETE FROM sessions WHERE account_id IN (SELECT id FROM accounts WHERE username LIKE 'record-%%')",
        "DELETE FROM accounts WHERE username LIKE 'record-%%'",
        "DELETE FROM access_log WHERE elder_id IN (SELECT id FROM elders WHERE name LIKE '覃试%%')",
        "DELETE FROM elders WHERE name LIKE '覃试%%'",
        "DELETE FROM organizations WHERE name LIKE '试验%%'",
    ):
        system.sql(statement)


def _elder(system: System, **more: object) -> dict[str, object]:
    return {"name": "覃试兰", "organization_id": system.seeded.organization_id, "birth_date": "1950-03-05"} | more


def test_an_elder_is_made_changed_and_found(administrator: Person, operator: Person, system: System) -> None:
    contacts = [{"name": "覃某", "relation": "女儿", "phone": "138 0000 0000"}]
    wanted = _elder(
        system, identity=number(), phone="023-00990077", address="试验巷7号", contacts=contacts, birth_date=None
    )
    made = administrator.http.post("/elders", json=wanted)
    assert made.status_code == 201, made.text
    elder = made.json()
    assert (elder["birth_date"], elder["gender"], elder["has_identity"]) == ("1950-03-05", "female", True)
    assert elder["contacts"] == [{"name": "覃某", "relation": "女儿", "phone": "138****0000"}]
    for search in ("覃试兰", "试兰", "qsl", "tsl", "00990077", "023-00990077", "0077", "试验巷", "覃 验巷7", "兰 qsl"):
        found = [one["id"] for one in operator.get("/elders", search=search, limit=500)["items"]]
        assert elder["id"] in found, search
    assert operator.get("/elders", search="覃试竹")["items"] == []
    path = f"/elders/{elder['id']}"
    change = {"address": "康宁路9号", "ability_level": "moderate", "assessed_on": "2026-09-01", "assessment_score": 50}
    # 66 and more is 轻度失能, which two risk events would make moderate; 90 is 能力完好.
    refused = administrator.http.patch(path, json=change | {"assessment_score": 90})
    assert (refused.status_code, refused.json()["flaws"][0]["field"]) == (422, "assessment_score")
    changed = administrator.http.patch(path, json=change | {"phone": None, "contacts": []})
    assert changed.status_code == 200, changed.text
    assert (changed.json()["phone"], changed.json()["contacts"]) == (None, [])
    assert changed.json()["name"] == "覃试兰"
    assert administrator.get(f"{path}/assessments")["items"][0]["score"] == 50
    kept = administrator.get("/changes", subject="elder", subject_id=elder["id"])["items"]
    address = next(one for one in kept if "address" in (one["after"] or {}))
    assert (address["before"]["address"], address["after"]["address"]) == ("试验巷7号", "康宁路9号")
    assert address["actor"] == "系统管理员"
    assert {"created", "changed", "contact added", "contact removed", "assessed"} <= {one["what"] for one in kept}
    assert number() not in str(kept)


def test_an_identity_number_is_shown_when_asked_for_and_that_is_kept(
    administrator: Person, operator: Person, system: System
) -> None:
    elder = administrator.http.post("/elders", json=_elder(system, identity=number(sequence=62))).json()
    path = f"/elders/{elder['id']}/identity"
    assert number(sequence=62) not in str(elder)
    assert operator.http.post(path, json={"reason": "x"}).status_code == 403
    assert administrator.http.post(path, json={}).status_code == 422
    assert administrator.http.post(path, json={"reason": "核对"}).json() == {"identity": number(sequence=62)}
    assert system.sql("SELECT what FROM access_log WHERE elder_id = %s", elder["id"]) == [("identity",)]
    again = administrator.http.post("/elders", json=_elder(system, name="覃试竹", identity=number(sequence=62)))
    assert again.status_code == 422
    assert "覃试兰" in again.json()["detail"]


def test_a_level_follows_from_the_form_behind_it(system: System, administrator: Person) -> None:
    new = {"name": "覃试评（虚构）", "organization_id": system.seeded.organization_id, "birth_date": "1940-02-01"}
    elder = administrator.http.post("/elders", json=new).json()["id"]
    path = f"/elders/{elder}/assessments"
    items = {
        one["name"]: one["most"] for domain in administrator.get("/ability-form")["items"] for one in domain["items"]
    }
    form = {"assessed_on": "2026-03-01", "assessor": "周某（虚构）", "points": items}
    assert administrator.http.post(path, json=form).json()["items"][0]["level"] == "intact"
    worse = form | {"assessed_on": "2026-09-01", "points": items | {"洗澡": 1, "如厕": 2}, "risk_events": 2}
    newest = administrator.http.post(path, json=worse).json()["items"][0]
    assert (newest["score"], newest["level"]) == (85, "moderate"), "mild by its points, and one worse"
    assert newest["form"]["points"]["洗澡"] == 1
    again = worse | {"points": items}
    corrected = administrator.http.post(path, json=again).json()["items"]
    assert [(one["assessed_on"], one["level"]) for one in corrected] == [
        ("2026-09-01", "mild"),
        ("2026-03-01", "intact"),
    ]
    assert administrator.get(f"/elders/{elder}")["ability_level"] == "mild", "a correction replaces that day's"
    assert administrator.http.post(path, json=worse).status_code == 201
    for lax in ({"points": items | {"洗澡": True}}, {"points": items | {"洗澡": "1"}}, {"coma": "yes"}):
        assert administrator.http.post(path, json=form | lax).status_code == 422, lax
    late = form | {"assessed_on": "2026-05-01", "coma": True}
    assert administrator.http.post(path, json=late).status_code == 201
    assert administrator.get(f"/elders/{elder}")["ability_level"] == "moderate", "what is entered late undoes nothing"
    refused = administrator.http.post(path, json=form | {"points": items | {"上下楼梯": 4}})
    assert (refused.status_code, refused.json()["flaws"][0]["field"]) == (422, "上下楼梯")
    assert administrator.http.post(path, json=form | {"assessed_on": "2199-01-01"}).status_code == 422
    assert system.sign_in().http.post(path, json=form).status_code == 403


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": None}, "name"),
        ({"phone": "12"}, "phone"),
        ({"identity": "500199195003050021"}, "identity"),
        ({"birth_date": None}, "identity"),
        ({"care_categories": ["失聪"]}, "care_categories"),
        ({"living_situation": "树上"}, "living_situation"),
        ({"contacts": [{"name": "覃某", "phone": "1"}]}, "contact1_phone"),
        ({"organization_id": "00000000-0000-0000-0000-000000000000"}, "organization"),
    ],
)
def test_what_a_record_cannot_be(change: dict[str, Any], field: str, administrator: Person, system: System) -> None:
    answer = administrator.http.post("/elders", json=_elder(system) | change)
    assert answer.status_code == 422
    assert field in {flaw["field"] for flaw in answer.json()["flaws"]}


def test_half_a_position_is_refused(administrator: Person, system: System) -> None:
    elder = administrator.http.post("/elders", json=_elder(system, lat=29.708, lon=105.713)).json()
    for half in ({"lat": None}, {"lon": None}):
        answer = administrator.http.patch(f"/elders/{elder['id']}", json=half)
        assert (answer.status_code, answer.json()["flaws"][0]["message"]) == (422, "经度和纬度只填了一个")
    assert administrator.http.patch(f"/elders/{elder['id']}", json={"lat": None, "lon": None}).status_code == 200


def test_nobody_changes_what_is_not_theirs(
    administrator: Person, operator: Person, street_administrator: Person, system: System
) -> None:
    elder = administrator.http.post("/elders", json=_elder(system)).json()
    city = system.organization("city")
    assert operator.http.post("/elders", json=_elder(system)).status_code == 403
    assert operator.http.patch(f"/elders/{elder['id']}", json={"name": "覃试竹"}).status_code == 403
    assert operator.http.get("/accounts").status_code == 403
    assert operator.http.get("/changes", params={"subject": "elder"}).status_code == 403
    assert operator.http.post("/imports/elders", content=b"x").status_code == 403
    assert street_administrator.http.post("/elders", json=_elder(system, organization_id=city)).status_code == 422
    assert street_administrator.http.patch(f"/organizations/{city}", json={"name": "试验"}).status_code == 404
    moved = street_administrator.http.patch(f"/elders/{elder['id']}", json={"organization_id": city})
    assert moved.status_code == 422
    admin_id = administrator.get("/me")["id"]
    assert street_administrator.http.patch(f"/accounts/{admin_id}", json={"name": "x"}).status_code == 404
    assert street_administrator.http.post(f"/accounts/{admin_id}/password").status_code == 404
    assert "admin" not in {one["username"] for one in street_administrator.get("/accounts", limit=500)["items"]}
    upward = {"username": "record-up", "name": "试", "role": "administrator", "organization_ids": [city]}
    assert street_administrator.http.post("/accounts", json=upward).status_code == 409


def test_an_organisation_is_made_and_moved(administrator: Person, system: System) -> None:
    first, second = system.organization("community"), system.organization("community", 1)
    wanted = {"parent_id": first, "tier": "point", "name": "试验服务点"}
    made = administrator.http.post("/organizations", json=wanted)
    assert made.status_code == 201, made.text
    path = f"/organizations/{made.json()['id']}"
    assert administrator.http.post("/organizations", json=wanted).status_code == 409
    assert administrator.http.patch(path, json={"parent_id": second, "phone": "023-0001-0009"}).status_code == 200
    assert administrator.get(path)["parent_id"] == second
    assert administrator.http.patch(path, json={"tier": "city"}).status_code == 409
    assert (
        administrator.http.patch(f"/organizations/{second}", json={"parent_id": made.json()["id"]}).status_code == 409
    )


def test_people_come_and_go(administrator: Person, system: System) -> None:
    wanted = {
        "username": "record-1",
        "name": "王试",
        "role": "operator",
        "organization_ids": [system.seeded.organization_id],
    }
    made = administrator.http.post("/accounts", json=wanted)
    assert made.status_code == 201, made.text
    assert administrator.http.post("/accounts", json=wanted).status_code == 409
    account = made.json()
    person = Person(system, "record-1", account["password"], system.url)
    renewed = administrator.http.post(f"/accounts/{account['id']}/password").json()["password"]
    assert person.http.get("/me").status_code == 401
    person.http.close()
    person = Person(system, "record-1", renewed, system.url)
    path = f"/accounts/{account['id']}"
    assert administrator.http.patch(path, json={"organization_ids": []}).status_code == 409
    assert administrator.http.patch(path, json={"disabled": True}).json()["disabled_at"] is not None
    assert person.http.get("/me").status_code == 401
    person.http.close()
    own = administrator.get("/me")["id"]
    assert administrator.http.patch(f"/accounts/{own}", json={"disabled": True}).status_code == 409
    kept = administrator.get("/changes", subject="account", subject_id=account["id"])["items"]
    assert {"created", "organization given", "changed"} <= {one["what"] for one in kept}
    assert "argon2" not in str(kept)


def test_a_device_is_bound_and_taken_back(administrator: Person, system: System) -> None:
    elder = administrator.http.post("/elders", json=_elder(system)).json()
    other = system.organization("community", 1)
    new = {"device_id": "record-1", "kind": "wristband", "organization_id": other}
    assert administrator.http.post("/devices", json=new).status_code == 201
    assert administrator.http.put("/devices/record-1/binding", json={"elder_id": elder["id"]}).status_code == 204
    device = administrator.get("/devices/record-1")
    assert (device["elder_name"], device["organization_id"]) == ("覃试兰", elder["organization_id"])
    assert [one["id"] for one in administrator.get("/devices", elder_id=elder["id"])["items"]] == ["record-1"]
    both = {"elder_id": elder["id"], "organization_id": other}
    assert administrator.http.put("/devices/record-1/binding", json=both).status_code == 409
    administrator.http.patch(f"/elders/{elder['id']}", json={"organization_id": other})
    assert administrator.get("/devices/record-1")["organization_id"] == other
    assert administrator.http.put("/devices/record-1/binding", json={}).status_code == 204
    assert administrator.get("/devices/record-1")["elder_id"] is None
    kept = administrator.get("/changes", subject="device", subject_id="record-1")["items"]
    assert kept[-1]["actor"] == "系统管理员"


def test_several_elders_at_once(administrator: Person, operator: Person, system: System) -> None:
    made = [administrator.http.post("/elders", json=_elder(system, birth_date=f"1950-03-0{day}")) for day in (5, 6)]
    ids = [one.json()["id"] for one in made]
    other = system.organization("community", 1)

    def asked(ids: list[str], action: str, **more: Any) -> Any:
        return administrator.http.post("/elders/bulk", json={"ids": ids, "action": action, **more})

    assert operator.http.post("/elders/bulk", json={"ids": ids, "action": "move"}).status_code == 403
    assert asked(ids, "move").status_code == 422
    assert asked(ids, "add_category", care_category="低保").json() == {"done": 2}
    assert asked(ids, "add_category", care_category="低保").json() == {"done": 2}
    nobody = "00000000-0000-7000-8000-000000000000"
    refused = asked([*ids, nobody], "move", organization_id=other)
    assert (refused.status_code, [one["id"] for one in refused.json()["failed"]]) == (404, [nobody])
    refused = asked(ids, "add_category", care_category="没有的类别")
    assert refused.status_code == 409
    assert "没有类别" in refused.json()["failed"][1]["message"]
    elder = administrator.get(f"/elders/{ids[0]}")
    assert (elder["organization_id"], elder["care_categories"]) == (system.seeded.organization_id, ["低保"])
    assert asked(ids, "move", organization_id=other).json() == {"done": 2}
    assert asked(ids, "remove_category", care_category="低保").json() == {"done": 2}
    elder = administrator.get(f"/elders/{ids[1]}")
    assert (elder["organization_id"], elder["care_categories"]) == (other, [])
    kept = administrator.get("/changes", subject="elder", subject_id=ids[1])["items"]
    assert [one["actor"] for one in kept if one["what"] == "changed"] == ["系统管理员"] * 3


def test_several_devices_at_once(administrator: Person, system: System) -> None:
    elder = administrator.http.post("/elders", json=_elder(system)).json()
    other, names = system.organization("community", 1), ["record-1", "record-2"]
    for name in names:
        new = {"device_id": name, "kind": "wristband", "organization_id": system.seeded.organization_id}
        assert administrator.http.post("/devices", json=new).status_code == 201
    administrator.http.put("/devices/record-1/binding", json={"elder_id": elder["id"]})

    def asked(action: str, **more: Any) -> Any:
        return administrator.http.post("/devices/bulk", json={"ids": names, "action": action, **more})

    refused = asked("move", organization_id=other)
    assert (refused.status_code, [one["id"] for one in refused.json()["failed"]]) == (409, ["record-1"])
    assert administrator.get("/devices/record-2")["organization_id"] == system.seeded.organization_id
    assert asked("unbind").json()["done"] == 2
    assert asked("move", organization_id=other).json()["done"] == 2
    secrets = asked("rotate").json()["secrets"]
    assert [one["device_id"] for one in secrets] == names
    assert len({one["secret"] for one in secrets}) == 2
    assert asked("revoke").json() == {"done": 2, "secrets": []}
    refused = asked("rotate")
    assert (refused.status_code, len(refused.json()["failed"])) == (409, 2)
    log = system.sql("SELECT what FROM identity_log WHERE subject = 'record-2' ORDER BY id")
    assert log[-3:] == [("enrolled",), ("rotated",), ("revoked",)]


def test_several_people_at_once(administrator: Person, system: System) -> None:
    wanted = {"name": "王试", "role": "operator", "organization_ids": [system.seeded.organization_id]}
    made = [administrator.http.post("/accounts", json=wanted | {"username": f"record-{n}"}).json() for n in (1, 2)]
    ids, own = [one["id"] for one in made], administrator.get("/me")["id"]
    person = Person(system, "record-1", made[0]["password"], system.url)

    def asked(action: str, *more: str) -> Any:
        return administrator.http.post("/accounts/bulk", json={"ids": [*ids, *more], "action": action})

    assert asked("disable", own).status_code == 409
    assert person.http.get("/me").status_code == 200
    assert asked("end_sessions").json() == {"done": 2}
    assert person.http.get("/me").status_code == 401
    person.http.close()
    assert asked("disable").json() == {"done": 2}
    path = f"/accounts/{ids[0]}"
    assert administrator.http.patch(path, json={}).json()["disabled_at"] is not None
    assert asked("enable").json() == {"done": 2}
    assert administrator.http.patch(path, json={}).json()["disabled_at"] is None


def test_a_file_is_checked_and_then_taken_in(administrator: Person, system: System) -> None:
    head = ("姓名", "身份证号", "所属社区", "备注")
    good, wrong = ("覃试梅", number(sequence=64), "北禅社区", ""), ("覃试菊", "5.0E+17", "北婵社区", "")
    file = xlsx_of(head, good, wrong)
    checked = administrator.http.post("/imports/elders", content=file).json()
    assert (checked["rows"], checked["new"], checked["wrong"], checked["applied"]) == (2, 1, 1, False)
    assert [(one["line"], one["column"]) for one in checked["flaws"]] == [(3, "所属社区"), (3, "身份证号")]
    assert checked["ignored_columns"] == ["备注"]
    nothing = administrator.http.post("/imports/elders", params={"mode": "all"}, content=file).json()
    assert not nothing["applied"]
    done = administrator.http.post("/imports/elders", params={"mode": "skip"}, content=file).json()
    assert (done["applied"], done["new"]) == (True, 1)
    again = administrator.http.post("/imports/elders", params={"mode": "all"}, content=csv_of(head, good)).json()
    assert (again["new"], again["unchanged"]) == (0, 1)
    devices = csv_of(("设备编号", "设备类型", "身份证号"), ("record-2", "手环", number(sequence=64)))
    done = administrator.http.post("/imports/devices", params={"mode": "all"}, content=devices).json()
    assert [one["name"] for one in done["secrets"]] == ["record-2"]
    form = administrator.http.get("/imports/elders/template", params={"form": "csv"})
    assert "所属社区" in form.text
    assert administrator.http.post("/imports/elders", content=b"\x00" * 20).json()["wrong"] == 1


def test_of_two_who_shut_each_other_out_one_is_left(system: System, administrator: Person) -> None:
    root = system.organization("city")
    made = administrator.http.post(
        "/accounts",
        json={"username": "record-root", "name": "齐某", "role": "administrator", "organization_ids": [root]},
    ).json()
    other = Person(system, "record-root", made["password"], system.url)
    mine = administrator.get("/me")["id"]
    with ThreadPoolExecutor(2) as pool:
        answers = list(
            pool.map(
                lambda one: one[0].http.patch(f"/accounts/{one[1]}", json={"disabled": True}).status_code,
                ((administrator, made["id"]), (other, mine)),
            )
        )
    left = system.sql("SELECT id::text FROM accounts WHERE id = ANY(%s) AND disabled_at IS NULL", [made["id"], mine])
    system.sql("UPDATE accounts SET disabled_at = NULL WHERE id = %s", mine)
    other.http.close()
    assert len(left) == 1, answers
    administrator.tokens = system.sign_in("admin").tokens
    administrator.http.headers["Authorization"] = f"Bearer {administrator.tokens['access_token']}"


def test_whoever_moves_leaves_their_bed(system: System, administrator: Person) -> None:
    station = system.seeded.organization_id
    home = administrator.http.post(
        "/organizations",
        json={"name": "试验养老院（虚构）", "tier": "care_home", "parent_id": system.organization("street")},
    ).json()["id"]
    administrator.http.post(f"/organizations/{home}/beds", json={"building": "一", "room": "101", "beds": ["1"]})
    new = {"name": "覃试床（虚构）", "organization_id": home, "birth_date": "1940-02-02"}
    elder = administrator.http.post("/elders", json=new).json()["id"]
    [bed] = administrator.get(f"/organizations/{home}/beds")["items"]
    administrator.http.put(f"/organizations/{home}/beds/{bed['id']}", json={"elder_id": elder})
    assert administrator.get(f"/elders/{elder}")["bed"]
    moved = administrator.http.post("/elders/bulk", json={"ids": [elder], "action": "move", "organization_id": station})
    assert moved.status_code == 200, moved.text
    assert administrator.get(f"/organizations/{home}/beds")["items"][0]["elder"] is None
    assert administrator.get(f"/elders/{elder}")["bed"] is None
    administrator.http.delete(f"/organizations/{home}/beds/{bed['id']}")
