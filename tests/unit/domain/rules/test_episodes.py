"""When a rule speaks and when it is over, as it happens at somebody's wrist."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from alerts.domain.rules.evaluate import AHEAD, as_raised, episodes, looks_back, window
from alerts.domain.rules.model import Baseline, Direction, Episode, OwnLimit, Sample, Score
from alerts.domain.rules.sentence import sentence
from tests.unit.domain.rules.making import (
    FAST,
    NEWS2_5,
    NOON,
    OWN_FAST,
    SLOW,
    SOMEBODY,
    at,
    minutes,
    pulse,
    rule,
    sample,
    subject,
    usual,
)

LATER = at(1000)


def times(found: list[Episode]) -> list[tuple[float, float, float | None]]:
    """began, raised, cleared in minutes since noon."""

    def minute(time: datetime | None) -> float | None:
        return None if time is None else (time - NOON) / timedelta(minutes=1)

    return [(minute(one.began_at), minute(one.raised_at), minute(one.cleared_at)) for one in found]  # type: ignore[misc]


def test_a_racing_heart_is_told_after_five_minutes_and_is_over_after_five_calm_ones() -> None:
    rates = pulse(84, 126, 131, 128, 134, 133, 129, 125, 118, 112, 109, 104, 101, 98, 96, 95, 94)
    (found,) = episodes(rule(), SOMEBODY, rates, LATER)
    assert times([found]) == [(1, 6, 15)]
    assert found.evidence == {
        "kind": "limit",
        "field": "heart_rate",
        "value": 129,
        "at": at(6).isoformat(),
        "device_id": "wb-1",
        "direction": "above",
        "limit": 120,
        "worst": 134,
        "samples": 6,
    }


def test_a_walk_to_the_door_is_nothing() -> None:
    assert episodes(rule(), SOMEBODY, pulse(84, 126, 131, 128, 119, 125, 124, 90), LATER) == []


@pytest.mark.parametrize(("last", "raised"), [(4 + 59.999 / 60, []), (5, [(0, 5, None)])])
def test_five_minutes_are_five_minutes(last: float, raised: list[object]) -> None:
    rates = [*pulse(130, 130, 130), sample(last, heart_rate=130)]
    assert times(episodes(rule(), SOMEBODY, rates, LATER)) == raised


@pytest.mark.parametrize(("last", "cleared"), [(6 + 4.999, None), (6 + 5, 11)])
def test_five_calm_minutes_are_five_minutes(last: float, cleared: float | None) -> None:
    rates = [*pulse(*[130] * 6, 100, 100, 100, 100), sample(last, heart_rate=100)]
    assert times(episodes(rule(), SOMEBODY, rates, LATER)) == [(0, 5, cleared)]


def test_at_once_is_at_the_first_sample_and_over_at_the_first_clear_one() -> None:
    at_once = rule(lasting=minutes(0), clear_after=minutes(0))
    rates = pulse(90, 121, 115, 110, 90, 121)
    assert times(episodes(at_once, SOMEBODY, rates, LATER)) == [(1, 1, 3), (5, 5, None)]


def test_what_was_over_does_not_shorten_what_comes_next() -> None:
    soon_over = rule(lasting=minutes(2), clear_after=minutes(0))
    assert times(episodes(soon_over, SOMEBODY, pulse(130, 130, 130, 100, 130, 130, 130), LATER)) == [
        (0, 2, 3),
        (4, 6, None),
    ]


@pytest.mark.parametrize(("value", "beyond"), [(120, False), (120.1, True), (119.9, False)])
def test_the_limit_itself_is_not_beyond_it(value: float, beyond: bool) -> None:
    assert bool(episodes(rule(lasting=minutes(0)), SOMEBODY, pulse(value), LATER)) is beyond


def test_below_is_the_same_the_other_way_round() -> None:
    rates = pulse(60, 48, 47, 49, 46, 48, 47, 51, 52, *[53] * 6)
    (found,) = episodes(rule(SLOW), SOMEBODY, rates, LATER)
    assert times([found]) == [(1, 6, 14)]
    assert (found.evidence["value"], found.evidence["worst"]) == (47, 46)


@pytest.mark.parametrize(("gap", "raised"), [(5, [(0, 6, None)]), (5.001, [])])
def test_two_samples_further_apart_than_the_gap_are_not_one_stretch(gap: float, raised: list[object]) -> None:
    rates = [*pulse(130, 130), sample(1 + gap, heart_rate=130)]
    assert times(episodes(rule(), SOMEBODY, rates, LATER)) == raised


def test_after_a_gap_it_begins_anew() -> None:
    rates = [*pulse(130, 130, 130), *pulse(*[130] * 6, start=10)]
    assert times(episodes(rule(), SOMEBODY, rates, LATER)) == [(10, 15, None)]


def test_a_silent_watch_is_neither_recovery_nor_a_second_alarm() -> None:
    rates = [*pulse(*[130] * 6), *pulse(131, start=300), *pulse(100, start=400), *pulse(100, start=460)]
    assert times(episodes(rule(), SOMEBODY, rates, LATER)) == [(0, 5, None)]


def test_one_beat_above_what_is_clear_starts_the_calm_again() -> None:
    rates = pulse(*[130] * 6, *[105] * 5, 111, *[105] * 6)
    assert times(episodes(rule(), SOMEBODY, rates, LATER)) == [(0, 5, 17)]


def test_a_watch_on_the_table_measures_nothing() -> None:
    off = [sample(minute, heart_rate=130, worn=False) for minute in range(10)]
    assert episodes(rule(), SOMEBODY, off, LATER) == []


def test_taken_off_in_the_middle_it_says_neither() -> None:
    """Its calm values on the table are not the elder's."""
    rates = [*pulse(*[130] * 6), *(sample(minute, heart_rate=70, worn=False) for minute in range(6, 30))]
    assert times(episodes(rule(), SOMEBODY, rates, LATER)) == [(0, 5, None)]


