"""Which station is asked beside an elder's own."""

from dataclasses import replace
from uuid import UUID

import pytest

from alerts.domain.alert import Position, Severity
from alerts.domain.away import Station, away_from_home, back_home, metres_away, place_away, station_there
from tests.unit.domain.making import CITY, DISTRICT, STATION, STREET, alert

HOME = Position(29.7080, 105.7135)
PATH = (CITY, DISTRICT, STREET, STATION)
CHENGDU = Position(30.5728, 104.0668, 20)


def station(number: int, metres: float, tier: str = "community", of: Position = CHENGDU) -> Station:
    """So far north of a place."""
    id_ = UUID(int=number)
    return Station(id_, f"某站{number}（虚构）", tier, Position(of.lat + metres / 111_195, of.lon), (id_,))


@pytest.mark.parametrize(
    ("metres", "accuracy", "away"),
    [
        (1_200, 50, True),
        (1_200, 250, False),  # it may be wrong by so much
        (1_200, None, True),  # unknown: 100 m
        (1_090, None, False),
        (900, 5, False),
        (6_000, 5_500, False),  # a mast's circle
    ],
)
def test_away_is_who_is_certainly_so(metres: float, accuracy: float | None, away: bool) -> None:
    there = Position(HOME.lat + metres / 111_195, HOME.lon, accuracy)
    said, far = metres_away(there, HOME, 1_000)
    assert (said, far) == (away, pytest.approx(metres, abs=2))


def test_whoever_has_no_known_home_is_not_away() -> None:
    assert metres_away(CHENGDU, None, 1_000) == (False, None)


def test_the_nearest_station_before_a_nearer_point_or_centre() -> None:
    found = [station(1, 10, "point"), station(2, 200, "district"), station(3, 9_000), station(4, 4_000)]
    assert station_there(found, CHENGDU) == found[3]
    assert station_there(found[:2], CHENGDU) == found[1], "where there is no station, who is there above it"
    assert station_there([station(1, 50_000, "city"), station(2, 40_000, "street")], CHENGDU).tier == "street"  # type: ignore[union-attr]
    assert station_there([station(1, 10, "point"), station(2, 200_000)], CHENGDU) is None
    assert station_there([], CHENGDU) is None


def test_it_is_shared_once_and_told_and_nobody_is_taken_off() -> None:
    there = station(9, 500)
    change = away_from_home(alert(), CHENGDU, there, {STATION}, PATH, 264_000)
    assert change.route == (there.id, "shared")
    assert change.entries[0].kind == "shared"
    assert change.entries[0].body == {"metres": 264_000, "organization_id": str(there.id), "name": there.name}
    assert (change.alert.state, change.stop, change.alert.version) == (alert().state, frozenset(), 2)
    again = away_from_home(alert(), CHENGDU, there, {STATION, there.id}, PATH, 264_000)
    assert (again.route, again.entries) == (None, ())
    own = Station(STREET, "街道", "street", CHENGDU, PATH[:3])
    assert away_from_home(alert(), CHENGDU, own, {STATION}, PATH, 1_500).route is None, "it climbs there anyway"


def test_whoever_is_on_shift_there_is_told_as_of_an_alert_of_their_own() -> None:
    there, who = station(9, 500), UUID(int=77)
    change = away_from_home(alert(), CHENGDU, there, {STATION}, PATH, 264_000, {who: "林川（虚构）"})
    assert [(one.account_id, one.why) for one in change.tell] == [(who, "duty")]
    assert change.entries[1].body == {"why": "shared", "to": [{"id": str(who), "name": "林川（虚构）", "why": "duty"}]}
    mild = replace(alert(), severity=Severity.YELLOW)
    assert away_from_home(mild, CHENGDU, there, {STATION}, PATH, 264_000, {who: "林川（虚构）"}).tell == ()


def test_where_nobody_is_near_it_is_said_and_nothing_is_shared() -> None:
    change = away_from_home(alert(), CHENGDU, None, {STATION}, PATH, 900_000)
    assert (change.route, change.entries[0].kind) == (None, "away")


@pytest.mark.parametrize("home", [None, "重庆市（虚构地址）1栋301（东户）"])
def test_what_120_is_told_is_where_the_elder_is_and_never_an_empty_home(home: str | None) -> None:
    there = away_from_home(replace(alert(), place=home), CHENGDU, None, {STATION}, PATH, 264_321).alert
    assert there.place is not None
    assert there.place.startswith("不在家，离家约 264 公里，定位北纬 30.57280 东经 104.06680")
    assert home is None or there.place.endswith(f"（住址：{home}）")
    farther = place_away(there.place, HOME, 3_140)
    assert farther.startswith("不在家，离家约 3.1 公里，定位北纬 29.70800")
    assert farther.count("住址") == (home is not None), "the words of before are not repeated"
    back = back_home(replace(there, place=farther))
    assert back is not None
    assert back.alert.place == home
    assert back_home(back.alert) is None
