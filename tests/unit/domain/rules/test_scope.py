"""Which rule holds for whom."""

from dataclasses import replace
from uuid import UUID

import pytest

from alerts.domain.alert import Severity
from alerts.domain.rules.model import Mode, Rule, Scope, SeverityWhen, Subject
from alerts.domain.rules.scope import covers, in_force, severity_for, title_for
from tests.unit.domain.rules.making import CITY, DISTRICT, ELDER, STATION, STREET, rule, subject

CHEN = subject(ability_level="severe", care_categories=frozenset({"独居", "高龄"}))
SEVERE = frozenset({"severe", "total"})
ALONE = frozenset({"独居"})


def one(number: int, scope: Scope, **changes: object) -> Rule:
    return rule(id=UUID(int=number), scope=scope, **changes)


@pytest.mark.parametrize(
    "scope",
    [
        Scope(),
        Scope(elder_id=ELDER),
        Scope(organization_id=STATION),
        Scope(organization_id=CITY),
        Scope(ability_levels=SEVERE),
        Scope(care_categories=frozenset({"独居", "特困"})),
        Scope(ELDER, STREET, SEVERE, ALONE),
    ],
)
def test_it_covers_whom_all_that_is_given_fits(scope: Scope) -> None:
    assert covers(scope, CHEN)


@pytest.mark.parametrize(
    "scope",
    [
        Scope(elder_id=UUID(int=78)),
        Scope(organization_id=UUID(int=5)),
        Scope(ability_levels=frozenset({"total"})),
        Scope(care_categories=frozenset({"特困"})),
        Scope(ELDER, STREET, SEVERE, frozenset({"特困"})),
    ],
)
def test_one_thing_that_does_not_fit_is_enough(scope: Scope) -> None:
    assert not covers(scope, CHEN)


def test_who_was_never_assessed_is_of_no_level() -> None:
    assert not covers(Scope(ability_levels=SEVERE), subject())


# Ids fall, so that none of them wins by its id.
EVERYBODY = one(99, Scope())
IN_THE_CITY = one(98, Scope(organization_id=CITY))
IN_THE_DISTRICT = one(97, Scope(organization_id=DISTRICT))
AT_THE_STATION = one(96, Scope(organization_id=STATION))
OF_A_LEVEL = one(95, Scope(ability_levels=SEVERE))
OF_A_LEVEL_HERE = one(94, Scope(ability_levels=SEVERE, organization_id=CITY))
OF_A_LEVEL_NEARER = one(93, Scope(ability_levels=SEVERE, organization_id=STATION))
OF_A_CATEGORY = one(92, Scope(care_categories=ALONE))
OF_A_CATEGORY_AND_LEVEL = one(91, Scope(care_categories=ALONE, ability_levels=SEVERE))
OF_ONE_ELDER = one(90, Scope(elder_id=ELDER))
#: from the least particular
RANKED = [
    EVERYBODY,
    IN_THE_CITY,
    IN_THE_DISTRICT,
    AT_THE_STATION,
    OF_A_LEVEL,
    OF_A_LEVEL_HERE,
    OF_A_LEVEL_NEARER,
    OF_A_CATEGORY,
    OF_A_CATEGORY_AND_LEVEL,
    OF_ONE_ELDER,
]


@pytest.mark.parametrize("count", range(1, len(RANKED) + 1))
def test_the_most_particular_rule_holds(count: int) -> None:
    assert in_force(RANKED[:count], CHEN) == [RANKED[count - 1]]
    assert in_force(reversed(RANKED[:count]), CHEN) == [RANKED[count - 1]]


def test_of_equals_the_higher_version_then_the_greater_id() -> None:
    older, newer, other = one(20, Scope(), version=2), one(21, Scope(), version=3), one(22, Scope(), version=3)
    assert in_force([newer, older], CHEN) == [newer]
    assert in_force([other, newer, older], CHEN) == [other]


def test_rules_of_other_keys_stand_beside_it() -> None:
    slow = one(30, Scope(), key="heart_rate_low")
    assert in_force([slow, EVERYBODY], CHEN) == [EVERYBODY, slow]


def test_one_that_is_off_hides_the_less_particular() -> None:
    off = one(9, Scope(elder_id=ELDER), mode=Mode.OFF)
    assert in_force([*RANKED[:-1], off], CHEN) == []
    somebody_else = Subject(UUID(int=78), (CITY,))
    assert in_force([*RANKED[:-1], off], somebody_else) == [IN_THE_CITY]


def test_one_that_is_off_takes_no_red_rule_away() -> None:
    red = replace(EVERYBODY, severity=Severity.RED, title="紧急救援 · 心率过快")
    off = one(9, Scope(elder_id=ELDER), mode=Mode.OFF)
    assert in_force([red, off], CHEN) == [red]
    milder = one(8, Scope(organization_id=CITY))
    assert in_force([red, milder, off], CHEN) == [red], "what is not red is taken away"


def test_one_that_is_off_for_everybody_does_not_hide_a_particular_one() -> None:
    off = one(1, Scope(), mode=Mode.OFF)
    assert in_force([off, OF_ONE_ELDER], CHEN) == [OF_ONE_ELDER]


def test_a_trial_runs_beside_what_is_in_force_and_hides_nothing() -> None:
    trial = one(40, Scope(elder_id=ELDER), mode=Mode.SHADOW)
    wider = one(41, Scope(), mode=Mode.SHADOW)
    assert in_force([EVERYBODY, trial, wider], CHEN) == [EVERYBODY, trial]


def test_a_trial_is_not_run_where_the_rule_is_taken_from_the_person() -> None:
    off = one(9, Scope(elder_id=ELDER), mode=Mode.OFF)
    trial = one(41, Scope(), mode=Mode.SHADOW)
    assert in_force([EVERYBODY, off, trial], CHEN) == []


def test_severity_by_context() -> None:
    contexts = (
        SeverityWhen(Scope(care_categories=frozenset({"特困"})), Severity.BLUE),
        SeverityWhen(Scope(ability_levels=SEVERE), Severity.RED),
        SeverityWhen(Scope(care_categories=ALONE), Severity.ORANGE),
    )
    graded = rule(severity_when=contexts)
    assert severity_for(graded, CHEN) == "red"
    assert severity_for(graded, subject()) == "yellow"
    assert title_for(graded, CHEN) == "紧急救援 · 心率过高"
    assert title_for(graded, subject()) == "心率过高"


def test_a_red_rule_that_is_milder_for_some_is_no_rescue_there() -> None:
    graded = rule(
        title="紧急救援 · 心率过高",
        severity=Severity.RED,
        severity_when=(SeverityWhen(Scope(care_categories=ALONE), Severity.ORANGE),),
    )
    assert title_for(graded, CHEN) == "心率过高"
    assert title_for(graded, subject()) == "紧急救援 · 心率过高"
