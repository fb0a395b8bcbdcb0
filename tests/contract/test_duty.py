"""Rosters, policies and rehearsals over HTTP, by whoever may; and what a screen says of itself."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.parts.system import Person, System
from tests.parts.waiting import until

SPRING = "2026-02-17T03:00:00+08:00"
UNWATCHED = {"name": "试验（虚构）", "watch": "never", "plans": []}
QUICK = {
    "severities": ["red"],
    "unanswered": [
        {"after_seconds": 0, "who": ["duty"]},
        {"after_seconds": 20, "who": ["tier_above"], "every_seconds": 20},
    ],
}


@pytest.fixture(scope="module")
def admin(system: System) -> Person:
    return system.sign_in("admin")


@pytest.fixture(scope="module")
def place(system: System, admin: Person) -> Iterator[str]:
    """The district: no other test has to do with it, and nobody is missed there meanwhile."""
    organization = system.organization("district")
    path = f"/organizations/{organization}"
    before = admin.get(f"{path}/escalation")["own_version"]
    changed = admin.http.put(f"{path}/escalation", json={"policy": UNWATCHED, "version": before, "reason": "试验"})
    assert changed.status_code == 200, changed.text
    yield path
    for shift in admin.get(f"{path}/duty")["shifts"]:
        admin.http.post(f"{path}/duty/shifts/{shift['id']}/end")
    for change in admin.get(f"{path}/duty")["changes"]:
        admin.http.post(f"{path}/duty/changes/{change['id']}/end")
    version = admin.get(f"{path}/escalation")["own_version"]
    ended = admin.http.put(f"{path}/escalation", json={"policy": None, "version": version, "reason": "试验完毕"})
    assert ended.json()["holds_from"] is None


def id_of(person: Person, username: str, place: str) -> str:
    items = person.get(f"{place}/duty/people")["items"]
    return next(str(one["id"]) for one in items if one["username"] == username)


def shift(person: Person, place: str, *people: str, **more: Any) -> dict[str, Any]:
    new = {"name": "白班", "begins": "08:00", "ends": "20:00", "people": people, "first_day": "2026-01-01"} | more
    answer = person.http.post(f"{place}/duty/shifts", json=new)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def test_a_roster_its_gaps_and_what_is_otherwise(admin: Person, place: str) -> None:
    wu, he = id_of(admin, "district-1", place), id_of(admin, "city-1", place)
    duty = shift(admin, place, wu, days=["workday", "rest"])
    assert duty["has_roster"]
    assert len(duty["gaps"]) >= 31, "each night"
    duty = shift(admin, place, he, name="夜班", begins="20:00", ends="08:00")
    holidays = [day for day in duty["days"] if day["kind"] == "holiday"]
    assert len(duty["gaps"]) <= len(holidays)
    monday = (datetime.now(UTC) + timedelta(days=9)).replace(hour=2, minute=0, second=0, microsecond=0)
    span = {"begins_at": monday.isoformat(), "ends_at": (monday + timedelta(hours=2)).isoformat()}
    away = admin.http.post(f"{place}/duty/changes", json={"kind": "absence", "account_id": wu, **span})
    assert away.status_code == 201, away.text
    begins = [datetime.fromisoformat(gap["begins_at"]) for gap in away.json()["gaps"]]
    change = away.json()["changes"][0]
    assert (change["account"]["id"], change["kind"], change["imported"]) == (wu, "absence", False)
    if monday in begins:  # else that day is a holiday, and nobody was on shift anyway
        back = admin.http.post(f"{place}/duty/changes/{change['id']}/end")
        assert monday not in [datetime.fromisoformat(gap["begins_at"]) for gap in back.json()["gaps"]]
    for wrong in (
        {"kind": "swap", "account_id": wu, **span},
        {"kind": "extra", "account_id": wu, "other_id": he, **span},
    ):
        assert admin.http.post(f"{place}/duty/changes", json=wrong).status_code == 422
    nobody = {"name": "x", "begins": "08:00", "ends": "20:00", "first_day": "2026-01-01"}
    answer = admin.http.post(f"{place}/duty/shifts", json=nobody | {"people": ["00000000-0000-4000-8000-000000000000"]})
    assert (answer.status_code, answer.json()["flaws"][0]["where"]) == (422, "people")


def test_who_is_called_at_three_on_spring_festival(admin: Person, place: str) -> None:
    zhou = id_of(admin, "city-1", place)
    shift(admin, place, zhou, name="春节值守", begins="00:00", ends="00:00", days=["holiday"])
    answer = admin.get(f"{place}/escalation/rehearsal", at=SPRING, severity="red")
    assert (answer["day"], answer["day_name"], answer["day_known"]) == ("holiday", "春节", True)
    assert zhou in [one["id"] for one in answer["on_duty"]]
    first, climb = answer["calls"][:2]
    assert (first["after_seconds"], zhou in [one["id"] for one in first["people"]]) == (0, True)
    assert (climb["after_seconds"], climb["organization"]["name"][:3]) == (60, "重庆市")
    quiet = admin.get(f"{place}/escalation/rehearsal", at=SPRING, severity="red", state="acknowledged")
    first = quiet["calls"][0]
    assert (first["stage"], first["after_seconds"], first["attention"]) == ("undispatched", 180, True)
    assert admin.get(f"{place}/escalation/rehearsal", at=SPRING, severity="blue")["calls"] == []
    unknown = admin.get(f"{place}/escalation/rehearsal", at="2046-02-06T03:00:00+08:00")
    assert (unknown["day"], unknown["day_known"]) == ("workday", False)
    said = admin.http.put("/calendar/days/2046-02-06", json={"kind": "holiday", "name": "春节"})
    assert said.json()["items"][0]["said"] is True
    known = admin.get(f"{place}/escalation/rehearsal", at="2046-02-06T03:00:00+08:00")
    assert (known["day"], known["day_name"], known["day_known"]) == ("holiday", "春节", True)
    assert admin.http.delete("/calendar/days/2046-02-06").json()["items"] == []


def test_icalendar_goes_out_and_comes_in(admin: Person, place: str) -> None:
    text = admin.http.get(f"{place}/duty/calendar.ics")
    assert text.headers["content-type"].startswith("text/calendar")
    assert "BEGIN:VEVENT" in text.text
    day = (datetime.now(UTC) + timedelta(days=3)).strftime("%Y%m%d")
    event = f"UID:extra\r\nSUMMARY:district-1\r\nDTSTART:{day}T010000Z\r\nDTEND:{day}T020000Z"
    other = "UID:who\r\nSUMMARY:某人（虚构）\r\nDTSTART:20301201T010000Z\r\nDTEND:20301201T020000Z"
    inside = "".join(f"BEGIN:VEVENT\r\n{one}\r\nEND:VEVENT\r\n" for one in (event, other))
    calendar = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//\r\n{inside}END:VCALENDAR\r\n"
    for added, kept in ((1, 0), (0, 1)):
        answer = _import(admin, place, calendar)
        assert (answer["added"], answer["kept"], len(answer["skipped"])) == (added, kept, 1)
    assert [one["imported"] for one in admin.get(f"{place}/duty")["changes"] if one["kind"] == "extra"] == [True]
    assert _import(admin, place, calendar.replace(event, other))["ended"] == 1
    wrong = admin.http.post(f"{place}/duty/calendar.ics", content=b"no", headers={"content-type": "text/calendar"})
    assert wrong.status_code == 422


def _import(admin: Person, place: str, calendar: str) -> dict[str, Any]:
    headers = {"content-type": "text/calendar"}
    answer = admin.http.post(f"{place}/duty/calendar.ics", content=calendar.encode(), headers=headers)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_a_policy_is_changed_by_one_person_at_a_time_and_every_version_is_kept(admin: Person, place: str) -> None:
    before = admin.get(f"{place}/escalation")
    assert before["definition"]["watch"] == "never"
    assert before["built_in"]["plans"][0]["severities"] == ["red"]
    version = before["own_version"]
    policy = UNWATCHED | {"plans": [QUICK]}
    changed = admin.http.put(f"{place}/escalation", json={"policy": policy, "version": version, "reason": "更快"})
    assert changed.json()["versions"][0]["reason"] == "更快"
    late = admin.http.put(f"{place}/escalation", json={"policy": policy, "version": version, "reason": "也改"})
    assert (late.status_code, late.json()["version"]) == (409, version + 1)
    slow = QUICK | {"unanswered": [{"after_seconds": 300, "who": ["tier_above"]}]}
    refused = admin.http.put(
        f"{place}/escalation", json={"policy": UNWATCHED | {"plans": [slow]}, "version": version + 1, "reason": "慢"}
    )
    assert (refused.status_code, refused.json()["flaws"][0]["where"]) == (422, "plans.0.unanswered")
    assert admin.http.post("/escalation/check", json={"policy": {"plans": 7}}).json()["ok"] is False
    assert [one["after_seconds"] for one in admin.get(f"{place}/escalation/rehearsal")["calls"]] == [0, 20]


def test_administrators_change_operators_read_and_nobody_else(
    operator: Person, caregiver: Person, admin: Person, place: str, system: System
) -> None:
    own = f"/organizations/{system.seeded.organization_id}"
    for path in ("/duty", "/duty/people", "/escalation", "/escalation/rehearsal"):
        assert operator.http.get(own + path).status_code == 200
        assert operator.http.get(place + path).status_code == 404, "above an operator's own"
        assert caregiver.http.get(own + path).status_code == 403
    new = {"name": "x", "begins": "08:00", "ends": "20:00", "people": [], "first_day": "2026-01-01"}
    assert (
        operator.http.post(f"{own}/duty/shifts", json=new | {"people": [operator.get("/me")["id"]]}).status_code == 403
    )
    change = {"policy": None, "version": 0, "reason": "x"}
    assert operator.http.put(f"{own}/escalation", json=change).status_code == 403
    assert operator.http.put("/calendar/days/2046-02-06", json={"kind": "holiday"}).status_code == 403
    assert operator.http.get("/duty/now").status_code == 200
    assert caregiver.http.get("/duty/now").status_code == 403


def test_a_screen_says_whether_it_is_watched(operator: Person, system: System) -> None:
    def screens() -> int:
        rows = operator.get("/duty/now")["items"]
        return sum(one["screens"] for one in rows if one["organization"]["id"] == system.seeded.organization_id)

    before = screens()
    with operator.screen() as screen:
        until(lambda: screens() > before, "it is watched", every=0.2)
        screen.send(type="watching", visible=False)
        until(lambda: screens() == before, "a hidden page watches nothing", every=0.2)
        screen.send(type="watching", visible=True)
        until(lambda: screens() > before, "in front again", every=0.2)
        screen.send(type="present")
        screen.send(type="watching", visible="no")
        assert screen.next_answer()["type"] == "error"
    until(lambda: screens() == before, "it is closed", every=0.2)


def test_times_out_of_all_time_are_refused_and_break_nothing(admin: Person, place: str) -> None:
    for path, asked in (
        ("/duty", {"begin": "9999-12-31T23:59:59Z"}),
        ("/duty", {"begin": "2026-12-01T00:00:00Z", "end": "2026-11-01T00:00:00Z"}),
        ("/duty/calendar.ics", {"end": "0001-01-01T00:00:00+14:00"}),
        ("/escalation/rehearsal", {"at": "9999-12-31T23:59:59-12:00"}),
    ):
        assert admin.http.get(place + path, params=asked).status_code == 422, (path, asked)
    assert admin.http.get("/calendar/days", params={"first": "9999-12-31"}).status_code == 422
