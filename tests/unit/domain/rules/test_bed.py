"""Nights out of bed, at / push / want."""

from datetime import datetime, time, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.domain.rules.bed import rises_of
from alerts.domain.rules.evaluate import episodes, window
from alerts.domain.rules.living import next_look
from alerts.domain.rules.model import Episode, Rule, Sample, Subject
from alerts.domain.rules.sentence import sentence
from tests.unit.domain.rules.making import SOMEBODY, subject
from tests.unit.domain.rules.places import bed_rule, clock, said

INTO, OUT = {"in_bed": True}, {"in_bed": False}
LATER = clock("23:00", 28)


def night(*what: tuple[str, dict[str, bool]], event: bool = True) -> list[Sample]:
    """From the evening of the 23rd on."""
    samples = []
    for text, values in what:
        at = clock(text, 23 if int(text[:2]) > 12 else 24)
        samples.append(said(at, **values) if event else Sample(at, values, "bed-1"))
    return samples


def found(samples: list[Sample], now: datetime = LATER, rule: Rule | None = None) -> list[Episode]:
    return episodes(rule or bed_rule(), SOMEBODY, samples, now)


@pytest.mark.parametrize("event", [True, False])
def test_out_at_ten_past_two_and_not_back(event: bool) -> None:
    samples = night(("22:30", INTO), ("02:10", OUT), event=event)
    assert found(samples, clock("02:39", 24)) == []
    [gone] = found(samples, clock("02:40", 24))
    assert (gone.began_at, gone.raised_at, gone.cleared_at) == (clock("02:10", 24), clock("02:40", 24), None)
    assert sentence(bed_rule(), gone, gone.raised_at) == "凌晨 2:10 离床，已 30 分钟未回"
    [gone] = found([*samples, *night(("03:05", INTO), event=event)])
    assert gone.cleared_at == clock("03:05", 24)


def test_the_sentence_after_as_long_as_is_set() -> None:
    rule = bed_rule(lasting=timedelta(minutes=45))
    [gone] = found(night(("22:30", INTO), ("02:10", OUT)), rule=rule)
    assert sentence(rule, gone, gone.raised_at) == "凌晨 2:10 离床，已 45 分钟未回"


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ((("22:30", INTO), ("02:10", OUT), ("02:35", INTO)), "a visit to the toilet"),
        ((("21:00", INTO), ("21:30", OUT)), "the evening is no night"),
        ((("22:30", INTO), ("05:40", OUT)), "an early riser"),
        ((("22:30", INTO),), "asleep"),
        ((("14:00", INTO), ("15:00", OUT)), "after the nap"),
    ],
)
def test_what_is_no_alarm(what: tuple[tuple[str, dict[str, bool]], ...], why: str) -> None:
    assert found(night(*what)) == [], why


def test_who_is_not_known_to_have_been_in_bed_is_still_up() -> None:
    assert found(night(("22:30", OUT), ("23:30", OUT), event=False)) == []


def test_not_back_by_a_set_hour() -> None:
    rule = bed_rule(back_by=time(0, 30))
    samples = night(("13:00", INTO), ("21:05", OUT))
    [gone] = found(samples, rule=rule)
    assert gone.raised_at == clock("00:30", 24)
    assert sentence(rule, gone, gone.raised_at) == "晚上 21:05 离床，到 0:30 仍未回床"
    assert found([*samples, *night(("23:50", INTO))], rule=rule) == []


def test_when_to_look_again() -> None:
    rules = [bed_rule()]
    asleep = night(("22:30", INTO), ("01:00", INTO), event=False)
    assert next_look(rules, SOMEBODY, asleep, clock("01:00", 24)) == clock("01:30", 24)
    assert next_look(rules, SOMEBODY, asleep, clock("02:00", 24)) == clock("02:30", 24), "nothing was heard since"
    gone = [*asleep, *night(("02:10", OUT), event=False)]
    assert next_look(rules, SOMEBODY, gone, clock("02:11", 24)) == clock("02:40", 24)
    assert next_look(rules, SOMEBODY, gone, clock("02:41", 24)) is None
    by_day = night(("14:00", INTO), event=False)
    assert next_look(rules, SOMEBODY, by_day, clock("14:10")) == clock("22:30")
    assert next_look([bed_rule(back_by=time(21))], SOMEBODY, by_day, clock("14:10")) == clock("21:00")
    assert next_look(rules, SOMEBODY, [], clock("14:10")) is None


