"""Responders from outside: the register, the question, the page's API without a sign-in, the sheet for 120."""

from typing import Any

import httpx
import pytest

from services.registry import links
from tests.contract.asking import kinds, raised, readings, soon
from tests.parts import documents
from tests.parts.system import PLAIN, SECRET_KEY, Device, Person, System
from tests.parts.waiting import until

HERE = (29.7081, 105.7136)


@pytest.fixture(scope="module")
def administrator(system: System) -> Person:
    return system.sign_in("admin")


def entered(system: System, number: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "name": f"冉某{number}（虚构）",
        "organization_id": system.seeded.organization_id,
        "kind": "grid_worker",
        "phone": "023-0002-0001",
        "skills": ["试验专用"],
    } | more


class Phone:
    """A telephone with a link, without an account. Every answer is held against docs/contract."""

    def __init__(self, system: System, notice_id: Any, key: str = SECRET_KEY) -> None:
        self.address = f"{system.url}/api/v1/tasks/{links.sign(key, notice_id)}"

    def get(self) -> httpx.Response:
        return ask("GET", self.address)

    def says(self, answer: str, **body: Any) -> httpx.Response:
        return ask("POST", f"{self.address}/{answer}", body)


def ask(method: str, address: str, body: Any = None) -> httpx.Response:
    answer = httpx.request(method, address, json=body, verify=PLAIN)
    documents.check_answer(answer)
    return answer


def phones(system: System, alert: dict[str, Any]) -> dict[str, Phone]:
    """By the name of who was asked."""
    rows = system.sql(
        "SELECT c.name, n.id FROM notices n JOIN accounts c ON c.id = n.account_id"
        " WHERE n.alert_id = %s AND n.why = 'responder'",
        alert["id"],
    )
    return {name: Phone(system, notice) for name, notice in rows}


def test_the_register_is_kept_within_reach_and_in_versions(
    system: System, operator: Person, neighbour: Person, caregiver: Person
) -> None:
    shift = {"weekdays": [1, 2], "from": "08:00", "to": "20:00"}
    position = {"lat": HERE[0], "lon": HERE[1], "datum": "gcj02"}
    made = operator.http.post("/responders", json=entered(system, hours=[shift], position=position)).json()
    assert made["hours"] == [shift]
    # What a Chinese map shows here lies 462 m off.
    assert made["position"] == pytest.approx({"lat": 29.710813, "lon": 105.709997}, abs=1e-5)
    assert neighbour.http.get(f"/responders/{made['id']}").status_code == 404
    assert neighbour.http.post("/responders", json=entered(system)).status_code == 404
    assert made["id"] not in {one["id"] for one in neighbour.get("/responders")["items"]}
    assert caregiver.http.get("/responders").status_code == 403
    for flaw in ({"kind": "hero"}, {"phone": "x"}, {"hours": [shift | {"from": "8点"}]}, {"skills": [""]}):
        assert operator.http.post("/responders", json=entered(system, **flaw)).status_code == 422

    changed = operator.http.put(
        f"/responders/{made['id']}", json=entered(system, name="冉某某（虚构）", version=1)
    ).json()
    assert (changed["version"], changed["name"], changed["position"]) == (2, "冉某某（虚构）", None)
    assert changed["changed_by"]["name"] == operator.get("/me")["name"]
    late = operator.http.put(f"/responders/{made['id']}", json=entered(system, version=1))
    assert (late.status_code, late.json()["version"]) == (409, 2)
    assert [one["id"] for one in operator.get("/responders", search="冉某某")["items"]] == [made["id"]]
    for _ in range(2):
        ended = operator.http.post(f"/responders/{made['id']}/end").json()
        assert (ended["ended_at"] is None, ended["version"]) == (False, 3)
    assert operator.get("/responders", search="冉某某")["items"] == []
    assert [one["id"] for one in operator.get("/responders", search="冉某某", ended=True)["items"]] == [made["id"]]


def test_who_is_sent_may_be_named_by_id(wristband: Device, operator: Person, system: System) -> None:
    alert = raised(wristband, operator)
    made = operator.http.post("/responders", json=entered(system, 7, skills=["按编号"])).json()
    operator.move(alert, "acknowledge")
    for _ in range(2):  # a repeat changes nothing
        assert operator.move(alert, "dispatch", responder=made["id"]).status_code == 200
    timeline = operator.get(f"/alerts/{alert['id']}")["timeline"]
    assert [one["body"] for one in timeline if one["kind"] == "dispatched"] == [{"responder": made["name"]}]
    assert "冉某7" in wristband.receipt(alert["event_id"], "dispatched").body["message"]


