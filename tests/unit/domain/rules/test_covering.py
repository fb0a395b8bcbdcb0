"""What a look does under covers: steps held back, released, kept for another reason; red never waits for them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from alerts.domain.alert import Severity
from alerts.domain.holding import Cover, Hold, Kind, Whose, hold, of_rule
from alerts.domain.rules.covering import Keep, at_once, concerns_covers, held_under
from alerts.domain.rules.following import Begin, End, Ended, Held, Kept, Release
from alerts.domain.rules.model import Direction, Episode, Limit, Mode, Rule
from tests.unit.domain.rules.making import CITY, ELDER, STATION, at, rule

NOW = at(30)
COVER = Cover(UUID(int=1), Kind.SILENCE, at(-60), at(60), elder_id=ELDER)
CRITICAL = rule(
    Limit("heart_rate", Direction.ABOVE, 150, 140),
    id=UUID(int=501),
    key="heart_rate_critical",
    severity=Severity.RED,
    title="紧急救援 · 心率危险",
)
EPISODE = Episode(at(0), at(10), None, {"device_id": "wb-1"})


def silenced(rule: Rule, evidence: Mapping[str, Any]) -> Hold | None:
    candidate = of_rule(rule.key, rule.severity, Whose((CITY, STATION), ELDER, evidence["device_id"]))
    return None if candidate is None else hold(candidate, [COVER], NOW)


def open_to_all(_rule: Rule, _evidence: Mapping[str, Any]) -> Hold | None:
    return None


def begin(rule: Rule) -> Begin:
    return Begin(rule, rule.severity, EPISODE)


def kept(of: Rule, why: Held | None, number: int = 1) -> Kept:
    return Kept(UUID(int=number), of, of.severity, at(0), at(10), evidence={"device_id": "wb-1"}, held=why)


def test_what_begins_under_a_cover_is_held_back() -> None:
    [step] = held_under([begin(rule())], [], silenced, {}, NOW)
    assert isinstance(step, Begin)
    assert step.held is Held.SILENCED


def test_red_begins_whatever_is_covered_and_before_anybody_asks() -> None:
    steps = [begin(rule()), begin(CRITICAL)]
    assert concerns_covers(steps, [])
    assert at_once(steps, [], NOW) == [begin(CRITICAL)]
    red, yellow = held_under(steps, [], silenced, {}, NOW)
    assert red == begin(CRITICAL)
    assert isinstance(yellow, Begin)
    assert yellow.held is Held.COVERED, "by what is worse, which is raised"


def test_an_end_is_done_with_what_is_red() -> None:
    over = End(kept(CRITICAL, None), at(20), Ended.CLEAR)
    again = begin(replace(CRITICAL, version=2))
    assert at_once([begin(rule()), over, again], [over.kept], NOW) == [over, again]


def test_what_is_tried_in_shadow_is_not_held_and_hurries_nothing() -> None:
    tried = begin(replace(CRITICAL, mode=Mode.SHADOW))
    assert at_once([tried], [], NOW) is None
    steps = held_under([tried, begin(rule(mode=Mode.SHADOW))], [], silenced, {}, NOW)
    assert [step.held for step in steps if isinstance(step, Begin)] == [None, None]


def test_one_that_is_silenced_inhibits_nothing() -> None:
    orange = replace(CRITICAL, severity=Severity.ORANGE, title="心率很高")
    by_key = replace(COVER, types=frozenset({"rule.heart_rate_critical"}))

    def ask(of: Rule, _evidence: Mapping[str, Any]) -> Hold | None:
        return Hold(of_rule(of.key, of.severity, Whose((), ELDER, "wb-1")), by_key) if of.key == orange.key else None  # type: ignore[arg-type]

    first, second = held_under([begin(rule()), begin(orange)], [], ask, {}, NOW)
    assert isinstance(first, Begin)
    assert isinstance(second, Begin)
    assert (first.rule.key, first.held) == (orange.key, Held.SILENCED)
    assert second.held is None, "the milder one speaks"


def test_when_the_cover_is_over_it_is_raised() -> None:
    waits = kept(rule(), Held.SILENCED)
    [step] = held_under([], [waits], open_to_all, {waits.id: frozenset({COVER.id})}, NOW)
    assert isinstance(step, Release)
    assert step.kept.id == waits.id


def test_when_the_cover_is_over_and_a_worse_one_is_on_that_one_holds_it() -> None:
    waits = kept(rule(), Held.SILENCED)
    assert held_under([], [waits, kept(CRITICAL, None, 2)], open_to_all, {}, NOW) == [Keep(waits, None)]


def test_when_the_worse_one_is_over_a_cover_holds_it() -> None:
    waits, worse = kept(rule(), Held.COVERED), kept(CRITICAL, None, 2)
    over = End(worse, at(20), Ended.CLEAR)
    end, keep = held_under([over], [waits, worse], silenced, {}, NOW)
    assert end == over
    assert isinstance(keep, Keep)
    assert (keep.kept.id, keep.by and keep.by.cover) == (waits.id, COVER)


def test_what_a_cover_holds_it_goes_on_holding_without_a_word() -> None:
    waits = kept(rule(), Held.SILENCED)
    assert held_under([], [waits], silenced, {waits.id: frozenset({COVER.id})}, NOW) == []


def test_another_cover_takes_over() -> None:
    waits = kept(rule(), Held.SILENCED)
    [keep] = held_under([], [waits], silenced, {waits.id: frozenset({UUID(int=2)})}, NOW)
    assert isinstance(keep, Keep)
    assert keep.by is not None
    assert keep.by.cover == COVER


def test_what_ends_under_a_cover_just_ends() -> None:
    waits = kept(rule(), Held.SILENCED)
    over = End(waits, at(20), Ended.CLEAR)
    assert held_under([over], [waits], open_to_all, {}, NOW) == [over]


RULES = st.builds(
    lambda severity, number, live: rule(
        Limit("heart_rate", Direction.ABOVE, 100 + number, 90),
        id=UUID(int=number),
        key=f"key_{number}",
        severity=severity,
        title="紧急救援 · 某事" if severity is Severity.RED else "某事",
        mode=Mode.LIVE if live else Mode.SHADOW,
    ),
    st.sampled_from(Severity),
    st.integers(1, 6),
    st.booleans(),
)


@given(
    st.lists(RULES, max_size=6, unique_by=lambda one: one.key),
    st.lists(st.tuples(RULES, st.sampled_from([None, *Held])), max_size=4, unique_by=lambda one: one[0].key),
    st.booleans(),
)
def test_whatever_is_covered_every_live_red_beginning_is_raised(
    begun: list[Rule], before: list[tuple[Rule, Held | None]], covered: bool
) -> None:
    steps = [begin(one) for one in begun]
    was = [
        kept(one, why, 100 + number)
        for number, (one, why) in enumerate(before)
        if one.severity is not Severity.RED or why is None
    ]
    red = {one.key for one in begun if one.severity is Severity.RED and one.mode is Mode.LIVE}
    decided = held_under(steps, was, silenced if covered else open_to_all, {}, NOW)
    first = at_once(steps, was, NOW)
    for found in [decided, *([first] if first is not None else [])]:
        spoken = {one.rule.key for one in found if isinstance(one, Begin) and one.held is None}
        assert red <= spoken
    assert (first is not None) == bool(red)
