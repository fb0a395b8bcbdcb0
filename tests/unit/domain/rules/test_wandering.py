"""Walks beyond a fence, at / push / want."""

from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.domain.alert import Severity
from alerts.domain.rules.evaluate import episodes, window
from alerts.domain.rules.fence import CERTAIN_AT, Keep, Point
from alerts.domain.rules.model import Episode, Sample, Subject
from alerts.domain.rules.scope import severity_for
from alerts.domain.rules.sentence import sentence
from tests.unit.domain.rules.making import subject
from tests.unit.domain.rules.places import WANDERING, away, circle, clock, fence_rule, fix, nights, walking

AT_HOME = subject(fences=(circle(),))
NIGHT = clock("02:00")
LATER = clock("23:00", 28)
LEFT = (0, 250, 500, 700, 900, 900)


def found(samples: list[Sample], who: Subject = AT_HOME) -> list[Episode]:
    return episodes(fence_rule(), who, samples, LATER)


def test_somebody_leaves_at_night_and_is_found() -> None:
    samples = walking(NIGHT, *LEFT, *(900,) * 3, 500, 100, 0, 0, 0)
    [walk] = found(samples)
    assert (walk.began_at, walk.raised_at) == (clock("02:04"), clock("02:08"))
    assert walk.cleared_at == clock("02:26"), "five minutes of fixes at home, from 02:20"
    assert walk.evidence["beyond"] == pytest.approx(600, abs=1)
    assert walk.evidence["device_id"] == "wb-1"


def test_the_sentence() -> None:
    samples = walking(NIGHT, 500, 600, 750, every=6)
    [walk] = episodes(fence_rule(lasting=timedelta(minutes=12)), AT_HOME, samples, LATER)
    told = sentence(fence_rule(), walk, walk.raised_at)
    assert told == "离开 家附近（300 米）已 12 分钟，距边界约 450 米，定位误差 20 米"
    lake = subject(fences=(circle(name="水库边", keep=Keep.OUT),))
    [walk] = found([fix(NIGHT + timedelta(minutes=one), away(50), None) for one in range(3)], lake)
    assert sentence(fence_rule(), walk, walk.raised_at) == "进入 水库边（300 米）已 2 分钟，深入约 250 米，定位误差未知"


@pytest.mark.parametrize(
    ("metres", "why"),
    [
        ((0, 500, 0, 500, 0, 500, 0), "one fix alone is no walk"),
        ((0, 500, 500, 0, 500, 500, 0), "nor are two"),
        ((0, 320, 320, 320, 320, 320), "within its own error"),
        ((500,), "nothing is known before it"),
    ],
)
def test_what_is_no_walk(metres: tuple[float, ...], why: str) -> None:
    assert found(walking(NIGHT, *metres)) == [], why


def test_two_fixes_that_are_long_apart_are_a_stay() -> None:
    [walk] = found(walking(NIGHT, 0, 500, 500, every=20))
    assert walk.raised_at == clock("02:40")


def test_a_gap_is_neither() -> None:
    assert found(walking(NIGHT, 500, 500, every=61)) == []


def test_a_jump_to_another_town_is_ignored_and_what_was_there_goes_on() -> None:
    far = 80_000
    assert found(walking(NIGHT, 0, 0, far, 0, far, 0, far)) == []
    [walk] = found(walking(NIGHT, 0, 500, far, 600, far, 700))
    assert walk.raised_at == clock("02:10")


def test_who_is_driven_off_is_found() -> None:
    [walk] = found(walking(NIGHT, 0, *(900 * one for one in range(1, 8)), every=1))  # 54 km/h
    assert walk.raised_at == clock("02:03")


def test_a_pendant_at_home_does_not_hide_who_wears_the_watch() -> None:
    pendant = [fix(NIGHT + timedelta(minutes=one), away(0), device_id="tag-1") for one in range(1, 20, 2)]
    [walk] = found([*walking(NIGHT, *LEFT), *pendant])
    assert walk.cleared_at is None
    assert walk.evidence["device_id"] == "wb-1"


def test_a_watch_that_is_carried_off_and_not_worn_is_nobody() -> None:
    assert found([fix(NIGHT + timedelta(minutes=one), away(900), worn=False) for one in range(9)]) == []