def test_somebody_near_is_asked_goes_and_120_has_the_sheet(
    wristband: Device, operator: Person, neighbour: Person, system: System
) -> None:
    alert = raised(wristband, operator, location={"lat": HERE[0], "lon": HERE[1], "accuracy": 15})
    for number in (1, 2):
        position = {"lat": HERE[0] + number * 0.001, "lon": HERE[1]}
        body = entered(system, number, skills=["本次试验"], position=position)
        assert operator.http.post("/responders", json=body).status_code == 201
    assert neighbour.move(alert, "ask").status_code == 404
    asked = operator.move(alert, "ask", limit=5, skills=["本次试验"])
    assert asked.json()["state"] == "triggered"
    detail = operator.get(f"/alerts/{alert['id']}")
    assert [(one["name"], one["state"], one["metres"]) for one in detail["responders"]] == [
        ("冉某1（虚构）", "asked", 111),
        ("冉某2（虚构）", "asked", 222),
    ]
    first, second = (phones(system, alert)[f"冉某{number}（虚构）"] for number in (1, 2))
    assert Phone(system, system.sql("SELECT gen_random_uuid()")[0][0]).get().status_code == 410
    assert Phone(system, system.sql("SELECT gen_random_uuid()")[0][0], "x" * 40).get().status_code == 404

    elder = operator.get(f"/elders/{alert['elder']['id']}")
    before = first.get()
    seen = before.json()
    assert (seen["state"], seen["elder"], seen["metres"], seen["acknowledged"]) == ("asked", None, 111, False)
    assert seen["answers"] == ["accept", "decline"]
    assert elder["address"].startswith(seen["street"])
    for private in (elder["name"], elder["address"], elder["phone"], elder["entry_notes"], elder["health_notes"]):
        assert private not in before.text
    assert _looks(system, alert, "task") == 0

    going = first.says("accept").json()
    assert (going["state"], going["elder"]["name"], going["elder"]["address"]) == (
        *("accepted", elder["name"]),
        elder["address"],
    )
    assert going["elder"]["maps"]["geo"].startswith("geo:29.708100,105.713600")
    assert "uri.amap.com" in going["elder"]["maps"]["amap"]
    assert elder["health_notes"] not in first.get().text
    assert _looks(system, alert, "task") == 1
    refused = second.says("accept")
    assert (refused.status_code, "冉某1（虚构）" in refused.json()["detail"]) == (409, True)
    assert second.get().json()["state"] == "taken"
    assert second.says("position", lat=29.7, lon=105.7).status_code == 204

    assert operator.move(alert, "acknowledge").json()["state"] == "dispatched"
    wristband.receipt(alert["event_id"], "dispatched")
    assert operator.move(alert, "acknowledge").status_code == 200
    assert first.says("arrive").json()["answers"] == ["done", "help"]
    wristband.receipt(alert["event_id"], "arrived")
    first.says("help", note="需要抬人（虚构）")
    called = operator.get(f"/alerts/{alert['id']}")
    assert called["attention"] is True
    for _ in range(2):  # the second call comes with the same count of presses
        answered = operator.move(alert, "acknowledge", occurrences=1, version=called["version"])
        assert answered.json()["attention"] is False
        first.says("help")
        called = operator.get(f"/alerts/{alert['id']}")
        assert called["attention"] is True

    wristband.send(
        [{"ts": soon(seconds=5), "heart_rate": 71}, {"ts": soon(), "heart_rate": 112, "spo2": 91}], "readings"
    )
    readings(operator, wristband.device_id, 2)
    _sheet_for_120(operator, neighbour, system, alert, elder)
    assert operator.move(alert, "resolve", outcome="hospital").status_code == 200
    for phone in (first, second):
        assert phone.get().status_code == phone.says("accept").status_code == 410
    until(lambda: "stood_down" in kinds(operator.get(f"/alerts/{alert['id']}")), "who was there is told", every=0.05)


def _sheet_for_120(
    operator: Person, neighbour: Person, system: System, alert: dict[str, Any], elder: dict[str, Any]
) -> None:
    path = f"/alerts/{alert['id']}/handover"
    sheet = operator.get(path)
    assert (sheet["elder"]["name"], sheet["elder"]["health_notes"]) == (elder["name"], elder["health_notes"])
    assert (sheet["address"], sheet["entry_notes"]) == (elder["address"], elder["entry_notes"])
    assert (sheet["position"]["lat"], sheet["position_from"]) == (HERE[0], "device")
    assert (sheet["responder"], sheet["responder_phone"]) == ("冉某1（虚构）", "023-0002-0001")
    assert sheet["contacts"] == elder["contacts"]
    assert [(one["field"], one["value"]) for one in sheet["vitals"]] == [("heart_rate", 112), ("spo2", 91)]
    assert neighbour.http.get(path).status_code == neighbour.http.post(f"{path}/links").status_code == 404

    link = operator.http.post(f"{path}/links", json={"minutes": 30}).json()
    other = operator.http.post(f"{path}/links").json()

    def by_link(one: dict[str, Any]) -> httpx.Response:
        return ask("GET", f"{system.url}/api/v1/handovers/{one['path'].removeprefix('/h/')}")

    assert by_link(link).json()["elder"] == sheet["elder"]
    assert _looks(system, alert, "handover_link") == 1
    assert operator.http.delete(f"{path}/links/{link['id']}").status_code == 204
    assert by_link(link).status_code == 410
    task_token = links.sign(SECRET_KEY, system.sql("SELECT id FROM handover_links LIMIT 1")[0][0])
    wrong = ask("GET", f"{system.url}/api/v1/handovers/{task_token}")
    assert wrong.status_code == 404, "made for another purpose"
    assert [one["revoked_at"] is None for one in operator.get(f"{path}/links")["items"]] == [False, True]
    assert by_link(other).status_code == 200
    system.sql("UPDATE handover_links SET expires_at = now() WHERE id = %s", other["id"])
    assert by_link(other).status_code == 410


