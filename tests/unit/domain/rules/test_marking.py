"""What gateways mark by loses nothing, and marks little."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gateway.limits
from alerts.domain.rules import news2
from alerts.domain.rules.evaluate import episodes
from alerts.domain.rules.following import Kept
from alerts.domain.rules.marking import LATE, holds, marks, parts_of, standing
from alerts.domain.rules.model import Rule, Sample, Score, Subject
from tests.parts.examples import examples
from tests.unit.domain.rules.making import FAST, NEWS2_5, SLOW, SOMEBODY, at, minutes, pulse, rule, sample, usual
from tests.unit.domain.rules.strategies import any_history, any_rules, subjects
from tests.unit.domain.rules.watching import Watched

_OTHERS = ("body_temperature", "heart_rate", "respiratory_rate")


def named(rules: list[Rule]) -> list[Rule]:
    """Each a rule of its own: none is more particular than another."""
    return [replace(one, id=UUID(int=place), key=f"rule_{place}") for place, one in enumerate(rules, 1)]


@examples(25)
@given(any_rules, subjects, any_history)
def test_who_is_looked_at_only_when_marked_has_the_same_episodes(
    rules: list[Rule], who: Subject, history: list[Sample]
) -> None:
    rules = named(rules)
    # At one instant one device: samples that come later and say they were earlier are marked as late ones.
    in_order = list({one.at: one for one in sorted(history, key=lambda one: one.at)}.values())
    watched = Watched(rules, who)
    for one in in_order:
        watched.has(one)
    for one_rule in rules:
        wanted = [
            (one.began_at, one.raised_at, one.cleared_at) for one in episodes(one_rule, who, in_order, at(100_000))
        ]
        found = [(one.began_at, one.raised_at, one.cleared_at) for one in watched.kept if one.rule.key == one_rule.key]
        assert found == wanted


_MEASURES = {
    "heart_rate": st.sampled_from([45, 72, 95, 115, 135]),
    "spo2": st.sampled_from([90, 92, 94, 97]),
    "body_temperature": st.sampled_from([35.0, 36.0, 36.6, 38.5]),
}
#: All of it at once most of the time, as wristbands do.
_worn = st.lists(
    st.fixed_dictionaries(_MEASURES)
    | st.fixed_dictionaries(_MEASURES)
    | st.fixed_dictionaries(_MEASURES | {"systolic": st.sampled_from([95, 130])})
    | st.fixed_dictionaries({}, optional=_MEASURES | {"systolic": st.sampled_from([88, 105]), "worn": st.booleans()}),
    max_size=40,
)


@examples(30)
@given(_worn, st.integers(3, 7), st.booleans(), st.sampled_from([0, 5]), st.sampled_from([1, 5, 15]))
def test_what_is_measured_together_has_a_part_together_and_nothing_is_lost(
    values: list[dict[str, Any]], total: int, three: bool, lasting: int, every: int
) -> None:
    history = [sample(number * every, **one) for number, one in enumerate(values)]
    score = rule(Score(total, three), lasting=minutes(lasting), gap=minutes(30))
    watched = Watched([score], SOMEBODY)
    for one in history:
        watched.has(one)
    found = [(one.began_at, one.raised_at, one.cleared_at) for one in watched.kept]
    assert found == [
        (one.began_at, one.raised_at, one.cleared_at) for one in episodes(score, SOMEBODY, history, at(100_000))
    ]


def test_who_has_a_point_for_this_and_one_for_that_is_not_looked_at() -> None:
    watched = Watched([rule(NEWS2_5)], SOMEBODY)
    for number in range(60):
        measured = {"heart_rate": 95, "spo2": 91} if number % 2 else {"heart_rate": 112, "spo2": 94}
        watched.has(sample(number * 5, body_temperature=36.6, **measured))
    assert watched.looks <= 2, "until it is known that they come together"


def test_a_fast_heart_is_looked_at_while_it_may_begin_and_then_when_it_is_well_again() -> None:
    watched = Watched(named([rule(FAST), rule(SLOW)]), SOMEBODY)
    for one in pulse(*[72] * 10, *[134] * 60, *[100] * 10):
        watched.has(one)
    [kept] = watched.kept
    assert (kept.raised_at, kept.cleared_at) == (at(15), at(75))
    assert watched.looks == 6, "when it begins, when it may be raised, and the same when it is well again"


def test_an_own_limit_is_cleared_by_the_baseline_that_raised_it() -> None:
    fast = rule(FAST)
    then = Kept(fast.id, fast, fast.severity, at(0), at(5))
    assert marks([fast], usual(72, 6), [then], {}).bands == {"heart_rate": (110.001, None)}


@pytest.mark.parametrize(
    ("seen", "dealt"),
    [
        ({}, {"spo2": 1, "body_temperature": 1, "heart_rate": 1, "respiratory_rate": 1, "systolic": 0}),
        ({"heart_rate": 2}, {"heart_rate": 2, "spo2": 1, "body_temperature": 1, "respiratory_rate": 0, "systolic": 0}),
        ({"systolic": 3, "spo2": 1}, {"systolic": 3, "spo2": 1} | dict.fromkeys(_OTHERS, 0)),
    ],
)
def test_points_are_dealt_out_to_one_less_than_the_score_wants(seen: dict[str, int], dealt: dict[str, int]) -> None:
    assert sum(dealt.values()) == 4
    assert parts_of(NEWS2_5, seen) == dealt


def test_when_the_score_may_be_reached_every_point_matters() -> None:
    assert parts_of(NEWS2_5, {"heart_rate": 3, "spo2": 2}) == {}
    by = marks([rule(NEWS2_5)], SOMEBODY, [], {"heart_rate": 3, "spo2": 2})
    assert by.bands == {name: news2.zero_band(name) for name in news2.MEASURED}
    assert parts_of(Score(7, or_three_in_one=True), {"heart_rate": 3}) == {}
    assert max(parts_of(Score(20, or_three_in_one=True), {}).values()) == 2


def test_somebody_of_whom_nothing_is_known_may_have_a_point_here_and_there() -> None:
    by: dict[str, Any] = dict(marks([rule(NEWS2_5)], SOMEBODY, [], {}).bands)
    assert by == {
        "spo2": (94, None),
        "body_temperature": (35.1, 39.0),
        "heart_rate": (41, 110),
        "respiratory_rate": (9, 20),
        "systolic": (111, 219),
    }


def test_while_a_score_is_on_every_reading_matters() -> None:
    score = rule(NEWS2_5)
    assert marks([score], SOMEBODY, [Kept(score.id, score, score.severity, at(0), at(5))], {}).every


def test_points_stand_as_they_were_last_measured_on_the_body() -> None:
    history = [
        sample(0, spo2=90, heart_rate=140),
        sample(5, spo2=95, heart_rate=118),
        sample(9, heart_rate=72),
        sample(10, heart_rate=140, spo2=80, worn=False),
    ]
    assert standing(history, SOMEBODY, at(10)) == {"spo2": 1, "heart_rate": 2}, "a late one may be of minute 8"
    assert standing(history, SOMEBODY, at(12)) == {"spo2": 1}


def test_parts_hold_until_one_is_exceeded() -> None:
    assert holds([rule(NEWS2_5)], {}, {"spo2": 1})
    assert not holds([rule(NEWS2_5)], {}, {"spo2": 2})
    assert not holds([rule(NEWS2_5)], {"spo2": 2, "heart_rate": 3}, {})
    assert holds([rule(FAST)], {}, {"spo2": 3})


def test_what_is_late_is_the_same_for_gateways() -> None:
    assert gateway.limits.LATE == LATE
