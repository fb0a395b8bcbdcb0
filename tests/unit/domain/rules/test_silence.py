"""Who is known to be silent is, whatever the samples are; and most of those who are marked for little are."""

from datetime import timedelta

from hypothesis import given

from alerts.domain.rules.evaluate import episodes
from alerts.domain.rules.following import Lineage, follow, lineages
from alerts.domain.rules.model import Direction, Limit, Rule, Sample, Subject
from alerts.domain.rules.sifting import Marked, Seen, conclusion, is_far
from alerts.domain.rules.silence import Extremes, quite_silent, untouched
from tests.parts.examples import examples
from tests.unit.domain.rules.making import FAST, SOMEBODY, at, minutes, pulse, rule, sample
from tests.unit.domain.rules.strategies import any_history, any_rules, one_rule, subjects
from tests.unit.domain.rules.test_marking import named

HALF_AN_HOUR = Limit("spo2", Direction.BELOW, 92, 94, minutes(30))


@examples(50)
@given(one_rule, subjects, any_history)
def test_who_is_silent_has_no_episode(one: Rule, who: Subject, history: list[Sample]) -> None:
    extremes, line = Extremes(history), Lineage(one, ())
    if extremes.silent(one, who):
        assert episodes(one, who, history, at(100_000)) == []
    assert extremes.silent(one, who) or not extremes.untouched(one, who)
    assert quite_silent(line, extremes, who) or not untouched(line, extremes, who)


@examples(20)
@given(any_rules, subjects, any_history)
def test_what_is_concluded_without_a_look_is_nothing_that_a_look_would_say(
    rules: list[Rule], who: Subject, history: list[Sample]
) -> None:
    rules, now = named(rules), at(95)
    lines = lineages(rules, ())
    before = Seen({}, frozenset(), None)
    seen = conclusion(Marked(who, before, rules, lines, (), at(0), now, {}), history)
    said = [step for line in lines if line.rule for step in follow(line, line.rule.severity, who, history, at(0), now)]
    assert (seen is None) == bool(said)


def test_dips_of_a_sleeper_are_silent_and_half_an_hour_below_is_not() -> None:
    low, now_and_then = rule(HALF_AN_HOUR, lasting=minutes(20), gap=minutes(30)), [95, 86, 94, 96, 89, 95, 95, 95]
    dips = [sample(number, spo2=now_and_then[number % 8]) for number in range(120)]
    assert Extremes(dips).silent(low, SOMEBODY)
    assert not Extremes(dips).untouched(low, SOMEBODY)
    below = [sample(number, spo2=95 if number % 3 == 0 else 88) for number in range(120)]
    assert not Extremes(below).silent(low, SOMEBODY)


def test_what_has_not_lasted_yet_is_silent() -> None:
    fast = rule(FAST, lasting=minutes(5))
    assert Extremes(pulse(72, 134, 134, 134, 134, 134)).silent(fast, SOMEBODY)
    assert not Extremes(pulse(72, 134, 134, 134, 134, 134, 134)).silent(fast, SOMEBODY)


def test_a_watch_on_the_table_does_not_make_half_of_the_values_low() -> None:
    low = rule(HALF_AN_HOUR, lasting=timedelta(0))
    history = [sample(number, spo2=95, worn=False) for number in range(20)] + [sample(20, spo2=88)]
    assert not Extremes(history).silent(low, SOMEBODY)
    assert len(episodes(low, SOMEBODY, history, at(30))) == 1


def test_a_pressure_that_waits_for_tomorrows_is_looked_at_when_it_is_high_again() -> None:
    high = rule(Limit("systolic", Direction.ABOVE, 179, 170), lasting=minutes(1), gap=minutes(16 * 60))
    [line] = lineages([high], ())
    assert is_far(line)
    assert not is_far(lineages([rule(FAST)], ())[0])
    before = Seen({}, frozenset(), None)
    marked = Marked(SOMEBODY, before, [high], (), [line], at(720), at(721), {})
    assert conclusion(marked, [sample(720, systolic=184)]) is None
    assert conclusion(marked, [sample(720, systolic=150)]) is before