def _looks(system: System, alert: dict[str, Any], what: str) -> int:
    return int(system.sql("SELECT count(*) FROM access_log WHERE alert_id = %s AND what = %s", alert["id"], what)[0][0])


def test_a_link_is_not_asked_for_without_end(system: System) -> None:
    phone = Phone(system, system.sql("SELECT gen_random_uuid()")[0][0])
    answers = [phone.get() for _ in range(61)]
    assert {answer.status_code for answer in answers[:60]} == {410}
    assert (answers[-1].status_code, int(answers[-1].headers["retry-after"]) > 0) == (429, True)


@pytest.mark.parametrize("role", ["responder", "auditor", "supervisor"])
def test_a_role_reaches_what_is_its_own(
    wristband: Device, operator: Person, system: System, administrator: Person, role: str
) -> None:
    """Even with a password, and whatever is joined to the account."""
    alert = raised(wristband, operator)
    username = f"{role}-probe"
    system.sql(
        "INSERT INTO accounts (id, username, password_hash, name, role)"
        " SELECT gen_random_uuid(), %s, password_hash, '某人（虚构）', %s FROM accounts WHERE username = %s",
        *(username, role, system.seeded.operator["username"]),
    )
    system.sql(
        "INSERT INTO account_organizations SELECT id, %s FROM accounts WHERE username = %s",
        *(system.seeded.organization_id, username),
    )
    system.sql(
        "INSERT INTO account_elders SELECT id, %s FROM accounts WHERE username = %s", alert["elder"]["id"], username
    )
    person = Person(system, username, system.seeded.operator["password"], system.url)
    # What is on the screens of a supervisor's own organisation has climbed to them (test_access.py has the others).
    for path, readers in (
        (f"/alerts/{alert['id']}", {"supervisor"}),
        (f"/elders/{alert['elder']['id']}", {"supervisor"}),
        (f"/devices/{wristband.device_id}", set()),
        (f"/organizations/{alert['organization_id']}", {"supervisor", "auditor"}),
        (f"/elders/{alert['elder']['id']}/fences", set()),
    ):
        assert person.http.get(path).status_code == (200 if role in readers else 403), path
    if role == "supervisor":
        assert operator.move(alert, "ask").status_code == 200
        assert all(one["phone"] for one in operator.get(f"/alerts/{alert['id']}")["responders"])
        shown = person.get(f"/alerts/{alert['id']}")["responders"]
        assert {one["phone"] for one in shown} == {None}, "a neighbour's number is the station's to know"
    else:
        for path in ("/alerts", "/elders", "/devices", "/covers", "/held", "/quarantine"):
            assert person.http.get(path).status_code == 403, path
    for move, body in (("acknowledge", {}), ("resolve", {"outcome": "test"}), ("ask", {})):
        assert person.move(alert, move, **body).status_code == 403
    assert person.http.post("/covers", json={}).status_code in (403, 422)
    for path in ("/responders", f"/alerts/{alert['id']}/handover"):
        assert person.http.get(path).status_code == 403
    near = f"/alerts/{alert['id']}/responders"
    assert person.http.get(near).status_code == 403
    offered = operator.get(near, limit=3)["items"]
    assert len(offered) == 3
    assert [one["metres"] for one in offered] == sorted(one["metres"] for one in offered), "the nearest first"
    person.http.close()


def test_where_an_organisation_is(operator: Person, administrator: Person, system: System) -> None:
    path = f"/organizations/{system.organization('community', 1)}/place"
    before = administrator.get(path)
    assert operator.http.get(path).status_code == 404
    place = {"position": {"lat": 29.7015, "lon": 105.706}, "away_metres": 2000}
    assert administrator.http.put(path, json=place).json()["away_metres"] == 2000
    assert administrator.get(path)["position"] == place["position"]
    assert administrator.http.put(path, json={"position": before["position"]}).json() == before
