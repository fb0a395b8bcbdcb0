"""What holds for any rule and any history: order, repeats, lateness, restarts and clocks change nothing."""

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from random import Random
from statistics import median

from hypothesis import event, given
from hypothesis import strategies as st

from alerts.domain.rules.evaluate import AHEAD, episodes, window
from alerts.domain.rules.model import Direction, Episode, Limit, Rule, Sample, Score, Subject
from tests.parts.examples import examples
from tests.unit.domain.rules.making import SOMEBODY, at, minutes, rule
from tests.unit.domain.rules.strategies import any_history, limit_rules, one_rule, subjects

quickly = examples(30)
LATER = at(100_000)


@quickly
@given(one_rule, subjects, any_history, st.randoms(use_true_random=False))
def test_order_and_repeats_change_nothing(asked: Rule, who: Subject, history: list[Sample], chance: Random) -> None:
    in_order = sorted(history, key=lambda one: one.at)
    mixed = [*history, *history[::2]]
    chance.shuffle(mixed)
    found = episodes(asked, who, in_order, LATER)
    event(f"{len(found)} episodes")
    assert episodes(asked, who, mixed, LATER) == found


@quickly
@given(one_rule, subjects, any_history, st.data())
def test_arriving_in_pieces_with_restarts_is_as_having_it_all(
    asked: Rule, who: Subject, history: list[Sample], data: st.DataObject
) -> None:
    """Pieces in any order of time: what is late is late by up to all of history. Between two pieces nothing is kept but
    the episodes, as a process that is killed keeps them in the database; and each evaluation sees only its window."""
    arriving = data.draw(st.permutations(history))
    stored: list[Sample] = []
    known: list[Episode] = []
    while arriving:
        size = data.draw(st.integers(1, len(arriving)))
        piece, arriving = arriving[:size], arriving[size:]
        stored += piece
        needed = window(asked, min(one.at for one in piece), known)
        seen = [one for one in stored if one.at >= needed.samples_from]
        before = [one for one in known if one.cleared_at is not None and one.cleared_at < needed.since]
        known = before + episodes(asked, who, seen, LATER, needed.since)
    assert known == episodes(asked, who, history, LATER)


@quickly
@given(one_rule, subjects, any_history, st.data())
def test_a_late_sample_gives_what_it_had_given_in_time(
    asked: Rule, who: Subject, history: list[Sample], data: st.DataObject
) -> None:
    late = data.draw(st.sampled_from([*history, Sample(at(0), {"heart_rate": 130}, "wb-1")]))
    in_time = [one for one in history if one.at != late.at]
    known = episodes(asked, who, in_time, LATER)
    needed = window(asked, late.at, known)
    seen = [one for one in [*in_time, late] if one.at >= needed.samples_from]
    before = [one for one in known if one.cleared_at is not None and one.cleared_at < needed.since]
    together = before + episodes(asked, who, seen, LATER, needed.since)
    assert together == episodes(asked, who, [*in_time, late], LATER)


def by_definition(asked: Rule, history: list[Sample]) -> list[tuple[datetime, datetime, datetime | None]]:
    """began, raised, cleared as the words of `evaluate` and of medians say, by trying all stretches: slow, and nothing
    to remember."""
    limit = asked.condition
    assert isinstance(limit, Limit)
    sign = 1 if limit.direction is Direction.ABOVE else -1
    taken: dict[datetime, float] = {}
    for one in history:
        if limit.field in one.values and one.values.get("worn") is not False:
            value = sign * round(float(one.values[limit.field]), 3)
            taken[one.at] = max(value, taken.get(one.at, value))
    middle = {
        time: round(median([value for other, value in taken.items() if time - limit.over <= other <= time]), 3)
        for time in taken
    }
    bound, safe = sign * round(limit.value, 3), sign * round(limit.clear, 3)
    beyond = {time for time in taken if middle[time] > bound}
    clear = {time for time in taken if middle[time] <= safe}
    # What is well itself, or not, while the median is otherwise, begins, prolongs and ends nothing.
    well = {time for time in beyond if taken[time] <= bound}
    unwell = {time for time in clear if taken[time] > safe}

    def first_stretch(
        within: set[datetime], silent: set[datetime], after: datetime | None, lasting: timedelta
    ) -> tuple[datetime, datetime] | None:
        """Of the samples after that time: the stretch that lasts long enough first, from its first to that sample."""
        order = sorted(time for time in set(taken) - silent if after is None or time > after)
        for last in range(len(order)):
            for first in range(last + 1):
                stretch = order[first : last + 1]
                together = all(later - earlier <= asked.gap for earlier, later in pairwise(stretch))
                if together and within.issuperset(stretch) and stretch[-1] - stretch[0] >= lasting:
                    return stretch[0], stretch[-1]
        return None

    found: list[tuple[datetime, datetime, datetime | None]] = []
    after: datetime | None = None
    while (raised := first_stretch(beyond, well, after, asked.lasting)) is not None:
        over = first_stretch(clear, well | unwell, raised[1], asked.clear_after)
        found.append((*raised, over and over[1]))
        if over is None:
            break
        after = over[1]
    return found


