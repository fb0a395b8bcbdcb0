"""What is preselected of history loses nothing: the same episodes as from all of it."""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from hypothesis import event, given
from hypothesis import strategies as st

from alerts.domain.rules.evaluate import episodes
from alerts.domain.rules.model import Episode, Rule, Sample, Score, Subject
from tests.parts.examples import examples
from tests.unit.domain.rules.making import FAST, SOMEBODY, at, minutes, pulse, rule, sample
from tests.unit.domain.rules.preselected import from_preselected
from tests.unit.domain.rules.strategies import any_history, any_rules, one_rule, subjects

BEGIN, END = at(-100), at(10_000)

score_rules = st.builds(
    lambda total, three, fresh, lasting, gap: rule(
        Score(total, three, minutes(fresh)), lasting=minutes(lasting), gap=minutes(gap)
    ),
    st.integers(1, 6),
    st.booleans(),
    st.sampled_from([1, 10, 60]),
    st.sampled_from([0, 1, 5]),
    st.sampled_from([1, 5, 30]),
)


def everything(rules: list[Rule], who: Subject, history: list[Sample], end: datetime) -> list[tuple[Rule, Episode]]:
    return [(one, found) for one in rules for found in episodes(one, who, history, end)]


def in_order(found: list[tuple[Rule, Episode]]) -> list[tuple[int, Episode]]:
    return sorted(((one.id.int, of_one) for one, of_one in found), key=lambda pair: (pair[0], pair[1].began_at))


@st.composite
def long_histories(draw: st.DrawFn) -> list[Sample]:
    """Short ones, hours apart: so that there is something to leave out."""
    pieces = draw(st.lists(st.tuples(any_history, st.integers(0, 600)), min_size=1, max_size=5))
    taken: list[Sample] = []
    offset = timedelta(0)
    for piece, pause in pieces:
        taken += [replace(one, at=one.at + offset) for one in piece]
        offset += minutes(90 + pause)
    return taken


def assert_nothing_is_lost(rules: list[Rule], who: Subject, history: list[Sample], end: datetime) -> None:
    rules = [replace(one, id=UUID(int=place)) for place, one in enumerate(rules)]
    before = [one for one in history if one.at <= end]
    found, read = from_preselected(rules, who, before, BEGIN, end)
    wanted = everything(rules, who, before, end)
    event("episodes" if wanted else "none", "left some out" if read < len(before) else "read all")
    assert in_order(found) == in_order(wanted)


@examples(30)
@given(one_rule, subjects, long_histories())
def test_one_rule_has_the_same_episodes(one: Rule, who: Subject, history: list[Sample]) -> None:
    assert_nothing_is_lost([one], who, history, END)


@examples(30)
@given(any_rules, subjects, long_histories(), st.integers(60, 1500))
def test_rules_that_are_compared_have_the_same_episodes(
    rules: list[Rule], who: Subject, history: list[Sample], minute: int
) -> None:
    """The stretches of one are played for the other too. History may end in the middle of anything."""
    assert_nothing_is_lost(rules, who, history, at(minute))


@examples(30)
@given(st.lists(score_rules, min_size=1, max_size=2), subjects, long_histories())
def test_scores_have_the_same_episodes(rules: list[Rule], who: Subject, history: list[Sample]) -> None:
    assert_nothing_is_lost(rules, who, history, END)


def test_who_is_well_is_not_read() -> None:
    history = pulse(*[72] * 600)
    assert from_preselected([rule(FAST)], SOMEBODY, history, BEGIN, END) == ([], 0)


def test_a_moment_that_cannot_have_lasted_is_not_read() -> None:
    history = pulse(*[72] * 300, *[134] * 3, *[72] * 300)
    assert from_preselected([rule(FAST)], SOMEBODY, history, BEGIN, END) == ([], 0)


def test_around_an_episode_hours_are_read_and_not_the_day() -> None:
    history = pulse(*[72] * 700, *[134] * 20, *[72] * 700)
    [(_, found)], read = from_preselected([rule(FAST)], SOMEBODY, history, BEGIN, END)
    assert (found.began_at, found.raised_at, found.cleared_at) == (at(700), at(705), at(725))
    assert read < 100


def test_an_episode_is_read_to_its_end_however_long_it_takes() -> None:
    """Between its limit and what is clear nothing is outside of the envelope."""
    history = pulse(*[134] * 10, *[115] * 1300, *[72] * 10)
    [(_, found)], _ = from_preselected([rule(FAST)], SOMEBODY, history, BEGIN, END)
    assert (found.raised_at, found.cleared_at) == (at(5), at(1315))


def test_points_of_the_hour_before_count() -> None:
    score = rule(Score(5), lasting=minutes(0), gap=minutes(30))
    history = [*pulse(135, 135, start=50), *[sample(100 + one, spo2=92) for one in range(3)]]
    [(_, found)], _ = from_preselected([score], SOMEBODY, history, BEGIN, END)
    assert found.raised_at == at(100)


def test_points_that_never_come_together_are_not_read() -> None:
    score = rule(Score(5), lasting=minutes(0), gap=minutes(30))
    history = [*pulse(135, 135, start=0), *[sample(300 + one, spo2=92) for one in range(3)]]
    assert from_preselected([score], SOMEBODY, history, BEGIN, END) == ([], 0)