def test_a_battery_is_low_whether_worn_or_not() -> None:
    low = rule(condition=type(FAST)("battery", SLOW.direction, 15, 30), lasting=minutes(0))
    assert times(episodes(low, SOMEBODY, [sample(0, battery=9, worn=False)], LATER)) == [(0, 0, None)]


def test_of_two_devices_at_one_instant_the_more_alarming_counts() -> None:
    calm = [sample(minute, "bed-1", heart_rate=70) for minute in range(6)]
    racing = [sample(minute, "wb-1", heart_rate=130) for minute in range(6)]
    (found,) = episodes(rule(), SOMEBODY, [*calm, *racing], LATER)
    assert (found.raised_at, found.evidence["device_id"]) == (at(5), "wb-1")
    slow = [sample(minute, "bed-1", heart_rate=45) for minute in range(6)]
    (found,) = episodes(rule(SLOW), SOMEBODY, [*slow, *racing], LATER)
    assert (found.raised_at, found.evidence["device_id"]) == (at(5), "bed-1")


def test_a_sample_from_the_future_waits_for_its_time() -> None:
    rates = pulse(*[130] * 6)
    a_moment_before = at(5) - AHEAD - timedelta(seconds=1)
    assert episodes(rule(), SOMEBODY, rates, a_moment_before) == []
    assert times(episodes(rule(), SOMEBODY, rates, at(5) - AHEAD)) == [(0, 5, None)]


def test_a_clock_that_steps_back_leaves_what_was_before_as_it_was() -> None:
    rates = pulse(*[130] * 8, *[100] * 6)
    assert times(episodes(rule(), SOMEBODY, rates, LATER)) == [(0, 5, 13)]
    assert times(episodes(rule(), SOMEBODY, rates, at(6) - AHEAD)) == [(0, 5, None)]


