"""Nights out of bed, at / push / want."""

from datetime import datetime, time, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.domain.rules.evaluate import episodes, window
from alerts.domain.rules.living import next_look
from alerts.domain.rules.model import Episode, Rule, Sample
from alerts.domain.rules.sentence import sentence
from tests.unit.domain.rules.making import SOMEBODY
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
