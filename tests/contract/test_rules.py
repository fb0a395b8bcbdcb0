"""Rules on readings from outside: from the wristband to the alert and the screen, and over HTTP."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.parts.system import Device, Person, System
from tests.parts.waiting import until

BUILT_IN = "a17b0000-0000-4000-8000-000000000001"
COLD = {
    "key": "room_cold",
    "title": "体温过低（试验）",
    "severity": "yellow",
    "condition": {"kind": "limit", "field": "body_temperature", "direction": "below", "value": 34, "clear": 35},
    "source": "made up for tests",
}


@pytest.fixture(scope="module")
def administrator(system: System) -> Person:
    return system.sign_in("admin")


def elder_of(system: System, device: Device) -> str:
    return str(system.sql("SELECT elder_id FROM devices WHERE device_id = %s", device.device_id)[0][0])


def measures(device: Device, minutes_ago: range, **values: Any) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    readings = [{"ts": (now - timedelta(minutes=ago)).isoformat(), **values} for ago in minutes_ago]
    device.send(readings, "readings")


def test_a_fast_heart_reaches_the_screen_with_its_reason(system: System, wristband: Device, operator: Person) -> None:
    """Six minutes that were kept for want of a network come together: nobody waits for them here."""
    with operator.screen() as screen:
        measures(wristband, range(26, 20, -1), heart_rate=134, battery=70)
        while (alert := screen.next_alert())["device_id"] != wristband.device_id:
            pass
        assert (alert["type"], alert["severity"], alert["title"]) == ("rule.heart_rate_high", "yellow", "心率过高")
        assert alert["rule"]["sentence"].startswith("心率 134 次/分，持续 5 分钟，高于本人上限 120")
        assert (alert["rule"]["id"], alert["rule"]["version"]) == (BUILT_IN, 1)
        assert alert["rule"]["evidence"]["value"] == 134
        assert alert["late_seconds"] > 600
        assert operator.get("/alerts", device_id=wristband.device_id)["items"] == [alert]
        assert operator.get("/alerts", event_id=alert["event_id"])["items"] == [alert]
        detail = operator.get(f"/alerts/{alert['id']}")
        assert detail["events"] == []
        assert [(one["kind"], one["body"]["sentence"]) for one in detail["timeline"]] == [
            ("raised", alert["rule"]["sentence"])
        ]

        episodes = operator.get(f"/rules/{BUILT_IN}/episodes")["items"]
        [episode] = [one for one in episodes if one["alert_id"] == alert["id"]]
        assert (episode["elder"], episode["cleared_at"], episode["withheld"]) == (alert["elder"], None, False)
        assert episode["sentence"] == alert["rule"]["sentence"]

        measures(wristband, range(19, 2, -1), heart_rate=76)
        until(lambda: kinds(operator, alert) == ["raised", "recovered"], "the recovery on the timeline")
        for move, body in (("acknowledge", {}), ("resolve", {"outcome": "assisted"})):
            assert operator.move(alert, move, **body).status_code == 200
        while (shown := screen.next_of(alert))["state"] != "resolved":
            pass
        assert shown["rule"] == {"id": BUILT_IN, "version": 1, "sentence": None, "evidence": None}
    closed = operator.get(f"/alerts/{alert['id']}")
    assert (closed["rule"]["sentence"], closed["timeline"][0]["body"]["sentence"]) == (None, None)
    [episode] = [one for one in operator.get(f"/rules/{BUILT_IN}/episodes")["items"] if one["id"] == episode["id"]]
    assert (episode["withheld"], episode["sentence"], episode["evidence"]) == (True, None, None)


def kinds(person: Person, alert: dict[str, Any]) -> list[str]:
    return [entry["kind"] for entry in person.get(f"/alerts/{alert['id']}")["timeline"]]


def test_built_in_rules_are_there_for_everybody_to_read(operator: Person, caregiver: Person) -> None:
    rules = operator.get("/rules", limit=500)["items"]
    fast = next(rule for rule in rules if rule["id"] == BUILT_IN)
    assert (fast["key"], fast["mode"], fast["changed_by"]) == ("heart_rate_high", "live", None)
    assert fast["definition"]["source"]
    assert operator.get(f"/rules/{BUILT_IN}")["versions"][-1]["version"] == 1
    tried = [rule for rule in rules if rule["mode"] == "shadow"]
    assert operator.get("/rules", mode="shadow", limit=500)["items"] == tried
    assert caregiver.get(f"/rules/{BUILT_IN}")["key"] == "heart_rate_high"


def test_only_administrators_change_rules(operator: Person) -> None:
    new = {"rule": COLD, "reason": "试验"}
    for answer in (
        operator.http.post("/rules", json=new),
        operator.http.put(f"/rules/{BUILT_IN}", json=new | {"version": 1}),
        operator.http.post("/rules/check", json={"rule": COLD}),
    ):
        assert answer.status_code == 403
        assert "管理员" in answer.json()["detail"]


def test_a_check_says_what_is_wrong_and_how_to_mend_it(administrator: Person) -> None:
    assert administrator.http.post("/rules/check", json={"rule": COLD}).json() == {"ok": True, "flaws": []}
    wrong = COLD | {"severity": "red", "condition": COLD["condition"] | {"clear": 33}, "scop": {}}
    told = administrator.http.post("/rules/check", json={"rule": wrong}).json()
    assert not told["ok"]
    assert told["flaws"] == [{"where": "scop", "what": "没有这一项，请检查拼写或删去"}]
    del wrong["scop"]
    flaws = administrator.http.post("/rules/check", json={"rule": wrong}).json()["flaws"]
    assert {flaw["where"] for flaw in flaws} == {"title", "condition.clear"}
    refused = administrator.http.post("/rules", json={"rule": wrong, "reason": "试验"})
    assert refused.status_code == 422
    assert refused.json()["flaws"] == flaws


@pytest.mark.parametrize(
    "rule", [{}, COLD | {"condition": []}, COLD | {"key": "\x00"}, COLD | {"scope": {"elder_id": 7}}]
)
def test_what_is_no_rule_is_told_so(administrator: Person, rule: dict[str, Any]) -> None:
    answer = administrator.http.post("/rules", json={"rule": rule, "reason": "试验"})
    assert answer.status_code == 422, answer.text


def test_nesting_without_end_is_no_rule(administrator: Person) -> None:
    deep = '{"rule": {"condition": ' + '{"a": ' * 700 + "1" + "}" * 700 + '}, "reason": "试验"}'
    answer = administrator.http.post("/rules", content=deep, headers={"content-type": "application/json"})
    assert answer.status_code in (400, 422), answer.text


def test_a_rule_for_one_elder_from_its_making_to_its_end(
    system: System, wristband: Device, administrator: Person, operator: Person, neighbour: Person
) -> None:
    elder = elder_of(system, wristband)
    made = administrator.http.post("/rules", json={"rule": COLD | {"scope": {"elder_id": elder}}, "reason": "本人怕冷"})
    assert made.status_code == 201, made.text
    rule = made.json()
    assert (rule["version"], rule["changed_by"]["name"], rule["reason"]) == (1, "系统管理员", "本人怕冷")
    named = operator.get(f"/rules/{rule['id']}")
    assert (named["elder"]["id"], named["organization"]) == (elder, None)
    assert named["elder"]["name"] == operator.get(f"/elders/{elder}")["name"]
    assert neighbour.http.get(f"/rules/{rule['id']}").status_code == 404
    assert neighbour.http.get(f"/elders/{elder}/rules").status_code == 404

    held = {one["rule"]["key"]: one for one in operator.get(f"/elders/{elder}/rules")["items"]}
    assert (held["room_cold"]["why"], held["room_cold"]["rule"]["id"]) == ("专为本人设置", rule["id"])
    assert held["room_cold"]["limit"] == {"field": "body_temperature", "direction": "below", "value": 34, "clear": 35}
    assert held["heart_rate_high"]["why"] == "适用于所有人"

    measures(wristband, range(9, 8, -1), body_temperature=33.5)
    alert = operator.alert_of_device(wristband.device_id)
    assert alert["rule"]["sentence"].startswith("体温 33.5 ℃，低于本人下限 34")

    changed = administrator.http.put(
        f"/rules/{rule['id']}",
        json={"rule": rule["definition"] | {"mode": "off"}, "reason": "夏天到了", "version": 1},
    )
    assert changed.status_code == 200, changed.text
    assert [(one["version"], one["reason"]) for one in changed.json()["versions"]] == [(2, "夏天到了"), (1, "本人怕冷")]
    outdated = administrator.http.put(
        f"/rules/{rule['id']}", json={"rule": rule["definition"], "reason": "又改", "version": 1}
    )
    assert (outdated.status_code, outdated.json()["version"]) == (409, 2)
    moved = rule["definition"] | {"key": "another"}
    refused = administrator.http.put(f"/rules/{rule['id']}", json={"rule": moved, "reason": "改名", "version": 2})
    assert [flaw["where"] for flaw in refused.json()["flaws"]] == ["key"]
    assert "room_cold" not in {one["rule"]["key"] for one in operator.get(f"/elders/{elder}/rules")["items"]}
    assert operator.get(f"/alerts/{alert['id']}")["rule"]["version"] == 1


def test_nobody_makes_rules_for_those_whom_they_do_not_reach(
    system: System, street_administrator: Person, administrator: Person, neighbour: Person
) -> None:
    """An administrator of a street makes rules for that street, and none for everybody."""
    elsewhere = system.organization("district")
    for scope in ({}, {"organization_id": elsewhere}, {"elder_id": str(uuid.uuid4())}):
        answer = street_administrator.http.post("/rules", json={"rule": COLD | {"scope": scope}, "reason": "试验"})
        assert answer.status_code == 403, answer.text
    fast = street_administrator.get(f"/rules/{BUILT_IN}")
    answer = street_administrator.http.put(
        f"/rules/{BUILT_IN}", json={"rule": fast["definition"], "reason": "试验", "version": fast["version"]}
    )
    assert answer.status_code == 403
    own = COLD | {"scope": {"organization_id": system.organization("street")}, "mode": "off"}
    made = street_administrator.http.post("/rules", json={"rule": own, "reason": "试验"})
    assert made.status_code == 201, made.text
    street = street_administrator.get("/me")["organizations"][0]
    assert made.json()["organization"] == {"id": street["id"], "name": street["name"]}
    # What its street has decided is for its stations to read, and for the city.
    for person in (neighbour, administrator):
        assert person.get(f"/rules/{made.json()['id']}")["definition"]["mode"] == "off"