def test_the_hour_that_comes_twice_is_two_hours() -> None:
    """Berlin, 25 October 2026: 02:00 to 03:00 comes twice."""
    berlin = ZoneInfo("Europe/Berlin")
    first = datetime(2026, 10, 25, 2, 30, tzinfo=berlin)
    second = first.replace(fold=1)
    rates = [Sample(first, {"heart_rate": 130}, "wb-1"), Sample(second, {"heart_rate": 130}, "wb-1")]
    patient = rule(lasting=minutes(60), gap=minutes(60))
    (found,) = episodes(patient, SOMEBODY, rates, second)
    assert found.raised_at - found.began_at == timedelta(hours=1)


def test_what_four_bytes_make_of_a_value_is_the_value() -> None:
    stored = 36.099998474121094  # 36.1 as a float4
    cold = rule(type(FAST)("body_temperature", SLOW.direction, 36.1, 36.5), lasting=minutes(0))
    assert episodes(cold, SOMEBODY, [sample(0, body_temperature=stored)], LATER) == []


def test_without_a_baseline_an_own_limit_says_nothing() -> None:
    own = rule(OWN_FAST)
    racing = pulse(*[150] * 10)
    assert episodes(own, SOMEBODY, racing, LATER) == []
    assert episodes(own, usual(72, 8, hours=167), racing, LATER) == []
    assert times(episodes(own, usual(72, 8, hours=168), racing, LATER)) == [(0, 5, None)]


def test_an_own_limit_is_so_many_spreads_from_the_median() -> None:
    """72 + 4 × 8 = 104; clear again at 72 + 2.5 × 8 = 92."""
    own = rule(OWN_FAST)
    assert episodes(own, usual(72, 8), pulse(*[104] * 10), LATER) == []
    rates = pulse(*[105] * 6, *[93] * 6, *[92] * 6)
    (found,) = episodes(own, usual(72, 8), rates, LATER)
    assert times([found]) == [(0, 5, 17)]
    assert {name: found.evidence[name] for name in ("kind", "limit", "median", "spread", "hours")} == {
        "kind": "own_limit",
        "limit": 104,
        "median": 72,
        "spread": 8,
        "hours": 300,
    }


def test_an_episode_goes_by_the_baseline_it_was_raised_with() -> None:
    own, rates = rule(OWN_FAST), pulse(*[105] * 10)
    (found,) = episodes(own, usual(72, 8), rates, LATER)
    tomorrow = usual(80, 9)
    assert episodes(own, tomorrow, rates, LATER) == []
    assert episodes(own, as_raised(own, tomorrow, found.evidence), rates, LATER) == [found]


# NEWS2 ----------------------------------------------------------------------------------------------


def test_a_score_is_made_of_the_freshest_of_each() -> None:
    """RR 25 (3) at 0, and a pulse of 112 (2) each minute: 5, until the respiration is an hour old."""
    rates = [sample(0, respiratory_rate=25), *pulse(*[112] * 80, start=1)]
    score = rule(NEWS2_5, lasting=minutes(59))
    assert times(episodes(score, SOMEBODY, rates, LATER)) == [(1, 60, None)]
    assert episodes(rule(NEWS2_5, lasting=minutes(60)), SOMEBODY, rates, LATER) == []


def test_a_score_tells_what_it_is_made_of() -> None:
    rates = [sample(0, "bed-1", respiratory_rate=25), sample(1, "wb-1", heart_rate=112, spo2=97)]
    (found,) = episodes(rule(NEWS2_5, lasting=minutes(0)), SOMEBODY, rates, LATER)
    assert found.evidence == {
        "kind": "score",
        "total": 5,
        "at": at(1).isoformat(),
        "device_id": "wb-1",
        "limit": 5,
        "risk": "medium",
        "points": {"respiratory_rate": 3, "spo2": 0, "heart_rate": 2},
        "values": {"respiratory_rate": 25, "spo2": 97, "heart_rate": 112},
        "taken_at": {"respiratory_rate": at(0).isoformat(), "spo2": at(1).isoformat(), "heart_rate": at(1).isoformat()},
        "missing": ["on_oxygen", "systolic", "consciousness", "body_temperature"],
        "samples": 1,
    }


