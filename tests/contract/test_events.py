"""An event: every type, repeats, names that are used again, receipts and their order, and the severity table."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest

from tests.contract.asking import bring_to, event_of, kinds, raised, soon
from tests.contract.conftest import Enrol
from tests.parts import documents
from tests.parts.system import Device, Person, System, event
from tests.parts.waiting import until

#: type: severity at once, or None for what raises nothing.
SEVERITIES = {
    "sos": "red",
    "smoke": "red",
    "gas": "red",
    "fall": "orange",
    "water_leak": "yellow",
    "tamper": "yellow",
    # By rule, and no rule is set.
    "low_battery": None,
    "worn_off": None,
    "cancel": None,
    "service_request": None,
    "door_open": None,
    "door_closed": None,
    "bed_out": None,
    "bed_in": None,
    "worn_on": None,
    "medication_taken": None,
    "test": None,
}
MORE = {"cancel": {"cancels": "nothing-of-mine"}, "service_request": {"detail": {"service": "代购"}}}
STAGES = ["stored", "raised", "seen", "acknowledged", "dispatched", "arrived", "resolved"]


def test_the_documented_types_are_these() -> None:
    assert set(documents.schemas()["event"]["properties"]["type"]["enum"]) == set(SEVERITIES)


def test_every_type_is_stored_and_raises_what_the_table_says(wristband: Device, operator: Person) -> None:
    sent = {kind: event(kind, **MORE.get(kind, {})) for kind in SEVERITIES}
    for one in sent.values():
        assert not documents.faults("event", one)
        wristband.send(one)
    for kind, one in sent.items():
        wristband.receipt(one["event_id"], "stored")
        if SEVERITIES[kind] is not None:
            alert = operator.alert_of(one["event_id"])
            assert (alert["type"], alert["severity"], alert["state"]) == (kind, SEVERITIES[kind], "triggered")
            assert alert["title"].startswith("紧急救援") == (alert["severity"] == "red")
    # A device's events are taken in in their order: after this one, all before it are decided.
    last = wristband.press("smoke")
    operator.alert_of(last["event_id"])
    for kind, one in sent.items():
        if SEVERITIES[kind] is None:
            assert operator.get("/alerts", event_id=one["event_id"])["items"] == []
            assert wristband.stages(one["event_id"]) == ["stored"]


def test_a_service_request_is_a_request_to_the_station(wristband: Device, operator: Person, system: System) -> None:
    """There is no call that lists requests yet, so the row is looked at."""
    one = wristband.press("service_request", detail={"service": "家政"})
    operator.alert_of(wristband.press()["event_id"])  # what came before is decided
    rows = system.sql(
        "SELECT r.service, r.organization_id::text FROM service_requests r JOIN events e ON e.id = r.event"
        " WHERE e.event_id = %s",
        one["event_id"],
    )
    assert rows == [("家政", system.seeded.organization_id)]


def test_what_the_device_said_is_with_the_alert(wristband: Device, operator: Person) -> None:
    felt = {"rate_hz": 50, "unit": "m/s2", "samples": [[0.1, 0.2, 9.8]] * 500}
    sent = wristband.press(
        "fall", seq=7, battery=41, detail={"acceleration": felt, "floor": 3}, location={"lat": 29.7, "lon": 105.7}
    )
    assert not documents.faults("event", sent)
    alert = operator.alert_of(sent["event_id"])
    detail = operator.get(f"/alerts/{alert['id']}")
    said = event_of(detail, sent["event_id"])
    assert said["detail"] == {"acceleration": felt, "floor": 3}
    assert (said["battery"], said["type"], said["flaws"]) == (41, "fall", [])
    assert (said["location"]["lat"], said["location"]["lon"]) == (29.7, 105.7)
    assert alert["location"] == {"lat": 29.7, "lon": 105.7}
    assert datetime.fromisoformat(alert["occurred_at"]) == datetime.fromisoformat(sent["ts"])


def test_unknown_and_null_fields_are_no_fault(wristband: Device, operator: Person) -> None:
    sent = event("sos", location=None, battery=None, detail=None, seq=None, cancels=None, mood="怕", more={"a": [1]})
    wristband.send(sent)
    wristband.receipt(sent["event_id"], "stored")
    detail = operator.get(f"/alerts/{operator.alert_of(sent['event_id'])['id']}")
    assert event_of(detail, sent["event_id"])["flaws"] == []


# Repeats ----------------------------------------------------------------------------------------------


def test_a_repeat_raises_nothing_and_is_answered_stored_and_the_furthest_stage(
    wristband: Device, operator: Person
) -> None:
    sent = wristband.press()
    alert = operator.alert_of(sent["event_id"])
    wristband.receipt(sent["event_id"], "raised")
    bring_to(operator, alert, "dispatched")
    wristband.receipt(sent["event_id"], "dispatched")
    before = wristband.stages(sent["event_id"])
    # The same instant in another offset, a field more and another order: still the same event.
    elsewhere = datetime.fromisoformat(sent["ts"]).astimezone(timezone(timedelta(hours=8))).isoformat()
    wristband.send({"battery": 5, "ts": elsewhere, "type": "sos", "event_id": sent["event_id"]})
    wristband.until_told(sent["event_id"], len(before) + 2)
    assert wristband.stages(sent["event_id"])[len(before) :] == ["stored", "dispatched"]
    again = operator.get(f"/alerts/{alert['id']}")
    assert (again["occurrences"], len(again["events"]), again["events"][0]["repeats"]) == (1, 1, 1)


def test_a_repeat_of_what_raises_nothing_is_answered_stored(wristband: Device) -> None:
    sent = wristband.press("door_open")
    wristband.send(sent)
    wristband.until_told(sent["event_id"], 2)
    assert wristband.stages(sent["event_id"]) == ["stored", "stored"]


def test_a_storm_of_repeats_is_one_alert_with_one_event(wristband: Device, operator: Person) -> None:
    sent = event("sos")
    for _ in range(30):
        wristband.send(sent)
    # A repeat that comes after the raise is answered twice, so it is `stored` that is counted.
    until(lambda: wristband.stages(sent["event_id"]).count("stored") == 30, "each is answered", limit=30)
    alert = operator.get(f"/alerts/{operator.alert_of(sent['event_id'])['id']}")
    assert (alert["occurrences"], len(alert["events"]), alert["events"][0]["repeats"]) == (1, 1, 29)
    assert kinds(alert) == ["raised"]


@pytest.mark.parametrize("other", [{"type": "smoke"}, {"ts": soon(seconds=30)}], ids=["another type", "another ts"])
def test_an_emergency_under_a_used_name_is_a_new_press_and_says_so(
    wristband: Device, operator: Person, other: dict[str, str]
) -> None:
    first = wristband.press()
    alert = operator.alert_of(first["event_id"])
    assert alert["event_id_reused"] is False
    bring_to(operator, alert, "resolved")
    wristband.send(first | other)
    alerts = until(
        lambda: operator.get("/alerts", event_id=first["event_id"], state="open")["items"], "the second press"
    )
    assert [(one["event_id_reused"], one["state"], one["type"]) for one in alerts] == [
        (True, "triggered", other.get("type", "sos"))
    ]
    assert operator.get(f"/alerts/{alerts[0]['id']}")["events"][0]["event_id_reused"] is True


def test_two_devices_may_use_the_same_name(wristbands: Callable[[], Device], operator: Person) -> None:
    one, other = wristbands(), wristbands()
    sent = one.press()
    other.send(sent)
    other.receipt(sent["event_id"], "raised")
    alerts = operator.get("/alerts", event_id=sent["event_id"])["items"]
    assert {alert["device_id"] for alert in alerts} == {one.device_id, other.device_id}
    assert not any(alert["event_id_reused"] for alert in alerts)


# Receipts ---------------------------------------------------------------------------------------------


def test_each_stage_is_told_in_order_and_stored_after_the_commit(wristband: Device, operator: Person) -> None:
    with operator.screen() as screen:
        sent = event("sos")
        wristband.send(sent)
        stored = wristband.receipt(sent["event_id"], "stored")
        # Committed: whoever asks now finds it. A receipt at once has the server's own time and Chinese words.
        assert abs(datetime.fromisoformat(stored.body["at"]) - datetime.now(UTC)) < timedelta(minutes=1)
        assert stored.body["message"] == "已收到"
        alert = operator.alert_of(sent["event_id"])
        screen.send(type="seen", alert_id=alert["id"])
        wristband.receipt(sent["event_id"], "seen")
        for move, body in (
            ("acknowledge", {}),
            ("dispatch", {"responder": "李某（虚构）"}),
            ("arrive", {}),
            ("resolve", {"outcome": "assisted"}),
        ):
            assert operator.move(alert, move, **body).status_code == 200
        assert "李某（虚构）" in wristband.receipt(sent["event_id"], "dispatched").body["message"]
        wristband.receipt(sent["event_id"], "resolved")
    told = wristband.stages(sent["event_id"])
    assert sorted(told[:2]) == ["raised", "stored"], "these two come from two processes: either may overtake"
    assert told[2:] == STAGES[2:]


def test_seen_goes_once_and_only_what_is_still_unanswered_is_told_seen(
    wristbands: Callable[[], Device], operator: Person, colleague: Person
) -> None:
    one, other = wristbands(), wristbands()
    alert, answered = raised(one, operator), raised(other, operator)
    bring_to(operator, answered, "acknowledged")
    with operator.screen() as screen, colleague.screen() as second:
        for screen_ in (screen, second, screen):
            screen_.send(type="seen", alert_id=alert["id"])
            screen_.send(type="seen", alert_id=answered["id"])
        one.receipt(alert["event_id"], "seen")
        until(lambda: operator.get(f"/alerts/{answered['id']}")["seen_at"], "the second alert is seen")
    bring_to(operator, alert, "acknowledged")
    one.receipt(alert["event_id"], "acknowledged")
    assert one.stages(alert["event_id"]).count("seen") == 1
    assert "seen" not in other.stages(answered["event_id"]), "it was acknowledged before it was seen"
    assert kinds(operator.get(f"/alerts/{alert['id']}")).count("seen") == 1


def test_seen_of_an_alert_that_is_not_on_this_screen_is_no_look(
    wristband: Device, operator: Person, neighbour: Person
) -> None:
    alert = raised(wristband, operator)
    with neighbour.screen(neighbour.get("/me")["organizations"][0]["id"]) as screen:
        screen.send(type="seen", alert_id=alert["id"])
        screen.send(type="seen")
        assert screen.next_answer()["type"] == "error"  # so the frame before it is dealt with
    assert operator.get(f"/alerts/{alert['id']}")["seen_at"] is None


def test_each_folded_event_gets_the_receipts_of_its_alert(wristband: Device, operator: Person) -> None:
    first = wristband.press()
    alert = operator.alert_of(first["event_id"])
    bring_to(operator, alert, "acknowledged")
    second = wristband.press()
    wristband.receipt(second["event_id"], "acknowledged")  # the alert's stage as it is: it skips what was before
    assert operator.move(alert, "dispatch", responder="王某（虚构）").status_code == 200
    for sent in (first, second):
        wristband.receipt(sent["event_id"], "dispatched")
    assert "raised" not in wristband.stages(second["event_id"])


# Whose it is ------------------------------------------------------------------------------------------


def test_an_alert_goes_to_the_elders_station_else_the_devices_else_the_root(
    wristband: Device, enrol: Enrol, system: System, city: Person
) -> None:
    station, root = system.seeded.organization_id, system.organization("city")
    nobodys, unknown = enrol(organization_id=station), enrol()
    homes = []
    for device in (wristband, nobodys, unknown):
        alert = raised(device, city)
        homes.append((alert["organization_id"], alert["elder"] is None, alert["device_kind"]))
    assert homes == [(station, False, "wristband"), (station, True, "emergency_button"), (root, True, None)]


def test_an_unknown_device_raises_emergencies_and_is_rejected_for_the_rest(enrol: Enrol, city: Person) -> None:
    device = enrol()  # it may sign in to the broker, but no database has it
    door = device.send(event("door_open"))
    rejected = device.receipt(door["event_id"], "rejected")
    assert rejected.body["reason"] == "unknown_device"
    for kind in ("sos", "fall", "smoke", "gas", "water_leak"):
        sent = device.press(kind)
        assert city.alert_of(sent["event_id"])["type"] == kind
        assert "rejected" not in device.stages(sent["event_id"])
