"""Rules that are tried on stored history, over HTTP and as they run in the whole system."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import psutil
import pytest

from tests.contract.asking import readings
from tests.contract.test_rules import elder_of, measures
from tests.parts.system import Device, Person, System
from tests.parts.waiting import until

HOT = {
    "key": "room_hot",
    "title": "体温过高（试验）",
    "severity": "yellow",
    "condition": {"kind": "limit", "field": "body_temperature", "direction": "above", "value": 43.5, "clear": 43},
    "source": "made up for tests",
}


@pytest.fixture(scope="module")
def administrator(system: System) -> Person:
    return system.sign_in("admin")


def asked(rule: dict[str, Any] = HOT, **changes: Any) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {"rule": rule, "from": (now - timedelta(hours=3)).isoformat(), "to": now.isoformat()} | changes


def done(person: Person, trial_id: str) -> dict[str, Any]:
    def ended() -> dict[str, Any]:
        trial = person.get(f"/rules/trials/{trial_id}")
        assert trial["state"] in ("waiting", "running", "done"), trial
        return trial if trial["state"] == "done" else {}

    return until(ended, "the trial is done", limit=30, every=0.1)


def test_a_trial_says_what_a_rule_would_have_raised_and_raises_nothing(
    system: System, wristband: Device, administrator: Person, operator: Person
) -> None:
    measures(wristband, range(30, 20, -1), body_temperature=44)
    readings(operator, wristband.device_id, 10)
    answer = administrator.http.post("/rules/trials", json=asked())
    assert answer.status_code == 202, answer.text
    trial = answer.json()
    # Whoever tries it may have begun before it is told.
    assert trial["state"] in ("waiting", "running")
    assert (trial["progress"], trial["result"], trial["error"]) == (0, None, None)
    assert (trial["asked_by"]["name"], trial["rule"]["key"]) == ("系统管理员", "room_hot")
    assert {"id", "version"}.isdisjoint(trial["rule"])

    trial = done(administrator, trial["id"])
    result = trial["result"]
    assert (trial["progress"], result["in_force"]["alerts"], result["more"]) == (1, 0, 0)
    # Other tests of this system may have sent such a temperature as well.
    assert result["tried"]["alerts"] == len(result["episodes"])
    assert result["elders"] == len(system.sql("SELECT 1 FROM elders"))
    assert result["readings"] >= 10
    elder = elder_of(system, wristband)
    [episode] = [one for one in result["episodes"] if one["elder"]["id"] == elder]
    assert (episode["ended_at"], episode["also_in_force"]) == (None, False)
    assert episode["sentence"] == "体温 44 ℃，高于本人上限 43.5"
    stations = {one["name"]: one["alerts"] for one in result["tried"]["by_organization"]}
    assert (stations["北禅社区养老服务站"] >= 1, sum(stations.values())) == (True, result["tried"]["alerts"])
    assert operator.get("/alerts", device_id=wristband.device_id)["items"] == []
    looks = "SELECT 1 FROM access_log WHERE what = 'trial' AND elder_id = %s"
    assert len(system.sql(looks, elder)) == 1, "looked at, and recorded once"

    newest = administrator.get("/rules/trials", limit=1)["items"][0]
    assert (newest["id"], "result" in newest) == (trial["id"], False)


def test_what_cannot_be_tried_is_told_with_its_flaws(administrator: Person) -> None:
    wrong = HOT | {"condition": HOT["condition"] | {"clear": 44}}  # type: ignore[operator]
    refused = administrator.http.post("/rules/trials", json=asked(wrong))
    assert (refused.status_code, [flaw["where"] for flaw in refused.json()["flaws"]]) == (422, ["condition.clear"])
    now = datetime.now(UTC)
    for start, end, where in (
        (timedelta(hours=1), timedelta(hours=2), "from"),
        (timedelta(days=40), timedelta(0), "to"),
        (timedelta(hours=1), -timedelta(hours=1), "to"),
    ):
        times = {"from": (now - start).isoformat(), "to": (now - end).isoformat()}
        answer = administrator.http.post("/rules/trials", json=asked(**times))
        assert (answer.status_code, [flaw["where"] for flaw in answer.json()["flaws"]]) == (422, [where]), answer.text


def test_only_administrators_try_rules_and_only_within_their_reach(
    system: System, operator: Person, administrator: Person, street_administrator: Person
) -> None:
    assert operator.http.post("/rules/trials", json=asked()).status_code == 403
    assert operator.http.get("/rules/trials").status_code == 403
    assert street_administrator.http.post("/rules/trials", json=asked()).status_code == 403, "it would hold for all"

    city = administrator.http.post("/rules/trials", json=asked()).json()["id"]
    street = system.organization("street")
    own = asked(HOT | {"scope": {"organization_id": street}})
    below = street_administrator.http.post("/rules/trials", json=own).json()["id"]
    for path in (f"/rules/trials/{city}", f"/rules/trials/{uuid.uuid4()}", "/rules/trials/x"):
        assert street_administrator.http.get(path).status_code == 404
        assert street_administrator.http.delete(path).status_code == 404
    assert [one["id"] for one in street_administrator.get("/rules/trials")["items"]] == [below]
    assert {below, city} <= {one["id"] for one in administrator.get("/rules/trials")["items"]}
    concerned = done(administrator, below)["result"]["elders"]
    [(reached,)] = system.sql(
        "SELECT count(*) FROM elders p JOIN organizations o ON o.id = p.organization_id WHERE %s::uuid = ANY(o.path)",
        street,
    )
    assert concerned == reached


def test_a_trial_that_waits_is_stopped(system: System, administrator: Person) -> None:
    trial_id = administrator.http.post("/rules/trials", json=asked()).json()["id"]
    for _ in range(2):
        assert administrator.http.delete(f"/rules/trials/{trial_id}").status_code == 204
    assert administrator.get(f"/rules/trials/{trial_id}")["state"] in ("stopped", "done")


def test_elders_who_are_beyond_reach_by_now_are_not_shown(
    system: System, administrator: Person, street_administrator: Person
) -> None:
    """Whoever moved away since it was made."""
    street, elsewhere = system.organization("street"), system.organization("district")
    [(device, elder)] = system.sql(
        "SELECT d.device_id, p.id::text FROM devices d JOIN elders p ON p.id = d.elder_id"
        " WHERE d.kind = 'wristband' AND p.organization_id = %s LIMIT 1",
        system.organization("community", 1),
    )
    with Device(system.broker, device) as worn:
        measures(worn, range(60, 50, -1), body_temperature=44.5)
        readings(administrator, device, 10)
    own = asked(HOT | {"scope": {"organization_id": street}})
    trial_id = street_administrator.http.post("/rules/trials", json=own).json()["id"]
    assert elder in {one["elder"]["id"] for one in done(street_administrator, trial_id)["result"]["episodes"]}
    [(home,)] = system.sql("SELECT organization_id FROM elders WHERE id = %s", elder)
    system.sql("UPDATE elders SET organization_id = %s WHERE id = %s", elsewhere, elder)
    try:
        result = street_administrator.get(f"/rules/trials/{trial_id}")["result"]
        assert elder not in {one["elder"]["id"] for one in result["episodes"]}
        assert result["more"] == result["tried"]["alerts"] - len(result["episodes"]) > 0
    finally:
        system.sql("UPDATE elders SET organization_id = %s WHERE id = %s", home, elder)


def test_trials_are_run_after_everything_else(system: System) -> None:
    [(pid,)] = system.sql("SELECT pid FROM workers WHERE kind = 'trials' ORDER BY beat_at DESC LIMIT 1")
    assert psutil.Process(pid).nice() >= 15
