"""Covers on a running system: who may make what; and nothing that may be made, and no restart, hides an emergency."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.parts.postgres import PostgresServer
from tests.parts.system import Device, Person, System, running_system
from tests.parts.waiting import until

EMERGENCIES = {"sos": "red", "smoke": "red", "gas": "red", "fall": "orange", "water_leak": "yellow"}
REASON = "试验，纯属虚构"


@pytest.fixture(scope="module")
def town(module_folder: Path, postgres: PostgresServer) -> Iterator[System]:
    with running_system(module_folder / "system", postgres, elders=40) as system:
        yield system


@pytest.fixture(scope="module")
def admin(town: System) -> Person:
    return town.sign_in("admin")


@pytest.fixture(scope="module")
def operator(town: System) -> Person:
    return town.sign_in()


@pytest.fixture(scope="module")
def wristbands(town: System) -> Iterator[str]:
    return iter(town.station_devices("wristband"))


def hours(number: float) -> str:
    return (datetime.now(UTC) + timedelta(hours=number)).isoformat()


def asks(person: Person, kind: str = "silence", *, until_in: float = 1, **more: Any) -> httpx.Response:
    return person.http.post("/covers", json={"kind": kind, "reason": REASON, "ends_at": hours(until_in)} | more)


def made(person: Person, kind: str = "silence", **more: Any) -> dict[str, Any]:
    answer = asks(person, kind, **more)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def ended(person: Person, cover: dict[str, Any]) -> dict[str, Any]:
    answer = person.http.post(f"/covers/{cover['id']}/end")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def elder_of(town: System, device_id: str) -> str:
    [(elder,)] = town.sql("SELECT elder_id::text FROM devices WHERE device_id = %s", device_id)
    return str(elder)


def sends_heart_rates(device: Device, rate: int, minutes: int) -> None:
    """One a minute, up to now: a watch that comes back from where there is no network."""
    now = datetime.now(UTC)
    items = [{"ts": (now - timedelta(minutes=ago)).isoformat(), "heart_rate": rate} for ago in range(minutes, -1, -1)]
    device.send(items, "readings")


def held_of(person: Person, device_id: str) -> set[tuple[str, str, str | None]]:
    """(type, severity, the alert that was raised after all) of what was held back."""
    items = person.get("/held", limit=100)["items"]
    return {(one["type"], one["severity"], one["alert_id"]) for one in items if one["device_id"] == device_id}


def gateways_mark(town: System) -> bool:
    """Whether the gateway has the limits of all devices that rules look at."""
    rows = town.sql(
        "SELECT (status #>> '{limits,devices}')::int, (SELECT count(*) FROM device_limits),"
        " (SELECT count(*) FROM devices WHERE elder_id IS NOT NULL) FROM workers"
        " WHERE kind = 'gateway' ORDER BY beat_at DESC LIMIT 1"
    )
    return bool(rows) and rows[0][0] == rows[0][1] == rows[0][2]


def test_no_cover_of_any_kind_and_no_restart_hides_an_emergency(
    town: System, admin: Person, operator: Person, wristbands: Iterator[str]
) -> None:
    until(lambda: gateways_mark(town), "the gateway marks by the limits of all rules", limit=30, every=0.1)
    devices = [next(wristbands) for _ in range(7)]
    city = town.organization("city")
    over = [made(admin, "silence", organization_id=city), made(admin, "maintenance", organization_id=city)]
    over.append(made(admin, "silence", organization_id=city, types=["tamper", "rule.heart_rate_high"]))
    over += [made(admin, kind, device_ids=devices) for kind in ("silence", "maintenance")]
    over += [
        made(admin, kind, elder_id=elder_of(town, device))
        for device in devices
        for kind in ("silence", "hospital", "holiday")
    ]
    town.kill("alerts")
    town.start("alerts")

    for device_id, (kind, severity) in zip(devices, EMERGENCIES.items(), strict=False):
        with Device(town.broker, device_id) as device:
            pressed = device.press(kind)
            alert = operator.alert_of(pressed["event_id"], limit=30)
            assert (alert["type"], alert["severity"], alert["state"]) == (kind, severity, "triggered")
            device.receipt(pressed["event_id"], "raised")
    [(worsens,)] = town.sql("SELECT count(*) FROM alert_timers WHERE kind = 'worsen'")
    assert worsens == 1, "the fall turns red in its time"

    with Device(town.broker, devices[5]) as device:
        device.send(b'{"type": "sos", "ts": broken')
        alert = operator.alert_of_device(devices[5])
        assert alert["severity"] == "red"
        sends_heart_rates(device, 160, 12)
        found = until(
            lambda: [
                one
                for one in operator.get("/alerts", elder_id=elder_of(town, devices[5]), state="open")["items"]
                if one["type"].startswith("rule.")
            ],
            "a critical heart rate is raised",
            limit=15,
            every=0.1,
        )
        assert [(one["type"], one["severity"]) for one in found] == [("rule.heart_rate_critical_high", "red")]
        assert found[0]["title"].startswith("紧急救援")

    with Device(town.broker, devices[6]) as device:
        tampered = device.press("tamper")
        sends_heart_rates(device, 134, 12)
        wanted = {("tamper", "yellow", None), ("rule.heart_rate_high", "yellow", None)}
        until(lambda: held_of(operator, devices[6]) == wanted, "what may be held is held", limit=15, every=0.1)
        assert device.stages(tampered["event_id"]) == ["stored"]
        assert operator.get("/alerts", device_id=devices[6])["items"] == []
        now = operator.get("/held", organization_id=town.seeded.organization_id)["now"]
        assert now["alerts"] >= 2
        assert now["until"] == max(one["until"] for one in now["covers"])
        by_cover = {one["id"]: one["alerts"] for one in admin.get("/covers", limit=200)["items"]}
        assert sum(by_cover.values()) == now["alerts"]

        for cover in over:
            ended(admin, cover)
        raised = operator.alert_of_device(devices[6])
        assert (raised["type"], raised["severity"]) == ("rule.heart_rate_high", "yellow"), "it is still on"
        assert raised["rule"]["sentence"].startswith("心率 134 次/分")
    assert held_of(operator, devices[6]) == {
        ("tamper", "yellow", None),
        ("rule.heart_rate_high", "yellow", raised["id"]),
    }
    assert operator.get("/held")["now"] == {"alerts": 0, "times": 0, "until": None, "covers": []}


def test_who_may_cover_what_for_how_long(town: System, admin: Person, operator: Person) -> None:
    station, city = town.seeded.organization_id, town.organization("city")
    mine = made(operator, organization_id=station, types=["tamper"])
    assert (mine["kind"], mine["state"], mine["types"], mine["alerts"]) == ("silence", "on", ["tamper"], 0)
    assert mine["made_by"]["name"] == "陈静"
    assert mine["reason"] == REASON
    too_long = asks(operator, until_in=8.1, organization_id=station)
    assert too_long.status_code == 422
    assert "最多可设置 8 小时，更长的请管理员设置" in too_long.json()["detail"]
    assert asks(operator, organization_id=city).status_code == 403, "above what an operator reaches"
    assert asks(town.sign_in("caregiver-1"), elder_id=elder_of(town, "watch-0001")).status_code == 403
    theirs = made(admin, organization_id=city, until_in=24 * 30 - 0.1)
    assert asks(admin, organization_id=city, until_in=24 * 30 + 0.1).status_code == 422
    assert operator.http.post(f"/covers/{theirs['id']}/end").status_code == 403
    seen = {one["id"] for one in operator.get("/covers")["items"]}
    assert {mine["id"], theirs["id"]} <= seen, "who is covered from above is told so"
    neighbour = town.sign_in("xichan-1")
    assert mine["id"] not in {one["id"] for one in neighbour.get("/covers")["items"]}
    assert neighbour.http.post(f"/covers/{mine['id']}/end").status_code == 404
    over = ended(operator, mine)
    assert (over["state"], over["ended_by"]["name"]) == ("over", "陈静")
    assert ended(operator, mine) == over, "again changes nothing"
    assert mine["id"] in {one["id"] for one in operator.get("/covers", state="over")["items"]}
    ended(admin, theirs)


def test_red_types_cannot_be_named(town: System, admin: Person) -> None:
    city = town.organization("city")
    for name in (*EMERGENCIES, "rule.heart_rate_critical_high"):
        answer = asks(admin, organization_id=city, types=[name])
        assert answer.status_code == 422
        assert "任何时候都不能静默" in answer.json()["detail"], name
        assert [flaw["where"] for flaw in answer.json()["flaws"]] == ["types"]
    assert "没有“tampre”这种告警类型" in asks(admin, organization_id=city, types=["tampre"]).json()["detail"]
    assert asks(admin).status_code == 422
    no_reason = admin.http.post(
        "/covers", json={"kind": "silence", "organization_id": city, "reason": " ", "ends_at": hours(1)}
    )
    assert no_reason.status_code == 422
    assert admin.get("/covers")["items"] == []
