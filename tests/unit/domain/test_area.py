"""Lost together or each for itself."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from alerts.domain.area import (
    LEAST_DEVICES,
    RELEASE_AFTER,
    SETTLE,
    TOGETHER,
    Alive,
    Lost,
    Open,
    belongs_to,
    incidents,
    lost_together,
    mostly_back,
    releases,
    wait_for_company,
)
from tests.unit.domain.making import CITY, DISTRICT, NOON, STATION, STREET, after

OTHER = UUID(int=5)
HERE, THERE = (CITY, DISTRICT, STREET, STATION), (CITY, DISTRICT, STREET, OTHER)


def lost(
    number: int, since: float = 0, *, path: tuple[UUID, ...] = HERE, source: str | None = None, usual: float = 60
) -> Lost:
    at = after(since)
    return Lost(UUID(int=number), path, source, at, at + timedelta(seconds=usual), at + timedelta(seconds=3 * usual))


SETTLED = after(180) + SETTLE


def test_five_that_may_have_been_lost_at_once_are_a_group_once_it_has_settled() -> None:
    five = [lost(number, -number * 10) for number in range(5)]
    assert [set(group) for group in lost_together(five, SETTLED)] == [set(five)]
    assert lost_together(five[:4], SETTLED) == []
    assert lost_together(five, after(140) + SETTLE - timedelta(seconds=1)) == []


def test_what_is_lost_one_after_the_other_over_an_hour_is_no_group() -> None:
    assert lost_together([lost(number, number * 700) for number in range(6)], after(90_000)) == []


def test_who_reports_seldom_may_have_been_lost_with_the_others() -> None:
    seldom = lost(9, -1500, usual=1800)
    group = lost_together([lost(number) for number in range(5)] + [seldom], after(9000))
    assert seldom in group[0]


def test_the_lowest_organisation_that_has_nearly_all_of_it_is_where_it_happened() -> None:
    here = [lost(number) for number in range(20)]
    there = [lost(100 + number, path=THERE) for number in range(20)]
    [one] = incidents(here, [Alive(HERE, None, 2), Alive(THERE, None, 20)])
    assert (one.organization_id, len(one.lost)) == (STATION, 20)
    [both] = incidents(here + there, [Alive(HERE, None, 2), Alive(THERE, None, 2)])
    assert (both.organization_id, len(both.lost)) == (STREET, 40)


def test_two_stations_of_a_city_that_is_well_are_two_incidents() -> None:
    far = (CITY, UUID(int=6), UUID(int=7), UUID(int=8))
    both = [lost(number) for number in range(6)] + [lost(100 + number, path=far) for number in range(6)]
    found = incidents(both, [Alive((CITY, DISTRICT), None, 500)])
    assert {one.organization_id for one in found} == {STATION, far[-1]}


def test_five_of_a_hundred_that_are_heard_are_chance() -> None:
    five = [lost(number) for number in range(5)]
    assert incidents(five, [Alive(HERE, None, 95)]) == []
    assert len(incidents(five, [Alive(HERE, None, 11)])) == 1
    assert incidents(five, [Alive(HERE, None, 12)]) == []


def test_a_source_that_brings_nothing_any_more_is_named() -> None:
    of_lora = [lost(number, source="lora", path=HERE if number % 2 else THERE) for number in range(8)]
    [one] = incidents(of_lora, [Alive(HERE, None, 300), Alive(THERE, "lora", 1)])
    assert (one.organization_id, one.source) == (STREET, "lora")


def test_a_power_cut_is_no_matter_of_the_source_that_it_takes_too() -> None:
    all_of_them = [lost(number, source="lora" if number < 10 else None) for number in range(20)]
    [one] = incidents(all_of_them, [])
    assert (one.source, len(one.lost)) == (None, 20)


def test_a_later_one_belongs_to_the_incident_that_it_was_lost_with() -> None:
    on = Open(UUID(int=50), STREET, None, NOON, after(30))
    assert belongs_to(lost(1, -1500, usual=1800), [on]) is on
    assert belongs_to(lost(1, 3600), [on]) is None
    assert belongs_to(lost(1, -3600), [on]) is None
    assert belongs_to(lost(1, path=(CITY,)), [on]) is None
    assert belongs_to(lost(1), [replace(on, source="lora")]) is None


def test_an_incident_lets_go_of_the_rest_when_it_is_closed_or_nearly_all_are_back() -> None:
    assert mostly_back(40, 8)
    assert not mostly_back(40, 9)
    assert not releases(None, closed=False, now=after(9e6))
    assert releases(None, closed=True, now=NOON)
    assert not releases(NOON, closed=False, now=NOON + RELEASE_AFTER - timedelta(seconds=1))
    assert releases(NOON, closed=False, now=NOON + RELEASE_AFTER)


many = st.lists(
    st.tuples(st.integers(0, 3000), st.integers(60, 3600), st.sampled_from([HERE, THERE, (CITY,)])), max_size=40
)


def _made(rows: list[tuple[int, int, tuple[UUID, ...]]]) -> list[Lost]:
    return [lost(number, since, usual=usual, path=path) for number, (since, usual, path) in enumerate(rows)]


@given(many, st.randoms(use_true_random=False))
def test_groups_are_disjoint_share_a_moment_and_do_not_depend_on_the_order(
    rows: list[tuple[int, int, tuple[UUID, ...]]], chance: object
) -> None:
    all_lost = _made(rows)
    groups = lost_together(all_lost, after(1e6))
    seen: set[UUID] = set()
    for group in groups:
        assert len(group) >= LEAST_DEVICES
        assert max(one.window[0] for one in group) <= min(one.window[1] for one in group)
        assert not seen & {one.condition_id for one in group}
        seen |= {one.condition_id for one in group}
    shuffled = list(all_lost)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert [len(group) for group in lost_together(shuffled, after(1e6))] == [len(group) for group in groups]


@given(many, st.integers(0, 60))
def test_every_device_is_in_at_most_one_incident_and_below_it(
    rows: list[tuple[int, int, tuple[UUID, ...]]], heard: int
) -> None:
    for group in lost_together(_made(rows), after(1e6)):
        found = incidents(group, [Alive(HERE, None, heard)])
        ids = [one.condition_id for incident in found for one in incident.lost]
        assert len(ids) == len(set(ids))
        for incident in found:
            assert len(incident.lost) >= LEAST_DEVICES
            assert all(incident.organization_id in one.path for one in incident.lost)


def test_all_of_one_habit_are_noted_before_the_first_of_them_is_alone() -> None:
    """Noted three intervals after the last report, alone an interval of its own later."""
    for minutes in (5, 10, 30, 60):
        usual = timedelta(minutes=minutes)
        assert 3 * usual + wait_for_company(usual) >= 4 * usual
    assert wait_for_company(timedelta(seconds=60)) == TOGETHER