def test_what_is_well_does_not_confirm_what_was_measured_once() -> None:
    """One bad set of values, and a calm pulse each minute after it."""
    rates = [sample(0, respiratory_rate=26, systolic=88), *pulse(*[75] * 30, start=1)]
    assert episodes(rule(NEWS2_5), SOMEBODY, rates, LATER) == []
    again = [*rates, sample(4, respiratory_rate=25), sample(8, respiratory_rate=25)]
    assert times(episodes(rule(NEWS2_5), SOMEBODY, again, LATER)) == [(0, 8, None)]


def test_that_a_parameter_falls_silent_is_no_recovery() -> None:
    """The bed sensor is unplugged: the respiration of 26 that it last told stands until it is measured again."""
    ill = [sample(minute, respiratory_rate=26, heart_rate=112) for minute in range(6)]
    alone = [*ill, *pulse(*[112] * 120, start=6)]
    assert times(episodes(rule(NEWS2_5), SOMEBODY, alone, LATER)) == [(0, 5, None)]
    recovered = [*alone, *(sample(130 + minute, respiratory_rate=16, heart_rate=100) for minute in range(6))]
    assert times(episodes(rule(NEWS2_5), SOMEBODY, recovered, LATER)) == [(0, 5, 135)]


def test_the_device_whose_value_weighs_most_completed_it() -> None:
    values = [sample(0, "wb-1", heart_rate=112), sample(0, "bed-1", respiratory_rate=25), sample(0, "wb-1", spo2=97)]
    (found,) = episodes(rule(NEWS2_5, lasting=minutes(0)), SOMEBODY, values, LATER)
    assert found.evidence["device_id"] == "bed-1"


def test_three_in_one_is_its_own_condition() -> None:
    values = [sample(0, respiratory_rate=26)]
    at_once = minutes(0)
    assert episodes(rule(Score(5), lasting=at_once), SOMEBODY, values, LATER) == []
    assert episodes(rule(Score(5, or_three_in_one=True), lasting=at_once), SOMEBODY, values, LATER)


def test_scale_2_is_for_those_whom_a_doctor_gave_it() -> None:
    values = [sample(0, spo2=89, heart_rate=112)]
    score = rule(NEWS2_5, lasting=minutes(0))
    assert episodes(score, SOMEBODY, values, LATER)
    assert episodes(score, subject(spo2_scale_2=True), values, LATER) == []


# What is needed to know it ---------------------------------------------------------------------------


def test_how_far_to_look_back() -> None:
    assert looks_back(rule(lasting=minutes(10), gap=minutes(5))) == minutes(15)
    assert looks_back(rule(Score(5, fresh=minutes(60)), lasting=minutes(10), gap=minutes(5))) == minutes(75)


def test_nine_of_ten_minutes_are_not_forgotten_and_not_counted_twice() -> None:
    ten = rule(lasting=minutes(10))
    rates = pulse(*[130] * 11)
    before = episodes(ten, SOMEBODY, rates[:10], at(9))
    assert before == []
    needed = window(ten, at(10), before)
    seen = [one for one in rates if one.at >= needed.samples_from]
    assert times(episodes(ten, SOMEBODY, seen, at(10), needed.since)) == [(0, 10, None)]
    assert times(episodes(ten, SOMEBODY, [*seen, *seen[:10]], at(10), needed.since)) == [(0, 10, None)]


