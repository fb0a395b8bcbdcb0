"""Habits and pauses, at / push / want."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.domain.rules.evaluate import episodes, window
from alerts.domain.rules.living import next_look
from alerts.domain.rules.model import Episode, Habit, Sample, Subject
from alerts.domain.rules.sentence import sentence
from alerts.domain.rules.stillness import habit_of
from tests.parts.examples import examples
from tests.unit.domain.rules.making import subject
from tests.unit.domain.rules.places import TWO_HOURS, away, circle, clock, fix, said, steps, still_rule

KNOWN = subject(habit=TWO_HOURS)
LATER = clock("23:00", 28)


def found(samples: list[Sample], who: Subject = KNOWN, now: datetime = LATER) -> list[Episode]:
    return episodes(still_rule(), who, samples, now)


def still(start: str, minutes: int, count: int = 100, day: int = 23, **more: float) -> list[Sample]:
    """Each ten minutes the same count of steps."""
    samples = steps(clock(start, day), *(count,) * (minutes // 10 + 1))
    return [Sample(one.at, {**one.values, **more}, one.device_id) for one in samples]


def test_three_hours_where_two_are_usual() -> None:
    samples = [*steps(clock("13:50"), 90, 100), *still("14:10", 180)]
    [pause] = found(samples)
    assert (pause.began_at, pause.raised_at, pause.cleared_at) == (clock("14:00"), clock("17:00"), None)
    [pause] = found([*samples, *steps(clock("18:00"), 120)])
    assert pause.cleared_at == clock("18:00")


def test_the_sentence() -> None:
    habit = Habit((200.0,) * 24, 28)
    samples = [*steps(clock("13:50"), 90, 100), *still("14:10", 400)]
    [pause] = found(samples, subject(habit=habit))
    assert sentence(still_rule(), pause, pause.raised_at) == (
        "今日 14:00 起没有活动 5 小时，平时这个时段最长 3 小时 20 分钟"
    )
    ten_hours = subject(habit=Habit((600.0,) * 24, 28))
    [pause] = found([*steps(clock("13:50"), 90, 100), *still("14:10", 16 * 60)], ten_hours)
    assert pause.raised_at == clock("06:00", 24), "not in the quiet night"
    assert sentence(still_rule(), pause, pause.raised_at).startswith("昨日 14:00 起没有活动 16 小时")


@pytest.mark.parametrize(
    ("sign", "why"),
    [
        (said(clock("15:30")), "a door, a button"),
        (said(clock("15:30"), in_bed=True), "into bed"),
        (Sample(clock("15:30"), {"steps": 101, "worn": True}, "wb-1"), "a step"),
        (Sample(clock("15:30"), {"steps": 3, "worn": True}, "wb-1"), "a step after the count began anew"),
    ],
)
def test_a_sign_of_life_begins_it_anew(sign: Sample, why: str) -> None:
    later = dict(sign.values).get("steps", 100)
    samples = [*steps(clock("13:50"), 90, 100), *still("14:10", 70), sign, *still("15:40", 140, int(later))]
    assert found(samples) == [], why


def test_a_count_that_begins_anew_at_midnight_is_no_sign() -> None:
    samples = [*still("22:00", 110), *still("00:00", 700, 0, day=24)]
    [pause] = found([*steps(clock("21:50"), 90), *samples])
    assert pause.began_at == clock("22:00")


@pytest.mark.parametrize(
    ("silent", "why"),
    [
        ([], "nothing comes at all"),
        (still("14:10", 180, worn=False), "on the table it counts nothing"),
        ([*still("14:10", 60), *still("16:20", 120)], "an hour without data, and two hours after it"),
    ],
)
def test_no_data_is_no_stillness(silent: list[Sample], why: str) -> None:
    assert found([*steps(clock("13:50"), 90, 100), *silent]) == [], why


def test_a_silence_of_devices_does_not_end_it_and_the_next_sign_does() -> None:
    samples = [*steps(clock("13:50"), 90, 100), *still("14:10", 180), *still("19:00", 240)]
    assert len(found(samples)) == 1
    [pause] = found([*samples, said(clock("23:30"))])
    assert pause.cleared_at == clock("23:30")


def test_who_is_away_is_not_still_at_home() -> None:
    samples = [*steps(clock("13:50"), 90, 100), *still("14:10", 300)]
    in_hospital = subject(habit=TWO_HOURS, absences=((clock("15:00"), None),))
    assert found(samples, in_hospital) == []
    at_the_market = subject(habit=TWO_HOURS, fences=(circle(),))
    trip = [fix(clock("15:00"), away(2000)), fix(clock("18:00"), away(0))]
    assert found([*samples, *trip], at_the_market) == []
    [pause] = found([*samples, *still("19:20", 120), *trip], at_the_market)
    assert pause.began_at == clock("18:00"), "counted from the return"


def test_nobody_without_a_habit() -> None:
    samples = [*steps(clock("13:50"), 90, 100), *still("14:10", 600)]
    assert found(samples, subject()) == []
    assert found(samples, subject(habit=Habit((120.0,) * 24, 13))) == []
    assert found(samples, subject(habit=Habit((None,) * 24, 28))) == []


def test_the_hour_decides() -> None:
    """Who naps until three is looked for after the nap."""
    nap = tuple(240.0 if hour < 15 else 60.0 for hour in range(24))
    samples = [*steps(clock("11:50"), 90, 100), *still("12:10", 240)]
    [pause] = found(samples, subject(habit=Habit(nap, 28)))
    assert pause.raised_at == clock("15:00")


def test_when_to_look_again() -> None:
    rule = still_rule()
    samples = [*steps(clock("13:50"), 90, 100), *still("14:10", 60)]
    assert next_look([rule], KNOWN, samples, clock("15:10")) == clock("17:00")
    late = [*samples, *still("15:20", 90)]
    assert next_look([rule], KNOWN, late, clock("17:01")) == clock("17:06"), "too long, and not yet confirmed"
    assert next_look([rule], KNOWN, samples, clock("19:00")) is None, "no data"
    assert next_look([rule], subject(), samples, clock("15:10")) is None


def a_day(day: int, pause_from: int, pause_to: int) -> list[Sample]:
    """A step each ten minutes from seven to ten, but for a pause between two hours; the night is still."""
    samples, count = [], 0
    for minute in range(0, 24 * 60, 10):
        if 7 * 60 <= minute < 22 * 60 and not pause_from * 60 < minute <= pause_to * 60:
            count += 10
        at = datetime(2026, 10, 1, tzinfo=UTC) + timedelta(days=day, minutes=minute) - timedelta(hours=8)
        samples.append(Sample(at, {"steps": count, "worn": True}, "wb-1"))
    return samples


def test_a_habit_is_what_is_usual_at_each_hour() -> None:
    samples = [one for day in range(28) for one in a_day(day, 12, 15 if day % 2 else 14)]
    habit = habit_of(samples, subject(), timedelta(hours=1), LATER)
    assert habit is not None
    assert habit.days == 28
    assert (habit.pauses[10], habit.pauses[12], habit.pauses[13], habit.pauses[14]) == (10, 60, 120, 180)
    assert habit.pauses[5] == pytest.approx(8 * 60, abs=20), "from before ten in the evening to six"


def test_one_bad_day_is_no_habit() -> None:
    samples = [one for day in range(28) for one in a_day(day, 9, 21 if day == 5 else 9)]
    habit = habit_of(samples, subject(), timedelta(hours=1), LATER)
    assert habit is not None
    assert habit.pauses[19] == 10


def test_hours_that_were_hardly_watched_have_none() -> None:
    samples = [one for day in range(28) for one in a_day(day, 9, 9) if day < 9 or one.at.hour < 4]
    habit = habit_of(samples, subject(), timedelta(hours=1), LATER)
    assert habit is not None
    assert habit.pauses[20] is None
    assert habit.pauses[9] is not None
    assert habit_of([], subject(), timedelta(hours=1), LATER) is None


drawn = st.lists(st.tuples(st.integers(0, 900), st.sampled_from(["same", "step", "door", "off"])), max_size=60)


def _samples(what: list[tuple[int, str]]) -> list[Sample]:
    samples, count = [], 100
    for minute, kind in sorted(what):
        at = clock("07:00") + timedelta(minutes=minute)
        count += kind == "step"
        if kind == "door":
            samples.append(said(at))
        else:
            samples.append(Sample(at, {"steps": count, "worn": kind != "off"}, "wb-1"))
    return samples


@examples(20)
@given(drawn, st.randoms())
def test_order_doubling_and_lateness_change_nothing(what: list[tuple[int, str]], random: Random) -> None:
    samples = [*_samples(what), *still("08:00", 720, 500)]
    shuffled = samples * 2
    random.shuffle(shuffled)
    assert found(shuffled) == found(samples)


@examples(20)
@given(drawn)
def test_somebody_watched_all_the_time_is_found_exactly_when_they_were_still(what: list[tuple[int, str]]) -> None:
    """Three hours between two signs are told, less is not."""
    doors = sorted({minute for minute, kind in what if kind == "door"})
    watched = still("07:00", 900)
    samples = [*watched, *(said(clock("07:00") + timedelta(minutes=minute)) for minute in doors)]
    marks = [0, *doors, 900]
    long = [start for start, end in pairwise(marks) if end - start > 180 or end == 900 == start + 180]
    told = [episode.began_at for episode in found(samples, now=clock("21:59"))]
    assert told == [clock("07:00") + timedelta(minutes=start) for start in long]


@examples(20)
@given(drawn, st.integers(0, 900))
def test_a_restart_finds_what_was_found_before(what: list[tuple[int, str]], minute: int) -> None:
    samples, new = [*_samples(what), *still("09:00", 720, 500)], clock("07:00") + timedelta(minutes=minute)
    known = found([one for one in samples if one.at < new])
    asked = window(still_rule(), new, known)
    again = episodes(still_rule(), KNOWN, [one for one in samples if one.at >= asked.samples_from], LATER, asked.since)
    kept = [one for one in known if one.cleared_at is not None and one.cleared_at < asked.since]
    assert [*kept, *again] == found(samples)