drawn = st.lists(st.tuples(st.integers(0, 12 * 60), st.booleans(), st.booleans()), max_size=30)


def _samples(what: list[tuple[int, bool, bool]]) -> list[Sample]:
    samples = []
    for minute, in_bed, event in what:
        at = clock("20:00") + timedelta(minutes=minute)
        samples.append(said(at, in_bed=in_bed) if event else Sample(at, {"in_bed": in_bed}, "bed-1"))
    return samples


@given(drawn, st.randoms())
def test_order_doubling_and_lateness_change_nothing(what: list[tuple[int, bool, bool]], random: Random) -> None:
    samples = _samples(what)
    shuffled = samples * 2
    random.shuffle(shuffled)
    assert found(shuffled) == found(samples)


@given(drawn, st.integers(0, 12 * 60))
def test_a_restart_finds_what_was_found_before(what: list[tuple[int, bool, bool]], minute: int) -> None:
    samples, new = _samples(what), clock("20:00") + timedelta(minutes=minute)
    known = found([one for one in samples if one.at < new], new)
    asked = window(bed_rule(), new, known)
    again = episodes(bed_rule(), SOMEBODY, [one for one in samples if one.at >= asked.samples_from], LATER, asked.since)
    kept = [one for one in known if one.cleared_at is not None and one.cleared_at <= asked.since]
    assert [one.raised_at for one in (*kept, *again)] == [one.raised_at for one in found(samples)]


WALKS = [("05:25", 10), ("05:40", 60), ("05:55", 90)]


@pytest.mark.parametrize(
    ("left", "who", "walks", "told_at"),
    [
        ("05:20", SOMEBODY, [], "05:50"),
        ("05:20", SOMEBODY, WALKS, None),  # up and about until the night is over
        ("05:20", SOMEBODY, WALKS[:1], "05:50"),  # the first count says nothing yet
        ("04:10", SOMEBODY, [("04:12", 3), ("04:20", 40)], "04:50"),  # and then no step more
        ("02:10", SOMEBODY, [("02:15", 3), ("02:25", 40), ("02:35", 60)], "02:40"),  # who wanders at two is told of
        ("05:20", subject(rises=time(5, 10)), [], None),  # as now and then
        ("04:20", subject(rises=time(5, 10)), [], "04:50"),
        ("04:50", subject(rises=time(5, 10)), [], None),
        ("02:10", subject(rises=time(2, 0)), [], "02:40"),  # a habit of the deep night is none
    ],
)
def test_who_gets_up_for_the_day_is_not_told_of(
    left: str, who: Subject, walks: list[tuple[str, int]], told_at: str | None
) -> None:
    samples = night(("22:30", INTO), (left, OUT))
    samples += [Sample(clock(text, 24), {"steps": count, "worn": True}, "wb-1") for text, count in walks]
    told = [one.raised_at for one in episodes(bed_rule(), who, samples, LATER)]
    assert told == ([] if told_at is None else [clock(told_at, 24)])
    if told_at is not None:
        assert next_look([bed_rule()], who, samples, clock(left, 24)) is not None


def test_by_when_somebody_is_up_on_one_day_in_ten() -> None:
    samples = []
    for day in range(1, 21):
        up = "04:50" if day == 5 else f"05:{day + 9:02}"
        samples += [said(clock("22:30", day), **INTO), said(clock("01:00", day + 1), **OUT)]
        samples += [said(clock("01:10", day + 1), **INTO), said(clock(up, day + 1), **OUT)]
    assert rises_of(samples, clock("12:00", 22)) == time(5, 10)
    assert rises_of(samples[:36], clock("12:00", 22)) is None, "of nine days nothing is usual"


def test_who_is_in_hospital_is_neither_in_this_bed_nor_out_of_it() -> None:
    samples = night(("22:30", INTO), ("02:10", OUT))
    for start, end, told in (
        ("02:20", None, []),  # taken to hospital before anybody was told
        ("02:50", None, [(clock("02:40", 24), clock("02:50", 24))]),  # it is over when the stay begins
        ("01:00", "05:00", []),
        ("00:30", "01:00", [(clock("02:40", 24), None)]),
    ):
        stay = (clock(start, 24), None if end is None else clock(end, 24))
        found = episodes(bed_rule(), subject(absences=(stay,)), samples, LATER)
        assert [(one.raised_at, one.cleared_at) for one in found] == told