def test_a_fence_of_the_night_begins_in_the_evening_and_ends_in_the_morning() -> None:
    who = subject(fences=(circle(hours=(nights(),)),))
    samples = walking(clock("19:00"), *(900,) * 80, every=10)
    [walk] = found(samples, who)
    assert (walk.began_at, walk.raised_at) == (clock("20:00"), clock("20:10"))
    assert walk.cleared_at == clock("06:00", 24), "nothing is forbidden any more"


def test_two_fences_are_one_walk() -> None:
    who = subject(fences=(circle(), circle(name="湖边", keep=Keep.OUT, shape=circle().shape.__class__(away(900), 300))))
    [walk] = found(walking(NIGHT, *LEFT, 900, 900), who)
    assert walk.evidence["fence"]["name"] == "家附近"


def test_dementia_is_orange() -> None:
    assert severity_for(WANDERING, subject()) is Severity.YELLOW
    assert severity_for(WANDERING, subject(care_categories=frozenset({"独居", "认知障碍"}))) is Severity.ORANGE


def test_nobody_without_a_fence() -> None:
    assert found(walking(NIGHT, *LEFT), subject()) == []


def test_two_fixes_of_one_instant_are_the_better_one() -> None:
    samples = walking(NIGHT, *LEFT)
    worse = [fix(sample.at, away(0), 500) for sample in samples]
    assert found([*samples, *worse]) == found([*worse, *samples]) == found(samples)


positions = st.lists(st.tuples(st.integers(0, 240), st.integers(0, 4), st.sampled_from([5, 20, 80])), max_size=40)


def _samples(drawn: list[tuple[int, int, int]]) -> list[Sample]:
    return [fix(NIGHT + timedelta(minutes=at), away(place * 250), accuracy) for at, place, accuracy in drawn]


@given(st.integers(0, 2**32), st.floats(5, 200), st.integers(2, 60))
def test_jitter_within_the_accuracy_never_leaves(seed: int, accuracy: float, number: int) -> None:
    """Whoever is at home, wherever there: what a receiver may be wrong by is no walk."""
    draw = Random(seed)
    samples = []
    for minute in range(number):
        metres, error = draw.uniform(0, 299), draw.uniform(0, accuracy * CERTAIN_AT)
        samples.append(fix(NIGHT + timedelta(minutes=minute), away(metres + error), accuracy))
    assert found(samples) == []


@given(positions, st.integers(241, 300), st.sampled_from([10, 30, 100]), st.floats(1, 2000))
def test_a_real_exit_is_always_found(
    before: list[tuple[int, int, int]], minute: int, accuracy: float, further: float
) -> None:
    """Whatever was before: three fixes that are certain, at a walk's distance, raise with the third."""
    metres = 301 + CERTAIN_AT * accuracy + further
    out = [fix(NIGHT + timedelta(minutes=minute + one * 4), away(metres), accuracy) for one in range(3)]
    last = found([*_samples(before), *out])[-1]
    assert last.cleared_at is None
    assert last.raised_at <= out[-1].at


@given(positions, st.randoms())
def test_order_doubling_and_lateness_change_nothing(drawn: list[tuple[int, int, int]], random: Random) -> None:
    samples = _samples(drawn)
    shuffled = samples * 2
    random.shuffle(shuffled)
    assert found(shuffled) == found(samples)


@given(positions, st.integers(0, 240))
def test_a_restart_finds_what_was_found_before(drawn: list[tuple[int, int, int]], minute: int) -> None:
    """From the window that is asked for, and from all of history."""
    samples, new = _samples(drawn), NIGHT + timedelta(minutes=minute)
    known = episodes(fence_rule(), AT_HOME, [one for one in samples if one.at < new], LATER)
    asked = window(fence_rule(), new, known)
    again = episodes(
        fence_rule(), AT_HOME, [one for one in samples if one.at >= asked.samples_from], LATER, asked.since
    )
    kept = [one for one in known if one.cleared_at is not None and one.cleared_at < asked.since]
    ends = [one.cleared_at for one in found(samples)]
    assert [one.cleared_at for one in (*kept, *again)] == ends


def test_the_world_beyond_the_date_line() -> None:
    who = subject(fences=(circle(shape=circle().shape.__class__(Point(10.0, 179.999), 300)),))
    assert found([fix(NIGHT + timedelta(minutes=one), Point(10.0, -179.9995)) for one in range(5)], who) == []
