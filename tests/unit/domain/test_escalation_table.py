"""The escalation tables of ARCHITECTURE.md and the code say the same."""

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from alerts.domain.alert import Severity, State, Timer, TimerKind
from alerts.domain.calendar import Calendar
from alerts.domain.escalation import Duty, Presence, Running, decide
from alerts.domain.policy import BUILT_IN, Stage, Step, Who, snapshot, stage_of
from tests.unit.domain.making import CITY, DISTRICT, NOON, STATION, STREET, WANG, after, alert

PAGE = (Path(__file__).parents[3] / "ARCHITECTURE.md").read_text("utf-8")
DUTY = Duty(
    above=(STREET, DISTRICT, CITY),
    below=STATION,
    home=STATION,
    on_shift={STATION: (WANG.id,)},
    names={WANG.id: WANG.name},
)
ABSENT = Presence({STATION: "no_screen"})


def rows(name: str) -> list[list[str]]:
    block = re.search(rf"<!-- {name} table.*?-->\n(.*?)<!-- end of {name} table -->", PAGE, re.DOTALL)
    assert block is not None, name
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in block[1].strip().splitlines()]


# The built-in policy: stages down, severities across -------------------------------------------------


def in_words(step: Step) -> str:
    who = ", ".join(one.value.replace("_", " ") for one in step.who)
    does = ", ".join(filter(None, (who, "attention" if step.attention else "")))
    every = f", then each {_seconds(step.every)} s" if step.every else ""
    return f"{_seconds(step.after)} s: {does}{every}"


def _seconds(span: timedelta) -> int:
    return int(span.total_seconds())


@pytest.mark.parametrize("row", rows("policy")[2:], ids=lambda row: row[0])
def test_the_built_in_policy_is_the_table(row: list[str]) -> None:
    severities = [Severity(name) for name in rows("policy")[0][1:]]
    kept = snapshot(BUILT_IN, Calendar(), NOON)
    for severity, cell in zip(severities, row[1:], strict=True):
        steps = kept[severity].get(Stage(row[0]), ())
        assert ("<br>".join(in_words(step) for step in steps) or "–") == cell


def test_the_table_of_the_policy_names_every_stage_and_severity() -> None:
    table = rows("policy")
    assert [row[0] for row in table[2:]] == list(Stage)
    assert table[0][1:] == list(Severity)


# What a timer does: states down, timers across -------------------------------------------------------


def outcome(state: str, attention: bool, kind: TimerKind) -> str:
    """In the table's words."""
    before = replace(alert(state), attention=attention)
    kept = snapshot(BUILT_IN, Calendar(), NOON)
    stage = stage_of(before)
    # Where the stage's step that calls somebody at a later time is next.
    steps = kept[Severity.RED].get(stage, ()) if stage else ()
    at = next((number for number, step in enumerate(steps) if step.after), 0)
    running = Running(kept, stage, NOON, epoch=1, step=at)
    decision = decide(before, Timer(kind, after(1)), running, DUTY, ABSENT, after(2))
    change = decision.change
    assert change is not None
    if change.stop == frozenset(TimerKind):
        return "ends"
    if change.alert.attention and not before.attention:
        return "attention"
    if change.route is not None:
        assert change.route == (STREET, "escalated")
        return "above"
    assert decision.running.stage is not None
    assert (decision.running.epoch, decision.running.stage) == (2, stage)
    return f"begins {decision.running.stage.value}"


@pytest.mark.parametrize("row", rows("escalation")[2:], ids=lambda row: row[0])
def test_a_timer_does_what_the_table_says(row: list[str]) -> None:
    state, _, more = row[0].partition(" ")
    kinds = [TimerKind(name) for name in rows("escalation")[0][1:]]
    assert [outcome(state, bool(more), kind) for kind in kinds] == row[1:]


def test_the_table_names_every_state_and_every_timer_of_escalation() -> None:
    table = rows("escalation")
    assert {row[0].partition(" ")[0] for row in table[2:]} == set(State)
    assert set(table[0][1:]) == set(TimerKind) - {TimerKind.WORSEN}


def test_who_is_told_has_a_word_for_each() -> None:
    assert set(re.findall(r"`([a-z_]+)`", PAGE.partition("**Who.**")[2].partition("\n\n")[0])) >= set(Who)
