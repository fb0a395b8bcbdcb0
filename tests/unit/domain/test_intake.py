"""Raising, folding, cancelling, lateness."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from alerts.domain import intake
from alerts.domain.alert import Person, Position, TimerKind
from tests.parts.acceleration import HOSTILE, WINDOWS
from tests.unit.domain.making import ELDER, FALL, NOON, SOS, STATION, after, alert, event, home

SOON = after(5)


def test_a_red_alert_is_raised_at_once_and_will_climb() -> None:
    change = intake.raise_alert(event(), SOS, home(), UUID(int=5), NOON)
    assert (change.alert.severity, change.alert.state, change.alert.version) == ("red", "triggered", 1)
    assert change.route == (STATION, "home")
    assert [(timer.kind, timer.due_at) for timer in change.start] == [(TimerKind.ESCALATE, after(60))]


def test_a_fall_is_orange_and_will_turn_red() -> None:
    change = intake.raise_alert(event("fall"), FALL, home(), UUID(int=5), NOON)
    assert change.alert.severity == "orange"
    assert [(timer.kind, timer.due_at) for timer in change.start] == [(TimerKind.WORSEN, after(30))]


@pytest.mark.parametrize(("seconds", "late"), [(0, 0), (59, 0), (60, 60), (7200, 7200)])
def test_lateness_under_a_minute_is_none(seconds: int, late: int) -> None:
    assert intake.late_seconds(event(received_at=after(seconds))) == late


def test_an_event_folds_into_the_alert_of_the_same_cause() -> None:
    assert intake.fold_target([alert()], event(), home(), SOON) == alert()


@pytest.mark.parametrize(
    "other",
    [
        alert(type="fall"),
        alert(drill=True),
        alert("resolved"),
        alert("cancelled"),
        alert(elder=Person(UUID(int=1), "另一人")),
        alert(elder=None),
    ],
)
def test_an_event_does_not_fold_into_another_cause(other: intake.Alert) -> None:
    assert intake.fold_target([other], event(), home(), SOON) is None


def test_without_an_elder_the_device_is_the_cause() -> None:
    of_device = alert(elder=None)
    assert intake.fold_target([of_device], event(), home(None), SOON) == of_device
    assert intake.fold_target([of_device], event(device_id="wb-2"), home(None), SOON) is None


def test_thirty_minutes_after_the_last_move_it_is_a_new_story() -> None:
    moved = alert("acknowledged", last_move_at=NOON)
    assert intake.fold_target([moved], event(), home(), NOON + timedelta(minutes=30)) == moved
    assert intake.fold_target([moved], event(), home(), NOON + timedelta(minutes=30, microseconds=1)) is None


@pytest.mark.parametrize(("state", "attention"), [("triggered", False), ("acknowledged", True), ("arrived", True)])
def test_a_fold_asks_for_an_answer_once_there_was_one(state: str, attention: bool) -> None:
    change = intake.fold(alert(state), event(position=Position(29.7, 105.7)))
    assert (change.alert.occurrences, change.alert.attention, change.alert.event_id) == (2, attention, "e1")
    assert change.alert.position == Position(29.7, 105.7)
    assert change.alert.last_move_at == NOON, "a press is not a move of those who help"


def test_who_presses_again_is_not_safe_whatever_family_said_before() -> None:
    change = intake.fold(alert(family_safe=True, unreached=2), event())
    assert (change.alert.family_safe, change.alert.unreached) == (False, 2)


def test_a_fall_that_turned_red_is_not_called_off() -> None:
    red = alert(type="fall", severity=FALL.then_severity)
    change = intake.cancel(red, FALL, event("cancel", cancels="e1"), True, SOON)
    assert (change.alert.state, change.entries[0].kind) == ("triggered", "cancel_pressed")


def test_one_cancel_of_two_falls_is_a_note() -> None:
    orange = alert(type="fall", severity=FALL.severity, occurrences=2)
    change = intake.cancel(orange, FALL, event("cancel", cancels="e1"), False, SOON)
    assert change.alert.state == "triggered"


def test_a_press_is_never_called_off() -> None:
    change = intake.cancel(alert(), SOS, event("cancel", cancels="e1"), True, SOON)
    assert (change.alert.state, change.entries[0].kind) == ("triggered", "cancel_pressed")


@pytest.mark.parametrize(
    ("cancel", "fits"),
    [
        ({"occurred_at": after(3), "received_at": after(3)}, True),
        # A counter that began again: the old cancel must not hide the new fall.
        ({"occurred_at": after(-11), "received_at": after(-11)}, False),
        ({"occurred_at": after(-11), "received_at": after(-11), "clock_suspect": True}, True),
        ({"occurred_at": after(-3), "received_at": after(-3)}, True),
        ({"occurred_at": after(3), "received_at": after(-601)}, False),
    ],
)
def test_a_waiting_cancel_is_of_a_fall_that_did_not_happen_after_it(cancel: dict[str, object], fits: bool) -> None:
    assert intake.waiting_cancel_fits(event("cancel", cancels="e2", **cancel), event("fall")) is fits


def test_the_elder_is_the_one_of_the_home() -> None:
    assert intake.raise_alert(event(), SOS, home(), UUID(int=5), NOON).alert.elder == ELDER


# A second opinion ------------------------------------------------------------------------------------------


def felt(window: object) -> intake.Event:
    return event("fall", detail={"acceleration": window})


def test_a_fall_that_was_felt_is_raised_as_any_fall_with_a_confidence() -> None:
    look = intake.look_again(felt(WINDOWS["hard_fall"]))
    assert look is not None
    with_it = intake.raise_alert(felt(WINDOWS["hard_fall"]), FALL, home(), UUID(int=5), NOON, look)
    without = intake.raise_alert(event("fall"), FALL, home(), UUID(int=5), NOON)
    assert with_it.alert.confidence == 0.95
    assert replace(with_it.alert, confidence=None) == without.alert
    assert (with_it.start, with_it.stop, with_it.route) == (without.start, without.stop, without.route)
    assert [entry.kind for entry in with_it.entries] == ["raised", "second_opinion"]


@pytest.mark.parametrize("before", [None, 0.05, 0.35, 0.95])
@pytest.mark.parametrize("window", [WINDOWS["hard_fall"], WINDOWS["clapping"], HOSTILE["stuck"], None])
def test_of_several_opinions_the_greatest_stands(before: float | None, window: object) -> None:
    look = intake.look_again(felt(window))
    after_fold = intake.fold(alert(type="fall", confidence=before), felt(window), look).alert.confidence
    said = [one for one in (before, look.confidence if look else None) if one is not None]
    assert after_fold == (max(said) if said else None)


def test_only_a_fall_is_looked_at_again() -> None:
    assert intake.look_again(event("sos", detail={"acceleration": WINDOWS["hard_fall"]})) is None
    assert intake.look_again(event("fall")) is None
    unread = intake.look_again(felt(HOSTILE["one axis"]))
    assert unread is not None
    assert unread.confidence is None
    assert unread.entry.body is not None
    assert "stuck" in unread.entry.body["reason"]


def test_a_position_without_a_number_for_its_accuracy_has_none() -> None:
    assert Position(29.7, 105.7, float("inf")) == Position(29.7, 105.7, float("nan")) == Position(29.7, 105.7)
