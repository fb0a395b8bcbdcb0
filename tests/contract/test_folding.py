"""Folding, and the elder's cancel."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.contract.asking import bring_to, event_of, kinds, make_due, make_older, raised
from tests.contract.conftest import Enrol
from tests.parts.system import Device, Person, System, event
from tests.parts.waiting import until

UNRESOLVED = ("triggered", "acknowledged", "dispatched", "arrived")


@pytest.mark.parametrize("state", UNRESOLVED)
def test_an_event_folds_into_the_unresolved_alert(wristband: Device, operator: Person, state: str) -> None:
    first = wristband.press()
    alert = bring_to(operator, operator.alert_of(first["event_id"]), state)
    with operator.screen() as screen:
        second = wristband.press(battery=3)
        sounding = screen.next_of(alert)  # it sounds again: a frame, with one occurrence more
    assert operator.alert_of(second["event_id"])["id"] == alert["id"]
    detail = operator.get(f"/alerts/{alert['id']}")
    assert sounding["occurrences"] == detail["occurrences"] == 2
    assert detail["event_id"] == first["event_id"], "the first's"
    assert [one["event_id"] for one in detail["events"]] == [first["event_id"], second["event_id"]]
    assert event_of(detail, second["event_id"])["battery"] == 3
    assert detail["state"] == state
    assert detail["attention"] is (state != "triggered")
    assert detail["version"] == alert["version"] + 1
    assert kinds(detail)[-1] == "folded"


@pytest.mark.parametrize("state", ["resolved", "followed_up"])
def test_after_resolved_an_event_always_opens_a_new_alert(wristband: Device, operator: Person, state: str) -> None:
    alert = bring_to(operator, raised(wristband, operator), state)
    again = raised(wristband, operator)
    assert again["id"] != alert["id"]
    assert (again["state"], again["occurrences"]) == ("triggered", 1)
    assert operator.get(f"/alerts/{alert['id']}")["occurrences"] == 1


@pytest.mark.parametrize("state", ["triggered", "arrived"])
def test_thirty_minutes_after_the_last_move_an_event_opens_a_new_alert(
    wristband: Device, operator: Person, system: System, state: str
) -> None:
    alert = bring_to(operator, raised(wristband, operator), state)
    make_older(system, alert, minutes=29)
    assert raised(wristband, operator)["id"] == alert["id"]
    make_older(system, alert, minutes=1, seconds=1)
    again = raised(wristband, operator)
    assert again["id"] != alert["id"]
    assert operator.get(f"/alerts/{alert['id']}")["state"] == state, "the old one stays open"
    assert raised(wristband, operator)["id"] == again["id"], "the next folds into the new one"


def test_a_fold_is_no_move_and_a_move_begins_the_half_hour_again(
    wristband: Device, operator: Person, system: System
) -> None:
    alert = raised(wristband, operator)
    make_older(system, alert, minutes=29)
    raised(wristband, operator)
    make_older(system, alert, minutes=0.5)
    bring_to(operator, alert, "acknowledged")
    make_older(system, alert, minutes=29)
    assert raised(wristband, operator)["id"] == alert["id"]


def test_only_the_same_elder_type_and_drill_flag_fold(
    wristbands: Callable[[], Device], operator: Person, system: System
) -> None:
    one, other = wristbands(), wristbands()
    alert = raised(one, operator)
    assert raised(other, operator)["id"] != alert["id"], "another elder"
    assert raised(one, operator, "smoke")["id"] != alert["id"], "another type"
    # Nothing public begins a drill yet, so the row is told that it is one.
    system.sql("UPDATE alerts SET drill = true WHERE id = %s", alert["id"])
    real = raised(one, operator)
    assert (real["id"] == alert["id"], real["drill"]) == (False, False), "a real press is never part of a drill"


def test_two_devices_of_one_elder_are_one_alert(
    wristband: Device, enrol: Enrol, operator: Person, system: System
) -> None:
    alert = raised(wristband, operator)
    button = enrol(elder_id=alert["elder"]["id"], organization_id=system.seeded.organization_id)
    assert raised(button, operator)["id"] == alert["id"]
    events = operator.get(f"/alerts/{alert['id']}")["events"]
    assert len(events) == 2
    assert operator.get("/alerts", device_id=button.device_id)["items"][0]["device_id"] == wristband.device_id


def test_of_devices_without_an_elder_each_has_its_own_alert(enrol: Enrol, operator: Person, system: System) -> None:
    one, other = (enrol(organization_id=system.seeded.organization_id) for _ in range(2))
    alert = raised(one, operator)
    assert raised(other, operator)["id"] != alert["id"]
    assert raised(one, operator)["id"] == alert["id"]


# Cancel -----------------------------------------------------------------------------------------------


def cancelled(device: Device, person: Person, fall: dict[str, str]) -> dict[str, str]:
    """Presses cancel, and gives the alert back once the cancel is on its timeline."""
    pressed = device.press("cancel", cancels=fall["event_id"])
    alert = person.alert_of(fall["event_id"])

    def noted() -> dict[str, str]:
        detail = person.get(f"/alerts/{alert['id']}")
        said = [line for line in detail["timeline"] if (line["body"] or {}).get("event_id") == pressed["event_id"]]
        return detail if any(line["kind"] in ("cancelled", "cancel_pressed") for line in said) else {}

    return until(noted, "the cancel is on the timeline", every=0.05)


def test_a_cancel_in_time_makes_the_fall_cancelled(wristband: Device, operator: Person) -> None:
    fall = wristband.press("fall")
    operator.alert_of(fall["event_id"])
    detail = cancelled(wristband, operator, fall)
    assert (detail["state"], detail["severity"]) == ("cancelled", "orange")
    assert kinds(detail) == ["raised", "cancelled"]
    wristband.receipt(fall["event_id"], "cancelled")
    assert raised(wristband, operator, "fall")["id"] != detail["id"], "a new fall is a new alert"


@pytest.mark.parametrize("apart", [0, 2], ids=["stamped together", "each stamped when it was sent"])
def test_a_cancel_that_overtakes_its_fall_waits_for_it(wristband: Device, operator: Person, apart: int) -> None:
    fall = event("fall", ts=(datetime.now(UTC) + timedelta(seconds=apart)).isoformat())
    wristband.press("cancel", cancels=fall["event_id"])
    wristband.send(fall)
    wristband.receipt(fall["event_id"], "cancelled")
    assert operator.alert_of(fall["event_id"])["state"] == "cancelled"


def test_a_cancel_from_another_device_cancels_nothing(
    wristband: Device, enrol: Enrol, operator: Person, system: System
) -> None:
    fall = wristband.press("fall")
    alert = operator.alert_of(fall["event_id"])
    button = enrol(elder_id=alert["elder"]["id"], organization_id=system.seeded.organization_id)
    button.press("cancel", cancels=fall["event_id"])
    raised(button, operator)  # what came before is decided
    detail = operator.get(f"/alerts/{alert['id']}")
    assert (detail["state"], kinds(detail)) == ("triggered", ["raised"])


def test_two_falls_in_one_alert_want_two_cancels(wristband: Device, operator: Person) -> None:
    first, second = wristband.press("fall"), wristband.press("fall")
    assert operator.alert_of(second["event_id"])["id"] == operator.alert_of(first["event_id"])["id"]
    detail = cancelled(wristband, operator, first)
    assert (detail["state"], kinds(detail)) == ("triggered", ["raised", "folded", "cancel_pressed"])
    assert [one["cancelled"] for one in detail["events"]] == [True, False]
    detail = cancelled(wristband, operator, second)
    assert (detail["state"], kinds(detail)[-1]) == ("cancelled", "cancelled")
    for fall in (first, second):
        wristband.receipt(fall["event_id"], "cancelled")


def test_a_cancel_after_somebody_answered_is_a_note(wristband: Device, operator: Person) -> None:
    fall = wristband.press("fall")
    bring_to(operator, operator.alert_of(fall["event_id"]), "acknowledged")
    detail = cancelled(wristband, operator, fall)
    assert (detail["state"], kinds(detail)[-1]) == ("acknowledged", "cancel_pressed")
    assert "cancelled" not in wristband.stages(fall["event_id"])


def test_a_cancel_after_the_fall_turned_red_is_a_note(wristband: Device, operator: Person, system: System) -> None:
    """The 30 s are shortened by making the timer due; that they are 30 is in test_waits.py."""
    fall = wristband.press("fall")
    alert = operator.alert_of(fall["event_id"])
    make_due(system, alert, "worsen")
    red = until(
        lambda: [one for one in [operator.alert_of(fall["event_id"])] if one["severity"] == "red"], "red", every=0.05
    )
    assert red[0]["title"].startswith("紧急救援")
    detail = cancelled(wristband, operator, fall)
    assert (detail["state"], detail["severity"], kinds(detail)) == (
        "triggered",
        "red",
        ["raised", "worsened", "cancel_pressed"],
    )


@pytest.mark.parametrize("kind", ["sos", "smoke", "gas", "water_leak"])
def test_a_cancel_of_anything_but_a_fall_is_a_note(wristband: Device, operator: Person, kind: str) -> None:
    pressed = wristband.press(kind)
    operator.alert_of(pressed["event_id"])
    detail = cancelled(wristband, operator, pressed)
    assert (detail["state"], kinds(detail)[-1]) == ("triggered", "cancel_pressed")


def test_a_cancel_sent_twice_is_noted_once(wristband: Device, operator: Person) -> None:
    pressed = wristband.press()
    cancel = event("cancel", cancels=pressed["event_id"])
    for _ in range(2):
        wristband.send(cancel)
    wristband.until_told(cancel["event_id"], 2)
    assert wristband.stages(cancel["event_id"]) == ["stored", "stored"]
    raised(wristband, operator, "smoke")  # what came before is decided
    assert kinds(operator.get(f"/alerts/{operator.alert_of(pressed['event_id'])['id']}")) == [
        "raised",
        "cancel_pressed",
    ]
