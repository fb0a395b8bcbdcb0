"""Whom a trial is about, what it compares, and how it is told."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from alerts.domain.alert import Severity
from alerts.domain.rules.model import Direction, Limit, Mode, Rule, Scope
from alerts.domain.rules.trying import (
    SHOWN,
    TRIED_ID,
    TRIED_VERSION,
    Incident,
    Pair,
    Period,
    Raised,
    pair_in_force,
    pair_of,
    told,
)
from tests.unit.domain.rules.making import CITY, ELDER, SOMEBODY, STATION, STREET, at, rule, subject

STRICT = Limit("heart_rate", Direction.ABOVE, 110, 105)
DAY = Period(at(0), at(1440))
HOME = {ELDER: STATION}


def tried(**changes: Any) -> Rule:
    return rule(STRICT, **{"id": TRIED_ID, "version": TRIED_VERSION} | changes)


def test_of_the_same_scope_the_tried_rule_takes_the_place_of_the_one_in_force() -> None:
    force = rule(version=7)
    assert pair_of(tried(), [force], SOMEBODY) == Pair(tried(), force)


def test_whoever_has_a_more_particular_rule_is_not_concerned() -> None:
    own = rule(id=UUID(int=9), scope=Scope(elder_id=ELDER))
    assert pair_of(tried(), [rule(), own], SOMEBODY) is None
    assert pair_of(tried(scope=Scope(organization_id=STREET)), [rule()], subject(organization_path=(CITY,))) is None


def test_a_rule_in_shadow_or_for_the_first_time_is_tried_as_though_it_were_live() -> None:
    assert pair_of(tried(mode=Mode.SHADOW), [], SOMEBODY) == Pair(tried(), None)


def test_switching_a_rule_off_is_tried_too() -> None:
    force = rule()
    assert pair_of(tried(mode=Mode.OFF), [force], SOMEBODY) == Pair(None, force)


def test_nobody_can_be_without_a_red_rule() -> None:
    red = rule(severity=Severity.RED, title="紧急救援 · 心率过高")
    assert pair_of(tried(mode=Mode.OFF), [red], SOMEBODY) == Pair(red, red)


def test_of_a_key_the_rule_in_shadow_is_beside_the_one_in_force() -> None:
    shadow = tried(mode=Mode.SHADOW, id=UUID(int=3), version=1)
    assert pair_in_force([rule(), shadow], SOMEBODY) == Pair(tried(id=UUID(int=3), version=1), rule())
    alone = pair_in_force([rule()], SOMEBODY)
    assert alone == Pair(rule(), rule())
    assert alone.rules == (rule(),), "it is played once"
    assert pair_in_force([], SOMEBODY) is None


def raised(minute: float, cleared: float | None = None, **changes: Any) -> Raised:
    ended = None if cleared is None else at(cleared)
    values = {"elder_id": ELDER, "began_at": at(minute - 5), "raised_at": at(minute), "ended_at": ended}
    return Raised(**{**values, "severity": Severity.YELLOW, "sentence": f"第 {minute} 分钟", **changes})


@pytest.mark.parametrize(("minute", "caught"), [(39.9, False), (40, True), (100, True), (115, True), (115.1, False)])
def test_an_incident_is_caught_from_an_hour_before_to_a_quarter_after(minute: float, caught: bool) -> None:
    incident = Incident(UUID(int=5), "sos", at(100), ELDER)
    found = told(DAY, [raised(minute)], [], [incident], HOME)["incidents"]
    assert (found["known"], found["caught"], found["missed"]) == (1, int(caught), int(not caught))
    assert (found["items"][0]["tried"], found["items"][0]["in_force"]) == (caught, False)


def test_another_persons_alert_catches_nothing() -> None:
    incident = Incident(UUID(int=5), "sos", at(100), ELDER)
    other = raised(100, elder_id=UUID(int=78))
    assert told(DAY, [other], [], [incident], HOME | {UUID(int=78): STATION})["incidents"]["caught"] == 0


def test_only_what_is_raised_within_the_period_is_counted() -> None:
    found = told(DAY, [raised(-1), raised(0), raised(1439), raised(1440)], [raised(-1)], [], HOME)
    assert (found["tried"]["alerts"], found["in_force"]["alerts"]) == (2, 0)
    assert found["tried"]["per_day"] == 2.0
    assert found["tried"]["by_severity"] == {"red": 0, "orange": 0, "yellow": 2, "blue": 0}
    assert found["tried"]["by_organization"] == [{"id": str(STATION), "alerts": 2}]


def test_episodes_say_whether_the_rule_in_force_had_one_at_the_time() -> None:
    found = told(DAY, [raised(10, 20), raised(100, 110)], [raised(18, 30), raised(200)], [], HOME)
    assert [(one["raised_at"], one["also_in_force"]) for one in found["episodes"]] == [
        (at(100).isoformat(), False),
        (at(10).isoformat(), True),
    ]


def test_the_newest_episodes_are_shown_and_all_are_counted() -> None:
    every = [raised(minute) for minute in range(SHOWN + 50)]
    found = told(DAY, every, [], [], HOME)
    assert (found["tried"]["alerts"], len(found["episodes"])) == (SHOWN + 50, SHOWN)
    assert found["episodes"][0]["raised_at"] == at(SHOWN + 49).isoformat()
    assert DAY.until - DAY.end == timedelta(minutes=15)