def test_an_episode_that_is_on_is_played_from_its_beginning() -> None:
    on = Episode(at(0), at(5), None, {})
    assert window(rule(), at(300), [on]).since == at(0)
    over = Episode(at(0), at(5), at(20), {})
    assert window(rule(), at(300), [over]).since == at(290)
    # Clear at the very first sample of the window: it is found again, and so must not stay beside itself.
    assert window(rule(), at(30), [over]).since == at(0)
    scored = window(rule(NEWS2_5), at(300), [on])
    assert (scored.since, scored.samples_from) == (at(0), at(-60))


def test_what_is_older_than_the_window_only_says_what_a_score_still_knows() -> None:
    """The calm hour before, its end still racing, and the respiration of then."""
    before = [sample(0, respiratory_rate=25), *pulse(*[130] * 20, start=1)]
    after_it = pulse(130, 130, start=21)
    assert episodes(rule(), SOMEBODY, [*before, *after_it], LATER, since=at(21)) == []
    score = rule(NEWS2_5, lasting=minutes(1))
    assert times(episodes(score, SOMEBODY, [*before, *after_it], LATER, since=at(21))) == [(21, 22, None)]
    assert episodes(score, SOMEBODY, after_it, LATER, since=at(21)) == []


def test_a_backlog_brings_an_episode_before_the_known_one() -> None:
    late = pulse(*[130] * 6, *[100] * 6)
    known = pulse(*[130] * 6, start=60)
    before = episodes(rule(), SOMEBODY, known, at(70))
    needed = window(rule(), at(0), before)
    found = episodes(rule(), SOMEBODY, [*known, *late], at(80), needed.since)
    assert times(found) == [(0, 5, 11), (60, 65, None)]
    assert found[1] == before[0]


def saturation(*values: float, every: float = 5) -> list[Sample]:
    return [sample(number * every, spo2=value) for number, value in enumerate(values)]


OWN_SPO2 = OwnLimit("spo2", Direction.BELOW, 1, 0.5, 168, (92, 100), always=88, until_known=92, over=minutes(30))


@pytest.mark.parametrize(
    ("usual_median", "values", "raised_at"),
    [
        (None, [95, 91, 91, 91, 91, 91, 91], 30),  # the middle of an even number counts between its neighbours
        (96, [95, 91, 91, 91, 91, 91, 91], 30),  # what is well for most is the limit of who is better than most
        (94, [94, 90, 91, 89, 90, 90, 91], None),  # as much below as a sensor may err: one value in six is beyond 90
        (94, [94, 89, 89, 89, 95, 89, 89, 89], 30),  # a value that is well among others ends nothing
        (90, [90, 87, 87, 88, 87, 87, 87], 30),  # and 87 is too low for everybody
        (97, [97, 85, 97, 97, 84, 97, 97, 85, 97], None),  # dips of a sleeper
    ],
)
def test_oxygen_is_low_by_what_is_usual_and_by_most_of_half_an_hour(
    usual_median: float | None, values: list[float], raised_at: float | None
) -> None:
    known = {} if usual_median is None else {"spo2": Baseline(usual_median, 1, 200)}
    found = episodes(
        rule(OWN_SPO2, lasting=minutes(20), gap=minutes(30)), subject(baselines=known), saturation(*values), at(600)
    )
    assert [one.raised_at for one in found] == ([] if raised_at is None else [at(raised_at)])


def test_what_began_before_the_usual_was_known_ends_by_the_limit_of_then() -> None:
    low = rule(OWN_SPO2, lasting=minutes(20), gap=minutes(30))
    [one] = episodes(low, SOMEBODY, saturation(*[91] * 5), at(600))
    known = subject(baselines={"spo2": Baseline(92, 1, 200)})
    assert one.evidence["over_seconds"] == 1800
    assert sentence(low, one, one.raised_at) == "血氧 91%，持续 20 分钟，低于本人下限 92（30 分钟中位数）"
    assert episodes(low, as_raised(low, known, one.evidence), saturation(*[91] * 5), at(600)) == [one]
