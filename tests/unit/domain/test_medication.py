"""What follows from a dose and the time, against docs/medication.md's table."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from alerts.domain.alert import Person, Rule, Severity, State
from alerts.domain.medication import (
    FAMILY_FIRST,
    Dose,
    DoseState,
    Whose,
    fold_missed,
    next_of,
    raise_missed,
    take,
    taken_dose,
    tell_station,
    words_of,
)

DUE = datetime(2026, 11, 30, 0, 0, tzinfo=UTC)
DOSE = Dose(DoseState.DUE, DUE, DUE + timedelta(minutes=30), 0)
RULE = Rule("medication.missed", Severity.YELLOW, "未按时服药")
WHOSE = Whose(Person(UUID(int=1), "张某"), UUID(int=2), "某路 1 号", UUID(int=3), DUE, (UUID(int=4),))


def _table() -> list[list[str]]:
    text = (Path(__file__).parents[3] / "docs" / "medication.md").read_text("utf-8")
    found = re.search(r"<!-- dose table.*?-->\n(.*?)<!-- end", text, re.S)
    assert found
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in found[1].strip().splitlines()]
    return [rows[0], *rows[2:]]


@pytest.mark.parametrize("row", _table()[1:], ids=lambda row: row[0])
def test_the_table_is_the_code(row: list[str]) -> None:
    state = DoseState(row[0])
    for minutes, told in zip((0, 15, 30, 45), row[1:5], strict=True):
        # A reminder that was made is not made again at the same moment.
        made = 0 if state is DoseState.DUE else 1 if minutes else 0
        dose = replace(DOSE, state=state, reminders=made, family=True)
        act = next_of(dose, DUE + timedelta(minutes=minutes)).act
        assert (act.value if act else "–") == told, (state, minutes)
    act = next_of(replace(DOSE, state=state, taken_at=DUE), DUE).act
    assert (act.value if act else "–") == row[5]


def test_a_day_of_a_dose_that_nobody_takes() -> None:
    now, dose, seen = DUE, replace(DOSE, family=True), []
    while True:
        following = next_of(dose, now)
        seen.append((following.act and following.act.value, int((now - DUE).total_seconds() // 60)))
        dose = replace(dose, state=following.state, reminders=dose.reminders + (following.act == "remind"))
        if following.at is None:
            break
        assert following.at > now, "it does not turn on the spot"
        now = following.at
    assert seen == [("remind", 0), ("remind", 15), ("miss", 30), ("tell_station", 45), (None, 270)]
    assert dose.state is DoseState.ENDED


def test_without_a_family_it_is_the_stations_at_once() -> None:
    missed = next_of(replace(DOSE, reminders=2, state=DoseState.REMINDED), DOSE.missed_at)
    assert (missed.state, missed.at) == (DoseState.TOLD, DOSE.missed_at + timedelta(hours=4))
    change = raise_missed(replace(WHOSE, family=()), RULE, UUID(int=9), DUE)
    assert (change.route, change.tell, change.replan) == ((UUID(int=2), "home"), (), True)


def test_the_family_is_told_first_and_the_station_after_it() -> None:
    change = raise_missed(WHOSE, RULE, UUID(int=9), DUE + timedelta(minutes=30))
    assert (change.route, [one.why for one in change.tell]) == (None, ["caregiver"])
    alert = change.alert
    assert (alert.severity, alert.late_seconds, alert.position) == (Severity.YELLOW, 0, None)
    assert "medicine" not in str(alert.detail)
    assert tell_station(alert).route == (UUID(int=2), "home")
    assert timedelta(minutes=15) == FAMILY_FIRST
    more = fold_missed(alert, replace(WHOSE, dose_id=UUID(int=5)))
    assert (more.alert.occurrences, more.alert.attention, more.tell[0].key) == (2, False, f"missed {UUID(int=5)}")


def test_taken_after_all_it_is_over_unless_somebody_has_answered_or_another_is_open() -> None:
    alert = raise_missed(WHOSE, RULE, UUID(int=9), DUE).alert
    assert take(alert, DUE, DUE, others=0).alert.state is State.CANCELLED
    assert take(replace(alert, state=State.ACKNOWLEDGED), DUE, DUE, others=0).alert.state is State.ACKNOWLEDGED
    assert take(alert, DUE, DUE, others=1).alert.state is State.TRIGGERED


def test_which_dose_was_taken() -> None:
    morning, noon = UUID(int=1), UUID(int=2)
    doses = [(morning, DUE), (noon, DUE + timedelta(hours=4))]
    assert taken_dose(doses, DUE - timedelta(minutes=50), None) == morning
    assert taken_dose(doses, DUE - timedelta(minutes=61), None) is None, "too early for any"
    assert taken_dose(doses, DUE + timedelta(hours=3, minutes=30), None) == noon
    assert taken_dose(doses, DUE + timedelta(hours=3, minutes=30), morning) == morning, "it says so"


def test_the_words() -> None:
    items = [{"medicine": "氨氯地平", "dose": "1片"}, {"medicine": "二甲双胍", "dose": "0.5克"}]
    assert words_of(items) == "请服药：氨氯地平 1片，二甲双胍 0.5克"
