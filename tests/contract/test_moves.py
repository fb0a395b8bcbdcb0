"""States and moves: what is allowed, what is refused and changes nothing, and what the same move again does."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.contract.asking import bring_to, kinds, make_due, raised, standing
from tests.parts.system import Device, Person, System
from tests.parts.waiting import until

BODIES: dict[str, dict[str, Any]] = {
    "acknowledge": {"note": "马上看"},
    "dispatch": {"responder": "王某（虚构）", "eta_minutes": 8, "note": "带担架"},
    "arrive": {"note": "门开着"},
    "resolve": {"outcome": "hospital", "note": "送医"},
    "follow_up": {"note": "第二天精神好"},
}
LEADS_TO = {
    "acknowledge": "acknowledged",
    "dispatch": "dispatched",
    "arrive": "arrived",
    "resolve": "resolved",
    "follow_up": "followed_up",
}
#: The contract's sentence, as a table.
ALLOWED = {
    "triggered": {"acknowledge"},
    "acknowledged": {"dispatch", "resolve"},
    "dispatched": {"dispatch", "arrive", "resolve"},
    "arrived": {"resolve"},
    "resolved": {"follow_up"},
    "followed_up": {"follow_up"},
    "cancelled": set(),
}


@pytest.mark.parametrize("state", list(ALLOWED))
def test_every_move_from_every_state(
    wristbands: Callable[[], Device], operator: Person, colleague: Person, state: str
) -> None:
    """The colleague moves, so that no move is a repeat of one that brought the alert here."""
    for move, body in BODIES.items():
        if move in ALLOWED[state]:
            alert = _in(state, wristbands(), operator)
            assert set(alert["moves"]) == ALLOWED[state]
            before = operator.get(f"/alerts/{alert['id']}")
            answer = colleague.move(alert, move, **body)
            assert answer.status_code == 200, answer.text
            after = operator.get(f"/alerts/{alert['id']}")
            assert {name: after[name] for name in answer.json()} == answer.json(), "the answer to a move is the alert"
            assert after["state"] == LEADS_TO[move]
            assert after["version"] == before["version"] + 1
            line = after["timeline"][-1]
            assert (line["kind"], line["note"], line["by"]["name"]) == (LEADS_TO[move], body["note"], "黄志勇")
            assert (line["origin"], line["version"]) == ("127.0.0.1", after["version"])
            assert after["outcome"] == ("hospital" if move == "resolve" else before["outcome"])
    refused = _in(state, wristbands(), operator)
    before = standing(operator, refused["id"])
    for move, body in BODIES.items():
        if move not in ALLOWED[state]:
            answer = colleague.move(refused, move, **body)
            assert answer.status_code == 409, (state, move, answer.text)
            assert answer.json()["state"] == state
    assert standing(operator, refused["id"]) == before, "409 changes nothing"


def _in(state: str, device: Device, person: Person) -> dict[str, Any]:
    if state != "cancelled":
        return bring_to(person, raised(device, person), state)
    fall = raised(device, person, "fall")
    device.press("cancel", cancels=fall["event_id"])
    device.receipt(fall["event_id"], "cancelled")
    return person.alert_of(fall["event_id"])


def test_the_same_move_again_is_200_and_changes_nothing_even_later(wristband: Device, operator: Person) -> None:
    alert = raised(wristband, operator)
    made: list[tuple[str, dict[str, Any]]] = []
    for move, body in BODIES.items():
        assert operator.move(alert, move, **body).status_code == 200
        made.append((move, body))
        before = standing(operator, alert["id"])
        for earlier, same in made:
            # Null is the same as absent.
            nulls = {"note": None} if "note" not in same else {}
            answer = operator.move(alert, earlier, **same, **nulls)
            assert answer.status_code == 200, (move, earlier, answer.text)
            assert (answer.json()["version"], answer.json()["state"]) == (before["version"], before["state"])
        assert standing(operator, alert["id"]) == before
    assert kinds(before) == ["raised", *LEADS_TO.values()]


def test_another_body_is_another_move(wristband: Device, operator: Person) -> None:
    alert = bring_to(operator, raised(wristband, operator), "dispatched")
    for responder in ("李某（虚构）", "赵某（虚构）", "李某（虚构）"):
        answer = operator.move(alert, "dispatch", responder=responder)
        assert answer.status_code == 200
    detail = operator.get(f"/alerts/{alert['id']}")
    sent = [line["body"]["responder"] for line in detail["timeline"] if line["kind"] == "dispatched"]
    assert sent == ["李某（虚构）", "赵某（虚构）"], "the first and the last are repeats"
    assert operator.move(alert, "acknowledge", note="again").status_code == 409


def test_another_persons_acknowledge_is_refused_and_says_who_has_it(
    wristband: Device, operator: Person, colleague: Person
) -> None:
    alert = bring_to(operator, raised(wristband, operator), "acknowledged")
    before = standing(operator, alert["id"])
    answer = colleague.move(alert, "acknowledge")
    assert answer.status_code == 409
    assert answer.json()["holder"]["name"] == before["holder"]["name"] == "陈静"
    assert "陈静" in answer.json()["detail"]
    assert standing(operator, alert["id"]) == before


def test_of_two_at_once_one_has_it_and_both_are_told_the_truth(
    wristbands: Callable[[], Device], operator: Person, colleague: Person
) -> None:
    people = {"陈静": operator, "黄志勇": colleague}
    alerts = [raised(wristbands(), operator) for _ in range(8)]
    with ThreadPoolExecutor(2) as both:
        for alert in alerts:
            answers = dict(
                zip(people, both.map(lambda person: person.move(alert, "acknowledge"), people.values()), strict=True)  # noqa: B023
            )
            statuses = sorted(answer.status_code for answer in answers.values())
            assert statuses == [200, 409]
            [winner] = [name for name, answer in answers.items() if answer.status_code == 200]
            [loser] = [name for name, answer in answers.items() if answer.status_code == 409]
            assert answers[winner].json()["holder"]["name"] == winner
            assert answers[loser].json()["holder"]["name"] == winner
            assert winner in answers[loser].json()["detail"]
            assert answers[loser].json()["state"] == "acknowledged", "not what it was before the other's move"
            assert kinds(operator.get(f"/alerts/{alert['id']}")) == ["raised", "acknowledged"]


def test_attention_asks_again_and_whoever_answers_has_it(
    wristband: Device, operator: Person, colleague: Person
) -> None:
    alert = bring_to(operator, raised(wristband, operator), "dispatched")
    wristband.receipt(wristband.press()["event_id"], "dispatched")
    pressed = operator.get(f"/alerts/{alert['id']}")
    assert (pressed["attention"], pressed["occurrences"], pressed["state"]) == (True, 2, "dispatched")
    assert "acknowledge" in pressed["moves"]
    assert operator.move(alert, "acknowledge").json()["attention"] is True, "the same move again changes nothing"

    taken = colleague.move(alert, "acknowledge")
    assert taken.status_code == 200
    assert taken.json()["holder"]["name"] == "黄志勇"
    assert (taken.json()["attention"], taken.json()["state"]) == (False, "dispatched")
    # Answered: it is the colleague's now, as it was the operator's before.
    assert operator.move(alert, "acknowledge", note="mine").status_code == 409


def test_whoever_has_it_answers_a_second_press_by_the_count_they_saw(wristband: Device, operator: Person) -> None:
    """`occurrences` in the body of acknowledge is an addition of ours: without it the answer to a second press would
    be a repeat of the answer to the first."""
    alert = bring_to(operator, raised(wristband, operator), "acknowledged")
    for _ in range(2):
        wristband.receipt(wristband.press()["event_id"], "acknowledged")
    fewer = operator.move(alert, "acknowledge", occurrences=2).json()
    assert (fewer["attention"], fewer["occurrences"]) == (True, 3), "one press was not seen yet"
    assert operator.move(alert, "acknowledge", occurrences=3).json()["attention"] is False


def test_a_drill_outcome_is_for_drills_only(wristband: Device, operator: Person, system: System) -> None:
    alert = bring_to(operator, raised(wristband, operator), "acknowledged")
    before = standing(operator, alert["id"])
    assert before["drill"] is False
    assert operator.move(alert, "resolve", outcome="drill").status_code == 409
    assert standing(operator, alert["id"]) == before
    # Nothing public begins a drill yet, so the row is told that it is one.
    system.sql("UPDATE alerts SET drill = true WHERE id = %s", alert["id"])
    assert operator.move(alert, "resolve", outcome="drill").json()["outcome"] == "drill"


@pytest.mark.parametrize("outcome", ["assisted", "hospital", "false_alarm", "accidental", "test"])
def test_every_outcome(wristband: Device, operator: Person, outcome: str) -> None:
    alert = bring_to(operator, raised(wristband, operator), "acknowledged")
    assert operator.move(alert, "resolve", outcome=outcome).json()["outcome"] == outcome


@pytest.mark.parametrize(
    ("move", "body"),
    [
        ("dispatch", {}),
        ("dispatch", {"responder": ""}),
        ("dispatch", {"responder": "李某", "eta_minutes": "soon"}),
        ("resolve", {}),
        ("resolve", {"outcome": "vanished"}),
        ("follow_up", {}),
        ("follow_up", {"note": ""}),
        ("acknowledge", {"note": 7}),
    ],
)
def test_a_body_that_is_wrong_is_422_and_changes_nothing(
    operator: Person, one_alert: dict[str, Any], move: str, body: dict[str, Any]
) -> None:
    before = standing(operator, one_alert["id"])
    assert operator.move(one_alert, move, **body).status_code == 422
    assert standing(operator, one_alert["id"]) == before


@pytest.fixture(scope="module")
def one_alert(operator: Person, _wristbands: Any, system: System) -> dict[str, Any]:
    """An alert that no test of this file changes."""
    with Device(system.broker, next(_wristbands)) as device:
        return raised(device, operator)


def test_a_move_without_a_body_is_one_with_an_empty_body(wristband: Device, operator: Person) -> None:
    alert = raised(wristband, operator)
    assert operator.http.post(f"/alerts/{alert['id']}/acknowledge").status_code == 200
    assert operator.move(alert, "acknowledge").json()["version"] == 2
    assert operator.move(alert, "dispatch", responder="李某（虚构）").status_code == 200
    assert operator.http.post(f"/alerts/{alert['id']}/arrive").status_code == 200


# Unanswered -------------------------------------------------------------------------------------------


def test_an_unanswered_red_alert_climbs_one_organisation_each_time_and_stays_on_the_first(
    wristband: Device, operator: Person, system: System
) -> None:
    """The minutes are shortened by making the timer due; that a minute is a minute is in test_waits.py."""
    alert = raised(wristband, operator)
    way = [system.organization(tier) for tier in ("community", "street", "district", "city")]
    planned = "SELECT 1 FROM alert_escalations WHERE alert_id = %s"
    until(lambda: system.sql(planned, alert["id"]), "its plan is made, and its timer with it", every=0.05)
    for step in range(1, 4):
        make_due(system, alert, "escalate")
        until(lambda: len(_routes(operator, alert)) > step, f"step {step}", every=0.05)  # noqa: B023
        assert _routes(operator, alert) == way[: step + 1]
    make_due(system, alert, "escalate")
    gone = "SELECT 1 FROM alert_timers WHERE alert_id = %s AND kind = 'escalate'"
    until(lambda: not system.sql(gone, alert["id"]), "above the root there is nobody, and the timer ends", every=0.05)
    detail = operator.get(f"/alerts/{alert['id']}")
    assert [route["reason"] for route in detail["routes"]] == ["home", "escalated", "escalated", "escalated"]
    assert detail["organization_id"] == way[0]
    assert kinds(detail) == ["raised", "escalated", "escalated", "escalated"]


def test_what_is_acknowledged_or_not_red_does_not_climb(
    wristbands: Callable[[], Device], operator: Person, system: System
) -> None:
    answered = bring_to(operator, raised(wristbands(), operator), "acknowledged")
    yellow = raised(wristbands(), operator, "water_leak")
    orange = raised(wristbands(), operator, "fall")
    timer = "SELECT extract(epoch FROM due_at - clock_timestamp()) FROM alert_timers WHERE alert_id = %s AND kind = %s"
    for alert, stage in ((answered, "undispatched"), (yellow, "unanswered"), (orange, "unanswered")):
        planned = "SELECT 1 FROM alert_escalations WHERE alert_id = %s AND stage = %s"
        until(lambda: system.sql(planned, alert["id"], stage), "its plan is made", every=0.05)  # noqa: B023
    [(seconds,)] = system.sql(timer, answered["id"], "escalate")
    assert 170 < seconds <= 180, "whoever took it has three minutes to send somebody"
    assert system.sql(timer, yellow["id"], "escalate") == []
    while system.sql(timer, orange["id"], "escalate"):
        make_due(system, orange, "escalate")
        until(lambda: not system.sql(f"{timer} AND due_at <= now()", orange["id"], "escalate"), "it acts", every=0.05)
    for alert in (answered, yellow, orange):
        assert _routes(operator, alert) == [alert["organization_id"]]


def _routes(person: Person, alert: dict[str, Any]) -> list[str]:
    return [route["organization_id"] for route in person.get(f"/alerts/{alert['id']}")["routes"]]
