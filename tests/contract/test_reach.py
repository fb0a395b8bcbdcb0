"""Who reaches what, and what is withheld from whom: on HTTP and on the live stream alike."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from websockets.sync.client import connect

from tests.contract.asking import bring_to, close_code, quarantined, raised, readings, soon
from tests.contract.test_moves import LEADS_TO
from tests.parts.system import Device, Person, System, live_address

HERE = {"lat": 29.7081, "lon": 105.7136}


@pytest.fixture
def first_device(system: System) -> Iterator[Device]:
    """The wristband of the caregiver's elder; whatever is open of that elder is resolved afterwards."""
    first = system.seeded.devices[0]["device_id"]
    assert first is not None
    with Device(system.broker, first) as device:
        yield device


def closed_with(person: Person, organization_id: str) -> int:
    """The code that a live stream is closed with."""
    with connect(live_address(person.url, organization_id)) as socket:
        socket.send(f'{{"type": "hello", "token": "{person.tokens["access_token"]}", "after": 0}}')
        return close_code(lambda: socket.recv(20))


def test_an_operator_sees_nothing_of_the_station_next_door(
    wristband: Device, operator: Person, neighbour: Person, system: System
) -> None:
    alert = raised(wristband, operator, location=HERE)
    wristband.send([{"ts": soon(), "heart_rate": 70}, {"ts": soon(), "heart_rate": 900}], "readings")
    readings(operator, wristband.device_id, 1)
    kept = quarantined(operator, wristband.device_id)[0]
    elder, device, station = alert["elder"]["id"], wristband.device_id, alert["organization_id"]

    for path in (
        f"/alerts/{alert['id']}",
        f"/elders/{elder}",
        f"/devices/{device}",
        f"/devices/{device}/readings",
        f"/quarantine/{kept['id']}",
        f"/organizations/{station}",
        f"/organizations/{system.organization('street')}",
    ):
        answer = neighbour.http.get(path)
        assert answer.status_code == 404, path
        assert alert["elder"]["name"] not in answer.text
    before = operator.get(f"/alerts/{alert['id']}")
    for move, body in (
        ("acknowledge", {}),
        ("dispatch", {"responder": "x"}),
        ("arrive", {}),
        ("resolve", {"outcome": "test"}),
        ("follow_up", {"note": "x"}),
    ):
        assert neighbour.move(alert, move, **body).status_code == 404
    assert operator.get(f"/alerts/{alert['id']}") == before
    for query in ({"event_id": alert["event_id"]}, {"device_id": device}, {"elder_id": elder}):
        assert neighbour.get("/alerts", **query)["items"] == []
    for path, name in (("/elders", elder), ("/devices", device), ("/quarantine", kept["id"])):
        assert name not in {item["id"] for item in neighbour.get(path, limit=500)["items"]}
    own = neighbour.get("/me")["organizations"][0]["id"]
    assert [one["id"] for one in neighbour.get("/organizations")["items"]] == [own]
    for path in ("/alerts", "/elders", "/devices"):
        assert {one["organization_id"] for one in neighbour.get(path, limit=500)["items"]} <= {own}
    for unreached in (station, system.organization("street"), system.organization("city")):
        assert closed_with(neighbour, unreached) == 4403


def test_a_search_finds_what_is_reached_and_nothing_else(
    wristband: Device, operator: Person, neighbour: Person, system: System
) -> None:
    elder = operator.get(f"/elders/{operator.get(f'/devices/{wristband.device_id}')['elder_id']}")
    for search in (elder["name"], elder["name"][1:]):
        assert elder["id"] in {one["id"] for one in operator.get("/elders", search=search, limit=500)["items"]}
    assert {one["name"] for one in operator.get("/elders", search=elder["name"])["items"]} == {elder["name"]}
    assert elder["id"] not in {one["id"] for one in neighbour.get("/elders", search=elder["name"])["items"]}
    for search in (wristband.device_id, wristband.device_id.upper(), elder["name"]):
        assert wristband.device_id in {one["id"] for one in operator.get("/devices", search=search)["items"]}
        assert wristband.device_id not in {one["id"] for one in neighbour.get("/devices", search=search)["items"]}
    for search in ("%", "_", "nobody is called so"):
        assert operator.get("/elders", search=search)["items"] == operator.get("/devices", search=search)["items"] == []
    assert operator.http.get("/elders", params={"search": "\x00"}).status_code == 422


