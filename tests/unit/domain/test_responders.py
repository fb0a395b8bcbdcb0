"""Who is asked to go, how far they are, and what may be said of where."""

from datetime import time, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.domain.alert import Position
from alerts.domain.places import box_around, metres_between, street_of
from alerts.domain.responders import REACH_METRES, Candidate, Chosen, nearest
from alerts.domain.rules.fence import Hours
from tests.unit.domain.making import NOON

HOME = Position(29.7080, 105.7135)
EVERY_DAY = frozenset(range(1, 8))
positions = st.builds(Position, st.floats(-89, 89), st.floats(-179.9, 179.9))
#: Around a station, some kilometres to each side.
near_positions = st.builds(Position, st.floats(29.66, 29.76), st.floats(105.66, 105.76))


def north(metres: float, of: Position = HOME) -> Position:
    return Position(of.lat + metres / 111_195, of.lon)


def one(number: int = 1, metres: float | None = 500, **more: object) -> Candidate:
    values: dict[str, object] = {"of_home": False, "home": None if metres is None else north(metres)}
    return Candidate(UUID(int=number), f"某人{number}（虚构）", **values | more)  # type: ignore[arg-type]


def ids(chosen: list[Chosen]) -> list[int]:
    return [each.account_id.int for each in chosen]


@pytest.mark.parametrize(
    ("a", "b", "metres"),
    [
        # Great circles of a sphere of 6,371,008.8 m, by the law of cosines.
        (Position(0, 0), Position(0, 1), 111_195),
        (Position(29.5630, 106.5516), Position(30.5728, 104.0668), 264_158),  # 重庆 to 成都
        (Position(89, 0), Position(89, 180), 222_390),
        (Position(10, 179.5), Position(10, -179.5), 109_506),
    ],
)
def test_distances(a: Position, b: Position, metres: float) -> None:
    assert metres_between(a, b) == pytest.approx(metres, rel=1e-3)


@given(positions, positions, positions)
def test_a_distance_is_one(a: Position, b: Position, c: Position) -> None:
    assert metres_between(a, a) == 0
    assert metres_between(a, b) == pytest.approx(metres_between(b, a), abs=1e-6)
    assert metres_between(a, c) <= metres_between(a, b) + metres_between(b, c) + 1e-3


@given(near_positions, near_positions, st.floats(10, 20_000))
def test_whoever_is_near_is_in_the_box(a: Position, b: Position, metres: float) -> None:
    south, northern, west, east = box_around(a, metres)
    if metres_between(a, b) <= metres:
        assert south <= b.lat <= northern
        assert west <= b.lon <= east


def test_the_nearest_go_first_and_no_more_than_asked_for() -> None:
    found = nearest([one(1, 900), one(2, 100), one(3, 2_500), one(4, 400), one(5, 3_100)], HOME, NOON, 3)
    assert ids(found) == [2, 4, 1]
    assert [each.metres for each in found] == [100, 400, 900]
    assert ids(nearest([one(5, 3_100)], HOME, NOON, 3)) == []
    assert nearest([one()], HOME, NOON, 0) == []


def test_whoever_is_busy_was_asked_or_cannot_is_left_out() -> None:
    able = one(1, 800, skills=frozenset({"急救", "有钥匙"}))
    others = [one(2, 100, busy=True), one(3, 100, asked=True), one(4, 100, skills=frozenset({"急救"}))]
    assert ids(nearest([able, *others], HOME, NOON, 9, ["急救", "有钥匙"])) == [1]
    assert ids(nearest([able, *others], HOME, NOON, 9, again=True)) == [3, 4, 1], "to be sent, who was asked counts too"


@pytest.mark.parametrize(
    ("start", "end", "works"),
    [(time(8), time(20), True), (time(20), time(8), False), (time(22), time(12, 30), True), (time(0), time(0), True)],
)
def test_hours_are_beijings(start: time, end: time, works: bool) -> None:
    """NOON is 12:00 in Beijing, 04:00 UTC."""
    assert bool(nearest([one(hours=(Hours(EVERY_DAY, start, end),))], HOME, NOON, 1)) is works
    sunday = frozenset({NOON.isoweekday()})
    assert nearest([one(hours=(Hours(EVERY_DAY - sunday, time(8), time(20)),))], HOME, NOON, 1) == []


def test_where_somebody_was_lately_counts_before_where_they_live() -> None:
    near_by_now = one(1, 90_000, seen=north(50), seen_at=NOON - timedelta(minutes=29))
    gone = one(2, 60, seen=north(90_000), seen_at=NOON - timedelta(minutes=29))
    long_ago = one(3, 70, seen=north(90_000), seen_at=NOON - timedelta(minutes=31))
    assert ids(nearest([near_by_now, gone, long_ago], HOME, NOON, 9)) == [1, 3]


def test_of_unknown_places_only_the_elders_own_people_are_asked_and_last() -> None:
    unknown = [one(1, None), one(2, None, of_home=True)]
    assert ids(nearest([*unknown, one(3, 2_900)], HOME, NOON, 9)) == [3, 2]
    assert nearest([*unknown, one(3, 10)], None, NOON, 9) == [Chosen(UUID(int=2), "某人2（虚构）", None)]


candidates = st.lists(
    st.builds(
        Candidate,
        st.uuids(),
        st.just("某人（虚构）"),
        st.booleans(),
        st.frozensets(st.sampled_from(["急救", "有钥匙", "会开车"])),
        st.just(()),
        st.none() | near_positions,
        st.none() | near_positions,
        st.sampled_from([NOON, NOON - timedelta(hours=1)]),
        st.booleans(),
        st.booleans(),
    ),
    max_size=12,
    unique_by=lambda each: each.account_id,
)


@given(candidates, near_positions, st.integers(0, 5), st.frozensets(st.sampled_from(["急救", "会开车"])))
def test_nobody_who_could_go_is_farther_than_one_who_was_left(
    all_: list[Candidate], elder_at: Position, limit: int, skills: frozenset[str]
) -> None:
    found = nearest(all_, elder_at, NOON, limit, skills)
    everybody = nearest(all_, elder_at, NOON, len(all_), skills)
    assert found == everybody[:limit], "who is asked first does not depend on how many are"
    assert found == nearest(list(reversed(all_)), elder_at, NOON, limit, skills), "nor on the order of the rows"
    by_id = {each.account_id: each for each in all_}
    known = [each.metres for each in everybody if each.metres is not None]
    assert known == sorted(known)
    assert all(metres <= REACH_METRES for metres in known)
    for each in everybody:
        chosen = by_id[each.account_id]
        assert skills <= chosen.skills
        assert not chosen.busy
        assert not chosen.asked


@pytest.mark.parametrize(
    ("address", "street"),
    [
        ("重庆市大足区龙岗街道北禅社区安和路12号3幢4楼402室", "重庆市大足区龙岗街道北禅社区安和路"),
        ("龙岗街道北禅社区安和苑Ａ区３幢", "龙岗街道北禅社区安和苑Ａ区"),
        ("宝顶镇慈航村三组陈家院子", "宝顶镇慈航村"),
        ("石梯巷二十栋一单元", "石梯巷"),
        ("三元村十二社", "三元村"),
        ("陈家院子", None),  # nothing was left out: it may be the door itself
        ("12号", None),
        ("", None),
        (None, None),
    ],
)
def test_a_street_is_no_door(address: str | None, street: str | None) -> None:
    assert street_of(address) == street