@examples(30)
@given(limit_rules, any_history)
def test_they_are_what_the_words_say(asked: Rule, history: list[Sample]) -> None:
    found = episodes(asked, SOMEBODY, history, LATER)
    assert [(one.began_at, one.raised_at, one.cleared_at) for one in found] == by_definition(asked, history)


@quickly
@given(limit_rules, st.lists(st.floats(0.001, 0.999), min_size=1, max_size=40))
def test_inside_the_band_nothing_flaps(asked: Rule, places: list[float]) -> None:
    """Between what is clear and the limit: who is not told stays untold, who is told stays so."""
    assert isinstance(asked.condition, Limit)
    limit = Limit("heart_rate", asked.condition.direction, 120, 112 if _above(asked) else 128)
    banded = rule(limit, lasting=asked.lasting, clear_after=asked.clear_after, gap=minutes(5))
    inside = [
        Sample(at(20 + minute), {"heart_rate": 120 - place * 8 if _above(asked) else 120 + place * 8}, "wb-1")
        for minute, place in enumerate(places)
    ]
    assert episodes(banded, SOMEBODY, inside, LATER) == []
    alarming = [Sample(at(minute), {"heart_rate": 150 if _above(asked) else 90}, "wb-1") for minute in range(20)]
    (found,) = episodes(banded, SOMEBODY, [*alarming, *inside], LATER)
    assert found.cleared_at is None


@quickly
@given(one_rule.filter(lambda one: one.lasting > timedelta(0)), subjects, any_history)
def test_who_is_not_played_at_all_would_have_had_no_episode(asked: Rule, who: Subject, history: list[Sample]) -> None:
    """One instant, long before, at which everything is at its worst: it raises nothing, and has all the rest played."""
    worst = {"heart_rate": 299, "respiratory_rate": 79, "spo2": 31, "systolic": 299, "body_temperature": 26}
    lowest = {**worst, "heart_rate": 21, "respiratory_rate": 3, "systolic": 31}
    long_before = [Sample(at(-10_000), worst, "wb-1"), Sample(at(-20_000), lowest, "wb-1")]
    warm = Sample(at(-30_000), {"body_temperature": 44, "spo2": 99.9}, "wb-1")
    assert episodes(asked, who, [*long_before, warm, *history], LATER) == episodes(asked, who, history, LATER)


def _above(asked: Rule) -> bool:
    assert not isinstance(asked.condition, Score)
    return asked.condition.direction is Direction.ABOVE


@quickly
@given(one_rule, subjects, any_history, st.floats(-10, 100))
def test_a_clock_shows_what_had_come_until_then(
    asked: Rule, who: Subject, history: list[Sample], minute: float
) -> None:
    """Whatever the clock said before, and so also when it goes backwards."""
    until_then = [one for one in history if one.at <= at(minute) + AHEAD]
    assert episodes(asked, who, history, at(minute)) == episodes(asked, who, until_then, LATER)


@quickly
@given(one_rule, subjects, any_history, st.integers(-14, 14))
def test_the_zone_of_a_time_changes_nothing(asked: Rule, who: Subject, history: list[Sample], hours: int) -> None:
    elsewhere = timezone(timedelta(hours=hours))
    moved = [Sample(one.at.astimezone(elsewhere), one.values, one.device_id) for one in history]
    found = episodes(asked, who, moved, LATER.astimezone(elsewhere))
    assert found == episodes(asked, who, history, LATER)
    assert all(one.began_at.tzinfo is UTC for one in found)