def test_an_organisation_that_is_not_there_is_4403_and_404(operator: Person) -> None:
    for no_such in ("0193a0b2-7c00-7000-8000-000000000001", "station", "17"):
        assert closed_with(operator, no_such) == 4403
        assert operator.http.get(f"/organizations/{no_such}").status_code == 404


def test_a_caller_reaches_all_below(wristband: Device, operator: Person, street: Person, city: Person) -> None:
    alert = raised(wristband, operator)
    for person in (street, city):
        assert person.get(f"/alerts/{alert['id']}")["id"] == alert["id"]
        assert person.get(f"/devices/{wristband.device_id}")["organization_id"] == alert["organization_id"]
        with person.screen(alert["organization_id"]) as screen:
            assert alert["id"] in {one["id"] for one in screen.welcome["open"]}
    below = {one["id"] for one in street.get("/organizations")["items"]}
    assert alert["organization_id"] in below
    assert street.get("/me")["organizations"][0]["parent_id"] not in below, "but not what is above"
    assert city.move(alert, "acknowledge").json()["holder"]["name"] == "何伟"


def test_an_alert_that_is_shared_is_reached_and_nothing_else_of_that_elder(
    wristband: Device, operator: Person, neighbour: Person, system: System
) -> None:
    """Nothing public shares an alert yet, so the route is a row."""
    alert = raised(wristband, operator, location=HERE)
    own = neighbour.get("/me")["organizations"][0]["id"]
    assert neighbour.http.get(f"/alerts/{alert['id']}").status_code == 404
    system.sql(
        "INSERT INTO alert_routes (alert_id, organization_id, reason, since) VALUES (%s, %s, 'shared', now())",
        *(alert["id"], own),
    )
    assert neighbour.get(f"/alerts/{alert['id']}")["location"] == HERE
    assert alert["id"] in {one["id"] for one in neighbour.get("/alerts", state="open", limit=500)["items"]}
    assert neighbour.http.get(f"/elders/{alert['elder']['id']}").status_code == 404
    with neighbour.screen(own) as theirs, operator.screen() as ours:
        assert alert["id"] in {one["id"] for one in theirs.welcome["open"]}
        assert neighbour.move(alert, "acknowledge").status_code == 200
        for screen in (theirs, ours):
            shown = screen.next_of(alert)
            assert (shown["state"], shown["holder"]["name"]) == ("acknowledged", "罗小燕")


def test_a_caregiver_sees_only_their_elder_and_moves_nothing(
    first_device: Device, wristband: Device, operator: Person, caregiver: Person, system: System
) -> None:
    theirs, strangers = raised(first_device, operator, location=HERE), raised(wristband, operator)
    elder = theirs["elder"]["id"]
    assert [one["id"] for one in caregiver.get("/elders")["items"]] == [elder]
    assert {one["elder"]["id"] for one in caregiver.get("/alerts", limit=500)["items"]} == {elder}
    assert {one["elder_id"] for one in caregiver.get("/devices")["items"]} == {elder}
    assert caregiver.get(f"/alerts/{theirs['id']}")["location"] == HERE
    for path in (
        f"/alerts/{strangers['id']}",
        f"/elders/{strangers['elder']['id']}",
        f"/devices/{wristband.device_id}",
        f"/devices/{wristband.device_id}/readings",
    ):
        assert caregiver.http.get(path).status_code == 404
    before = operator.get(f"/alerts/{theirs['id']}")
    assert caregiver.move(theirs, "acknowledge").status_code == 403
    assert caregiver.move(theirs, "resolve", outcome="test").status_code == 403
    assert caregiver.move(strangers, "acknowledge").status_code == 404
    assert operator.get(f"/alerts/{theirs['id']}") == before
    assert caregiver.http.get("/quarantine").status_code == 403
    assert closed_with(caregiver, system.seeded.organization_id) == 4403
    bring_to(operator, theirs, "resolved")


# Withheld ---------------------------------------------------------------------------------------------


