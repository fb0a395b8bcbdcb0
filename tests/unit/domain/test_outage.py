"""When a device is silent, whatever the order of arrivals, the clock and our own restarts."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.domain.outage import (
    GRACE_AT_MOST,
    GRANULE,
    LEAST_SILENCE,
    NEVER,
    SLOWEST,
    Gap,
    Habit,
    Hearing,
    Sign,
    gap_found,
    habit_of_kind,
    learn,
    silent_since,
)
from tests.unit.domain.making import NOON, after

MINUTE = timedelta(minutes=1)
LONG_AGO = NOON - timedelta(days=30)
ALWAYS = Hearing(LONG_AGO)

moments = st.integers(-200_000, 200_000).map(lambda seconds: NOON + timedelta(seconds=seconds))
habits = st.builds(Habit, st.integers(1, 86_400).map(lambda seconds: timedelta(seconds=seconds)))


@st.composite
def hearings(draw: st.DrawFn) -> Hearing:
    """Gaps that do not overlap, and hearing since the last of them."""
    edges = sorted(draw(st.lists(moments, max_size=8, unique=True)))
    gaps = tuple(Gap(began, ended) for began, ended in zip(edges[::2], edges[1::2], strict=False))
    return Hearing(max((gap.ended_at for gap in gaps), default=LONG_AGO), gaps)


def of_interval(minutes: float) -> Habit:
    return Habit(timedelta(minutes=minutes), 20)


@pytest.mark.parametrize(
    ("minutes", "silent_for", "silent"),
    [(1, 179, False), (1, 180, True), (30, 5399, False), (30, 5400, True), (0.1, 119, False), (0.1, 120, True)],
)
def test_a_device_is_silent_after_three_intervals_of_its_own(minutes: float, silent_for: int, silent: bool) -> None:
    since = silent_since(Sign(NOON), of_interval(minutes), ALWAYS, after(silent_for))
    assert since == (NOON if silent else None)


@pytest.mark.parametrize(
    ("heard", "silent"),
    [(-1, True), (0, False), (1, False), (29, False)],
)
def test_a_will_is_no_outage_when_anything_was_heard_after_it(heard: float, silent: bool) -> None:
    habit = Habit(timedelta(seconds=20), 20)
    sign = Sign(after(heard), offline_at=NOON)
    assert (silent_since(sign, habit, ALWAYS, after(31)) == NOON) is silent


def test_a_will_is_waited_for_thirty_seconds_and_for_an_interval_of_the_devices_own() -> None:
    sign = Sign(after(-5), offline_at=NOON)
    assert silent_since(sign, Habit(timedelta(seconds=1), 20), ALWAYS, after(29)) is None
    assert silent_since(sign, Habit(timedelta(seconds=1), 20), ALWAYS, after(30)) == NOON
    assert silent_since(sign, of_interval(5), ALWAYS, after(299)) is None
    assert silent_since(sign, of_interval(5), ALWAYS, after(300)) == NOON
    assert silent_since(sign, of_interval(480), ALWAYS, after(600)) == NOON, "nobody waits eight hours for a button"


def test_nobody_is_silent_while_we_are_deaf_nor_before_they_could_have_reported() -> None:
    deaf = Gap(after(60), after(3660))
    assert silent_since(Sign(NOON), of_interval(1), Hearing(None), after(3000)) is None
    heard = Hearing(deaf.ended_at, (deaf,))
    assert silent_since(Sign(NOON), of_interval(1), heard, after(3660 + 119)) is None
    assert silent_since(Sign(NOON), of_interval(1), heard, after(3660 + 179)) is None, "they connect again in turn"
    assert silent_since(Sign(NOON), of_interval(1), heard, after(3660 + 180)) == NOON


def test_short_gaps_that_come_again_and_again_do_not_hide_a_device_for_ever() -> None:
    gaps = tuple(Gap(after(900 * turn), after(900 * turn + 5)) for turn in range(1, 40))
    hearing = Hearing(gaps[-1].ended_at, gaps)
    assert silent_since(Sign(NOON), of_interval(30), hearing, gaps[-1].ended_at + GRACE_AT_MOST) == NOON


@given(moments, habits, hearings(), moments)
def test_what_is_heard_later_never_makes_a_device_silent(
    heard: datetime, habit: Habit, hearing: Hearing, now: datetime
) -> None:
    if silent_since(Sign(heard), habit, hearing, now) is None:
        assert silent_since(Sign(heard + MINUTE), habit, hearing, now) is None


@given(moments, st.none() | moments, habits, hearings(), moments, moments, st.integers(1, 10_000))
def test_one_more_gap_of_ours_never_makes_a_device_silent(
    heard: datetime, left: datetime | None, habit: Habit, hearing: Hearing, now: datetime, gap: datetime, lasts: int
) -> None:
    if silent_since(Sign(heard, left), habit, hearing, now) is not None:
        return
    more = Gap(gap, gap + timedelta(seconds=lasts))
    if any(one.began_at < more.ended_at and more.began_at < one.ended_at for one in hearing.gaps):
        return
    assert hearing.since is not None
    since = max(hearing.since, more.ended_at)
    assert silent_since(Sign(heard, left), habit, Hearing(since, (*hearing.gaps, more)), now) is None


@given(moments, st.none() | moments, habits, hearings(), moments)
def test_silence_begins_at_a_sign_and_lasts_at_least_the_wait(
    heard: datetime, left: datetime | None, habit: Habit, hearing: Hearing, now: datetime
) -> None:
    since = silent_since(Sign(heard, left), habit, hearing, now)
    if since is None:
        return
    assert since in (heard, left)
    assert now - since >= min(habit.silent_after, habit.will_wait)
    assert hearing.time_between(since, now) <= now - since


@given(moments, habits, moments)
def test_a_clock_that_went_back_makes_nobody_silent(heard: datetime, habit: Habit, now: datetime) -> None:
    if now <= heard:
        assert silent_since(Sign(heard), habit, ALWAYS, now) is None


def test_a_habit_is_the_median_of_the_intervals_between_reports() -> None:
    times = [after(60 * minute) for minute in range(20)] + [after(6 * 3600)]
    assert learn(times) == Habit(MINUTE, 20)
    assert learn(times[:5]) is None, "four intervals are no habit"


def test_messages_of_one_burst_are_one_report() -> None:
    times = [after(600 * report + burst) for report in range(10) for burst in (0, 1, 2, 8)]
    habit = learn(times)
    assert habit is not None
    assert (habit.usual, habit.learned_from) == (10 * MINUTE, 9)


@given(st.lists(moments, max_size=60), st.randoms(use_true_random=False))
def test_a_habit_does_not_depend_on_the_order_in_which_messages_came(times: list[datetime], chance: object) -> None:
    shuffled = list(times)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert learn(times) == learn(shuffled)
    habit = learn(times)
    if habit is not None:
        assert GRANULE <= habit.usual <= SLOWEST
        assert habit.silent_after >= LEAST_SILENCE


def test_a_kind_is_judged_by_its_profile_until_it_has_a_habit() -> None:
    assert habit_of_kind("emergency_button").silent_after == timedelta(hours=25)
    assert habit_of_kind("wristband").silent_after == timedelta(minutes=90)
    assert habit_of_kind("something new") == habit_of_kind("smoke_detector")


@pytest.mark.parametrize(
    ("looked", "hears", "deaf", "begun"),
    [
        (None, True, False, NOON - NEVER),
        (after(-5), True, False, None),
        (after(-60), True, False, after(-60)),
        (after(-5), False, False, after(-5)),
        (after(-5), False, True, None),
        (after(-600), True, True, None),
        (after(60), True, False, None),
    ],
)
def test_a_gap_begins_where_we_last_knew_that_we_heard(
    looked: datetime | None, hears: bool, deaf: bool, begun: datetime | None
) -> None:
    assert gap_found(looked, hears, deaf, NOON) == begun