def test_location_and_health_are_there_while_it_is_unresolved_and_withheld_after(
    wristband: Device, operator: Person
) -> None:
    wristband.send({"ts": soon(), "heart_rate": 70, "location": HERE}, "readings")
    readings(operator, wristband.device_id, 1)
    elder = operator.get(f"/devices/{wristband.device_id}")["elder_id"]
    _closed(operator, wristband, elder)

    with operator.screen() as screen:
        begun = screen.seq
        alert = raised(wristband, operator, location=HERE, detail={"words": "救命"})
        seen = [screen.next_of(alert)]
        for state in ("acknowledged", "dispatched", "arrived"):
            move = {"acknowledged": "acknowledge", "dispatched": "dispatch", "arrived": "arrive"}[state]
            body = {"responder": "李某（虚构）"} if move == "dispatch" else {}
            answer = operator.move(alert, move, **body).json()
            for one in (answer, *_everywhere(operator, alert)):
                assert (one["state"], one["location"], one["withheld"]) == (state, HERE, False)
                assert one["place"]
            seen.append(screen.next_of(alert))
        assert all((one["location"], one["withheld"]) == (HERE, False) for one in seen)
        _open(operator, wristband, elder)

        answer = operator.move(alert, "resolve", outcome="assisted").json()
        for one in (answer, screen.next_of(alert), *_everywhere(operator, alert)):
            assert (one["state"], one["location"], one["place"], one["withheld"]) == ("resolved", None, None, True)
    said = operator.get(f"/alerts/{alert['id']}")["events"][0]
    assert (said["location"], said["detail"]) == (None, None)
    _closed(operator, wristband, elder)
    assert operator.move(alert, "follow_up", note="好").json()["withheld"] is True
    # A screen that resumes is not shown either what was open then.
    with operator.screen(after=begun) as late:
        assert late.welcome["resumed"] is True
        missed = [late.next_of(alert) for _ in range(6)]
    assert [one["state"] for one in missed] == ["triggered", *LEADS_TO.values()]
    assert all((one["withheld"], one["location"], one["place"]) == (True, None, None) for one in missed)


def _everywhere(person: Person, alert: dict[str, Any]) -> list[dict[str, Any]]:
    listed = person.get("/alerts", event_id=alert["event_id"])["items"]
    return [*listed, person.get(f"/alerts/{alert['id']}")]


def _open(person: Person, device: Device, elder_id: str) -> None:
    elder = person.get(f"/elders/{elder_id}")
    assert elder["withheld"] is False
    assert elder["health_notes"]
    assert elder["entry_notes"]
    assert elder["position"]
    answer = person.get(f"/devices/{device.device_id}/readings")
    assert (answer["withheld"], answer["items"][0]["location"]) == (False, HERE)


def _closed(person: Person, device: Device, elder_id: str) -> None:
    elder = person.get(f"/elders/{elder_id}")
    assert (elder["withheld"], elder["position"], elder["health_notes"], elder["entry_notes"]) == (True, *[None] * 3)
    answer = person.get(f"/devices/{device.device_id}/readings")
    assert answer["withheld"] is True
    assert "location" not in answer["items"][0]


def test_health_is_never_in_a_list(wristband: Device, operator: Person) -> None:
    elder_id = raised(wristband, operator)["elder"]["id"]
    [listed] = [one for one in operator.get("/elders", limit=500)["items"] if one["id"] == elder_id]
    assert (listed["withheld"], listed["health_notes"], listed["position"]) == (True, None, None)


def test_each_look_at_location_or_health_is_recorded(wristband: Device, operator: Person, system: System) -> None:
    """There is no call that shows the log yet, so the rows are looked at."""
    wristband.send({"ts": soon(), "heart_rate": 70, "location": HERE}, "readings")
    readings(operator, wristband.device_id, 1)
    elder_id = operator.get(f"/devices/{wristband.device_id}")["elder_id"]

    def looks() -> list[tuple[Any, ...]]:
        return system.sql(
            "SELECT l.what, a.username, l.alert_id::text, l.address FROM access_log l"
            " JOIN accounts a ON a.id = l.account_id WHERE l.elder_id = %s ORDER BY l.id",
            elder_id,
        )

    operator.get(f"/elders/{elder_id}")
    assert looks() == [], "what is withheld is not seen"
    alert = raised(wristband, operator, location=HERE)
    operator.get(f"/alerts/{alert['id']}")
    operator.get(f"/elders/{elder_id}")
    operator.get(f"/devices/{wristband.device_id}/readings")
    assert looks() == [
        ("alert", "beichan-1", alert["id"], "127.0.0.1"),
        ("elder", "beichan-1", None, "127.0.0.1"),
        ("readings", "beichan-1", None, "127.0.0.1"),
    ]


def test_what_is_cancelled_is_withheld(wristbands: Callable[[], Device], operator: Person) -> None:
    device = wristbands()
    fall = raised(device, operator, "fall", location=HERE)
    assert fall["location"] == HERE
    device.press("cancel", cancels=fall["event_id"])
    device.receipt(fall["event_id"], "cancelled")
    after = operator.get(f"/alerts/{fall['id']}")
    assert (after["state"], after["withheld"], after["location"], after["place"]) == ("cancelled", True, None, None)
